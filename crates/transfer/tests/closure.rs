//! Which component versions belong together.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::Algorithm;
use ocm_model::{Descriptor, DigestSpec, Reference};
use ocm_oci::MemoryRegistry;
use ocm_repository::component::digest;
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};
use ocm_transfer::{Error, Kind, Lookup, circle, closure};

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
async fn a_circle_ends_and_is_found() {
    let place = In::nothing();
    place.add("acme.org/one", &[("acme.org/two", None)]).await;
    let two = place.add("acme.org/two", &[("acme.org/one", None)]).await;
    let root = place.add("acme.org/root", &[("acme.org/two", None)]).await;
    let all = closure(vec![root], &place).await.unwrap();
    assert_eq!(names(&all), ["acme.org/one", "acme.org/two", "acme.org/root"]);
    let ends_meet = "acme.org/two:1.0.0 → acme.org/one:1.0.0 → acme.org/two:1.0.0";
    assert_eq!(circle(&all).as_deref(), Some(ends_meet));
    assert_eq!(names(&closure(vec![two], &place).await.unwrap()), ["acme.org/one", "acme.org/two"]);
}

/// Counts what it is asked, and how much of it at the same time.
struct Counted {
    place: In,
    asked: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Lookup for Counted {
    async fn get(&self, component: &str, version: &str) -> ocm_oci::Result<Arc<ComponentVersion>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let found = self.place.get(component, version).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        found
    }
}

#[tokio::test]
async fn a_large_graph_is_read_once_and_a_few_at_a_time() {
    // Forty of each layer, each of which refers to two of the next one: more ways than anybody could walk.
    let (layers, width) = (15, 40);
    let name = |layer: usize, number: usize| format!("acme.org/x{layer}/y{}", number % width);
    let place = In::nothing();
    for layer in (0..layers).rev() {
        for number in 0..width {
            let below = [name(layer + 1, number), name(layer + 1, number + 1)];
            let to: Vec<_> = below.iter().map(|name| (name.as_str(), None)).collect();
            place.add(&name(layer, number), if layer + 1 == layers { &[] } else { &to }).await;
        }
    }
    let all: Vec<String> = (0..width).map(|number| name(0, number)).collect();
    let to: Vec<_> = all.iter().map(|name| (name.as_str(), None)).collect();
    let root = place.add("acme.org/root", &to).await;
    let [asked, now, most] = [0; 3].map(AtomicUsize::new);
    let counted = Counted { place, asked, now, most };
    let found = closure(vec![root], &counted).await.unwrap();
    assert_eq!((found.len(), circle(&found)), (layers * width + 1, None));
    assert_eq!(counted.asked.into_inner(), layers * width);
    let most = counted.most.into_inner();
    assert!((2..=16).contains(&most), "{most}");
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
