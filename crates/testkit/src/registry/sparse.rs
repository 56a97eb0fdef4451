//! A registry that takes an index without what it lists.

use futures_util::StreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use ocm_oci::{Manifest, MemoryRegistry, Registry as _, Selector, media_type};
use ocm_serve::{Body, Endpoint, Target};

/// Stores an index as it comes. `None` for any other request, which stays as it is.
pub(super) async fn take(store: &MemoryRegistry, request: &mut Request<Body>) -> Option<Response<Body>> {
    let Target { repository, endpoint: Endpoint::Manifest(reference) } = Target::parse(request.uri())? else {
        return None;
    };
    let media_type = request.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_owned();
    if request.method() != Method::PUT || !media_type::is_index(&media_type) {
        return None;
    }
    let mut chunks = std::mem::take(request.body_mut()).into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.ok()?);
    }
    let index = Manifest::new(media_type, bytes);
    let tag = match Selector::parse(&reference) {
        Selector::Tag(tag) => Some(tag),
        Selector::Digest(_) => None,
    };
    store.repository(&repository).push_manifest(&index, tag.as_deref()).await.ok()?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    let digest = HeaderValue::from_str(&index.digest().to_string()).ok()?;
    response.headers_mut().insert("docker-content-digest", digest);
    Some(response)
}
