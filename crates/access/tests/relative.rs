//! References that lead into the registry their component version was read from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use async_trait::async_trait;
use ocm_access::{Content, Sources, open};
use ocm_blob::Digest;
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm};
use ocm_model::{Descriptor, DigestSpec, Resource, TypedObject};
use ocm_oci::{Anonymous, Endpoint, ImageReference, Kind, Registry as _, RemoteRegistry, Repository};
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};
use ocm_testkit::{TestRegistry, fixtures};

struct Network;

impl Network {
    fn registry(endpoint: Endpoint) -> RemoteRegistry {
        RemoteRegistry::new(ocm_http::Client::default(), endpoint, "", Arc::new(Anonymous))
    }
}

#[async_trait]
impl Sources for Network {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, ocm_oci::Error> {
        Ok(Self::registry(reference.endpoint()?).repository(&reference.repository()))
    }
}

/// A component version below `local` whose resource has this access and digest.
async fn version(registry: &TestRegistry, access: &TypedObject, digest: Option<&Digest>) -> ComponentVersion {
    let (endpoint, _) = Endpoint::parse(&registry.url()).unwrap();
    let target = ComponentRepository::new(Arc::new(Network::registry(endpoint)), "local");
    let mut descriptor = Descriptor::default();
    descriptor.component.name = "acme.org/x".into();
    descriptor.component.version = "1.0.0".into();
    descriptor.component.resources = vec![Resource {
        name: "image".into(),
        version: "1".into(),
        kind: "ociImage".into(),
        access: access.clone(),
        digest: digest.map(|digest| DigestSpec::new(HashAlgorithm::Sha256, GENERIC_BLOB_DIGEST, digest.hex())),
        ..Resource::default()
    }];
    let staged = target.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    target.publish(vec![staged]).await.unwrap();
    target.get("acme.org/x", "1.0.0").await.unwrap()
}

async fn root(registry: &TestRegistry, reference: &str, digest: Option<&Digest>) -> Result<Digest, ocm_oci::Error> {
    let access = TypedObject::new("relativeOciReference").with("reference", reference);
    let version = version(registry, &access, digest).await;
    match open(&access, &version, &Network).await?.expect("a known type") {
        Content::Image { root, .. } => Ok(root.digest),
        Content::Blob { .. } => panic!("an image"),
    }
}

#[tokio::test]
async fn the_path_counts_from_the_host_and_then_from_the_component_repository() {
    let registry = TestRegistry::start().unwrap();
    let (one, two) = (fixtures::image_with(1, 1, 10), fixtures::image_with(2, 1, 10));
    one.push(registry.store().repository("local/team/app").as_ref(), Some("1.0")).await.unwrap();
    two.push(registry.store().repository("local/local/team/app").as_ref(), Some("1.0")).await.unwrap();
    let (first, second) = (&one.root().digest, &two.root().digest);
    assert_eq!(root(&registry, "local/team/app:1.0", None).await.unwrap(), *first);
    assert_eq!(root(&registry, "team/app:1.0", None).await.unwrap(), *first);
    assert_eq!(root(&registry, &format!("/team/app:1.0@{first}"), None).await.unwrap(), *first);
    // Both readings lead to an image, and only one of them is the recorded one.
    assert_eq!(root(&registry, "local/team/app:1.0", Some(second)).await.unwrap(), *second);
    let error = root(&registry, "local/team/app:1.0", Some(&Digest::of("x"))).await.unwrap_err();
    assert!(error.kind() == Kind::Invalid && error.to_string().contains(&first.to_string()), "{error}");
    let error = root(&registry, "team/none:1.0", None).await.unwrap_err();
    assert!(error.kind() == Kind::NotFound && error.to_string().contains("local/team/none"), "{error}");
    // What looks like a host is a part of the path.
    let error = root(&registry, "evil.example/app:1.0", None).await.unwrap_err();
    assert!(error.to_string().contains(&format!("{}/evil.example/app", registry.url())), "{error}");
    assert_eq!(root(&registry, "https://evil.example/app", None).await.unwrap_err().kind(), Kind::Malformed);
}
