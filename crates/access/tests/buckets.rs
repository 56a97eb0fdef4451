//! Objects of S3.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use axum::body::Body;
use axum::http::Response;
use ocm_access::resolve;
use ocm_blob::Digest;
use ocm_model::TypedObject;
use ocm_oci::Kind;
use support::{Asked, Network, Server, open, read, status};

fn object(server: &Server) -> TypedObject {
    TypedObject::new("s3/v1").with("bucket", "data").with("key", "a/b c").with("endpoint", server.address.clone())
}

/// Whether a request has a signature of the parts it must have, for this region.
fn is_signed(asked: &Asked, region: &str) -> bool {
    let authorization = asked.headers.get("authorization").cloned().unwrap_or_default();
    let day = asked.headers.get("x-amz-date").map(|time| time[..8].to_owned()).unwrap_or_default();
    authorization.starts_with(&format!("AWS4-HMAC-SHA256 Credential=id/{day}/{region}/s3/aws4_request,"))
        && authorization.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date,")
        && asked.headers["x-amz-content-sha256"] == Digest::of("").hex()
}

#[tokio::test]
async fn an_object_is_read_by_either_spelling() {
    let server = Server::new(|_, asked| match asked.target.as_str() {
        "/data/a/b%20c" => Response::builder().header("content-type", "text/plain").body(Body::from("one")).unwrap(),
        "/data/a/b%20c?versionId=v%2F1" => Response::new(Body::from("two")),
        _ => status(404),
    })
    .await;
    let network = Network::default();
    assert_eq!(
        read(open(&object(&server), &network).await.unwrap()).await.unwrap(),
        (b"one".to_vec(), "text/plain".into())
    );
    let second = TypedObject::new("S3Bucket/v1")
        .with("bucketName", "data")
        .with("objectKey", "a/b c")
        .with("version", "v/1")
        .with("mediaType", "x/y")
        .with("endpoint", server.address.clone());
    assert_eq!(read(open(&second, &network).await.unwrap()).await.unwrap(), (b"two".to_vec(), "x/y".to_owned()));
    let resolved = resolve(&object(&server), None, &network).await.unwrap().unwrap();
    assert_eq!(resolved.digest.value, Digest::of("one").hex());
    assert!(server.asked.lock().unwrap().iter().all(|asked| !asked.headers.contains_key("authorization")));
}

#[tokio::test]
async fn with_keys_every_attempt_is_signed() {
    let server =
        Server::new(
            |_, asked| if is_signed(asked, "us-east-1") { Response::new(Body::from("one")) } else { status(403) },
        )
        .await;
    let network = Network::knowing("S3Bucket", &[("accessKeyId", "id"), ("secretAccessKey", "canary")]);
    let content = open(&object(&server), &network).await.unwrap();
    for _ in 0..2 {
        assert_eq!(read(content.clone()).await.unwrap().0, b"one");
    }
    let error = open(&object(&server), &Network::default()).await.err().unwrap();
    assert!(error.kind() == Kind::Denied && error.to_string().contains("no credentials for S3Bucket"), "{error}");
}

#[tokio::test]
async fn a_bucket_tells_its_region() {
    let server = Server::new(|_, asked| {
        if is_signed(asked, "eu-central-1") {
            return Response::new(Body::from("one"));
        }
        Response::builder()
            .status(301)
            .header("x-amz-bucket-region", "eu-central-1")
            .header("location", "http://169.254.169.254/")
            .body(Body::empty())
            .unwrap()
    })
    .await;
    let network = Network::knowing("S3", &[("awsAccessKeyID", "id"), ("awsSecretAccessKey", "canary")]);
    assert_eq!(read(open(&object(&server), &network).await.unwrap()).await.unwrap().0, b"one");
    assert_eq!(server.paths().len(), 2);
    // Without keys the region changes nothing here, and no redirect is followed.
    let error = open(&object(&server), &Network::default()).await.err().unwrap();
    assert!(error.to_string().contains("301"), "{error}");
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let server = Server::with([]).await;
    for (bucket, key) in [("data/../x", "k"), ("data", "../x"), ("data", ""), ("", "k"), ("a@evil.example", "k")] {
        let access = object(&server).with("bucket", bucket).with("key", key);
        assert_eq!(open(&access, &Network::default()).await.err().unwrap().kind(), Kind::Malformed, "{bucket} {key}");
    }
    assert!(server.paths().is_empty());
}
