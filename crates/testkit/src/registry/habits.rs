//! What single registries are known for. Each is a [`Quirk`]; the ones that need to look into a manifest, or count, are
//! here.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK, LOCATION, RANGE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use ocm_oci::{MemoryRegistry, Registry as _, Selector, media_type};
use ocm_serve::{Body, Connection, Endpoint, Failure, Target};
use serde_json::Value;

use super::handler::set;
use super::lock;
use super::quirk::Quirk;

/// What registries count.
#[derive(Default)]
pub(super) struct Counters {
    /// Manifests read, for [`Quirk::Metered`].
    metered: Mutex<u64>,
    /// Requests of a method in a second, for [`Quirk::RequestsPerSecond`].
    seconds: Mutex<HashMap<Method, (u64, u64)>>,
    begin: Mutex<Option<Instant>>,
    /// Bytes of the chunk that an upload got, for [`Quirk::LastChunkOnly`].
    chunks: Mutex<HashMap<String, u64>>,
    /// Repositories that were made, for [`Quirk::MadeOnPush`].
    made: Mutex<HashSet<String>>,
}

impl Counters {
    pub(super) fn clear(&self) {
        *lock(&self.metered) = 0;
        lock(&self.seconds).clear();
        lock(&self.chunks).clear();
        lock(&self.made).clear();
    }

    /// Counts a request; whether it is one too many for its second.
    fn is_too_many(&self, method: &Method, limit: u64) -> bool {
        let second = lock(&self.begin).get_or_insert_with(Instant::now).elapsed().as_secs();
        let mut seconds = lock(&self.seconds);
        let count = seconds.entry(method.clone()).or_insert((second, 0));
        if count.0 != second {
            *count = (second, 0);
        }
        count.1 += 1;
        count.1 > limit
    }
}

/// A refusal in the words of the specification.
fn refuse(status: StatusCode, code: &'static str, message: &str) -> Response<Body> {
    Failure::new(status, code, message).into()
}

/// The answer of a quirk to a request, if it has one. The request comes back, perhaps with its content in memory.
pub(super) async fn before(
    quirk: &Quirk,
    mut request: Request<Body>,
    counters: &Counters,
    store: &MemoryRegistry,
) -> Result<Request<Body>, Response<Body>> {
    let Some(Target { repository, endpoint }) = Target::parse(request.uri()) else { return Ok(request) };
    let method = request.method().clone();
    let changes = matches!(method, Method::PUT | Method::POST | Method::PATCH);
    match (quirk, &endpoint) {
        (Quirk::RepositoryMustExist(known), _) if changes && !known.contains(&repository) => {
            let message = format!("The repository with name '{repository}' does not exist in the registry");
            Err(refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", &message))
        }
        (Quirk::MadeOnPush, Endpoint::Uploads) if changes && lock(&counters.made).insert(repository.clone()) => {
            let message = format!("The repository with name '{repository}' does not exist in the registry");
            Err(refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", &message))
        }
        (Quirk::Projects(known), _) if !repository.is_empty() => {
            let project = repository.split('/').next().unwrap_or_default();
            if known.iter().any(|known| known == project) {
                return Ok(request);
            }
            Err(refuse(StatusCode::FORBIDDEN, "DENIED", &format!("project {project} not found")))
        }
        (Quirk::RequestsPerSecond(limit), _) if counters.is_too_many(&method, *limit) => {
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "rate exceeded");
            set(&mut response, RETRY_AFTER, "1");
            Err(response)
        }
        (Quirk::Metered(limit), Endpoint::Manifest(_)) if method == Method::GET => {
            let mut metered = lock(&counters.metered);
            if *metered >= *limit {
                let mut response =
                    refuse(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "You have reached your pull rate limit.");
                allowance(&mut response, *limit, *metered);
                return Err(response);
            }
            *metered += 1;
            Ok(request)
        }
        (Quirk::LargestRequest(limit), Endpoint::Upload(_)) if changes => {
            let length =
                request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            if length.is_some_and(|length| length > *limit) {
                if let Some(connection) = request.extensions().get::<Connection>() {
                    connection.abort();
                }
                return std::future::pending().await;
            }
            let connection = request.extensions().get::<Connection>().cloned();
            Ok(if length.is_none() {
                request.map(|body| super::body::at_most(body, *limit, connection))
            } else {
                request
            })
        }
        (Quirk::LastChunkOnly, Endpoint::Upload(upload)) if method == Method::PATCH => {
            if lock(&counters.chunks).contains_key(upload) {
                let size = read(request.body_mut()).await.len();
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::ACCEPTED;
                set(&mut response, LOCATION, request.uri().path());
                set(&mut response, RANGE, &format!("0-{}", size.max(1) - 1));
                return Err(response);
            }
            lock(&counters.chunks).insert(upload.clone(), 0);
            Ok(request)
        }
        (Quirk::MissingBlobBreaks, Endpoint::Blob(digest)) if matches!(method, Method::GET | Method::HEAD) => {
            let missing = match digest.parse() {
                Ok(digest) => !matches!(store.repository(&repository).blob_size(&digest).await, Ok(Some(_))),
                Err(_) => false,
            };
            if missing {
                Err(refuse(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", "unknown error"))
            } else {
                Ok(request)
            }
        }
        (_, Endpoint::Manifest(reference)) if method == Method::PUT => {
            let own = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let own = own.unwrap_or_default().to_owned();
            let content = read(request.body_mut()).await;
            let answer = manifest(quirk, &own, reference, &content, &repository, store).await;
            *request.body_mut() = Body::from(content);
            answer.map_or(Ok(request), Err)
        }
        _ => Ok(request),
    }
}

/// What a quirk says to a manifest that is to be stored.
async fn manifest(
    quirk: &Quirk,
    own: &str,
    reference: &str,
    content: &Bytes,
    repository: &str,
    store: &MemoryRegistry,
) -> Option<Response<Body>> {
    let document: Value = serde_json::from_slice(content).unwrap_or_default();
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let invalid = |message: &str| Some(refuse(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message));
    match quirk {
        Quirk::NoDockerTypes if own.contains("vnd.docker.") => {
            Some(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "MANIFEST_INVALID", "unsupported media type"))
        }
        Quirk::NoNestedIndex => {
            let entries = document.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
            let is_index = |entry: &Value| entry["mediaType"].as_str().is_some_and(media_type::is_index);
            if entries.iter().any(is_index) { invalid("manifest list contains a manifest list") } else { None }
        }
        Quirk::StrictIndexes if own == media_type::INDEX => {
            let entries = document.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
            let is_docker =
                |entry: &Value| entry["mediaType"].as_str().is_some_and(|name| name.contains("vnd.docker."));
            if entries.iter().any(is_docker) { invalid("manifest data does not match schema") } else { None }
        }
        Quirk::AllowedTypes(allowed) => {
            let config = text("/config/mediaType")?;
            if allowed.iter().any(|allowed| allowed == config) { None } else { invalid("artifact type not allowed") }
        }
        Quirk::SubjectFirst => {
            let subject = text("/subject/digest")?.parse().ok()?;
            let there = store.repository(repository).resolve(&Selector::Digest(subject)).await;
            if matches!(there, Ok(Some(_))) { None } else { invalid("the subject of the accessory does not exist") }
        }
        Quirk::ImmutableTags if !reference.contains(':') => {
            let there = store.repository(repository).resolve(&Selector::Tag(reference.to_owned())).await;
            let message = format!(
                "The image tag '{reference}' already exists and cannot be overwritten because the tag is immutable."
            );
            matches!(there, Ok(Some(_))).then(|| refuse(StatusCode::BAD_REQUEST, "TAG_INVALID", &message))
        }
        _ => None,
    }
}

/// What a quirk does to an answer.
pub(super) async fn after(
    quirk: &Quirk,
    method: &Method,
    endpoint: Option<&Endpoint>,
    response: Response<Body>,
    counters: &Counters,
) -> Response<Body> {
    let mut response = response;
    match (quirk, endpoint) {
        (Quirk::Metered(limit), Some(Endpoint::Manifest(_))) if matches!(*method, Method::GET | Method::HEAD) => {
            allowance(&mut response, *limit, *lock(&counters.metered));
            response
        }
        (Quirk::OpaquePages, _) => {
            if let Some(link) = response.headers().get(LINK).and_then(|link| link.to_str().ok()).map(str::to_owned) {
                let opaque = link.replace("last=", "next_page=");
                set(&mut response, LINK, &opaque);
            }
            response
        }
        (Quirk::DigestTags, Some(Endpoint::Tags)) if response.status() == StatusCode::OK => {
            let mut response = response;
            let content = read(response.body_mut()).await;
            let mut document: Value = serde_json::from_slice(&content).unwrap_or_default();
            if let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut) {
                tags.push(format!("sha256:{}", "0".repeat(64)).into());
                tags.push("sha256__0123".into());
                tags.push("not a tag".into());
            }
            let content = document.to_string();
            set(&mut response, CONTENT_LENGTH, &content.len().to_string());
            *response.body_mut() = Body::from(content);
            response
        }
        _ => response,
    }
}

/// An address of [`Quirk::OpaquePages`] in the words of the specification.
pub(super) fn opened(quirk: &Quirk, request: &mut Request<Body>) {
    let address = request.uri().to_string();
    if matches!(quirk, Quirk::OpaquePages)
        && let Ok(uri) = address.replace("next_page=", "last=").parse()
    {
        *request.uri_mut() = uri;
    }
}

/// Docker Hub's headers: what is left, and the window in seconds in which it is.
fn allowance(response: &mut Response<Body>, limit: u64, used: u64) {
    let left = limit.saturating_sub(used);
    for (name, number) in [("ratelimit-limit", limit), ("ratelimit-remaining", left)] {
        if let Ok(value) = HeaderValue::from_str(&format!("{number};w=21600")) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

/// Content in memory; manifests and lists are small.
async fn read(body: &mut Body) -> Bytes {
    let mut content = Vec::new();
    let mut chunks = std::mem::take(body).into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        content.extend_from_slice(&chunk);
    }
    content.into()
}
