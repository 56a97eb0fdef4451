//! Requests signed the way Amazon's services want it: AWS Signature Version 4.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use ocm_blob::{Digest, hex};
use ocm_http::{HeaderName, HeaderValue, Url};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{Error, Kind, Properties, Result, Secret};

/// Characters that stand for themselves in names and values of a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a request is signed with.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) session: Option<Secret>,
}

/// A request that is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Its address.
    pub url: &'a Url,
    /// Headers that are signed along, in lower case, beside `host` and those that signing adds.
    pub headers: &'a [(&'static str, &'a str)],
    /// Its content.
    pub payload: &'a [u8],
    /// The service as Amazon calls it: `s3`, `ecr`.
    pub service: &'a str,
    /// Where the service is.
    pub region: &'a str,
}

impl Keys {
    /// The keys among some credentials, under the names of both older programs.
    pub fn of(properties: &Properties) -> Option<Self> {
        let id = properties.get(&["accessKeyId", "accessKeyID", "awsAccessKeyID"])?.to_owned();
        let secret = Secret::new(properties.get(&["secretAccessKey", "accessSecret", "awsSecretAccessKey"])?);
        let session = properties.get(&["sessionToken", "token"]).map(Secret::new);
        Some(Self { id, secret, session })
    }
}

/// The headers to add to a request.
///
/// # Errors
/// A key or token holds characters that no header can carry.
pub fn headers(request: &Signing<'_>, keys: &Keys, now: Timestamp) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut added = vec![("x-amz-content-sha256", Digest::of(request.payload).hex()), ("x-amz-date", time.clone())];
    if let Some(session) = &keys.session {
        added.push(("x-amz-security-token", session.reveal().to_owned()));
    }
    let mut all = vec![("host", authority(request.url))];
    all.extend(request.headers.iter().map(|(name, text)| (*name, (*text).to_owned())));
    all.extend(added.iter().cloned());
    added.push(("authorization", authorization(request, all, keys, &time)));
    let header = |(name, text): (&'static str, String)| {
        let unusable = |_| {
            let reason = "the access keys hold characters that cannot be sent";
            Error::new(Kind::Malformed, ocm_http::redacted(request.url), reason)
        };
        Ok((HeaderName::from_static(name), HeaderValue::from_str(&text).map_err(unusable)?))
    };
    added.into_iter().map(header).collect()
}

/// The value of `Authorization`.
fn authorization(request: &Signing<'_>, mut headers: Vec<(&str, String)>, keys: &Keys, time: &str) -> String {
    let Signing { method, url, payload, service, region, .. } = request;
    headers.sort_unstable();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines = headers.iter().fold(String::new(), |lines, (name, text)| lines + name + ":" + text.trim() + "\n");
    let payload = Digest::of(payload).hex();
    let canonical = format!("{method}\n{}\n{}\n{lines}\n{names}\n{payload}", url.path(), query(url));
    let day = time.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", Digest::of(canonical).hex());
    let mut key = format!("AWS4{}", keys.secret.reveal()).into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = sign(&key, part);
    }
    let signature = hex::encode(&sign(&key, &text));
    format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}", keys.id)
}

/// Host and port as they stand in `Host`.
fn authority(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

/// The query in its canonical form: sorted, every parameter with a `=`.
fn query(url: &Url) -> String {
    let encode = |text: &str| {
        let plain = percent_decode_str(text).decode_utf8_lossy().into_owned();
        utf8_percent_encode(&plain, QUERY).to_string()
    };
    let mut parts: Vec<String> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            format!("{}={}", encode(name), encode(value))
        })
        .collect();
    parts.sort_unstable();
    parts.join("&")
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The examples of *Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk*.
    fn example(url: &str, more: &[(&str, &str)]) -> String {
        let keys = Keys {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session: None,
        };
        let url: Url = url.parse().unwrap();
        let time = "20130524T000000Z";
        let mut headers = vec![("host", url.host_str().unwrap().to_owned())];
        headers.extend(more.iter().map(|(name, text)| (*name, (*text).to_owned())));
        headers.extend([("x-amz-content-sha256", Digest::of("").hex()), ("x-amz-date", time.to_owned())]);
        authorization(&get(&url), headers, &keys, time)
    }

    fn get(url: &Url) -> Signing<'_> {
        Signing { method: "GET", url, headers: &[], payload: &[], service: "s3", region: "us-east-1" }
    }

    #[test]
    fn signs_as_in_the_examples_of_amazon() {
        for (url, more, signature) in [
            (
                "https://examplebucket.s3.amazonaws.com/test.txt",
                &[("range", "bytes=0-9")][..],
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                "https://examplebucket.s3.amazonaws.com/?lifecycle",
                &[],
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
                &[],
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let authorization = example(url, more);
            assert!(authorization.ends_with(&format!("Signature={signature}")), "{url}: {authorization}");
        }
    }

    #[test]
    fn a_session_is_signed_too() {
        let found = [("awsAccessKeyID", "id"), ("awsSecretAccessKey", "canary"), ("token", "t")].into_iter().collect();
        let keys = Keys::of(&found).unwrap();
        assert!(!format!("{keys:?}").contains("canary"));
        let url: Url = "http://127.0.0.1:9000/bucket/key?versionId=a b".parse().unwrap();
        let headers = headers(&get(&url), &keys, Timestamp::UNIX_EPOCH).unwrap();
        let text = |name: &str| headers.iter().find(|(own, _)| own == name).unwrap().1.to_str().unwrap().to_owned();
        assert_eq!((text("x-amz-security-token").as_str(), text("x-amz-date").as_str()), ("t", "19700101T000000Z"));
        assert!(
            text("authorization").contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,")
        );
        assert_eq!(query(&url), "versionId=a%20b");
        assert!(Keys::of(&[("accessKeyId", "only")].into_iter().collect()).is_none());
    }
}
