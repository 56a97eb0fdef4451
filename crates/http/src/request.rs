use std::fmt;
use std::fs::File;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use bytes::Bytes;
use futures_util::Stream;
use url::Url;

use crate::{Handshake, Reach};

/// Any error of the layer that gives the content of a request.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Content of a request while it is being sent.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// Opens the content of a request from its first byte; called once for every attempt.
pub type OpenBody = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<BodyStream, BoxError>> + Send>> + Send + Sync>;

/// Content of a request.
#[derive(Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// A stream that can be opened again.
    Stream {
        /// Number of bytes, if it is known; sent chunked otherwise.
        length: Option<u64>,
        /// Opens the stream.
        open: OpenBody,
    },
    /// A part of a regular file, which nobody here has to look at. Made by [`Body::file`].
    File {
        /// The file.
        file: Arc<File>,
        /// Where the content begins in it.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Opens a stream of as many bytes, of which only the number counts.
        open: OpenBody,
    },
}

impl Body {
    /// Content that can be sent only once; a second attempt to send it fails.
    pub fn once(stream: BodyStream, length: Option<u64>) -> Self {
        Self::Stream { length, open: only_once(stream) }
    }

    /// The `length` bytes of a regular file from `offset` on, which can be sent only once.
    ///
    /// So many bytes are sent as come out of `passing`, and when they come: what they are means nothing, and an error in
    /// their place ends the request like one of the content. `passing` is what has to tell that the file changed: a file
    /// that cannot be read all the same looks like a connection that broke. Worth it where
    /// [`crate::Client::sends_files`] says so.
    pub fn file(file: impl Into<Arc<File>>, offset: u64, length: u64, passing: BodyStream) -> Self {
        Self::File { file: file.into(), offset, length, open: only_once(passing) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

fn only_once(stream: BodyStream) -> OpenBody {
    let slot = Arc::new(Mutex::new(Some(stream)));
    Arc::new(move || {
        let stream = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move { stream.ok_or_else(|| "the content was already sent once".into()) })
    })
}

/// A request in the making.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) reach: Reach,
    pub(crate) repeatable: bool,
    pub(crate) follow: bool,
    pub(crate) answer: Option<StatusCode>,
    pub(crate) patient: bool,
    pub(crate) handshake: Option<Arc<Handshake>>,
}

impl Request {
    /// A request without headers and content.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::Empty,
            reach: Reach::Anywhere,
            repeatable: true,
            follow: true,
            answer: None,
            patient: false,
            handshake: None,
        }
    }

    /// Adds or replaces a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets `Authorization`. The value never appears in a log and never leaves the origin of the address.
    #[must_use]
    pub fn authorization(mut self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        self
    }

    /// Sets the content.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Brings more into the TLS handshake than the settings of the host say. Certificate and key never leave the origin of
    /// the address; authorities are believed wherever the request is led.
    #[must_use]
    pub fn handshake(mut self, handshake: Option<Arc<Handshake>>) -> Self {
        self.handshake = handshake;
        self
    }

    /// Says where the request may be led; [`Reach::Anywhere`] unless told.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// The request must not be sent twice: what became of the first attempt has to be asked for.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// This status is an answer like any other, although it usually asks for another attempt.
    #[must_use]
    pub fn answered_by(mut self, status: StatusCode) -> Self {
        self.answer = Some(status);
        self
    }

    /// Two further attempts wait for the head of the answer twice and four times as long: some proxies hold content back for
    /// minutes, to look into it, and say nothing meanwhile.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// Hands out redirects instead of following them.
    #[must_use]
    pub fn stay(mut self) -> Self {
        self.follow = false;
        self
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The address, to be changed.
    pub fn url_mut(&mut self) -> &mut Url {
        &mut self.url
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, crate::redacted(&self.url))
    }
}
