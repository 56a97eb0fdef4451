//! Which component versions belong together.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::Algorithm;
use ocm_model::{Descriptor, DigestSpec, Reference};
use ocm_oci::MemoryRegistry;
use ocm_repository::component::digest;
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};
use ocm_transfer::{Error, Kind, Lookup, closure};

struct In(ComponentRepository);

#[async_trait]
impl Lookup for In {
    async fn get(&self, component: &str, version: &str) -> ocm_oci::Result<Arc<ComponentVersion>> {
        self.0.get(component, version).await.map(Arc::new)
    }
}

impl In {
    fn nothing() -> Self {
        Self(ComponentRepository::new(Arc::new(MemoryRegistry::new()), ""))
    }

    /// Adds version 1.0.0 of a component that refers to others.
    async fn add(&self, name: &str, to: &[(&str, Option<DigestSpec>)]) -> Arc<ComponentVersion> {
        let mut descriptor = Descriptor::default();
        descriptor.component.name = name.into();
        descriptor.component.version = "1.0.0".into();
        descriptor.component.provider.name = "acme.org".into();
        descriptor.component.component_references = to
            .iter()
            .map(|(name, digest)| Reference {
                name: "part".into(),
                component_name: (*name).into(),
                version: "1.0.0".into(),
                digest: digest.clone(),
                ..Reference::default()
            })
            .collect();
        let staged = self.0.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
        self.0.publish(vec![staged]).await.unwrap();
        self.get(name, "1.0.0").await.unwrap()
    }
}

fn names(versions: &[Arc<ComponentVersion>]) -> Vec<&str> {
    versions.iter().map(|version| version.name()).collect()
}

#[tokio::test]
async fn what_is_referred_to_comes_first_and_once() {
    let place = In::nothing();
    place.add("acme.org/leaf", &[]).await;
    place.add("acme.org/left", &[("acme.org/leaf", None)]).await;
    let root = place.add("acme.org/root", &[("acme.org/left", None), ("acme.org/leaf", None)]).await;
    let all = closure(vec![root.clone(), root], &place).await.unwrap();
    assert_eq!(names(&all), ["acme.org/leaf", "acme.org/left", "acme.org/root"]);
}

#[tokio::test]
async fn a_circle_ends() {
    let place = In::nothing();
    place.add("acme.org/one", &[("acme.org/two", None)]).await;
    let two = place.add("acme.org/two", &[("acme.org/one", None)]).await;
    assert_eq!(names(&closure(vec![two], &place).await.unwrap()), ["acme.org/one", "acme.org/two"]);
}

#[tokio::test]
async fn a_version_that_is_not_the_one_referred_to_is_refused() {
    let place = In::nothing();
    let leaf = place.add("acme.org/leaf", &[]).await;
    for algorithm in [Algorithm::V3, Algorithm::V4Alpha1] {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
            let right = digest(&leaf.descriptor, algorithm, hash).unwrap();
            let root = place.add("acme.org/root", &[("acme.org/leaf", Some(right.clone()))]).await;
            closure(vec![root], &place).await.unwrap();

            let wrong = DigestSpec { value: "0".repeat(right.value.len()), ..right };
            let root = place.add("acme.org/wrong", &[("acme.org/leaf", Some(wrong))]).await;
            // Also where it stands below the root.
            let above = place.add("acme.org/above", &[("acme.org/wrong", None)]).await;
            for root in [root, above] {
                let error = closure(vec![root], &place).await.err().unwrap();
                assert!(matches!(&error, Error::ReferenceDigest { component, .. } if component == "acme.org/leaf"));
                assert_eq!(error.kind(), Kind::Verification);
            }
        }
    }
}
