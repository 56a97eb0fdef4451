use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use url::Url;

use crate::address::{is_local, is_local_literal};
use crate::bandwidth::Bucket;
use crate::confided::Confided;
use crate::gate::Permit;
use crate::{Error, Kind, Result};

/// Content of an answer while it is received.
pub type ResponseStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Time after which an answer whose body nobody has begun to read gives its place at the gate to others.
const UNREAD: Duration = Duration::from_millis(50);

/// The same for a body that nobody goes on reading.
pub(crate) const PAUSED: Duration = Duration::from_secs(2);

/// How many times the patience for silence a document in memory may take in all. Content may be slow for as long as it
/// likes; a server that hands out a document byte by byte means to keep its client waiting.
const DOCUMENT: u32 = 10;

/// What a body holds while it is received.
pub(crate) struct Hold {
    permit: Option<Arc<Permit>>,
    bucket: Option<Arc<Bucket>>,
}

impl Hold {
    pub(crate) fn new(permit: Option<Arc<Permit>>, bucket: Option<Arc<Bucket>>) -> Self {
        if let Some(permit) = &permit {
            permit.spare(UNREAD);
        }
        Self { permit, bucket }
    }

    fn begins(&self) {
        if let Some(permit) = &self.permit {
            permit.busy();
        }
    }

    async fn received(&self, bytes: usize) {
        if let Some(bucket) = &self.bucket {
            bucket.take(bytes).await;
        }
        self.pauses();
    }

    fn pauses(&self) {
        if let Some(permit) = &self.permit {
            permit.spare(PAUSED);
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// An answer: its head, and its body still to be read.
#[derive(Debug)]
pub struct Response {
    pub(crate) inner: reqwest::Response,
    pub(crate) url: Url,
    pub(crate) stall: Duration,
    pub(crate) proxied: bool,
    pub(crate) hold: Hold,
    pub(crate) note: Option<String>,
    pub(crate) confided: Confided,
}

impl Response {
    /// The same answer with what its sender wants to be said of it, should it turn into an error.
    #[must_use]
    pub fn noted(mut self, note: String) -> Self {
        self.note = Some(note);
        self
    }

    /// What is to be said of it.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// A header as text; `None` if it is missing or not text.
    pub fn header(&self, name: impl ::http::header::AsHeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The address that answered, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The socket address that answered; `None` behind a proxy.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        if self.proxied { None } else { self.inner.remote_addr() }
    }

    /// When the server says it answered.
    pub fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header(::http::header::DATE)?).ok()
    }

    /// The certificate that the server showed, in DER form; `None` without TLS.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.inner.extensions().get::<reqwest::tls::TlsInfo>()?.peer_certificate()
    }

    /// Whether the server that answered is itself on this machine or a local network. Behind a proxy only its name tells.
    pub fn is_local(&self) -> bool {
        self.url.host_str().is_some_and(is_local_literal)
            || self.remote_address().is_some_and(|address| is_local(address.ip()))
    }

    /// Announced number of bytes.
    pub fn content_length(&self) -> Option<u64> {
        self.header(::http::header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// Whether nothing but the end of the connection tells where the body ends (RFC 9112, 6.3): one that breaks looks whole.
    pub fn ends_with_connection(&self) -> bool {
        let told = [::http::header::CONTENT_LENGTH, ::http::header::TRANSFER_ENCODING];
        self.inner.version() < ::http::Version::HTTP_2 && !told.iter().any(|name| self.headers().contains_key(name))
    }

    /// Waits for so long within the body before it is taken for broken off, instead of what the settings say.
    #[must_use]
    pub fn patience(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// The body as it comes, exactly as the server sent it (`Content-Encoding` is never undone).
    ///
    /// The stream fails when the other side is silent for longer than the settings allow, and when the body ends before
    /// its announced length.
    pub fn stream(self) -> ResponseStream {
        let (url, stall, hold) = (self.url, self.stall, self.hold);
        let body = Box::pin(self.inner.bytes_stream());
        hold.begins();
        hold.pauses();
        Box::pin(futures_util::stream::unfold(Some((body, url, hold)), move |state| async move {
            let (mut body, url, hold) = state?;
            hold.begins();
            match tokio::time::timeout(stall, body.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(chunk))) => {
                    hold.received(chunk.len()).await;
                    Some((Ok(chunk), Some((body, url, hold))))
                }
                Ok(Some(Err(error))) => Some((Err(Error::from_transport(&url, error)), None)),
                Err(_) => {
                    let reason = format!("no data for {} seconds", stall.as_secs_f32());
                    Some((Err(Error::new(Kind::Timeout, &url, reason)), None))
                }
            }
        }))
    }

    /// The whole body in memory.
    ///
    /// # Errors
    /// More than `limit` bytes are announced or sent ([`Kind::TooLarge`]): content is never cut. It takes ten times as long as
    /// silence may last ([`Kind::Timeout`]).
    pub async fn bytes(self, limit: u64) -> Result<Bytes> {
        let url = self.url.clone();
        let too_large =
            || Error::new(Kind::TooLarge, &url, format!("the answer is larger than the limit of {limit} bytes"));
        if self.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        // Where the client itself slows down what it receives, that is no sign of the other side.
        let whole = if self.hold.bucket.is_some() { Duration::MAX } else { self.stall.saturating_mul(DOCUMENT) };
        let mut stream = self.stream();
        let collect = async {
            let mut content = BytesMut::new();
            while let Some(chunk) = stream.next().await.transpose()? {
                if content.len() as u64 + chunk.len() as u64 > limit {
                    return Err(too_large());
                }
                content.extend_from_slice(&chunk);
            }
            Ok(content.freeze())
        };
        tokio::time::timeout(whole, collect).await.unwrap_or_else(|_| {
            let reason = format!("the answer is not complete after {} seconds", whole.as_secs_f32());
            Err(Error::new(Kind::Timeout, &url, reason))
        })
    }

    /// Up to `limit` bytes of the body, for messages only; whatever goes wrong ends the text. What the request told in
    /// confidence (`Authorization`, the refresh token of a form) is not repeated.
    pub async fn excerpt(self, limit: usize) -> Bytes {
        let mut content = BytesMut::new();
        let (patience, confided) = (self.stall, self.confided.clone());
        let mut stream = self.stream();
        let collect = async {
            while let Some(Ok(chunk)) = stream.next().await {
                let room = limit - content.len();
                content.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if content.len() == limit {
                    break;
                }
            }
        };
        // What has come until then is shown.
        let _ = tokio::time::timeout(patience, collect).await;
        confided.conceal(content.freeze())
    }
}
