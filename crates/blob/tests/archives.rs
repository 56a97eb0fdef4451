//! Archives that other programs write, read and unpacked.
#![allow(clippy::unwrap_used, clippy::format_push_string, missing_docs)]

mod raw_tar;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ocm_blob::{
    Archive, Blob as _, ByteStream, Digest, Error, Existing, ExtractOptions, MemoryBlob, TarOf, extract, once,
    read_to_end, verified,
};
use proptest::prelude::*;
use raw_tar::{archive, directory, entry, extended, file, gzip, hard_link, symbolic_link};

fn write(folder: &Path, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join("archive");
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn content(archive: &Archive, path: &str) -> Bytes {
    read_to_end(archive.blob(path).unwrap().unwrap().open().await.unwrap(), 1 << 30, path).await.unwrap()
}

#[tokio::test]
async fn entries_are_found_by_their_plain_path_in_both_forms() {
    let long = format!("{}/file", "long".repeat(50));
    let bytes = archive(&[
        directory("./"),
        directory("./blobs/"),
        entry(b"pax_global_header", b'g', b"", b"19 comment=1234567\n"),
        file("./blobs/one", "1"),
        extended(&[("path", &long), ("mtime", "1.5")]),
        file("short", "2"),
        entry(b"././@LongLink", b'L', b"", &[long.as_bytes(), b"2\0"].concat()),
        file("short", &"3".repeat(3 << 20)),
        symbolic_link("link", "blobs/one"),
    ]);
    for bytes in [bytes.clone(), gzip(&bytes)] {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(write(folder.path(), &bytes)).await.unwrap();
        assert_eq!(content(&archive, "blobs/one").await, "1");
        assert_eq!(content(&archive, &long).await, "2");
        assert_eq!(content(&archive, &format!("{long}2")).await, "3".repeat(3 << 20));
        assert_eq!(content(&archive, "blobs/one").await, "1");
        let part = archive.blob(&format!("{long}2")).unwrap().unwrap().open_at((3 << 20) - 2).await.unwrap();
        assert_eq!(read_to_end(part, 10, "part").await.unwrap(), "33");
        assert!(archive.blob("nothing").unwrap().is_none());
        assert!(archive.blob("blobs").is_err());
        assert!(archive.blob("link").is_err());
    }
}

#[tokio::test]
async fn a_compressed_archive_can_be_read_in_any_order_and_at_the_same_time() {
    let contents: Vec<String> = (0..6).map(|at| format!("{at}").repeat(2 << 20)).collect();
    let entries: Vec<_> = contents.iter().enumerate().map(|(at, content)| file(&format!("f{at}"), content)).collect();
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(write(folder.path(), &gzip(&raw_tar::archive(&entries)))).await.unwrap();
    assert!(archive.is_sequential());
    for at in [0, 1, 2, 3, 4, 5, 3, 0, 5] {
        assert_eq!(content(&archive, &format!("f{at}")).await, contents[at]);
    }
    let all = (0..6).map(|at| {
        let archive = archive.clone();
        async move { content(&archive, &format!("f{at}")).await }
    });
    assert_eq!(futures_util::future::join_all(all).await, contents);
}

#[tokio::test]
async fn a_file_that_shrinks_after_indexing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &archive(&[file("a", &"a".repeat(4000))]));
    let archive = Archive::open(&path).await.unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap();
    let stream = archive.blob("a").unwrap().unwrap().open().await.unwrap();
    assert!(matches!(read_to_end(stream, 1 << 20, "a").await, Err(Error::SizeMismatch { .. })));
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn unpacks_files_links_and_permissions() {
    let mut setuid = tar::Header::new_ustar();
    setuid.set_path("bin/tool").unwrap();
    setuid.set_mode(0o6755);
    setuid.set_size(0);
    setuid.set_cksum();
    let mut unreadable = tar::Header::new_ustar();
    unreadable.set_path("mode-zero").unwrap();
    unreadable.set_mode(0);
    unreadable.set_size(0);
    unreadable.set_cksum();
    let bytes = archive(&[
        directory("./"),
        file("a/b/c.txt", "content"),
        directory("a/"),
        setuid.as_bytes().to_vec(),
        unreadable.as_bytes().to_vec(),
        symbolic_link("a/up", "../bin/tool"),
        symbolic_link("dangling", "nowhere"),
        hard_link("copy", "./a/b/c.txt"),
    ]);
    for bytes in [bytes.clone(), gzip(&bytes)] {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let extracted = extract(once(bytes), &target, ExtractOptions::default()).await.unwrap();
        assert_eq!((extracted.files, extracted.bytes), (4, 14));
        assert_eq!(std::fs::read_to_string(target.join("a/b/c.txt")).unwrap(), "content");
        assert_eq!(std::fs::read_link(target.join("a/up")).unwrap(), Path::new("../bin/tool"));
        assert_eq!((mode(&target.join("bin/tool")) & 0o7700, mode(&target.join("mode-zero")) & 0o7700), (0o700, 0o600));
        std::fs::write(target.join("copy"), "changed").unwrap();
        assert_eq!(std::fs::read_to_string(target.join("a/b/c.txt")).unwrap(), "content");
    }
}

#[tokio::test]
async fn what_exists_is_refused_or_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    std::fs::create_dir(&target).unwrap();
    let unpack = |content: &str, existing| {
        let options = ExtractOptions { existing, ..ExtractOptions::default() };
        extract(once(archive(&[file("new", content)])), target.clone(), options)
    };
    unpack("into an empty directory", Existing::Refuse).await.unwrap();
    std::fs::write(target.join("old"), "old").unwrap();
    assert!(unpack("refused", Existing::Refuse).await.is_err());
    unpack("kept", Existing::Keep).await.unwrap();
    assert_eq!(std::fs::read_to_string(target.join("new")).unwrap(), "into an empty directory");
    unpack("replaced", Existing::Replace).await.unwrap();
    assert_eq!(std::fs::read_to_string(target.join("new")).unwrap(), "replaced");
    assert!(!target.join("old").exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_tampered_failed_or_abandoned_stream_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    let bytes = Bytes::from(archive(&[file("a", "a")]));
    let tampered = verified(once(bytes.clone()), None, Some(Digest::of("something else")));
    assert!(matches!(extract(tampered, &target, ExtractOptions::default()).await, Err(Error::DigestMismatch { .. })));
    let failing: ByteStream = Box::pin(stream::iter([Ok(bytes.clone()), Err(Error::Archive("broken off".into()))]));
    let error = extract(failing, &target, ExtractOptions::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "broken off");
    // The whole archive has arrived, but its stream never ends; the caller gives up.
    let hanging: ByteStream = Box::pin(stream::iter([Ok(bytes)]).chain(stream::pending()));
    let waited = tokio::time::timeout(
        std::time::Duration::from_millis(50),
        extract(hanging, &target, ExtractOptions::default()),
    );
    assert!(waited.await.is_err());
    for _ in 0..200 {
        if std::fs::read_dir(folder.path()).unwrap().count() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("something was left: {:?}", std::fs::read_dir(folder.path()).unwrap().collect::<Vec<_>>());
}

fn entries() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let component = "[a-zA-Z0-9_.äß-]{1,60}".prop_filter("a name", |name| name != "." && name != "..");
    let path = prop::collection::vec(component, 1..5).prop_map(|components| components.join("/"));
    prop::collection::btree_map(path, prop::collection::vec(any::<u8>(), 0..2000), 0..8)
        .prop_map(|entries| entries.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is packed is read back, by this crate and by the `tar` crate, and the size announced is the size.
    #[test]
    fn packed_entries_come_back(entries in entries()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let blobs = entries.iter().map(|(name, content)| {
                (name.clone(), Arc::new(MemoryBlob::new(content.clone())) as Arc<dyn ocm_blob::Blob>)
            });
            let packed = TarOf::new(blobs).unwrap();
            let bytes = read_to_end(packed.open().await.unwrap(), 1 << 30, "tar").await.unwrap();
            assert_eq!(packed.size(), Some(bytes.len() as u64));
            let middle = bytes.len() / 2;
            let rest = read_to_end(packed.open_at(middle as u64).await.unwrap(), 1 << 30, "tar").await.unwrap();
            assert_eq!(rest, bytes.slice(middle..));

            let mut others: Vec<(String, Vec<u8>)> = Vec::new();
            for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().to_str().unwrap().to_owned();
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
                others.push((name, content));
            }
            assert_eq!(others, entries);

            let folder = tempfile::tempdir().unwrap();
            let archive = Archive::open(write(folder.path(), &bytes)).await.unwrap();
            assert_eq!(archive.entries().len(), entries.len());
            for (name, expected) in &entries {
                assert_eq!(&content(&archive, name).await[..], &expected[..]);
            }
        });
    }
}

#[tokio::test]
async fn folders_have_entries_only_when_asked_for() {
    let names = |packed: TarOf| async move {
        let bytes = read_to_end(packed.open().await.unwrap(), 1 << 20, "tar").await.unwrap();
        assert_eq!(packed.size(), Some(bytes.len() as u64));
        let mut names = Vec::new();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let entry = entry.unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            names.push((name, entry.header().entry_type().is_dir(), entry.header().mode().unwrap()));
        }
        names
    };
    let entries = || {
        ["index", "a/b/one", "a/two"]
            .map(|name| (name.to_owned(), Arc::new(MemoryBlob::new("x")) as Arc<dyn ocm_blob::Blob>))
    };
    let file = |name: &str| (name.to_owned(), false, 0o644);
    let folder = |name: &str| (name.to_owned(), true, 0o755);
    assert_eq!(names(TarOf::new(entries()).unwrap()).await, [file("index"), file("a/b/one"), file("a/two")]);
    let with_folders = [file("index"), folder("a"), folder("a/b"), file("a/b/one"), file("a/two")];
    assert_eq!(names(TarOf::with_folders(entries()).unwrap()).await, with_folders);
    assert_eq!(names(TarOf::with_folder(entries(), "a").unwrap()).await, with_folders);
    assert_eq!(names(TarOf::with_folder([], "a").unwrap()).await, [folder("a")]);
}
