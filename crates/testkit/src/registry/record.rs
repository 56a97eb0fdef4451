use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use http::header::AUTHORIZATION;
use ocm_serve::{Body, Endpoint, Target};

/// What a request was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `/v2/`.
    Base,
    /// The list of repositories.
    Catalog,
    /// A list of tags.
    Tags,
    /// A list of referrers.
    Referrers,
    /// A blob.
    Blob,
    /// A manifest.
    Manifest,
    /// An upload, from its beginning to its end.
    Upload,
    /// The token endpoint.
    Token,
    /// Something else.
    Other,
}

impl Class {
    pub(super) fn of(uri: &http::Uri) -> Self {
        if uri.path() == "/token" {
            return Self::Token;
        }
        match Target::parse(uri).map(|target| target.endpoint) {
            Some(Endpoint::Base) => Self::Base,
            Some(Endpoint::Catalog) => Self::Catalog,
            Some(Endpoint::Tags) => Self::Tags,
            Some(Endpoint::Referrers(_)) => Self::Referrers,
            Some(Endpoint::Blob(_)) => Self::Blob,
            Some(Endpoint::Manifest(_)) => Self::Manifest,
            Some(Endpoint::Uploads | Endpoint::Upload(_)) => Self::Upload,
            None => Self::Other,
        }
    }
}

/// Which of the two addresses a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The registry.
    Registry,
    /// The storage behind it.
    Storage,
}

/// A request as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where it came to.
    pub origin: Origin,
    /// The method.
    pub method: String,
    /// Path and parameters.
    pub path: String,
    /// What it was about.
    pub class: Class,
    /// Whether it carried credentials.
    pub authorized: bool,
    /// Status of the answer; 0 if there is none (yet).
    pub status: u16,
    /// Bytes of content that came.
    pub received: u64,
    /// Bytes of content that went.
    pub sent: u64,
}

/// A request under way.
pub(super) struct Entry {
    request: Request,
    pub(super) status: AtomicU16,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
}

impl Entry {
    pub(super) fn new(origin: Origin, request: &http::Request<Body>) -> Self {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let request = Request {
            origin,
            method: request.method().to_string(),
            path,
            class: Class::of(request.uri()),
            authorized: request.headers().contains_key(AUTHORIZATION),
            status: 0,
            received: 0,
            sent: 0,
        };
        Self { request, status: AtomicU16::new(0), received: AtomicU64::new(0), sent: AtomicU64::new(0) }
    }

    pub(super) fn read(&self) -> Request {
        Request {
            status: self.status.load(Ordering::Acquire),
            received: self.received.load(Ordering::Acquire),
            sent: self.sent.load(Ordering::Acquire),
            ..self.request.clone()
        }
    }
}
