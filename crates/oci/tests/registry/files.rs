//! Large content that lies in a file on its way into a registry: it arrives without being read here.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use ocm_blob::{Blob, ByteStream, CHUNK, Digest, FileBlob, Observed, Observer, OpenFile};
use ocm_oci::{Anonymous, Endpoint, Error, Kind, Registry as _, RemoteRegistry};
use ocm_testkit::{Class, Fault, TestRegistry, fixtures};

use super::scripted::{Server, answer, client};

/// Bytes of a blob that the registry checks.
const LARGE: usize = (16 << 20) + 12_345;

/// What happens to the file when its content begins to move.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    /// It is cut to this length when this chunk is announced.
    Cut(u64, usize),
}

/// A part of a file that must not be read here.
struct Unread {
    _folder: tempfile::TempDir,
    path: PathBuf,
    content: Bytes,
    blob: FileBlob,
    then: Then,
}

impl Unread {
    fn at(offset: u64, then: Then) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, content) = (folder.path().join("file"), fixtures::bytes(3, LARGE));
        let file = File::create(&path).unwrap();
        file.write_all_at(&content, offset).unwrap();
        file.write_all_at(b"what follows", offset + LARGE as u64).unwrap();
        let blob = FileBlob::part(&path, offset, LARGE as u64).with_digest(Digest::of(&content));
        Self { _folder: folder, path, content, blob, then }
    }
}

#[async_trait]
impl Blob for Unread {
    fn size(&self) -> Option<u64> {
        self.blob.size()
    }

    fn digest(&self) -> Option<Digest> {
        self.blob.digest()
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        panic!("the content is read")
    }

    async fn open_file(&self, offset: u64) -> ocm_blob::Result<Option<OpenFile>> {
        let (path, then) = (self.path.clone(), self.then);
        let file = self.blob.open_file(offset).await?.unwrap();
        Ok(Some(file.watched(|passing| {
            Box::pin(passing.enumerate().map(move |(number, chunk)| {
                if let Then::Cut(length, at) = then
                    && number == at
                {
                    File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
                }
                chunk
            }))
        })))
    }
}

#[derive(Default)]
struct Sum(AtomicU64);

impl Observer for Sum {
    fn moved(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn remote(server: &TestRegistry) -> RemoteRegistry {
    let (endpoint, _) = Endpoint::parse(&server.url()).unwrap();
    RemoteRegistry::new(client(), endpoint, "", Arc::new(Anonymous))
}

async fn stored(server: &TestRegistry, digest: &Digest) -> Bytes {
    let stream = server.store().repository("a").blob(digest, 0).await.unwrap();
    ocm_blob::read_to_end(stream, LARGE as u64, "blob").await.unwrap()
}

async fn push(server: &TestRegistry, content: &dyn Blob) -> Result<(), Error> {
    remote(server).repository("a").push_blob(content).await.map(|_| ())
}

#[tokio::test]
async fn it_arrives_from_anywhere_in_a_file_and_is_counted() {
    for offset in [0, 512, (3 << 30) + 7] {
        let (server, sum) = (TestRegistry::start().unwrap(), Arc::new(Sum::default()));
        let content = Arc::new(Unread::at(offset, Then::Nothing));
        let observed = Observed::new(content.clone(), sum.clone());
        push(&server, &observed).await.unwrap();
        assert_eq!(stored(&server, &Digest::of(&content.content)).await, content.content);
        assert_eq!((sum.0.load(Ordering::Relaxed), observed.repeats()), (LARGE as u64, 0));
    }
}

#[tokio::test]
async fn what_broke_off_goes_on() {
    let (server, content) = (TestRegistry::start().unwrap(), Unread::at(512, Then::Nothing));
    // The first such request is the attempt with a wrong digest.
    server.fault(Fault::cut(LARGE as u64 * 2 / 3).of("PUT", Class::Upload).every(2));
    push(&server, &content).await.unwrap();
    assert_eq!(stored(&server, &Digest::of(&content.content)).await, content.content);
    let received: u64 = server.requests().iter().map(|request| request.received).sum();
    assert!((LARGE..LARGE * 11 / 10).contains(&(received as usize)), "{received}");
    assert_eq!(server.count("PATCH", Class::Upload), 1);
}

#[tokio::test]
async fn a_file_that_is_cut_meanwhile_is_named() {
    // Noticed before the part that is missing was announced, and after.
    for (length, at) in [(8 << 20, 0), (0, 0), (8 << 20, LARGE / CHUNK), (0, LARGE / CHUNK)] {
        let (server, content) = (TestRegistry::start().unwrap(), Unread::at(512, Then::Cut(length, at)));
        let error = push(&server, &content).await.unwrap_err();
        assert!(error.to_string().contains(&content.path.display().to_string()), "{error}");
        assert_ne!(error.kind(), Kind::Unavailable, "{error}");
        let digest = Digest::of(&content.content);
        assert_eq!(server.store().repository("a").blob_size(&digest).await.unwrap(), None);
    }
}

#[tokio::test]
async fn early_refusals_are_heard() {
    let (server, content) = (TestRegistry::start().unwrap(), Unread::at(0, Then::Nothing));
    // The first such request is the attempt with a wrong digest.
    server.fault(Fault::status(403).of("PUT", Class::Upload).every(2));
    assert_eq!(push(&server, &content).await.unwrap_err().kind(), Kind::Denied);
}

/// A registry that checks digests and wants another token in the middle of an upload.
#[tokio::test]
async fn authorization_is_renewed_in_the_middle() {
    let content = Unread::at(0, Then::Nothing);
    let (refusals, puts) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (refused, seen, wanted) = (refusals.clone(), puts.clone(), content.content.clone());
    let server = Server::start(move |asked| {
        let path = asked.target.split('?').next().unwrap();
        let token = format!("Bearer t{}", refused.load(Ordering::Relaxed));
        match asked.method.as_str() {
            _ if path == "/token" => answer(200, &[], format!(r#"{{"token":"t{}"}}"#, refused.load(Ordering::Relaxed))),
            "PUT" if asked.body.len() == LARGE && refused.load(Ordering::Relaxed) == 0 => {
                refused.fetch_add(1, Ordering::Relaxed);
                let challenge = format!("Bearer realm=\"http://{}/token\"", asked.header("host"));
                answer(401, &[("www-authenticate", &challenge)], "")
            }
            _ if refused.load(Ordering::Relaxed) > 0 && asked.header("authorization") != token => answer(400, &[], ""),
            "HEAD" => answer(404, &[], ""),
            "POST" => answer(202, &[("location", "/v2/a/blobs/uploads/1")], ""),
            "DELETE" => answer(204, &[], ""),
            "PUT" if asked.body == wanted => {
                seen.fetch_add(1, Ordering::Relaxed);
                answer(201, &[], "")
            }
            _ => answer(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#),
        }
    })
    .await;
    server.registry().repository("a").push_blob(&content).await.unwrap();
    assert_eq!((refusals.load(Ordering::Relaxed), puts.load(Ordering::Relaxed)), (1, 1));
}
