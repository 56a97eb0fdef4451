//! What an interrupted writer left is not asked for again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;

use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use fixture::{add, entries};
use futures_util::stream;
use ocm_blob::{Blob, ByteStream, Digest, read_to_end};
use ocm_oci::{Pushed, Registry as _};
use ocm_repository::{Access, Archive, ArchiveOptions};

const LARGE: u64 = 40 << 20;
const CHUNK: u64 = 1 << 20;

/// Environment variables that make this test binary a writer that is killed in the middle of its work.
const VICTIM: &str = "RESUME_TEST_VICTIM";
const SPLIT: &str = "RESUME_TEST_SPLIT";

async fn open(path: &Path, split: Option<u64>) -> Archive {
    Archive::open_with(path, Access::Create, ArchiveOptions { split, ..ArchiveOptions::default() }).await.unwrap()
}

/// Content that is made while it is read, and says from where on it was read.
struct Made {
    seed: u8,
    size: u64,
    /// Where reading fails.
    fails_at: u64,
    aborts: bool,
    opened: Mutex<Vec<u64>>,
}

impl Made {
    fn new(seed: u8, size: u64) -> Self {
        Self { seed, size, fails_at: u64::MAX, aborts: false, opened: Mutex::default() }
    }

    fn chunk(seed: u8, from: u64) -> Vec<u8> {
        (from..from + CHUNK).map(|at| seed.wrapping_add((at / 4099) as u8)).collect()
    }
}

#[async_trait]
impl Blob for Made {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn digest(&self) -> Option<Digest> {
        let mut digester = ocm_blob::Digester::new(ocm_blob::Algorithm::Sha256);
        (0..self.size / CHUNK).for_each(|at| digester.update(&Self::chunk(self.seed, at * CHUNK)));
        Some(digester.finish())
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        self.opened.lock().unwrap().push(offset);
        let (seed, size, fails_at, aborts) = (self.seed, self.size, self.fails_at, self.aborts);
        Ok(Box::pin(stream::try_unfold(offset, move |at| async move {
            if at >= fails_at {
                // The threads that write are a few chunks behind.
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                if aborts {
                    std::process::abort();
                }
                return Err(ocm_blob::Error::Io(std::io::Error::other("the line is cut")));
            }
            // Up to the next whole chunk, so that any offset works.
            let begin = at - at % CHUNK;
            let chunk = Bytes::from(Self::chunk(seed, begin)).slice((at - begin) as usize..);
            Ok((at < size).then(|| (chunk, begin + CHUNK)))
        })))
    }
}

#[tokio::test]
async fn killed_process() {
    let Ok(path) = std::env::var(VICTIM) else { return };
    let split = std::env::var(SPLIT).ok().and_then(|size| size.parse().ok());
    let archive = open(Path::new(&path), split).await;
    let repository = archive.repository("r");
    repository.push_blob(&Made::new(1, LARGE)).await.unwrap();
    let last = Made { fails_at: LARGE * 9 / 10, aborts: true, ..Made::new(2, LARGE) };
    repository.push_blob(&last).await.unwrap();
}

fn kill_a_writer(path: &Path, split: Option<u64>) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed_process"]).env(VICTIM, path);
    split.map(|size| command.env(SPLIT, size.to_string()));
    assert!(!command.output().unwrap().status.success());
}

#[tokio::test]
async fn after_a_kill_complete_blobs_are_found_and_the_partial_one_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    for (name, split) in [("ctf", None), ("ctf.tar", None), ("ctf.tgz", None), ("parts.tar", Some(30 << 20))] {
        let path = folder.path().join(name);
        kill_a_writer(&path, split);
        let archive = open(&path, split).await;
        let repository = archive.repository("r");
        let complete = Made::new(1, LARGE);
        let (_, how) = repository.push_blob(&complete).await.unwrap();
        assert_eq!(how, Pushed::Present);
        assert!(complete.opened.lock().unwrap().is_empty(), "{name}: moved again");

        let partial = Made::new(2, LARGE);
        let (_, how) = repository.push_blob(&partial).await.unwrap();
        assert_eq!(how, Pushed::Sent);
        let opened = partial.opened.lock().unwrap().clone();
        assert_eq!(opened.len(), 1);
        assert!(opened[0] >= LARGE * 8 / 10, "{name}: continued at {opened:?} of {LARGE}");
        archive.commit().await.unwrap();

        let archive = Archive::open(&path, Access::Read).await.unwrap();
        for blob in [complete, partial] {
            let stream = archive.repository("r").blob(&blob.digest().unwrap(), 0).await.unwrap();
            assert_eq!(read_to_end(stream, LARGE, "blob").await.unwrap().len() as u64, LARGE);
        }
        let inside = if name == "ctf" { path.as_path() } else { folder.path() };
        assert!(entries(inside).iter().all(|name| !name.contains(".staging-")), "{:?}", entries(inside));
    }
}

#[tokio::test]
async fn what_was_left_damaged_is_moved_again() {
    for name in ["ctf", "ctf.tar"] {
        damaged_is_moved_again(name).await;
    }
}

async fn damaged_is_moved_again(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    kill_a_writer(&path, None);
    let inside = if name == "ctf" { path.as_path() } else { folder.path() };
    let staging = entries(inside).into_iter().find(|name| name.contains(".staging-")).unwrap();
    for file in std::fs::read_dir(inside.join(staging)).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            continue;
        }
        let file = std::fs::File::options().write(true).open(path).unwrap();
        // In a body, the second blob lies behind the first.
        for at in [2000, LARGE + 4000] {
            if at < file.metadata().unwrap().len() {
                std::os::unix::fs::FileExt::write_all_at(&file, b"power failure", at).unwrap();
            }
        }
    }
    let archive = Archive::open(&path, Access::Create).await.unwrap();
    for seed in [1, 2] {
        let content = Made::new(seed, LARGE);
        let (descriptor, how) = archive.repository("r").push_blob(&content).await.unwrap();
        assert_eq!((Some(descriptor.digest), how), (content.digest(), Pushed::Sent));
        assert_eq!(content.opened.lock().unwrap().last(), Some(&0));
    }
    archive.commit().await.unwrap();
    let left = entries(inside);
    assert!(left == ["artifact-index.json", "blobs"] || left == ["ctf.tar"], "{left:?}");
    for seed in [1, 2] {
        let digest = Made::new(seed, LARGE).digest().unwrap();
        let stream = archive.repository("r").blob(&digest, 0).await.unwrap();
        read_to_end(stream, LARGE, "blob").await.unwrap();
    }
}

#[tokio::test]
async fn a_cut_line_leaves_what_was_moved_for_the_next_try_and_for_the_next_run() {
    for name in ["ctf", "ctf.tar"] {
        a_cut_line(name).await;
    }
}

async fn a_cut_line(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let inside = if name == "ctf" { path.as_path() } else { folder.path() };
    {
        let archive = Archive::open(&path, Access::Create).await.unwrap();
        let cut = Made { fails_at: LARGE / 2, ..Made::new(1, LARGE) };
        archive.repository("r").push_blob(&cut).await.unwrap_err();
        let cut = Made { fails_at: LARGE * 3 / 4, ..Made::new(1, LARGE) };
        archive.repository("r").push_blob(&cut).await.unwrap_err();
        assert!(cut.opened.lock().unwrap()[0] >= LARGE * 4 / 10);
    }
    assert_eq!(entries(inside).len(), 1, "more than 16 MiB are kept");
    let archive = Archive::open(&path, Access::Create).await.unwrap();
    let content = Made::new(1, LARGE);
    archive.repository("r").push_blob(&content).await.unwrap();
    assert!(content.opened.lock().unwrap()[0] >= LARGE * 6 / 10);
    archive.commit().await.unwrap();
    let left = entries(inside);
    assert!(left == ["artifact-index.json", "blobs"] || left == ["ctf.tar"], "{left:?}");
}

#[tokio::test]
async fn what_nobody_asks_for_again_goes_away_with_the_next_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf");
    kill_a_writer(&path, None);
    assert_eq!(entries(&path).len(), 1);
    let archive = Archive::open(&path, Access::Create).await.unwrap();
    add(&archive, "acme.org/a", ["1.0.0".to_owned()]).await;
    assert_eq!(entries(&path), ["artifact-index.json", "blobs"]);
    assert_eq!(entries(&path.join("blobs")).len(), 4);
}
