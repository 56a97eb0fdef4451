//! Following accesses into places in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ocm_access::{Content, Sources, open, resolve};
use ocm_blob::{Digest, MemoryBlob, read_to_end};
use ocm_model::{Descriptor, DigestSpec, TypedObject};
use ocm_oci::{ImageReference, Kind, Manifest, MemoryRegistry, Registry, Repository, media_type};
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};
use serde_json::json;

/// Images of all hosts lie in one registry in memory; remembers what was asked for.
#[derive(Default)]
struct Images {
    registry: MemoryRegistry,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Sources for Images {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, ocm_oci::Error> {
        self.asked.lock().unwrap().push(format!("{}/{}", reference.host(), reference.repository()));
        Ok(self.registry.repository(&reference.repository()))
    }
}

impl Images {
    /// Pushes an artifact without layers.
    async fn push(&self, repository: &str, tag: &str) -> Digest {
        let repository = self.registry.repository(repository);
        let (config, _) = repository.push_blob(&MemoryBlob::new("{}")).await.unwrap();
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": []});
        let manifest = Manifest::new(media_type::MANIFEST, serde_json::to_vec(&manifest).unwrap());
        repository.push_manifest(&manifest, Some(tag)).await.unwrap();
        manifest.digest().clone()
    }
}

fn image(kind: &str, reference: &str) -> TypedObject {
    TypedObject::new(kind).with("imageReference", reference)
}

/// A component version whose one resource has this access.
async fn version(access: &TypedObject) -> ComponentVersion {
    let target = ComponentRepository::new(Arc::new(MemoryRegistry::default()), "");
    target.content("acme.org/x").push_blob(&MemoryBlob::new("hello")).await.unwrap();
    let mut descriptor = Descriptor::default();
    descriptor.component.name = "acme.org/x".into();
    descriptor.component.version = "1.0.0".into();
    descriptor.component.resources = vec![ocm_model::Resource {
        name: "res".into(),
        kind: "blob".into(),
        access: access.clone(),
        ..Default::default()
    }];
    let staged = target.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    target.publish(vec![staged]).await.unwrap();
    target.get("acme.org/x", "1.0.0").await.unwrap()
}

#[tokio::test]
async fn every_name_of_an_image_access_is_pinned_in_its_own_spelling() {
    let images = Images::default();
    let digest = images.push("library/app", "1.0").await;
    for kind in ["ociArtifact", "OCIImage/v1", "OCIImage", "ociRegistry", "ociImage", "ociArtifact/v1"] {
        let resolved = resolve(&image(kind, "docker.io/app:1.0"), None, &images).await.unwrap().unwrap();
        assert_eq!(resolved.access, image(kind, &format!("docker.io/app:1.0@{digest}")));
        assert_eq!((resolved.digest.hash_algorithm.as_str(), resolved.digest.value), ("SHA-256", digest.hex()));
    }
    assert!(images.asked.lock().unwrap().iter().all(|asked| asked.ends_with("/library/app")));
}

#[tokio::test]
async fn a_pinned_reference_must_exist_and_stays_as_it_is() {
    let images = Images::default();
    let digest = images.push("app", "1.0").await;
    let pinned = image("ociArtifact", &format!("host:5000/app@{digest}"));
    assert_eq!(resolve(&pinned, None, &images).await.unwrap().unwrap().access, pinned);
    let made_up = image("ociArtifact", &format!("host:5000/app:1.0@{}", Digest::of("x")));
    assert_eq!(resolve(&made_up, None, &images).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_given_digest_is_compared_and_keeps_its_names() {
    let images = Images::default();
    let digest = images.push("app", "1.0").await;
    let given = |value: String| DigestSpec {
        hash_algorithm: "SHA-256".into(),
        normalisation_algorithm: "ociArtifactDigest/v1".into(),
        value,
        ..DigestSpec::default()
    };
    let access = image("ociArtifact", "host:5000/app:1.0");
    let resolved = resolve(&access, Some(&given(digest.hex())), &images).await.unwrap().unwrap();
    assert_eq!(resolved.digest, given(digest.hex()));
    let error = resolve(&access, Some(&given("0".repeat(64))), &images).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains(&digest.hex()) && error.to_string().contains("host:5000/app:1.0"), "{error}");
}

#[tokio::test]
async fn other_types_are_left_alone() {
    let images = Images::default();
    for kind in ["foo/v7", "none", "localBlob", "git", "file"] {
        assert_eq!(resolve(&TypedObject::new(kind), None, &images).await.unwrap(), None, "{kind}");
    }
    assert!(images.asked.lock().unwrap().is_empty());
    assert!(resolve(&image("ociArtifact", "not a reference"), None, &images).await.is_err());
}

#[tokio::test]
async fn content_is_opened_where_it_lies() {
    let images = Images::default();
    let digest = images.push("app", "1.0").await;
    let local = TypedObject::new("LocalBlob/v1")
        .with("localReference", Digest::of("hello").to_string())
        .with("mediaType", "text/plain");
    let version = version(&local).await;
    let Some(Content::Blob { blob, media_type }) = open(&local, &version, &images).await.unwrap() else {
        panic!("a blob")
    };
    assert_eq!(
        (read_to_end(blob.open().await.unwrap(), 10, "x").await.unwrap().as_ref(), media_type.as_str()),
        (&b"hello"[..], "text/plain")
    );
    let Some(Content::Image { root, .. }) = open(&image("ociImage", "h:1/app:1.0"), &version, &images).await.unwrap()
    else {
        panic!("an image")
    };
    assert_eq!(root.digest, digest);
    let layer = TypedObject::new("ociBlob").with("ref", "h:1/app").with("digest", Digest::of("{}").to_string());
    let Some(Content::Blob { blob, .. }) = open(&layer, &version, &images).await.unwrap() else { panic!("a layer") };
    assert_eq!(blob.size(), Some(2));
    assert!(open(&TypedObject::new("foo/v7"), &version, &images).await.unwrap().is_none());
    let gone = TypedObject::new("localBlob").with("localReference", Digest::of("gone").to_string());
    assert_eq!(open(&gone, &version, &images).await.err().unwrap().kind(), Kind::NotFound);
}
