use std::fmt::Display;

use axum::body::Body;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use ocm_oci::{Error, Kind};
use serde_json::json;

/// Digest of the content, on every answer about a blob or a manifest.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// Identifier of an upload under way.
pub(crate) const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// Says that the subject of a manifest was taken note of.
pub(crate) const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// Tags that were set beside the manifest.
pub(crate) const TAG: HeaderName = HeaderName::from_static("oci-tag");
/// Filters that were applied to a list of referrers.
pub(crate) const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

/// An answer without content.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer of 200 with JSON.
pub(crate) fn json(media_type: &str, content: &serde_json::Value) -> Response<Body> {
    let content = content.to_string();
    let length = content.len();
    Response::new(Body::from(content)).with(header::CONTENT_TYPE, media_type).with(header::CONTENT_LENGTH, length)
}

/// Adding headers to an answer, one after the other.
pub(crate) trait With: Sized {
    /// Adds a header. A value that cannot stand in a header (it came from a store) is left out.
    fn with(self, name: HeaderName, value: impl Display) -> Self;
}

impl With for Response<Body> {
    fn with(mut self, name: HeaderName, value: impl Display) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.headers_mut().append(name, value);
        }
        self
    }
}

/// A request that could not be fulfilled: status, error code of the specification, and a sentence.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(HeaderName, String)>,
}

impl Failure {
    /// A failure with a code of the specification's section *Error Codes*.
    pub fn new(status: StatusCode, code: &'static str, message: impl Display) -> Self {
        Self { status, code, message: message.to_string(), headers: Vec::new() }
    }

    /// A bad request.
    pub(crate) fn invalid(code: &'static str, message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Something that does not exist.
    pub(crate) fn unknown(code: &'static str, message: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// An operation that is not offered; `allowed` are the methods that are.
    pub(crate) fn unsupported(message: impl Display, allowed: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message).with(header::ALLOW, allowed)
    }

    /// The error of a store. `missing` is the code for something that does not exist, `invalid` the one for content or a
    /// request that the store refuses.
    pub(crate) fn store(error: &Error, missing: &'static str, invalid: &'static str) -> Self {
        let (status, code) = match error.kind() {
            Kind::NotFound => (StatusCode::NOT_FOUND, missing),
            Kind::Invalid => (StatusCode::BAD_REQUEST, invalid),
            Kind::Denied => (StatusCode::FORBIDDEN, "DENIED"),
            Kind::Conflict => (StatusCode::CONFLICT, "DENIED"),
            Kind::Unsupported => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        };
        if status.is_server_error() {
            // The text may name files of this machine; they are nobody else's business.
            tracing::error!(%error, "the store failed");
            return Self::new(status, code, "the store behind this registry failed; its log says why");
        }
        Self::new(status, code, error)
    }
}

impl With for Failure {
    fn with(mut self, name: HeaderName, value: impl Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

impl From<Failure> for Response<Body> {
    fn from(failure: Failure) -> Self {
        let body = json!({ "errors": [{ "code": failure.code, "message": failure.message }] });
        let mut response = json("application/json", &body);
        *response.status_mut() = failure.status;
        failure.headers.into_iter().fold(response, |response, (name, value)| response.with(name, value))
    }
}
