//! Pushing: how many requests it takes, and what happens when one fails.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use ocm_blob::{Blob, ByteStream, Digest, MemoryBlob};
use ocm_oci::{Kind, Manifest, Pushed, Registry as _, media_type};

use super::scripted::{Asked, Server, answer};

/// A registry's uploads, kept in memory.
#[derive(Clone, Default)]
struct Uploads(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Uploads {
    fn answer(&self, asked: &Asked) -> Response {
        let path = asked.target.split('?').next().unwrap().to_owned();
        let mut uploads = self.0.lock().unwrap();
        match asked.method.as_str() {
            "HEAD" => answer(404, &[], ""),
            "POST" => {
                let location = format!("{path}{}", uploads.len());
                uploads.insert(location.clone(), Vec::new());
                answer(202, &[("location", &location)], "")
            }
            "DELETE" => answer(204, &[], ""),
            _ => {
                let Some(upload) = uploads.get_mut(&path) else { return answer(404, &[], "") };
                if let Some((first, _)) = asked.header("content-range").split_once('-')
                    && first.parse() != Ok(upload.len())
                {
                    return answer(416, &[], "");
                }
                upload.extend_from_slice(&asked.body);
                let range = format!("0-{}", upload.len().max(1) - 1);
                let headers = [("location", path.as_str()), ("range", range.as_str())];
                match asked.method.as_str() {
                    "GET" => answer(204, &headers, ""),
                    "PATCH" => answer(202, &headers, ""),
                    _ => {
                        let digest = Digest::of(&upload);
                        let wanted = format!("digest=sha256%3A{}", digest.hex());
                        answer(if asked.target.ends_with(&wanted) { 201 } else { 400 }, &[], "")
                    }
                }
            }
        }
    }
}

fn methods(server: &Server) -> Vec<String> {
    server.asked().into_iter().map(|asked| asked.method).collect()
}

#[tokio::test]
async fn a_new_blob_costs_three_requests_and_a_known_one_none() {
    let uploads = Uploads::default();
    let server = Server::start(move |asked| uploads.answer(asked)).await;
    let registry = server.registry();
    let (repository, content) = (registry.repository("a"), MemoryBlob::new("content"));
    assert_eq!(repository.push_blob(&content).await.unwrap().1, Pushed::Sent);
    assert_eq!(methods(&server), ["HEAD", "POST", "PUT"]);
    let put = &server.asked()[2];
    assert_eq!((put.header("content-length"), &*put.body), ("7", &b"content"[..]));
    assert_eq!(registry.repository("a").push_blob(&content).await.unwrap().1, Pushed::Present);
    assert_eq!(registry.repository("a").blob_size(&Digest::of("content")).await.unwrap(), Some(7));
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_refused_mount_is_the_beginning_of_the_push() {
    let uploads = Uploads::default();
    let server = Server::start(move |asked| uploads.answer(asked)).await;
    let registry = server.registry();
    let repository = registry.repository("a");
    for number in 0..5 {
        let content = MemoryBlob::new(format!("content {number}"));
        assert!(!repository.mount(&content.digest().unwrap(), "b").await.unwrap());
        assert_eq!(repository.push_blob(&content).await.unwrap().1, Pushed::Sent);
    }
    // After three refusals the registry is not asked to mount any more.
    let (two, three) = (["POST", "PUT"].as_slice(), ["HEAD", "POST", "PUT"].as_slice());
    assert_eq!(methods(&server), [two, two, two, three, three].concat());
    let digest = Digest::of("content 0").hex();
    assert_eq!(server.asked()[0].target, format!("/v2/a/blobs/uploads/?mount=sha256%3A{digest}&from=b"));
}

/// Whoever may not read the other repository may push all the same, and does not go on asking.
#[tokio::test]
async fn a_denied_mount_counts_as_a_refused_one() {
    let uploads = Uploads::default();
    let server = Server::start(move |asked| {
        if asked.target.contains("mount=") {
            return answer(401, &[("www-authenticate", "Basic realm=x")], "");
        }
        uploads.answer(asked)
    })
    .await;
    let repository = server.registry_for(super::scripted::Me::default()).repository("a");
    for number in 0..6 {
        let content = MemoryBlob::new(format!("content {number}"));
        assert!(!repository.mount(&content.digest().unwrap(), "b").await.unwrap());
        assert_eq!(repository.push_blob(&content).await.unwrap().1, Pushed::Sent);
    }
    // The first one is asked again with the password.
    assert_eq!(server.asked().iter().filter(|asked| asked.target.contains("mount=")).count(), 4);
}

#[tokio::test]
async fn the_same_blob_from_many_sides_is_sent_once() {
    let uploads = Uploads::default();
    let server = Server::start(move |asked| uploads.answer(asked)).await;
    let repository = server.registry().repository("a");
    let content = MemoryBlob::new("content");
    let results = join_all((0..10).map(|_| repository.push_blob(&content))).await;
    let sent = results.into_iter().filter(|result| result.as_ref().unwrap().1 == Pushed::Sent).count();
    assert_eq!((sent, server.asked().len()), (1, 3));
}

/// Content in small parts with pauses, so that a server can break off in between.
struct Slow {
    content: Bytes,
    known: bool,
}

#[async_trait]
impl Blob for Slow {
    fn size(&self) -> Option<u64> {
        Some(self.content.len() as u64)
    }

    fn digest(&self) -> Option<Digest> {
        self.known.then(|| Digest::of(&self.content))
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let parts: Vec<_> = self.content.chunks(1000).map(Bytes::copy_from_slice).collect();
        let parts = futures_util::stream::iter(parts);
        Ok(Box::pin(parts.then(|part| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(part)
        })))
    }
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_was() {
    for known in [true, false] {
        let (uploads, broken) = (Uploads::default(), Arc::new(Mutex::new(false)));
        let server = Server::start(move |asked| {
            let mut broken = broken.lock().unwrap();
            if !*broken && matches!(asked.method.as_str(), "PUT" | "PATCH") {
                // As if the connection had broken after 12,345 bytes.
                *broken = true;
                let part = Asked { method: "PATCH".into(), body: asked.body.slice(..12_345), ..asked.clone() };
                uploads.answer(&part);
                return answer(502, &[], "");
            }
            uploads.answer(asked)
        })
        .await;
        let content: Bytes = (0..50_000_u32).map(|number| number as u8).collect();
        let repository = server.registry().repository("a");
        let blob = Slow { content: content.clone(), known };
        assert_eq!(repository.push_blob(&blob).await.unwrap().0.digest, Digest::of(&content));
        let asked = server.asked();
        let resumed = asked.iter().find(|asked| !asked.header("content-range").is_empty()).unwrap();
        assert_eq!((resumed.method.as_str(), resumed.header("content-range")), ("PATCH", "12345-49999"));
        assert_eq!(resumed.body, content.slice(12_345..));
        assert_eq!(asked.iter().filter(|asked| asked.method == "POST").count(), 1);
    }
}

/// As a registry with a full disk does it: the same part is there again and again, and nothing gets it any further.
#[tokio::test]
async fn an_upload_that_never_gets_any_further_is_given_up() {
    let uploads = Uploads::default();
    let server = Server::start(move |asked| match asked.method.as_str() {
        "PUT" => {
            uploads.answer(&Asked { method: "PATCH".into(), body: asked.body.slice(..12_345), ..asked.clone() });
            answer(500, &[], "")
        }
        "PATCH" => answer(416, &[], ""),
        _ => uploads.answer(asked),
    })
    .await;
    let repository = server.registry().repository("a");
    let content = MemoryBlob::new(vec![7; 50_000]);
    let pushed = tokio::time::timeout(Duration::from_secs(10), repository.push_blob(&content)).await;
    assert!(pushed.expect("the push ends").is_err());
    assert!(methods(&server).iter().filter(|method| *method == "PUT").count() < 10, "{:?}", methods(&server));
}

#[tokio::test]
async fn a_forgotten_upload_begins_anew() {
    let (uploads, forgotten) = (Uploads::default(), Arc::new(Mutex::new(0)));
    let server = Server::start(move |asked| {
        let mut forgotten = forgotten.lock().unwrap();
        if asked.method == "PUT" && *forgotten < 2 {
            *forgotten += 1;
            return answer(404, &[], "");
        }
        uploads.answer(asked)
    })
    .await;
    let content = MemoryBlob::new("content");
    server.registry().repository("a").push_blob(&content).await.unwrap();
    assert_eq!(methods(&server), ["HEAD", "POST", "PUT", "POST", "PUT", "POST", "PUT"]);
}

#[tokio::test]
async fn a_registry_that_takes_pieces_only() {
    // Some say so, some only break off.
    for (known, status) in [(true, 413), (false, 413), (true, 502), (false, 502)] {
        let uploads = Uploads::default();
        let server = Server::start(move |asked| {
            if asked.body.len() > 2500 {
                return answer(status, &[], "");
            }
            let mut response = uploads.answer(asked);
            if asked.method == "POST" {
                response.headers_mut().insert("oci-chunk-min-length", "1500".parse().unwrap());
            }
            response
        })
        .await;
        let content: Bytes = (0..4_000_u32).map(|number| number as u8).collect();
        let blob = Slow { content: content.clone(), known };
        server.registry().repository("a").push_blob(&blob).await.unwrap();
        let asked = server.asked();
        let ranges: Vec<_> =
            asked.iter().map(|asked| asked.header("content-range")).filter(|range| !range.is_empty()).collect();
        assert_eq!(ranges, ["0-1499", "1500-2999", "3000-3999"]);
    }
}

#[tokio::test]
async fn an_upload_does_not_go_to_another_host() {
    let foreign = Server::start(|_| answer(201, &[], "")).await;
    let elsewhere = foreign.address.clone();
    let server = Server::start(move |asked| match asked.method.as_str() {
        "POST" => answer(202, &[("location", &format!("http://{elsewhere}/upload?token=canary&of=canary"))], ""),
        _ => answer(404, &[], ""),
    })
    .await;
    let error = server.registry().repository("a").push_blob(&MemoryBlob::new("content")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.to_string().contains("leads away") && !error.to_string().contains("canary"), "{error}");
    assert!(foreign.asked().is_empty());
}

/// Content that is not what it says.
struct Liar;

#[async_trait]
impl Blob for Liar {
    fn size(&self) -> Option<u64> {
        Some(5)
    }

    fn digest(&self) -> Option<Digest> {
        Some(Digest::of("truth"))
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        Ok(ocm_blob::once("wrong"))
    }
}

#[tokio::test]
async fn wrong_content_is_not_sent_to_its_end() {
    let uploads = Uploads::default();
    let server = Server::start(move |asked| uploads.answer(asked)).await;
    let error = server.registry().repository("a").push_blob(&Liar).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("has digest"), "{error}");
    assert!(server.asked().iter().all(|asked| asked.body.is_empty()));
}

#[tokio::test]
async fn a_tag_that_cannot_be_moved_may_stay_where_it_is() {
    let manifest = Manifest::new(media_type::MANIFEST, r#"{"schemaVersion":2}"#);
    let (there, size) = (manifest.digest().to_string(), manifest.bytes().len().to_string());
    let server = Server::start(move |asked| {
        if asked.method == "PUT" {
            return answer(400, &[], r#"{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}"#);
        }
        let media_type = ("content-type", media_type::MANIFEST);
        answer(200, &[media_type, ("docker-content-digest", &there), ("content-length", &size)], "")
    })
    .await;
    let repository = server.registry().repository("a");
    repository.push_manifest(&manifest, Some("v1")).await.unwrap();
    let other = Manifest::new(media_type::MANIFEST, r#"{"schemaVersion":2,"config":{}}"#);
    let error = repository.push_manifest(&other, Some("v1")).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.to_string().contains("the tag is immutable"), "{error}");
}

#[tokio::test]
async fn a_manifest_waits_for_blobs_that_are_out_of_sight() {
    let refusals = Arc::new(AtomicUsize::new(2));
    let left = refusals.clone();
    let server = Server::start(move |_| {
        // What docker-registry says while another client sends the same blob.
        let errors = r#"{"errors":[{"code":"DIGEST_INVALID"},{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#;
        let refuse = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if refuse { answer(400, &[], errors) } else { answer(201, &[], "") }
    })
    .await;
    let manifest = Manifest::new(media_type::MANIFEST, r#"{"schemaVersion":2}"#);
    let repository = server.registry().repository("a");
    repository.push_manifest(&manifest, None).await.unwrap();
    assert_eq!(server.asked().len(), 3);
    // Blobs that never come are an error in the end.
    refusals.store(usize::MAX, Ordering::SeqCst);
    let error = repository.push_manifest(&manifest, None).await.unwrap_err();
    assert!(error.to_string().contains("MANIFEST_BLOB_UNKNOWN"), "{error}");
    assert_eq!(server.asked().len(), 3 + 4);
}

#[tokio::test]
async fn a_registry_that_stores_something_else_is_found_out() {
    let other = Digest::of("other").to_string();
    let server = Server::start(move |asked| match asked.method.as_str() {
        "POST" => answer(202, &[("location", "/upload/1")], ""),
        "PUT" => answer(201, &[("docker-content-digest", &other)], ""),
        _ => answer(404, &[], ""),
    })
    .await;
    let repository = server.registry().repository("a");
    let error = repository.push_blob(&MemoryBlob::new("content")).await.unwrap_err();
    assert!(error.to_string().contains("stored a blob as"), "{error}");
    let error = repository.push_manifest(&Manifest::new(media_type::MANIFEST, "{}"), None).await.unwrap_err();
    assert!(error.to_string().contains("names the content"), "{error}");
}
