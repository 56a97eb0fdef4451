//! Content behind a web address: asked for, received as a stream, taken up again where it broke off.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use ocm_blob::{Blob, ByteStream, Digest, verified};
use ocm_http::{Client, HeaderValue, Request, Response, ResponseStream, Retry, StatusCode, Url, header, redacted};
use ocm_oci::{Error, Kind, media_type};

use crate::{Content, Result, Sources};

/// Makes a request anew for every attempt: signatures expire.
pub(crate) type Ask = Arc<dyn Fn() -> Result<Request> + Send + Sync>;

/// Something to be fetched.
#[derive(Clone)]
pub(crate) struct Fetch {
    client: Client,
    ask: Ask,
    /// The address as it may be shown.
    subject: String,
}

/// The client of the sources.
pub(crate) fn client(sources: &dyn Sources, subject: &Url) -> Result<Client> {
    let none = || Error::new(Kind::Unsupported, redacted(subject), "there is no HTTP client here to fetch it with");
    sources.http().ok_or_else(none)
}

/// An address of an access.
pub(crate) fn address(text: &str, what: &str) -> Result<Url> {
    let invalid = |reason: &str| Error::new(Kind::Malformed, format!("{what} {:?}", redacted(text)), reason);
    let url = Url::parse(text).map_err(|error| invalid(&format!("is no web address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("is no web address: write http://… or https://…"));
    }
    Ok(url)
}

/// Host and port of an address, as the `Host` header has them.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl Fetch {
    /// A request that can be made again without another thought.
    pub(crate) fn new(client: Client, request: Request) -> Self {
        let subject = redacted(request.url());
        Self { client, ask: Arc::new(move || Ok(request.clone())), subject }
    }

    /// A request that is made anew each time.
    pub(crate) fn asking(client: Client, url: &Url, ask: Ask) -> Self {
        Self { client, ask, subject: redacted(url) }
    }

    /// The answer to the request, whatever its status.
    pub(crate) async fn answer(&self) -> Result<Response> {
        self.client.send((self.ask)()?).await.map_err(|error| unanswered(&self.subject, error))
    }

    /// The answer to the request, a good one.
    pub(crate) async fn good_answer(&self) -> Result<Response> {
        good(&self.subject, self.answer().await?)
    }

    /// A small document as a whole.
    pub(crate) async fn document(&self, limit: u64) -> Result<Bytes> {
        let response = self.good_answer().await?;
        response.bytes(limit).await.map_err(|error| unanswered(&self.subject, error))
    }

    /// The content as a blob. It is asked for now, so that what is missing shows before anything is stored.
    pub(crate) async fn content(&self, given: Option<String>, digest: Option<Digest>) -> Result<Content> {
        Ok(self.answered(self.good_answer().await?, given, digest))
    }

    /// The content of an answer as a blob; the answer is kept for whoever opens the blob first.
    pub(crate) fn answered(&self, response: Response, given: Option<String>, digest: Option<Digest>) -> Content {
        let sent = response.header(header::CONTENT_TYPE).map(str::trim).filter(|text| !text.is_empty());
        let media_type = given.or_else(|| sent.map(str::to_owned)).unwrap_or_else(|| media_type::OCTETS.to_owned());
        let size = response.content_length();
        let blob = Remote { size, digest, first: Mutex::new(Some(response)), fetch: self.clone() };
        Content::Blob { blob: Arc::new(blob), media_type }
    }

    /// Asks for what follows the first `read` bytes, if it is still the same content.
    async fn continued(&self, read: u64, validator: Option<&HeaderValue>) -> Result<Option<ResponseStream>> {
        let mut request = (self.ask)()?;
        if read > 0 {
            let Some(validator) = validator else { return Ok(None) };
            let range = HeaderValue::from_str(&format!("bytes={read}-"));
            let Ok(range) = range else { return Ok(None) };
            request = request.header(header::RANGE, range).header(header::IF_RANGE, validator.clone());
        }
        let response = self.client.send(request).await.map_err(|error| unanswered(&self.subject, error))?;
        let response = good(&self.subject, response)?;
        if read == 0 {
            return Ok(Some(response.stream()));
        }
        let starts = format!("bytes {read}-");
        let continues = response.status() == StatusCode::PARTIAL_CONTENT
            && response.header(header::CONTENT_RANGE).is_some_and(|range| range.starts_with(&starts));
        Ok(continues.then(|| response.stream()))
    }
}

/// Content of an answer, or of the next answer.
struct Remote {
    fetch: Fetch,
    size: Option<u64>,
    digest: Option<Digest>,
    first: Mutex<Option<Response>>,
}

#[async_trait]
impl Blob for Remote {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn digest(&self) -> Option<Digest> {
        self.digest.clone()
    }

    fn is_verified(&self) -> bool {
        self.digest.is_some()
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let kept = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let response = match kept {
            Some(response) => response,
            None => self.fetch.good_answer().await.map_err(ocm_blob::Error::source)?,
        };
        Ok(verified(received(self.fetch.clone(), response), self.size, self.digest.clone()))
    }
}

/// Content while it is received.
struct Receiving {
    fetch: Fetch,
    stream: ResponseStream,
    /// Bytes that came.
    read: u64,
    /// What tells that the content is still the same (RFC 9110, 13.1.5: strong ones only).
    validator: Option<HeaderValue>,
    /// Breaks without a byte between them.
    fruitless: u32,
    /// What was said of the host that sends the content, which may be another one than was asked.
    retry: Retry,
}

fn received(fetch: Fetch, response: Response) -> ByteStream {
    let validator = response.headers().get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")).cloned();
    let retry = fetch.client.settings().retry_of(response.url());
    let receiving = Receiving { stream: response.stream(), fetch, read: 0, validator, fruitless: 0, retry };
    Box::pin(stream::unfold(Some(receiving), |receiving| async move {
        let mut receiving = receiving?;
        match receiving.next().await {
            Ok(None) => None,
            Ok(Some(chunk)) => Some((Ok(chunk), Some(receiving))),
            Err(error) => Some((Err(ocm_blob::Error::source(error)), None)),
        }
    }))
}

impl Receiving {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let broken = match self.stream.next().await {
                None => return Ok(None),
                Some(Ok(chunk)) => {
                    self.read += chunk.len() as u64;
                    self.fruitless = 0;
                    return Ok(Some(chunk));
                }
                Some(Err(error)) => error,
            };
            let wait = self.retry.wait(self.fruitless).filter(|_| broken.kind().is_transient());
            let Some(wait) = wait else { return Err(unanswered(&self.fetch.subject, broken)) };
            self.fruitless += 1;
            tracing::info!(address = self.fetch.subject, read = self.read, cause = broken.reason(), "taking up again");
            tokio::time::sleep(wait).await;
            match self.fetch.continued(self.read, self.validator.as_ref()).await? {
                Some(stream) => self.stream = stream,
                None => return Err(unanswered(&self.fetch.subject, broken)),
            }
        }
    }
}

/// Refuses an answer that is not good.
pub(crate) fn good(subject: &str, response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let kind = match status.as_u16() {
        401 | 403 | 407 => Kind::Denied,
        404 | 410 => Kind::NotFound,
        408 | 429 | 500.. => Kind::Unavailable,
        _ => Kind::Unsupported,
    };
    let reason = if status.is_redirection() {
        format!("answered {status}, and redirects are not followed here")
    } else {
        format!("answered {status}")
    };
    Err(Error::new(kind, subject, reason))
}

/// A request without an answer, or an answer that broke off.
pub(crate) fn unanswered(subject: &str, error: ocm_http::Error) -> Error {
    let kind = match error.kind() {
        ocm_http::Kind::Invalid | ocm_http::Kind::Settings => Kind::Malformed,
        ocm_http::Kind::TooLarge => Kind::Invalid,
        ocm_http::Kind::Forbidden | ocm_http::Kind::Proxy => Kind::Denied,
        _ => Kind::Unavailable,
    };
    let host = |address: &str| Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    let elsewhere = host(error.url()).filter(|there| host(subject).as_ref() != Some(there));
    let reason = match elsewhere {
        Some(there) => format!("{} (at {there})", error.reason()),
        None => error.reason().to_owned(),
    };
    Error::new(kind, subject, reason).caused_by(error)
}
