//! Who checks the digest of a large blob on its way from one registry into another.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ocm_blob::{Digest, MemoryBlob};
use ocm_oci::{
    Anonymous, Descriptor, Endpoint, Error, Kind, Registry as _, RemoteRegistry, Repository, copy, media_type,
};
use ocm_testkit::{Class, Fault, Quirk, Request, TestRegistry};

use super::scripted::client;

/// Bytes of a blob that is large enough to ask the registry first.
const LARGE: usize = 16 << 20;

fn remote(server: &TestRegistry) -> RemoteRegistry {
    let (endpoint, _) = Endpoint::parse(&server.url()).unwrap();
    RemoteRegistry::new(client(), endpoint, "", Arc::new(Anonymous))
}

/// Two registries, the first with some blobs of so many bytes.
struct Places {
    source: TestRegistry,
    target: TestRegistry,
    blobs: Vec<Descriptor>,
}

impl Places {
    async fn with(sizes: &[usize]) -> Self {
        let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
        let mut blobs = Vec::new();
        for (number, size) in (0_u8..).zip(sizes) {
            let content = Bytes::from(vec![number; *size]);
            blobs.push(Descriptor::new(media_type::OCTETS, Digest::of(&content), *size as u64));
            source.store().repository("a").push_blob(&MemoryBlob::new(content)).await.unwrap();
        }
        Self { source, target, blobs }
    }

    async fn copy(&self, repository: &str, registry: &RemoteRegistry) -> Result<copy::Outcome, Error> {
        let target: Arc<dyn Repository> = Arc::new(registry.remote_repository(repository));
        let options = copy::Options { concurrency: 1, ..copy::Options::default() };
        copy::blobs(&remote(&self.source).repository("a"), &target, self.blobs.clone(), &options).await
    }

    fn uploads(&self) -> Vec<Request> {
        self.target.requests().into_iter().filter(|request| request.class == Class::Upload).collect()
    }

    /// Method and status of each request of an upload.
    fn steps(&self) -> Vec<(String, u16)> {
        self.uploads().into_iter().map(|request| (request.method, request.status)).collect()
    }

    async fn is_stored(&self, blob: &Descriptor) -> bool {
        self.target.store().repository("a").blob_size(&blob.digest).await.unwrap().is_some()
    }
}

fn steps(of: &[(&str, u16)]) -> Vec<(String, u16)> {
    of.iter().map(|(method, status)| ((*method).to_owned(), *status)).collect()
}

#[tokio::test]
async fn a_registry_that_checks_refuses_wrong_content_and_the_source_is_named() {
    let places = Places::with(&[LARGE]).await;
    places.source.fault(Fault::corrupt().of("GET", Class::Blob));
    let error = places.copy("a", &remote(&places.target)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().starts_with(&format!("source {}/a@sha256:", places.source.address())), "{error}");
    assert!(!places.is_stored(&places.blobs[0]).await);
    // Its upload, the attempt, its content. What was refused is taken back meanwhile.
    let sent: Vec<_> = places.steps().into_iter().filter(|(method, _)| method != "DELETE").collect();
    assert_eq!(sent[..4], steps(&[("POST", 202), ("POST", 202), ("PUT", 400), ("PUT", 400)]));
    // The second time it was hashed here: nothing was sent to its end.
    assert_eq!(places.uploads().iter().filter(|request| request.received == LARGE as u64).count(), 1);
}

#[tokio::test]
async fn content_that_was_wrong_only_once_arrives() {
    let places = Places::with(&[LARGE]).await;
    places.source.fault(Fault::corrupt().of("GET", Class::Blob).once());
    places.copy("a", &remote(&places.target)).await.unwrap();
    assert!(places.is_stored(&places.blobs[0]).await);
    // The refused upload is taken back meanwhile, as the attempt was.
    let (removed, sent): (Vec<_>, Vec<_>) = places.steps().into_iter().partition(|(method, _)| method == "DELETE");
    let attempt = [("POST", 202), ("PUT", 400)];
    let all = [&[("POST", 202)][..], &attempt, &[("PUT", 400), ("POST", 202), ("PUT", 201)]].concat();
    assert_eq!(sent, steps(&all));
    assert!((1..=2).contains(&removed.len()), "{removed:?}");
}

#[tokio::test]
async fn a_registry_that_does_not_check_never_gets_the_end_of_wrong_content() {
    let places = Places::with(&[LARGE]).await;
    places.target.set(Quirk::NoDigestCheck);
    places.source.fault(Fault::corrupt().of("GET", Class::Blob));
    let error = places.copy("a", &remote(&places.target)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().starts_with(&format!("source {}/a@sha256:", places.source.address())), "{error}");
    assert!(places.uploads().iter().all(|request| request.received < LARGE as u64));
    // Nor is it left with what the attempt sent.
    let announced = Digest::of("ocm announces the digest of something else").to_string();
    let requests = places.target.requests();
    let removed = requests.iter().filter(|request| request.method == "DELETE" && request.path.ends_with(&announced));
    assert_eq!(removed.count(), 1, "{requests:?}");
}

#[tokio::test]
async fn finding_out_costs_three_requests_in_a_run() {
    let places = Places::with(&[LARGE, 1000, LARGE + 1]).await;
    let registry = remote(&places.target);
    places.copy("a", &registry).await.unwrap();
    places.copy("b", &registry).await.unwrap();
    // What the attempt began is taken back by nobody who is waited for.
    while places.target.count("DELETE", Class::Upload) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let each = 3; // HEAD, POST, PUT
    assert_eq!(places.target.requests().len(), 6 * each + 3);
    assert_eq!(places.target.count("PUT", Class::Upload), 6 + 1);
}

#[tokio::test]
async fn small_content_is_hashed_here_without_asking() {
    let places = Places::with(&[1000, LARGE - 1]).await;
    places.copy("a", &remote(&places.target)).await.unwrap();
    assert_eq!(places.target.requests().len(), 2 * 3);
    places.source.fault(Fault::corrupt().of("GET", Class::Blob));
    assert!(places.copy("b", &remote(&places.target)).await.is_err());
    assert!(places.uploads().iter().all(|request| request.status != 400));
}
