use aws_lc_rs::rand;
use jiff::Timestamp as Moment;
use ocm_http::{Body, Client, HeaderValue, Method, Request, StatusCode, Url, header};
use ocm_model::descriptor::Timestamp;

use crate::der;
use crate::der_reader::{INTEGER, Reader, SEQUENCE};
use crate::error::{Kind, malformed, rejected};
use crate::{Error, Result, SignedDigest};

use super::token::{Hash, Token};
use super::verifier::TimestampVerifier;

/// Largest answer in bytes: a few certificates and a signature.
const LIMIT: u64 = 1 << 20;

/// Asks an authority for timestamps over HTTP (RFC 3161, 3.4).
pub struct TimestampAuthority {
    client: Client,
    url: Url,
}

impl TimestampAuthority {
    /// An authority at an address.
    ///
    /// # Errors
    /// The address is none of HTTP.
    pub fn new(client: Client, url: &str) -> Result<Self> {
        let wrong = || malformed(format!("{url:?} is no address of a time-stamping authority: http://… or https://…"));
        let url = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong());
        }
        Ok(Self { client, url })
    }

    /// A timestamp of a digest, in the form in which descriptors hold it. With roots the authority has to lead to one of them;
    /// without, the timestamp is only shown to be whole.
    ///
    /// # Errors
    /// No answer, or one that is no timestamp of this digest.
    pub async fn stamp(&self, digest: &SignedDigest, verifier: &TimestampVerifier) -> Result<Timestamp> {
        let mut nonce = [0; 8];
        rand::fill(&mut nonce).map_err(|_| malformed("the system gives no randomness"))?;
        nonce[0] = nonce[0] & 0x7f | 1;
        let about =
            |error: Error| error.about(format!("time-stamping authority {}", ocm_http::redacted(self.url.as_str())));
        let answer = self.ask(query(digest, &nonce)).await.map_err(about)?;
        let token = read(&answer).map_err(about)?;
        token.content.check(digest).map_err(about)?;
        if token.content.nonce.as_deref() != Some(&nonce) {
            return Err(about(rejected("the timestamp is the answer to another question")));
        }
        if verifier.trust.is_empty() {
            token.signer(std::iter::empty()).map_err(about)?;
        } else {
            verifier.judge(&token).map_err(about)?;
        }
        let time = Moment::try_from(token.content.time).map_err(|_| about(malformed("the time cannot be written")))?;
        Ok(Timestamp { value: token.to_pem(), time: Some(time.to_string()), ..Timestamp::default() })
    }

    async fn ask(&self, query: Vec<u8>) -> Result<Vec<u8>> {
        let unavailable = |error: ocm_http::Error| Error::unanswered(&error);
        let request = Request::new(Method::POST, self.url.clone())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/timestamp-query"))
            .header(header::ACCEPT, HeaderValue::from_static("application/timestamp-reply"))
            .body(Body::Bytes(query.into()));
        let response = self.client.send(request).await.map_err(unavailable)?;
        if response.status() != StatusCode::OK {
            return Err(Error::new(Kind::Unavailable, format!("answers {}", response.status())));
        }
        Ok(response.bytes(LIMIT).await.map_err(unavailable)?.to_vec())
    }
}

/// `TimeStampReq`: the digest, a number that must come back, and the wish for certificates.
fn query(digest: &SignedDigest, nonce: &[u8]) -> Vec<u8> {
    let hash = der::sequence(&[&der::oid(&Hash::from(digest.hash()).oid()), &der::NULL]);
    let imprint = der::sequence(&[&hash, &der::octets(digest.bytes())]);
    der::sequence(&[&der::unsigned(&[1]), &imprint, &der::unsigned(nonce), &der::TRUE])
}

/// `TimeStampResp`: a status, and the timestamp if it was granted.
fn read(answer: &[u8]) -> Result<Token> {
    let mut outer = Reader::new(answer);
    let mut response = outer.expect(SEQUENCE)?.open();
    outer.end()?;
    let mut status = response.expect(SEQUENCE)?.open();
    // Granted, or granted with changes.
    if !matches!(status.expect(INTEGER)?.content, [0 | 1]) {
        return Err(Error::new(Kind::Unavailable, "refuses to make a timestamp"));
    }
    let token = response.expect(SEQUENCE)?;
    response.end()?;
    Token::read(token.whole)
}
