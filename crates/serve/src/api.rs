use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use ocm_blob::Digest;
use ocm_oci::{Kind, UploadRegistry, UploadStore};
use serde_json::json;

use crate::answer::{self, With as _};
use crate::sessions::Sessions;
use crate::{Endpoint, Failure, Handler, Query, Target};

/// What a server allows.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether content may be pushed, mounted and deleted. Default: no.
    pub writable: bool,
    /// Uploads that may be under way at once; a store may keep a file open for each. Default: 256.
    pub uploads: usize,
    /// How long an upload is kept that nobody continues. Default: one hour.
    pub upload_lifetime: Duration,
    /// How long a client may fall silent in the middle of a body. Default: five minutes.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            writable: false,
            uploads: 256,
            upload_lifetime: Duration::from_hours(1),
            silence: Duration::from_mins(5),
        }
    }
}

/// The distribution API over a store. Clones share their uploads.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) registry: Arc<dyn UploadRegistry>,
    pub(crate) options: Options,
    pub(crate) sessions: Sessions,
}

/// A request with a valid address.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) repository: String,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Query,
}

pub(crate) type Answer = Result<Response<Body>, Failure>;

/// Says that this is a registry; old Docker clients insist on it.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

impl Api {
    /// The API over `registry`.
    pub fn new(registry: Arc<dyn UploadRegistry>, options: Options) -> Self {
        let sessions = Sessions::new(options.uploads, options.upload_lifetime);
        Self(Arc::new(Inner { registry, options, sessions }))
    }

    /// Number of uploads under way.
    pub fn open_uploads(&self) -> usize {
        self.0.sessions.count()
    }

    /// Forgets uploads that nobody continued for their lifetime.
    pub fn expire_uploads(&self) {
        self.0.sessions.expire();
    }
}

#[async_trait]
impl Handler for Api {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let reads = matches!(method, Method::GET | Method::HEAD);
        let api = self.0.clone();
        let answer = if reads {
            api.answer(request).await
        } else {
            // What changes the store runs to its end, even if the client goes away in the middle.
            let task = tokio::spawn(async move { api.answer(request).await });
            task.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a request ended in a panic");
                Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", "the request could not be completed"))
            })
        };
        let mut response = answer.unwrap_or_else(Response::from);
        if method == Method::HEAD {
            // The headers stay, the length of what is left out among them.
            *response.body_mut() = Body::empty();
        }
        tracing::debug!(%method, path, status = response.status().as_u16(), "request");
        response.with(API_VERSION, "registry/2.0").with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    }
}

impl Inner {
    async fn answer(&self, request: Request<Body>) -> Answer {
        let target = Target::parse(request.uri())
            .ok_or_else(|| Failure::unknown("NAME_UNKNOWN", "no such endpoint in the distribution API"))?;
        target.check_name(request.method())?;
        let query = Query::parse(request.uri());
        let (parts, body) = request.into_parts();
        let Target { repository, endpoint } = target;
        let call = Call { method: parts.method, repository, headers: parts.headers, query };
        let refused = || {
            let allowed = endpoint.methods(self.options.writable);
            let offered = endpoint.methods(true).split(", ").any(|method| method == call.method.as_str());
            let message = if offered { "this registry is read-only" } else { "this endpoint has no such method" };
            Failure::unsupported(message, allowed)
        };
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        if !reads && !self.options.writable {
            return Err(refused());
        }
        match (&endpoint, call.method.as_str()) {
            (Endpoint::Base, "GET" | "HEAD") => Ok(answer::json("application/json", &json!({}))),
            (Endpoint::Catalog, "GET" | "HEAD") => self.catalog(&call).await,
            (Endpoint::Tags, "GET" | "HEAD") => self.tags(&call).await,
            (Endpoint::Referrers(digest), "GET" | "HEAD") => self.referrers(&call, digest).await,
            (Endpoint::Blob(digest), "GET" | "HEAD") => self.blob(&call, digest).await,
            (Endpoint::Blob(digest), "DELETE") => self.delete_blob(&call, digest).await,
            (Endpoint::Manifest(reference), "GET" | "HEAD") => self.manifest(&call, reference).await,
            (Endpoint::Manifest(reference), "PUT") => self.put_manifest(&call, reference, body).await,
            (Endpoint::Manifest(reference), "DELETE") => self.delete_manifest(&call, reference).await,
            (Endpoint::Uploads, "POST") => self.begin_upload(&call, body).await,
            (Endpoint::Upload(uuid), "GET" | "HEAD") => self.upload_status(&call, uuid),
            (Endpoint::Upload(uuid), "PATCH") => self.continue_upload(&call, uuid, body).await,
            (Endpoint::Upload(uuid), "PUT") => self.finish_upload(&call, uuid, body).await,
            (Endpoint::Upload(uuid), "DELETE") => self.cancel_upload(&call, uuid),
            _ => Err(refused()),
        }
    }

    pub(crate) fn store(&self, call: &Call) -> Arc<dyn UploadStore> {
        self.registry.upload_store(&call.repository)
    }

    /// Makes a change durable before it is confirmed.
    pub(crate) async fn commit(&self) -> Result<(), Failure> {
        self.registry.commit().await.map_err(|error| Failure::store(&error, "UNKNOWN", "UNKNOWN"))
    }

    /// Whether anything was ever stored under a name; yes if the store does not tell.
    pub(crate) async fn has_repository(&self, name: &str) -> Result<bool, Failure> {
        match self.registry.repositories().await {
            Ok(names) => Ok(names.iter().any(|known| known == name)),
            Err(error) if error.kind() == Kind::Unsupported => Ok(true),
            Err(error) => Err(Failure::store(&error, "NAME_UNKNOWN", "NAME_INVALID")),
        }
    }
}

/// Reads a digest that the client gave.
pub(crate) fn digest(text: &str) -> Result<Digest, Failure> {
    text.parse().map_err(|error| Failure::invalid("DIGEST_INVALID", error))
}
