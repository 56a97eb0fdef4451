//! Uploads that go on after the end of the process that began them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use ocm_blob::{Blob, ByteStream, Digest};
use ocm_oci::{Anonymous, Endpoint, Pushed, Registry as _, RemoteOptions, RemoteRegistry, Repository as _};
use ocm_testkit::{Class, Fault, Quirk, TestRegistry};

use super::scripted::client;

const MIB: usize = 1 << 20;

/// Content of 20 MiB that stops for good after some of them.
struct Stopping {
    content: Bytes,
    after: Option<usize>,
}

impl Stopping {
    fn after(after: Option<usize>) -> Self {
        let content = (0..20 * MIB as u32).map(|at| (at >> 8) as u8 ^ at as u8).collect();
        Self { content, after }
    }

    fn stream(&self, from: usize) -> ByteStream {
        let parts: Vec<_> = self.content[from..].chunks(MIB).map(Bytes::copy_from_slice).collect();
        let after = self.after;
        Box::pin(futures_util::stream::iter(parts).enumerate().then(move |(number, part)| async move {
            if after == Some(number) {
                std::future::pending::<()>().await;
            }
            Ok(part)
        }))
    }
}

#[async_trait]
impl Blob for Stopping {
    fn size(&self) -> Option<u64> {
        Some(self.content.len() as u64)
    }

    fn digest(&self) -> Option<Digest> {
        Some(Digest::of(&self.content))
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        Ok(self.stream(0))
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        Ok(self.stream(offset as usize))
    }
}

fn remote(server: &TestRegistry, state: &Path) -> RemoteRegistry {
    let (endpoint, _) = Endpoint::parse(&server.url()).unwrap();
    let options = RemoteOptions { uploads: Some(state.to_owned()), ..RemoteOptions::default() };
    RemoteRegistry::with_options(client(), endpoint, "", Arc::new(Anonymous), options)
}

/// Begins an upload and gives it up, as the end of a process does, when the registry has 18 of 20 MiB.
async fn killed(server: &TestRegistry, state: &Path) {
    let repository = remote(server, state).remote_repository("a");
    let content = Stopping::after(Some(19));
    let upload = repository.push_blob(&content);
    let arrived = async {
        while received(server) < 18 * MIB as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = upload => panic!("the content never ends"),
        () = arrived => {}
    }
}

fn received(server: &TestRegistry) -> u64 {
    server.requests().iter().filter(|request| request.class == Class::Upload).map(|request| request.received).sum()
}

fn remembered(state: &Path) -> usize {
    std::fs::read_dir(state).map_or(0, Iterator::count)
}

#[tokio::test]
async fn another_process_sends_only_what_is_missing() {
    for quirk in [None, Some(Quirk::AbsoluteLocation), Some(Quirk::NoDigestCheck)] {
        let (server, state) = (TestRegistry::start().unwrap(), tempfile::tempdir().unwrap());
        quirk.clone().into_iter().for_each(|quirk| server.set(quirk));
        killed(&server, state.path()).await;
        assert_eq!(remembered(state.path()), 1);
        server.forget();
        let content = Stopping::after(None);
        let pushed = remote(&server, state.path()).remote_repository("a").push_blob(&content).await.unwrap();
        assert_eq!(pushed.1, Pushed::Sent);
        assert!(received(&server) <= 2 * MIB as u64 + 100, "{quirk:?}: {:?}", server.requests());
        assert_eq!(server.store().repository("a").blob_size(&content.digest().unwrap()).await.unwrap(), Some(20 << 20));
        assert_eq!(remembered(state.path()), 0);
    }
}

#[tokio::test]
async fn an_upload_that_the_registry_forgot_begins_anew() {
    let (server, state) = (TestRegistry::start().unwrap(), tempfile::tempdir().unwrap());
    killed(&server, state.path()).await;
    server.fault(Fault::status(404).of("GET", Class::Upload).once());
    server.forget();
    let content = Stopping::after(None);
    remote(&server, state.path()).remote_repository("a").push_blob(&content).await.unwrap();
    assert_eq!(received(&server), 20 * MIB as u64 + 36, "all of it, and the attempt with a wrong digest");
    assert_eq!(remembered(state.path()), 0);
}

#[tokio::test]
async fn two_processes_never_add_to_the_same_upload() {
    let (server, state) = (TestRegistry::start().unwrap(), tempfile::tempdir().unwrap());
    let first = remote(&server, state.path()).remote_repository("a");
    let stopping = Stopping::after(Some(19));
    let second = async {
        while received(&server) < 18 * MIB as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let content = Stopping::after(None);
        remote(&server, state.path()).remote_repository("a").push_blob(&content).await.unwrap();
    };
    tokio::select! {
        _ = first.push_blob(&stopping) => panic!("the content never ends"),
        () = second => {}
    }
    assert_eq!(server.requests().iter().filter(|request| request.method == "POST").count(), 4);
    assert_eq!(server.count("GET", Class::Upload), 0);
}

#[tokio::test]
async fn what_is_remembered_cannot_lead_elsewhere() {
    let (server, foreign) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let state = tempfile::tempdir().unwrap();
    killed(&server, state.path()).await;
    for entry in std::fs::read_dir(state.path()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (_, rest) = text.split_once("\"location\":\"").unwrap();
        let address = rest.split('"').next().unwrap();
        std::fs::write(&path, text.replace(address, &format!("{}/v2/a/blobs/uploads/1", foreign.url()))).unwrap();
    }
    remote(&server, state.path()).remote_repository("a").push_blob(&Stopping::after(None)).await.unwrap();
    assert!(foreign.requests().is_empty());
}
