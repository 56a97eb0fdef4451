//! How many bytes an archive writes, and what becomes of large content that goes straight to its place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;

use std::path::Path;
use std::process::Command;

use async_trait::async_trait;
use fixture::{add, entries, read};
use futures_util::{StreamExt as _, stream};
use ocm_blob::{Blob, ByteStream, Digest, MemoryBlob, read_to_end};
use ocm_oci::{Pushed, Registry as _};
use ocm_repository::{Access, Archive, ArchiveOptions};

const SIZE: usize = 4 << 20;
const COUNT: u8 = 8;
const PAYLOAD: u64 = SIZE as u64 * COUNT as u64;

/// Environment variables that make this test binary a writer: of which archive, and with parts of which size.
const WRITER: &str = "WRITTEN_TEST_WRITER";
const SPLIT: &str = "WRITTEN_TEST_SPLIT";

fn blob(seed: u8) -> MemoryBlob {
    MemoryBlob::new((0..SIZE).map(|at| seed.wrapping_mul(31).wrapping_add((at / 4099) as u8)).collect::<Vec<_>>())
}

async fn open(path: &Path, split: Option<u64>) -> Archive {
    Archive::open_with(path, Access::Create, ArchiveOptions { split, ..ArchiveOptions::default() }).await.unwrap()
}

/// Pushes blobs, all at once, and a component version.
async fn write(archive: &Archive, seeds: std::ops::Range<u8>) {
    let pushes = seeds.map(|seed| {
        let repository = archive.repository("r");
        async move { repository.push_blob(&blob(seed)).await.unwrap() }
    });
    stream::iter(pushes).buffer_unordered(usize::from(COUNT)).for_each(|_| std::future::ready(())).await;
    add(archive, "acme.org/a", ["1.0.0".to_owned()]).await;
}

async fn check(path: &Path, seeds: std::ops::Range<u8>) {
    let archive = Archive::open(path, Access::Read).await.unwrap();
    assert_eq!(read(&archive, "acme.org/a", "1.0.0").await, "text of 1.0.0");
    for seed in seeds {
        let stream = archive.repository("r").blob(&blob(seed).digest().unwrap(), 0).await.unwrap();
        assert_eq!(read_to_end(stream, SIZE as u64, "blob").await.unwrap(), blob(seed).bytes(), "{seed}");
    }
}

/// Bytes that this process has handed to the system to write.
fn written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    text.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_process() {
    let Ok(path) = std::env::var(WRITER) else { return };
    let split = std::env::var(SPLIT).ok().and_then(|size| size.parse().ok());
    let before = written();
    let archive = open(Path::new(&path), split).await;
    write(&archive, 0..COUNT).await;
    let counted = written() - before;
    std::fs::write(format!("{path}.count"), counted.to_string()).unwrap();
}

fn count(path: &Path, split: Option<u64>) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "writing_process"]).env(WRITER, path);
    split.map(|size| command.env(SPLIT, size.to_string()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::read_to_string(format!("{}.count", path.display())).unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_byte_is_written_once() {
    if !Path::new("/proc/self/io").exists() {
        println!("skipped: this system does not count what a process writes");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let small = 256 << 10;
    for (name, split) in [("ctf", None), ("ctf.tar", None), ("parts.tar", Some(3 << 20)), ("ctf.tgz", None)] {
        let path = folder.path().join(name);
        let counted = count(&path, split);
        // A compressed archive is written once more, compressed; this content becomes a hundredth of itself.
        let most = PAYLOAD + PAYLOAD / 50 + small;
        assert!(counted >= PAYLOAD && counted <= most, "{name}: {counted} bytes for {PAYLOAD}");
        check(&path, 0..COUNT).await;
    }
    // One more for an archive file: the old content is copied once, in the kernel, and the new is written once.
    let path = folder.path().join("ctf.tar");
    let archive = Archive::open(&path, Access::ReadWrite).await.unwrap();
    write(&archive, COUNT..COUNT + 1).await;
    check(&path, 0..COUNT + 1).await;
    let rest = entries(folder.path()).into_iter().filter(|name| name.starts_with('.')).count();
    assert_eq!(rest, 0, "{:?}", entries(folder.path()));
}

#[tokio::test]
async fn what_other_programs_see_is_an_ordinary_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf.tar");
    let archive = open(&path, None).await;
    write(&archive, 0..3).await;
    let split = folder.path().join("parts.tar");
    write(&open(&split, Some(3 << 20)).await, 0..3).await;
    let parts = entries(folder.path()).into_iter().filter(|name| name.starts_with("parts"));
    let joined: Vec<u8> = parts.flat_map(|name| std::fs::read(folder.path().join(name)).unwrap()).collect();
    for bytes in [std::fs::read(&path).unwrap(), joined] {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            if entry.header().entry_type().is_dir() {
                assert!(!files.iter().any(|file: &String| file.starts_with("blobs/")), "the folder comes first");
                folders.push(name);
            } else {
                files.push(name);
            }
        }
        assert_eq!(folders, ["blobs"]);
        let count = files.iter().filter(|name| name.starts_with("blobs/sha256.")).count();
        assert_eq!(count, 3 + 4, "{files:?}");
        assert!(files.contains(&"artifact-index.json".to_owned()));
    }
}

/// Content that ends too early, or is other content than it says.
struct Broken {
    content: MemoryBlob,
    says: Digest,
    cut: usize,
}

#[async_trait]
impl Blob for Broken {
    fn size(&self) -> Option<u64> {
        Some(SIZE as u64)
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.says.clone())
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let content = self.content.bytes().slice(..SIZE - self.cut);
        let end = (self.cut > 0).then(|| Err(ocm_blob::Error::Io(std::io::Error::other("the line is cut"))));
        Ok(Box::pin(stream::iter([Ok(content)].into_iter().chain(end))))
    }
}

#[tokio::test]
async fn content_that_failed_leaves_no_trace_in_what_is_committed() {
    for (name, split) in [("ctf.tar", None), ("parts.tar", Some(3 << 20))] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let archive = open(&path, split).await;
        let repository = archive.repository("r");
        let cut = Broken { content: blob(9), says: blob(9).digest().unwrap(), cut: 1000 };
        repository.push_blob(&cut).await.unwrap_err();
        let wrong = Broken { content: blob(9), says: blob(8).digest().unwrap(), cut: 0 };
        let error = repository.push_blob(&wrong).await.unwrap_err().to_string();
        assert!(error.contains("was expected"), "{error}");
        write(&archive, 0..2).await;
        check(&path, 0..2).await;
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        for seed in [8, 9] {
            let digest = blob(seed).digest().unwrap();
            assert_eq!(archive.repository("r").blob_size(&digest).await.unwrap(), None, "{name}");
        }
        assert!(entries(folder.path()).iter().all(|name| !name.starts_with('.')), "{:?}", entries(folder.path()));
    }
}

#[tokio::test]
async fn what_was_pushed_can_be_read_before_and_while_it_is_committed() {
    for (name, split) in [("ctf.tar", None), ("parts.tar", Some(3 << 20))] {
        let folder = tempfile::tempdir().unwrap();
        let archive = open(&folder.path().join(name), split).await;
        let repository = archive.repository("r");
        repository.push_blob(&blob(1)).await.unwrap();
        assert_eq!(repository.push_blob(&blob(1)).await.unwrap().1, Pushed::Present);
        let digest = blob(1).digest().unwrap();
        let before = repository.blob(&digest, 0).await.unwrap();
        let later = repository.blob(&digest, 3_000_000).await.unwrap();
        archive.commit().await.unwrap();
        assert_eq!(read_to_end(before, SIZE as u64, "blob").await.unwrap(), blob(1).bytes(), "{name}");
        assert_eq!(read_to_end(later, SIZE as u64, "blob").await.unwrap(), blob(1).bytes()[3_000_000..], "{name}");
        let after = repository.blob(&digest, 0).await.unwrap();
        assert_eq!(read_to_end(after, SIZE as u64, "blob").await.unwrap(), blob(1).bytes(), "{name}");
    }
}

#[tokio::test]
async fn a_commit_while_others_still_push_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf.tar");
    let archive = open(&path, None).await;
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let slow = Slow { content: blob(2), wait: std::sync::Mutex::new(Some(wait)) };
    let repository = archive.repository("r");
    let pushing = tokio::spawn(async move { repository.push_blob(&slow).await.unwrap() });
    archive.repository("r").push_blob(&blob(1)).await.unwrap();
    archive.commit().await.unwrap();
    go.send(()).unwrap();
    pushing.await.unwrap();
    write(&archive, 3..4).await;
    check(&path, 1..4).await;
}

/// Content that waits in the middle.
struct Slow {
    content: MemoryBlob,
    wait: std::sync::Mutex<Option<tokio::sync::oneshot::Receiver<()>>>,
}

#[async_trait]
impl Blob for Slow {
    fn size(&self) -> Option<u64> {
        self.content.size()
    }

    fn digest(&self) -> Option<Digest> {
        self.content.digest()
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let content = self.content.bytes().clone();
        let wait = self.wait.lock().unwrap().take().unwrap();
        let (first, rest) = (content.slice(..SIZE / 2), content.slice(SIZE / 2..));
        let rest = stream::once(async move {
            let _ = wait.await;
            Ok(rest)
        });
        Ok(Box::pin(stream::iter([Ok(first)]).chain(rest)))
    }
}
