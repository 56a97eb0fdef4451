//! Archive files made to mislead, cut at their entries, or too large to be meant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;

use std::path::Path;

use fixture::{add, read};
use ocm_oci::{Kind, Manifest, Registry as _, Selector, media_type};
use ocm_repository::{Access, Archive};

async fn written(path: &Path) {
    let archive = Archive::open(path, Access::Create).await.unwrap();
    add(&archive, "acme.org/a", (0..3).map(|patch| format!("1.0.{patch}"))).await;
}

/// A tar entry without content.
fn entry(name: &str, type_flag: u8, link: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let bytes = header.as_mut_bytes();
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes[157..157 + link.len()].copy_from_slice(link.as_bytes());
    bytes[156] = type_flag;
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[tokio::test]
async fn an_archive_file_holds_files_and_folders_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    written(&path).await;
    let good = std::fs::read(&path).unwrap();
    for (what, entry) in [
        ("which is a link", entry("blobs", b'2', "/etc")),
        ("which is a link", entry("blobs/sha256.link", b'2', "../artifact-index.json")),
        ("which is a link", entry("elsewhere", b'1', "artifact-index.json")),
        ("which is a device or a pipe", entry("blobs/pipe", b'6', "")),
        ("which is a device or a pipe", entry("null", b'3', "")),
        ("which is a file", entry("blobs", b'0', "")),
    ] {
        // In front, and the folder entry that says otherwise is left out where it would be a second one of that name.
        let rest = if what == "which is a file" || entry.starts_with(b"blobs\0") {
            without_folder(&good)
        } else {
            good.clone()
        };
        std::fs::write(&path, [entry, rest].concat()).unwrap();
        for access in [Access::Read, Access::Create] {
            let error = Archive::open(&path, access).await.map(drop).unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid, "{error}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
    std::fs::write(&path, [entry("README", b'0', ""), good].concat()).unwrap();
    assert_eq!(read(&Archive::open(&path, Access::Read).await.unwrap(), "acme.org/a", "1.0.0").await, "text of 1.0.0");
}

/// The archive without its entry for the folder of all content.
fn without_folder(archive: &[u8]) -> Vec<u8> {
    let at = archive.chunks(512).position(|block| block.starts_with(b"blobs") && block[156] == b'5').unwrap();
    [&archive[..at * 512], &archive[(at + 1) * 512..]].concat()
}

/// Where every entry ends, cut there: nothing in the file says that it is not whole.
#[tokio::test]
async fn an_archive_file_that_was_cut_between_two_entries_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    written(&path).await;
    let good = std::fs::read(&path).unwrap();
    let mut tar = tar::Archive::new(good.as_slice());
    let mut cuts: Vec<u64> = tar.entries().unwrap().map(|entry| entry.unwrap().raw_header_position()).collect();
    let last = good.chunks(512).rposition(|block| block.iter().any(|byte| *byte != 0)).unwrap() as u64 + 1;
    cuts.push(last * 512);
    assert!(cuts.len() > 10, "{}", cuts.len());
    for cut in &cuts[1..] {
        std::fs::write(&path, &good[..*cut as usize]).unwrap();
        let whole = *cut == last * 512;
        // What would be written has an end, and nobody could tell any more.
        let error = Archive::open(&path, Access::Create).await.map(drop).unwrap_err();
        assert!(["truncated", "may have been cut"].iter().any(|said| error.to_string().contains(said)), "{error}");
        let said = match Archive::open(&path, Access::Read).await {
            Err(error) => Some(error),
            Ok(archive) => first_error(&archive).await,
        };
        match said {
            None => assert!(whole, "cut at {cut} and nothing is missing"),
            Some(error) => {
                assert!(!whole && error.kind() == Kind::Invalid, "{cut}: {error}");
                assert!(error.to_string().contains("truncated"), "{cut}: {error}");
            }
        }
    }
}

/// What is wrong with any of the content.
async fn first_error(archive: &Archive) -> Option<ocm_oci::Error> {
    for name in archive.repositories().await.unwrap() {
        let repository = archive.repository(&name);
        for tag in repository.tags().await.unwrap() {
            let manifest = match repository.manifest(&Selector::Tag(tag)).await {
                Ok(manifest) => manifest,
                Err(error) => return Some(error),
            };
            for blob in manifest.document().unwrap().blobs() {
                if let Err(error) = repository.blob(&blob.digest, 0).await {
                    return Some(error);
                }
            }
        }
    }
    None
}

#[tokio::test]
async fn an_index_that_is_too_large_is_neither_read_nor_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf");
    std::fs::create_dir_all(path.join("blobs")).unwrap();
    let index = std::fs::File::create(path.join("artifact-index.json")).unwrap();
    index.set_len((64 << 20) + 1).unwrap();
    let error = Archive::open(&path, Access::Read).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("artifact-index.json: is larger than the limit of 64 MiB"), "{error}");
    assert!(error.contains("divide the archive"), "{error}");

    for name in ["new", "new.tar"] {
        let path = folder.path().join(name);
        written(&path).await;
        let archive = Archive::open(&path, Access::ReadWrite).await.unwrap();
        let manifest = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
        for at in 0..3 {
            let name = format!("{at}{}", "a".repeat(22 << 20));
            archive.repository(&name).push_manifest(&manifest, None).await.unwrap();
        }
        let error = archive.commit().await.unwrap_err().to_string();
        assert!(error.contains("artifact-index.json: is larger than the limit of 64 MiB"), "{error}");
        drop(archive);
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        assert_eq!(archive.repositories().await.unwrap().len(), 1);
        assert_eq!(read(&archive, "acme.org/a", "1.0.2").await, "text of 1.0.2");
    }
}
