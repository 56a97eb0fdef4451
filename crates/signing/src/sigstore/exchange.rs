//! Requests to the services of a Sigstore instance, and their answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ocm_http::{Body, Client, HeaderValue, Method, Request, StatusCode, Url, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sigstore_verify::rekor::LogEntry;
use sigstore_verify::types::{DerCertificate, TransparencyLogEntry};

use super::IdentityToken;
use super::bundle::unique;
use super::services::below;
use crate::error::{Kind, malformed, rejected, unsupported};
use crate::{Error, Result, Secret, der};

/// Largest answer in bytes.
const LARGEST: u64 = 1 << 20;

/// Who is asked, as messages say it.
mod service {
    pub(super) const AUTHORITY: &str = "the Sigstore certificate authority";
    pub(super) const LOG: &str = "the Sigstore log";
    pub(super) const TIME: &str = "the Sigstore timestamp authority";
    pub(super) const WORKFLOW: &str = "the token service of the workflow";
}

/// How much of a refusal is quoted, in bytes.
const QUOTED: usize = 300;

/// `id-sha256`.
const SHA_256: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    signed_certificate_embedded_sct: Option<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    chain: Certificates,
}

#[derive(Deserialize)]
struct Certificates {
    certificates: Vec<String>,
}

/// The certificate of an authority (Fulcio, `api/v2/signingCert`) for a key, whose possession is proved by a signature over
/// the name in the token.
pub(super) async fn certificate(
    client: &Client,
    authority: &Url,
    token: &IdentityToken,
    public_key: &str,
    proof: &[u8],
) -> Result<DerCertificate> {
    let content = json!({
        "credentials": {"oidcIdentityToken": token.expose()},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": public_key},
            "proofOfPossession": STANDARD.encode(proof),
        },
    });
    let answer = post(client, service::AUTHORITY, below(authority, "api/v2/signingCert"), &content).await?;
    let issued: Issued = answer.read()?;
    let leaf = issued
        .signed_certificate_embedded_sct
        .ok_or_else(|| unsupported("the Sigstore certificate authority did not log its certificate"))?
        .chain
        .certificates
        .into_iter()
        .next()
        .ok_or_else(|| rejected("the Sigstore certificate authority answered without a certificate"))?;
    DerCertificate::from_pem(&leaf)
        .map_err(|error| rejected(format!("the certificate of the Sigstore certificate authority: {error}")))
}

/// An entry in a log of the first kind: the answer as it came, and what it says.
pub(super) async fn log_v1(
    client: &Client,
    log: &Url,
    hash: &str,
    signature: &[u8],
    verifier: &str,
) -> Result<(Bytes, LogEntry)> {
    let content = json!({
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hash}},
            "signature": {
                "content": STANDARD.encode(signature),
                "publicKey": {"content": STANDARD.encode(verifier)},
            },
        },
    });
    let mut answer = post(client, service::LOG, below(log, "api/v1/log/entries"), &content).await?;
    // The key is used once, so an entry that is there already is ours: an answer was lost, and the request sent again.
    if answer.status == StatusCode::CONFLICT
        && let Some(place) = answer.location.as_deref().and_then(|place| log.join(place).ok())
        && ocm_http::same_origin(&place, log)
    {
        answer = send(client, service::LOG, Request::new(Method::GET, place)).await?;
    }
    answer.check()?;
    let mut entries: std::collections::BTreeMap<String, LogEntry> = answer.read()?;
    match (entries.pop_first(), entries.is_empty()) {
        (Some((_, entry)), true) => Ok((answer.content, entry)),
        _ => Err(rejected(format!("{log}: one log entry is expected in the answer"))),
    }
}

/// An entry in a log of the second kind.
pub(super) async fn log_v2(
    client: &Client,
    log: &Url,
    digest: &[u8],
    signature: &[u8],
    certificate: &DerCertificate,
) -> Result<TransparencyLogEntry> {
    let content = json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(digest),
        "signature": {
            "content": STANDARD.encode(signature),
            "verifier": {
                "x509Certificate": {"rawBytes": certificate.to_base64()},
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            },
        },
    }});
    post(client, service::LOG, below(log, "api/v2/log/entries"), &content).await?.read()
}

/// A timestamp (RFC 3161) over the SHA-256 digest of something: the whole answer, which is what bundles carry.
pub(super) async fn timestamp(client: &Client, authority: &Url, digest: &[u8]) -> Result<Bytes> {
    let mut nonce = [0; 16];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| rejected("the system gives no randomness"))?;
    let imprint = der::sequence(&[&der::sequence(&[&der::oid(&SHA_256), &der::NULL]), &der::octets(digest)]);
    // Version 1, with the certificate of the authority in the answer.
    let content = der::sequence(&[&der::unsigned(&[1]), &imprint, &der::unsigned(&nonce), &der::TRUE]);
    let request = Request::new(Method::POST, authority.clone())
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/timestamp-query"))
        .body(Body::Bytes(content.into()));
    let answer = send(client, service::TIME, request).await?;
    answer.check()?;
    // It is binary, and no page begins like that.
    if answer.is_page() {
        return Err(answer.page());
    }
    Ok(answer.content)
}

/// The token that a workflow gets when it asks (GitHub Actions: the address and the bearer token are in its environment).
pub(super) async fn workflow_token(client: &Client, address: &Url, bearer: &Secret) -> Result<Secret> {
    #[derive(Deserialize)]
    struct Given {
        value: String,
    }
    let mut url = address.clone();
    url.query_pairs_mut().append_pair("audience", "sigstore");
    let bearer = [b"Bearer ", bearer.trimmed()].concat();
    let bearer = HeaderValue::from_bytes(&bearer)
        .map_err(|_| malformed("the token of the workflow cannot be put into a header"))?;
    let answer = send(client, service::WORKFLOW, Request::new(Method::GET, url).authorization(bearer).stay()).await?;
    Ok(Secret::new(answer.read::<Given>()?.value))
}

struct Answer {
    service: &'static str,
    url: Url,
    status: StatusCode,
    location: Option<String>,
    content: Bytes,
}

async fn post(client: &Client, service: &'static str, url: Url, content: &Value) -> Result<Answer> {
    let request = Request::new(Method::POST, url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .body(Body::Bytes(content.to_string().into()));
    // A token is for one place: nobody is followed with it to another one.
    send(client, service, request.stay()).await
}

async fn send(client: &Client, service: &'static str, request: Request) -> Result<Answer> {
    let unavailable = |error: ocm_http::Error| Error::unanswered(&error).about(service);
    let url = request.url().clone();
    let response = client.send(request).await.map_err(unavailable)?;
    let (status, location) = (response.status(), response.header(header::LOCATION).map(str::to_owned));
    let content = response.bytes(LARGEST).await.map_err(unavailable)?;
    Ok(Answer { service, url, status, location, content })
}

impl Answer {
    /// # Errors
    /// The service refused.
    fn check(&self) -> Result<()> {
        if self.status.is_success() {
            return Ok(());
        }
        let kind = if self.status.is_server_error() { Kind::Unavailable } else { Kind::Rejected };
        let (service, url, status) = (self.service, &self.url, self.status.as_u16());
        if self.is_page() {
            return Err(Error::new(kind, format!("{service}: {url} refused with status {status} and a web page")));
        }
        let quoted = String::from_utf8_lossy(&self.content[..self.content.len().min(QUOTED)]).into_owned();
        let quoted: String = quoted.chars().filter(|letter| !letter.is_control()).collect();
        Err(Error::new(kind, format!("{service}: {url} refused with status {status}: {quoted}")))
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T> {
        self.check()?;
        if self.is_page() {
            return Err(self.page());
        }
        let wrong =
            |error: String| rejected(format!("{}: {}: the answer cannot be read: {error}", self.service, self.url));
        serde_json::from_str(unique(&self.content).map_err(wrong)?).map_err(|error| wrong(error.to_string()))
    }

    /// Whether it is a page for people: that of a proxy that wants a login, or of another server than the one that was meant.
    fn is_page(&self) -> bool {
        self.content.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
    }

    fn page(&self) -> Error {
        rejected(format!(
            "{}: {} answered with a web page: is this the address of the service, or does a proxy stand before it?",
            self.service, self.url
        ))
    }
}
