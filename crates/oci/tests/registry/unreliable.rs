//! Networks that break: everything arrives, and little of it twice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use ocm_blob::{Blob, ByteStream, Digest, MemoryBlob};
use ocm_oci::{Anonymous, Descriptor, Endpoint, Pushed, Registry as _, RemoteRegistry, Repository, copy, media_type};
use ocm_testkit::{Class, Fault, Quirk, TestRegistry};

use super::scripted::client;

fn remote(server: &TestRegistry) -> RemoteRegistry {
    let (endpoint, _) = Endpoint::parse(&server.url()).unwrap();
    RemoteRegistry::new(client(), endpoint, "", Arc::new(Anonymous))
}

const BLOBS: usize = 200;

/// Bytes of one blob.
const SIZE: usize = 200_000;

#[tokio::test]
async fn a_network_that_breaks_costs_a_tenth_at_most() {
    let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let mut blobs = Vec::new();
    for number in 0..BLOBS {
        let content: Bytes = (0..SIZE).map(|at| ((at / 7 + number * 13) ^ ((at * number) >> 8)) as u8).collect();
        blobs.push(Descriptor::new(media_type::OCTETS, Digest::of(&content), SIZE as u64));
        source.store().repository("a").push_blob(&MemoryBlob::new(content)).await.unwrap();
    }
    for (server, method, class) in [(&source, "GET", Class::Blob), (&target, "PUT", Class::Upload)] {
        server.fault(Fault::status(503).every(100));
        server.fault(Fault::cut(SIZE as u64 * 2 / 3).of(method, class).every(20));
    }
    let (from, to) = (remote(&source).repository("a"), remote(&target).repository("a"));
    let outcome = copy::blobs(&from, &to, blobs.clone(), &copy::Options::default()).await.unwrap();
    assert_eq!(outcome.sent, BLOBS as u64);
    for blob in &blobs {
        assert_eq!(target.store().repository("a").blob_size(&blob.digest).await.unwrap(), Some(blob.size));
    }
    let bytes = (BLOBS * SIZE) as u64;
    let received: u64 = target.requests().iter().map(|request| request.received).sum();
    let sent: u64 = source.requests().iter().map(|request| request.sent).sum();
    for (side, moved) in [("target", received), ("source", sent)] {
        assert!(moved <= bytes * 11 / 10, "{side}: {moved} of {bytes}");
        assert!(moved >= bytes, "{side}: {moved} of {bytes}");
    }
    // Every twentieth transfer broke off on either side; a few of the breaks come too late to be noticed.
    assert!(source.count("GET", Class::Blob) >= BLOBS + BLOBS / 40, "{}", source.count("GET", Class::Blob));
    assert!(target.count("PATCH", Class::Upload) >= BLOBS / 40, "{}", target.count("PATCH", Class::Upload));
    // Answers of 503 are the only reason to ask a second time.
    let asked = target.count("HEAD", Class::Blob);
    let refused = |server: &TestRegistry| {
        server.requests().iter().filter(|request| request.method == "HEAD" && request.status == 503).count()
    };
    assert_eq!(asked - refused(&target), BLOBS);
}

/// Content that comes to a halt in its middle the first time it is read.
struct Halting {
    content: Bytes,
    size: bool,
}

#[async_trait]
impl Blob for Halting {
    fn size(&self) -> Option<u64> {
        self.size.then_some(self.content.len() as u64)
    }

    fn digest(&self) -> Option<Digest> {
        self.size.then(|| Digest::of(&self.content))
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let parts: Vec<_> = self.content.chunks(10_000).map(Bytes::copy_from_slice).collect();
        Ok(Box::pin(futures_util::stream::iter(parts).enumerate().then(|(number, part)| async move {
            if number == 50 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(part)
        })))
    }
}

#[tokio::test]
async fn an_upload_whose_source_halts_goes_on_after_the_registry_hung_up() {
    let content = Bytes::from(vec![7; 1_000_000]);
    for (method, size) in [("PUT", true), ("PATCH", false)] {
        let server = TestRegistry::start().unwrap();
        server.fault(Fault::cut(450_000).of(method, Class::Upload).once());
        let blob = Halting { content: content.clone(), size };
        let (descriptor, pushed) = remote(&server).repository("a").push_blob(&blob).await.unwrap();
        assert_eq!((descriptor.digest, pushed), (Digest::of(&content), Pushed::Sent));
        let requests = server.requests();
        assert_eq!(requests.iter().filter(|request| request.method == "POST").count(), 1, "{requests:?}");
        let received: u64 = requests.iter().map(|request| request.received).sum();
        assert!(received < 1_100_000, "{received}");
    }
}

#[tokio::test]
async fn one_request_carries_a_blob_of_known_size_and_one_more_closes_any_other() {
    let content = Bytes::from(vec![7; 1_000_000]);
    for (quirk, size, methods) in [
        (None, true, &["HEAD", "POST", "PUT"][..]),
        (None, false, &["POST", "PATCH", "PUT"]),
        (Some(Quirk::ChunkMinimum(300_000)), true, &["HEAD", "POST", "PUT"]),
        (Some(Quirk::ChunkMinimum(300_000)), false, &["POST", "PATCH", "PUT"]),
        (Some(Quirk::NoChunks), true, &["HEAD", "POST", "PUT"]),
    ] {
        let server = TestRegistry::start().unwrap();
        quirk.clone().into_iter().for_each(|quirk| server.set(quirk));
        let target: Arc<dyn Repository> = remote(&server).repository("a");
        target.push_blob(&Halting { content: content.clone(), size }).await.unwrap();
        let asked: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
        assert_eq!(asked, methods, "{quirk:?}");
    }
}

#[tokio::test]
async fn a_manifest_that_breaks_off_is_asked_for_again() {
    let server = TestRegistry::start().unwrap();
    let graph = ocm_testkit::fixtures::image(1, 100);
    let repository = remote(&server).repository("a");
    graph.push(repository.as_ref(), None).await.unwrap();
    server.fault(Fault::cut(40).of("GET", Class::Manifest).once());
    let manifest = repository.manifest(&graph.root().digest.clone().into()).await.unwrap();
    assert_eq!(manifest.digest(), &graph.root().digest);
    assert_eq!(server.count("GET", Class::Manifest), 2);
}
