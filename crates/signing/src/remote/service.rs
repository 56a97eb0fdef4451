use async_trait::async_trait;
use ocm_http::{Body, Client, HeaderValue, Method, Request, StatusCode, Url, header};
use ocm_model::descriptor::SignatureValue;

use super::Known;
use crate::error::{Kind, malformed};
use crate::pem::Block;
use crate::rsa::Algorithm;
use crate::value::{self, media_type};
use crate::{Encoding, Error, Result, SignedDigest, Signer};

/// Largest answer in bytes: a signature and a few certificates.
const LIMIT: u64 = 1 << 20;
/// Bytes of a refusal that are repeated.
const EXCERPT: usize = 512;

/// Signs by asking a signing server, the one of the v1 program: the digest is posted to `<address>/sign/<algorithm>`, and the
/// answer is a signature in PEM form. Who may sign is between the server and the client certificate of the connection.
pub struct ServiceSigner {
    client: Client,
    url: Url,
    algorithm: Algorithm,
    known: Known,
}

impl ServiceSigner {
    /// A signer for the server at an address; the client shows its certificate.
    ///
    /// # Errors
    /// The address is none of HTTPS. Without TLS anybody between could sign what he likes, so plain HTTP is for this machine.
    pub fn new(client: Client, address: &str, algorithm: Algorithm, known: Known) -> Result<Self> {
        let wrong = || malformed(format!("{address:?} is no address of a signing server: https://…"));
        let mut url = Url::parse(address).map_err(|_| wrong())?;
        let is_here = url.host_str().is_some_and(ocm_http::is_loopback_host);
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(wrong());
        }
        let path = format!("{}/sign/{}", url.path().trim_end_matches('/'), algorithm.name().to_lowercase());
        url.set_path(&path);
        Ok(Self { client, url, algorithm, known })
    }

    async fn ask(&self, digest: &SignedDigest) -> Result<String> {
        let unavailable = |error: ocm_http::Error| Error::unanswered(&error);
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("hashAlgorithm", digest.hash().name());
        let request = Request::new(Method::POST, url)
            .header(header::ACCEPT, HeaderValue::from_static(media_type::PEM))
            .body(Body::Bytes(digest.bytes().to_vec().into()));
        // Led elsewhere, the digest would be signed by somebody else.
        let response = self.client.send(request.stay()).await.map_err(unavailable)?;
        let status = response.status();
        if status != StatusCode::OK {
            let said = response.excerpt(EXCERPT).await;
            let said: String = String::from_utf8_lossy(&said).chars().filter(|letter| !letter.is_control()).collect();
            return Err(Error::new(Kind::Unavailable, format!("answers {status}: {said}")));
        }
        let body = response.bytes(LIMIT).await.map_err(unavailable)?;
        String::from_utf8(body.to_vec()).map_err(|_| malformed("the answer is not in PEM form"))
    }
}

#[async_trait]
impl Signer for ServiceSigner {
    async fn sign(&self, digest: &SignedDigest) -> Result<SignatureValue> {
        let about = |error: Error| error.about(format!("signing server {}", ocm_http::redacted(self.url.as_str())));
        let text = self.ask(digest).await.map_err(about)?;
        // Whoever verifies reads the algorithm there.
        let blocks = Block::read_all(&text).map_err(about)?;
        let named = blocks.iter().any(|block| block.header("Signature Algorithm") == Some(self.algorithm.name()));
        if !named {
            return Err(about(malformed("the answer does not name the algorithm of its signature")));
        }
        let algorithm = self.algorithm.name().to_owned();
        let mut answer =
            SignatureValue { algorithm, media_type: media_type::PEM.into(), value: text, ..SignatureValue::default() };
        let signature = value::read(&answer).map_err(about)?;
        self.known.check(digest, self.algorithm, &answer).map_err(about)?;
        let chain = signature.chain.unwrap_or_default();
        let written = value::write(self.algorithm, Encoding::Pem, &signature.bytes, &chain);
        answer.value = written.value;
        if let (Some(_), Some(leaf)) = (&self.known.subject, chain.first()) {
            answer.issuer = Some(leaf.subject().to_string());
        }
        Ok(answer)
    }
}
