use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{Method, StatusCode, header};
use ocm_blob::{Algorithm, Digest, Digester};
use ocm_oci::reference::is_tag;
use ocm_oci::{Document, Error, Manifest, Repository, Selector, media_type};
use serde_json::Value;

use crate::Failure;
use crate::answer::{self, CONTENT_DIGEST, SUBJECT, TAG, With as _};
use crate::api::{Answer, Call, Inner};
use crate::blobs::FOREVER;
use crate::range::{ETAG_HEADER, etag, is_known};

/// Largest manifest that is taken, in bytes; the least that the specification asks a registry to take.
const LIMIT: usize = 4 * 1024 * 1024;

/// Tags that may be set with one manifest.
const TAGS: usize = 100;

/// Missing digests that an answer names.
const NAMED: usize = 10;

fn fail(error: &Error) -> Failure {
    Failure::store(error, "MANIFEST_UNKNOWN", "MANIFEST_INVALID")
}

/// Reads a tag or a digest; whatever contains a colon can only be a digest.
fn selector(text: &str) -> Result<Selector, Failure> {
    if text.contains(':') {
        return crate::api::digest(text).map(Selector::Digest);
    }
    if is_tag(text) {
        return Ok(Selector::Tag(text.to_owned()));
    }
    let message = format!("{text:?} is no tag: at most 128 letters, digits and . _ - are expected");
    Err(Failure::invalid("MANIFEST_INVALID", message))
}

impl Inner {
    /// `GET` and `HEAD` of a manifest (end-3). It is sent as it is stored, whatever the client says it accepts.
    pub(crate) async fn manifest(&self, call: &Call, reference: &str) -> Answer {
        let unknown = || Failure::unknown("MANIFEST_UNKNOWN", format!("{reference:?} is not in {}", call.repository));
        // What cannot be a tag cannot be there.
        let selector =
            if reference.contains(':') { selector(reference)? } else { selector(reference).map_err(|_| unknown())? };
        let store = self.store(call);
        let (descriptor, content) = if call.method == Method::HEAD {
            (store.resolve(&selector).await.map_err(|error| fail(&error))?.ok_or_else(unknown)?, Bytes::new())
        } else {
            let manifest = store.manifest(&selector).await.map_err(|error| match error.kind() {
                ocm_oci::Kind::NotFound => unknown(),
                _ => fail(&error),
            })?;
            (manifest.descriptor(), manifest.bytes().clone())
        };
        let etag = etag(&descriptor.digest);
        let caching = if matches!(selector, Selector::Digest(_)) { FOREVER } else { "no-cache" };
        let mut response = answer::empty(StatusCode::OK)
            .with(CONTENT_DIGEST, &descriptor.digest)
            .with(ETAG_HEADER, &etag)
            .with(header::CACHE_CONTROL, caching);
        if is_known(&call.headers, &etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        *response.body_mut() = Body::from(content);
        Ok(response.with(header::CONTENT_TYPE, &descriptor.media_type).with(header::CONTENT_LENGTH, descriptor.size))
    }

    /// `PUT` of a manifest under a tag (end-7a) or a digest, with any number of tags beside it (end-7b).
    pub(crate) async fn put_manifest(&self, call: &Call, reference: &str, body: Body) -> Answer {
        let target = selector(reference)?;
        let mut tags: Vec<String> = match &target {
            Selector::Tag(tag) => vec![tag.clone()],
            Selector::Digest(_) => call.query.all("tag").map(str::to_owned).collect(),
        };
        if let Some(bad) = tags.iter().find(|tag| !is_tag(tag)) {
            return Err(Failure::invalid("MANIFEST_INVALID", format!("{bad:?} is no tag")));
        }
        tags.sort();
        tags.dedup();
        if tags.len() > TAGS {
            let message = format!("at most {TAGS} tags can be set with one manifest");
            return Err(Failure::new(StatusCode::URI_TOO_LONG, "MANIFEST_INVALID", message));
        }
        let store = self.store(call);
        let Call { repository, headers, .. } = call;
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let bytes = self.read_manifest(body, announced).await?;
        let algorithm = match &target {
            Selector::Digest(digest) => digest.algorithm(),
            Selector::Tag(_) => Algorithm::Sha256,
        };
        let digest = digest_of(algorithm, &bytes);
        if let Selector::Digest(expected) = &target
            && *expected != digest
        {
            return Err(Failure::invalid(
                "DIGEST_INVALID",
                format!("the manifest has digest {digest}, not {expected}"),
            ));
        }
        let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let manifest = Manifest::with_digest(media_type_of(declared, &bytes)?, bytes, digest);
        let document = manifest.document().map_err(|error| Failure::invalid("MANIFEST_INVALID", error.reason()))?;
        let missing = missing(store.as_ref(), &document).await?;
        if !missing.is_empty() {
            let (count, first) = (missing.len(), missing[..missing.len().min(NAMED)].join(", "));
            let message =
                format!("the manifest needs {count} blobs or manifests that are not in {repository}: {first}");
            return Err(Failure::unknown("MANIFEST_BLOB_UNKNOWN", message));
        }
        let none = tags.is_empty().then_some(None);
        for tag in tags.iter().map(|tag| Some(tag.as_str())).chain(none) {
            let pushed = store.push_manifest(&manifest, tag).await;
            pushed.map_err(|error| Failure::store(&error, "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID"))?;
        }
        self.commit().await?;
        let mut response = answer::empty(StatusCode::CREATED)
            .with(header::LOCATION, format!("/v2/{repository}/manifests/{}", manifest.digest()))
            .with(CONTENT_DIGEST, manifest.digest());
        if let Some(subject) = document.subject() {
            response = response.with(SUBJECT, &subject.digest);
        }
        if matches!(target, Selector::Digest(_)) {
            response = tags.iter().fold(response, |response, tag| response.with(TAG, tag));
        }
        Ok(response)
    }

    /// `DELETE` of a tag, or of a manifest with all its tags (end-9).
    pub(crate) async fn delete_manifest(&self, call: &Call, reference: &str) -> Answer {
        let selector = selector(reference)?;
        if !self.store(call).delete_manifest(&selector).await.map_err(|error| fail(&error))? {
            return Err(Failure::unknown("MANIFEST_UNKNOWN", format!("{reference:?} is not in {}", call.repository)));
        }
        self.commit().await?;
        Ok(answer::empty(StatusCode::ACCEPTED))
    }

    async fn read_manifest(&self, body: Body, announced: Option<usize>) -> Result<Bytes, Failure> {
        let mut content = BytesMut::with_capacity(announced.unwrap_or(0).min(LIMIT));
        let mut stream = body.into_data_stream();
        loop {
            let next = tokio::time::timeout(self.options.silence, stream.next()).await;
            let next =
                next.map_err(|_| Failure::new(StatusCode::REQUEST_TIMEOUT, "MANIFEST_INVALID", "no bytes came"))?;
            let Some(chunk) = next else { break };
            let chunk =
                chunk.map_err(|error| Failure::invalid("SIZE_INVALID", format!("the body broke off: {error}")))?;
            if content.len() + chunk.len() > LIMIT {
                let message = format!("manifests are limited to {LIMIT} bytes");
                return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message));
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content.freeze())
    }
}

fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut digester = Digester::new(algorithm);
    digester.update(bytes);
    digester.finish()
}

/// The media type of a pushed manifest: the header without its parameters, else what the document says of itself.
fn media_type_of(declared: Option<&str>, bytes: &[u8]) -> Result<String, Failure> {
    let declared =
        declared.map(|text| text.split(';').next().unwrap_or_default().trim()).filter(|text| !text.is_empty());
    let inside = || {
        let document: Value = serde_json::from_slice(bytes).ok()?;
        document.get("mediaType")?.as_str().map(str::to_owned)
    };
    let found = declared.map(str::to_owned).or_else(inside);
    match found {
        Some(found) if media_type::is_manifest(&found) => Ok(found),
        Some(other) => {
            Err(Failure::invalid("MANIFEST_INVALID", format!("{other:?} is not the media type of a manifest")))
        }
        None => Err(Failure::invalid("MANIFEST_INVALID", "the header Content-Type is missing")),
    }
}

/// Digests of what a document needs and the repository does not have.
///
/// A subject may come later, and layers that may not be distributed live elsewhere; both are allowed to be missing.
async fn missing(store: &(impl Repository + ?Sized), document: &Document) -> Result<Vec<String>, Failure> {
    let mut missing = Vec::new();
    for blob in document.blobs().into_iter().filter(|blob| !blob.may_be_elsewhere()) {
        if store.blob_size(&blob.digest).await.map_err(|error| fail(&error))?.is_none() {
            missing.push(blob.digest.to_string());
        }
    }
    for entry in document.manifests().iter().filter(|entry| !entry.may_be_elsewhere()) {
        let there = store.resolve(&entry.digest.clone().into()).await.map_err(|error| fail(&error))?.is_some();
        // An index may list anything, not only manifests.
        let there = there
            || !media_type::is_manifest(&entry.media_type)
                && store.blob_size(&entry.digest).await.map_err(|error| fail(&error))?.is_some();
        if !there {
            missing.push(entry.digest.to_string());
        }
    }
    Ok(missing)
}
