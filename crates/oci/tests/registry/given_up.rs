//! Uploads that nobody goes on with: registries are told, whichever way it came to that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ocm_blob::{Blob, ByteStream, Digest, MemoryBlob};
use ocm_oci::{
    Anonymous, Authenticator, Credentials, Endpoint, RemoteOptions, RemoteRegistry, RemoteRepository, Repository as _,
};
use ocm_testkit::{Class, Fault, Quirk, TestRegistry};

use super::scripted::{Server, With, answer, client};

fn remote(server: &TestRegistry, who: Arc<dyn Authenticator>, options: RemoteOptions) -> RemoteRegistry {
    let (endpoint, _) = Endpoint::parse(&server.url()).unwrap();
    RemoteRegistry::with_options(client(), endpoint, "", who, options)
}

fn repository(server: &TestRegistry) -> RemoteRepository {
    remote(server, Arc::new(Anonymous), RemoteOptions::default()).remote_repository("a")
}

/// Content that is announced and stops after its first bytes.
struct Stopping(u64);

#[async_trait]
impl Blob for Stopping {
    fn size(&self) -> Option<u64> {
        Some(self.0)
    }

    fn digest(&self) -> Option<Digest> {
        Some(Digest::of("never sent as a whole"))
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let part = Bytes::from(vec![7; 100_000]);
        let first = stream::iter([Ok(part.clone()), Ok(part)]);
        Ok(Box::pin(first.chain(stream::pending())))
    }
}

/// Begins an upload and gives it up as soon as something of it has arrived.
async fn interrupted(server: &TestRegistry, repository: &RemoteRepository, size: u64) {
    let content = Stopping(size);
    let arrived = async {
        while server.requests().iter().all(|request| request.received == 0) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(server.open_uploads(), 1);
    };
    tokio::select! {
        _ = repository.push_blob(&content) => panic!("the content never ends"),
        () = arrived => {}
    }
}

async fn none_is_left(server: &TestRegistry, what: &str) {
    let begin = Instant::now();
    while server.open_uploads() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}: {} uploads", server.open_uploads());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_is_taken_back() {
    let user = Credentials::Basic { username: "user".into(), password: "secret".into() };
    for (what, quirk) in [
        ("plain", None),
        (
            "token",
            Some(Quirk::Token {
                lifetime: Duration::from_mins(1),
                user: Some(("user".to_owned(), "secret".to_owned())),
            }),
        ),
        ("whole address", Some(Quirk::AbsoluteLocation)),
    ] {
        let server = TestRegistry::start().unwrap();
        if let Some(quirk) = quirk {
            server.set(quirk);
        }
        let registry = remote(&server, Arc::new(With(user.clone())), RemoteOptions::default());
        interrupted(&server, &registry.remote_repository("a"), 900_000).await;
        none_is_left(&server, what).await;
        // With a token for pushing only, the registry wants another one first.
        assert_eq!(server.count("DELETE", Class::Upload), if what == "token" { 2 } else { 1 }, "{what}");
    }
}

/// A large one is what the next run goes on with.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_stays_open() {
    let (server, state) = (TestRegistry::start().unwrap(), tempfile::tempdir().unwrap());
    let options = RemoteOptions { uploads: Some(state.path().to_owned()), ..RemoteOptions::default() };
    let registry = remote(&server, Arc::new(Anonymous), options);
    interrupted(&server, &registry.remote_repository("a"), 5 << 20).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((server.open_uploads(), server.count("DELETE", Class::Upload)), (1, 0));
    // A small one of the same registry is not.
    server.forget();
    let other = remote(&server, Arc::new(Anonymous), RemoteOptions::default()).remote_repository("b");
    let small = Stopping(900_000);
    tokio::select! {
        _ = other.push_blob(&small) => panic!("the content never ends"),
        () = async { while server.count("PUT", Class::Upload) == 0 { tokio::time::sleep(Duration::from_millis(2)).await } } => {}
    }
    let begin = Instant::now();
    while server.open_uploads() > 1 && begin.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.open_uploads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_taken_back() {
    for (what, fault) in [
        ("refused", Fault::status(403).of("PUT", Class::Upload)),
        ("broken for good", Fault::status(502).of("PUT", Class::Upload)),
        ("cut again and again", Fault::cut(10).of("PUT", Class::Upload)),
        ("invalid", Fault::status(400).of("PUT", Class::Upload)),
        ("not in one piece", Fault::status(413).of("PUT", Class::Upload)),
    ] {
        let server = TestRegistry::start().unwrap();
        server.fault(fault);
        let content = MemoryBlob::new(vec![7; 500_000]);
        let result = tokio::time::timeout(Duration::from_secs(20), repository(&server).push_blob(&content)).await;
        // In pieces, some arrive; what matters is that nothing stays.
        drop(result.unwrap());
        none_is_left(&server, what).await;
    }
}

/// A refused mount opens an upload, which is kept for a push that need not come.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_mount_is_taken_back_in_the_end() {
    for ends in [true, false] {
        let server = TestRegistry::start().unwrap();
        server.set(Quirk::NoMount);
        let registry = remote(&server, Arc::new(Anonymous), RemoteOptions::default());
        let repository = registry.remote_repository("a");
        assert!(!repository.mount(&Digest::of("one"), "b").await.unwrap());
        assert!(!repository.mount(&Digest::of("two"), "b").await.unwrap());
        assert_eq!(server.open_uploads(), 2);
        repository.push_blob(&MemoryBlob::new("one")).await.unwrap();
        assert_eq!((server.open_uploads(), server.count("POST", Class::Upload)), (1, 2));
        // Told at the end of a run, or when the last one who knows of the registry goes.
        if ends {
            registry.take_back_uploads();
        } else {
            drop((repository, registry));
        }
        none_is_left(&server, "mount").await;
    }
}

/// What the next run cannot use, because nothing of it arrived, is no use to anybody.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_upload_of_another_process_is_taken_back() {
    let (server, state) = (TestRegistry::start().unwrap(), tempfile::tempdir().unwrap());
    let options = || RemoteOptions { uploads: Some(state.path().to_owned()), ..RemoteOptions::default() };
    server.fault(Fault::stall(0).of("PUT", Class::Upload).once());
    let content = MemoryBlob::new(vec![7; 2 << 20]);
    let first = remote(&server, Arc::new(Anonymous), options()).remote_repository("a");
    tokio::select! {
        _ = first.push_blob(&content) => panic!("there is no answer"),
        () = async { while server.count("PUT", Class::Upload) == 0 { tokio::time::sleep(Duration::from_millis(1)).await } } => {}
    }
    drop(first);
    remote(&server, Arc::new(Anonymous), options()).remote_repository("a").push_blob(&content).await.unwrap();
    none_is_left(&server, "empty").await;
}

/// Distribution writes into the address of an upload how much it had, and takes it back under the address of now only.
#[tokio::test]
async fn an_upload_is_taken_back_under_the_address_it_has_now() {
    let server = Server::start(|asked| {
        let (upload, now) = ("/v2/a/blobs/uploads/1", ("location", "/v2/a/blobs/uploads/1?_state=now"));
        match asked.method.as_str() {
            "HEAD" => answer(404, &[], ""),
            "POST" => answer(202, &[("location", &format!("{upload}?_state=begun"))], ""),
            "PUT" => answer(400, &[], ""),
            "GET" => answer(204, &[now, ("range", "0-6")], ""),
            _ if asked.target.ends_with("_state=now") => answer(204, &[], ""),
            _ => answer(416, &[now], ""),
        }
    })
    .await;
    server.registry().remote_repository("a").push_blob(&MemoryBlob::new("content")).await.unwrap_err();
    let begin = Instant::now();
    while !server.asked().iter().any(|asked| asked.line() == "DELETE /v2/a/blobs/uploads/1?_state=now") {
        assert!(begin.elapsed() < Duration::from_secs(10), "{}", server.lines());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
