//! Content that moves on is what was compared, whatever a place answers the next time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::Response;
use ocm_access::{check, pin};
use ocm_blob::Digest;
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm, OCI_ARTIFACT_DIGEST};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::Kind;
use ocm_testkit::fixtures::{self, Graph};
use serde_json::json;
use support::{Network, Server, open, read};

const SET: &str = "application/vnd.oci.image.manifest.v1+tar";

/// An image as an artifact set.
fn set(graph: &Graph) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    graph.write_layout(folder.path(), None).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_dir_all("", folder.path()).unwrap();
    builder.into_inner().unwrap()
}

fn digest(normalisation: &str, hash: HashAlgorithm, value: &Digest) -> DigestSpec {
    DigestSpec::new(hash, normalisation, value.hex())
}

/// A server that gives one answer first, and another one ever after.
async fn changing(first: Vec<u8>, then: Vec<u8>) -> Server {
    let answers = Arc::new(AtomicUsize::new(0));
    Server::new(move |_, _| {
        let content = if answers.fetch_add(1, Ordering::Relaxed) == 0 { &first } else { &then };
        Response::builder().header("content-type", SET).body(Body::from(content.clone())).unwrap()
    })
    .await
}

fn access(server: &Server) -> TypedObject {
    serde_json::from_value(json!({"type": "wget", "url": format!("{}/set", server.address)})).unwrap()
}

#[tokio::test]
async fn an_artifact_set_is_the_one_that_was_compared() {
    let scratch = tempfile::tempdir().unwrap();
    let (graph, other) = (fixtures::image_with(1, 1, 100), fixtures::image_with(2, 1, 100));
    let (right, wrong) = (set(&graph), set(&other));
    let of_image = digest(OCI_ARTIFACT_DIGEST, HashAlgorithm::Sha256, &graph.root().digest);
    let of_bytes = digest(GENERIC_BLOB_DIGEST, HashAlgorithm::Sha256, &Digest::of(&right));
    for recorded in [&of_image, &of_bytes] {
        for (first, then, passes, moves) in
            [(&right, &right, true, true), (&right, &wrong, true, false), (&wrong, &right, false, false)]
        {
            let server = changing(first.clone(), then.clone()).await;
            let content = open(&access(&server), &Network::default()).await.unwrap();
            // Nothing tells beforehand.
            check(content.clone(), Some(recorded)).await.unwrap();
            let pinned = pin(content, Some(recorded), Some(scratch.path())).await;
            assert_eq!(pinned.is_ok(), passes);
            let Ok(pinned) = pinned else {
                assert_eq!(pinned.err().unwrap().kind(), Kind::Invalid);
                continue;
            };
            let moved = read(pinned).await;
            assert_eq!(moved.is_ok(), moves, "{:?}", moved.err());
        }
    }
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left");
}

#[tokio::test]
async fn bytes_do_not_pass_because_they_are_called_a_set() {
    let scratch = tempfile::tempdir().unwrap();
    let of_bytes = digest(GENERIC_BLOB_DIGEST, HashAlgorithm::Sha256, &Digest::of("hello"));
    for (content, passes) in [("hello", true), ("evil!", false)] {
        let server = changing(content.into(), content.into()).await;
        let opened = open(&access(&server), &Network::default()).await.unwrap();
        let pinned = pin(opened.clone(), Some(&of_bytes), Some(scratch.path())).await;
        assert_eq!(pinned.is_ok(), passes, "{content}");
        if let Ok(pinned) = pinned {
            assert_eq!(read(pinned).await.unwrap().0, content.as_bytes());
        }
        let error = pin(opened, Some(&of_bytes), None).await.err().unwrap();
        assert!(error.kind() == Kind::Unsupported && error.to_string().contains("no folder"), "{error}");
    }
}
