//! `s3`: an object in a bucket, of Amazon or of a server that speaks like it.

use std::sync::Arc;

use ocm_credentials::aws::{self, Keys, Signing};
use ocm_http::{Method, Request, Response, Url};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::{Error, Kind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::fetch::{Fetch, address, client, good};
use crate::{Content, Result, Sources, consumer};

/// Where buckets are if nobody says it.
const DEFAULT_REGION: &str = "us-east-1";

/// Characters of a key that stand for themselves (AWS Signature Version 4, *URI encoding*), and the slash between its parts.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// An object as an access names it.
struct Object {
    bucket: String,
    key: String,
    version: Option<String>,
    endpoint: Option<String>,
    path_style: Option<bool>,
    media_type: Option<String>,
}

/// Opens an object; with credentials for `S3Bucket` the request is signed, without them it is anonymous.
///
/// # Errors
/// The object does not exist or is not for everybody, or the access names none.
pub(crate) async fn open(access: &TypedObject, sources: &dyn Sources) -> Result<Content> {
    let Access::S3 { region, bucket, key, version, media_type, endpoint } = Access::of(access) else {
        return Err(Error::new(Kind::Malformed, &access.kind, "is no access to an object of S3"));
    };
    if bucket.is_empty() || key.is_empty() {
        return Err(Error::new(Kind::Malformed, "s3", "the access needs a bucket and a key"));
    }
    if !bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return Err(Error::new(Kind::Malformed, format!("bucket {bucket:?}"), "is no name of a bucket"));
    }
    let path_style = access.member("usePathStyle").and_then(Value::as_bool);
    let object = Object { bucket, key, version, endpoint, path_style, media_type };
    let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
    let url = object.url(&region)?;
    let keys = consumer::credentials(sources, &["S3Bucket", "S3"], &url).await?.and_then(|found| Keys::of(&found));
    let first = object.fetch(&region, keys.as_ref(), sources)?;
    let answer = first.answer().await?;
    // A bucket tells where it is when it is asked for in another region.
    let there = elsewhere(&answer).filter(|there| *there != region);
    if let Some(there) = there {
        return object.fetch(&there, keys.as_ref(), sources)?.content(object.media_type, None).await;
    }
    let subject = ocm_http::redacted(&url);
    let answer = good(&subject, answer).map_err(|error| match (&keys, error.kind()) {
        (None, Kind::Denied) => {
            let host = url.host_str().unwrap_or_default();
            let reason = format!("{}; there are no credentials for S3Bucket {host}", error.reason());
            Error::new(Kind::Denied, &subject, reason)
        }
        _ => error,
    })?;
    Ok(first.answered(answer, object.media_type, None))
}

fn elsewhere(answer: &Response) -> Option<String> {
    let region = answer.header("x-amz-bucket-region").filter(|region| {
        !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })?;
    matches!(answer.status().as_u16(), 301 | 307 | 400).then(|| region.to_owned())
}

impl Object {
    /// Address of the object. Amazon wants the bucket in the host; names with dots fit no certificate there, and servers
    /// with an address of their own rarely have a host for every bucket.
    fn url(&self, region: &str) -> Result<Url> {
        let own_path =
            self.endpoint.is_some() || self.bucket.contains(['.', '_']) || self.bucket != self.bucket.to_lowercase();
        let path_style = self.path_style.unwrap_or(own_path);
        let base = match &self.endpoint {
            Some(endpoint) if endpoint.contains("://") => endpoint.trim_end_matches('/').to_owned(),
            Some(endpoint) => format!("https://{}", endpoint.trim_end_matches('/')),
            None => format!("https://s3.{region}.amazonaws.com"),
        };
        let key = utf8_percent_encode(&self.key, KEY);
        let text = match base.split_once("://") {
            Some((scheme, host)) if !path_style => format!("{scheme}://{}.{host}/{key}", self.bucket),
            _ => format!("{base}/{}/{key}", self.bucket),
        };
        let mut url = address(&text, "endpoint")?;
        if let Some(version) = &self.version {
            url.set_query(Some(&format!("versionId={}", utf8_percent_encode(version, NON_ALPHANUMERIC))));
        }
        // What resolves `..` on the way asks for another object than the one that is signed for.
        if self.key.split('/').any(|part| part == "." || part == "..") {
            return Err(Error::new(
                Kind::Malformed,
                ocm_http::redacted(&url),
                "the key has parts that no address can carry",
            ));
        }
        Ok(url)
    }

    fn fetch(&self, region: &str, keys: Option<&Keys>, sources: &dyn Sources) -> Result<Fetch> {
        let url = self.url(region)?;
        let (region, keys, signed) = (region.to_owned(), keys.cloned(), url.clone());
        let client = client(sources, &url)?;
        let ask = move || {
            // A redirect would carry a signature that was made for another address.
            let mut request = Request::new(Method::GET, signed.clone()).stay();
            if let Some(keys) = &keys {
                let signing =
                    Signing { method: "GET", url: &signed, headers: &[], payload: &[], service: "s3", region: &region };
                let unusable = |error| Error::new(Kind::Denied, ocm_http::redacted(&signed), error);
                for (name, value) in aws::headers(&signing, keys, jiff::Timestamp::now()).map_err(unusable)? {
                    request = match name.as_str() {
                        "authorization" => request.authorization(value),
                        _ => request.header(name, value),
                    };
                }
            }
            Ok(request)
        };
        Ok(Fetch::asking(client, &url, Arc::new(ask)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_their_addresses() {
        let url = |bucket: &str, key: &str, endpoint: Option<&str>, path_style: Option<bool>| {
            let endpoint = endpoint.map(str::to_owned);
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            let object = Object { bucket, key, version: None, endpoint, path_style, media_type: None };
            object.url("eu-central-1").map(String::from).unwrap_or_default()
        };
        assert_eq!(url("data", "a/b c+ü", None, None), "https://data.s3.eu-central-1.amazonaws.com/a/b%20c%2B%C3%BC");
        assert_eq!(url("da.ta", "a", None, None), "https://s3.eu-central-1.amazonaws.com/da.ta/a");
        assert_eq!(url("data", "a", Some("http://127.0.0.1:9000/"), None), "http://127.0.0.1:9000/data/a");
        assert_eq!(url("data", "a", Some("s3.acme.org"), Some(false)), "https://data.s3.acme.org/a");
        assert_eq!(url("data", "a/../../other/secret", None, None), "");
    }
}
