//! Archives in parts: written, read as one, and refused if one is missing or damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;

use std::io::Read as _;
use std::path::Path;

use fixture::{add, entries, read};
use futures_util::StreamExt as _;
use ocm_blob::{Blob, Digest, MemoryBlob};
use ocm_oci::{Kind, Registry as _};
use ocm_repository::{Access, Archive, ArchiveOptions};

const SIZE: u64 = 64 << 10;

/// Content that does not compress.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// Adds large content and a component version to an archive in parts.
async fn write(path: &Path, seed: u64, size: usize, version: &str) -> Digest {
    let options = ArchiveOptions { split: Some(SIZE), ..ArchiveOptions::default() };
    let archive = Archive::open_with(path, Access::Create, options).await.unwrap();
    let blob = MemoryBlob::new(noise(seed, size));
    archive.repository("r").push_blob(&blob).await.unwrap();
    add(&archive, "acme.org/a", [version.to_owned()]).await;
    blob.digest().unwrap()
}

async fn content(archive: &Archive, digest: &Digest) -> Result<Vec<u8>, String> {
    let mut stream = archive.repository("r").blob(digest, 0).await.map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    while let Some(chunk) = stream.next().await {
        content.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
    }
    Ok(content)
}

#[tokio::test]
async fn any_part_opens_the_whole_and_the_parts_together_are_an_ordinary_archive() {
    for name in ["ctf.tar", "ctf.tgz"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let digest = write(&path, 1, 200_000, "1.0.0").await;
        let parts = entries(folder.path());
        assert_eq!(parts, (1..=4).map(|number| format!("{name}.{number:03}")).collect::<Vec<_>>());
        for part in &parts[..3] {
            assert_eq!(folder.path().join(part).metadata().unwrap().len(), SIZE);
        }
        for opened in std::iter::once(name).chain(parts.iter().map(String::as_str)) {
            let archive = Archive::open(folder.path().join(opened), Access::Read).await.unwrap();
            assert_eq!(read(&archive, "acme.org/a", "1.0.0").await, "text of 1.0.0");
            assert_eq!(content(&archive, &digest).await.unwrap(), noise(1, 200_000), "{opened}");
        }

        let whole: Vec<u8> = parts.iter().flat_map(|part| std::fs::read(folder.path().join(part)).unwrap()).collect();
        let other = tempfile::tempdir().unwrap();
        let joined = other.path().join(name);
        std::fs::write(&joined, &whole).unwrap();
        let archive = Archive::open(&joined, Access::Read).await.unwrap();
        assert_eq!(content(&archive, &digest).await.unwrap(), noise(1, 200_000));
        if name == "ctf.tar" {
            let mut names = Vec::new();
            for entry in tar::Archive::new(whole.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                names.push(entry.path().unwrap().to_string_lossy().into_owned());
                entry.read_to_end(&mut Vec::new()).unwrap();
            }
            assert_eq!(names[..3], ["archive-parts.json", "artifact-index.json", "blobs"]);
        }
    }
}

#[tokio::test]
async fn the_list_has_the_digest_of_each_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf.tar");
    write(&path, 1, 200_000, "1.0.0").await;
    let first = std::fs::read(folder.path().join("ctf.tar.001")).unwrap();
    let list: serde_json::Value = {
        let mut entries = tar::Archive::new(first.as_slice());
        let mut entry = entries.entries().unwrap().next().unwrap().unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    for number in 2..=4 {
        let file = std::fs::read(folder.path().join(format!("ctf.tar.00{number}"))).unwrap();
        assert_eq!(list["parts"][number - 1]["digest"], Digest::of(&file).to_string());
    }
}

#[tokio::test]
async fn a_missing_or_damaged_part_is_named() {
    for name in ["ctf.tar", "ctf.tgz"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let digest = write(&path, 1, 200_000, "1.0.0").await;
        let part = |number: u64| folder.path().join(format!("{name}.{number:03}"));
        let open = |opened: std::path::PathBuf| async move { Archive::open(opened, Access::Read).await };

        for number in 1..=4 {
            let saved = std::fs::read(part(number)).unwrap();
            std::fs::remove_file(part(number)).unwrap();
            for opened in [path.clone(), part(if number == 2 { 3 } else { 2 })] {
                let error = open(opened).await.map(drop).unwrap_err();
                assert_eq!(error.kind(), Kind::NotFound);
                let text = error.to_string();
                assert!(text.contains(&format!("{name}.00{number}: is missing")), "{text}");
            }

            std::fs::write(part(number), &saved[..saved.len() - 1]).unwrap();
            let text = open(path.clone()).await.map(drop).unwrap_err().to_string();
            let shown = format!("{name}.00{number}: is damaged: it has {} bytes, but {}", saved.len() - 1, saved.len());
            assert!(text.contains(&shown), "{text}");

            let mut damaged = saved.clone();
            let middle = damaged.len() - 2000;
            damaged[middle] ^= 1;
            std::fs::write(part(number), &damaged).unwrap();
            // An archive that is not compressed is opened without a look at its content.
            let text = match open(path.clone()).await {
                Ok(archive) => content(&archive, &digest).await.unwrap_err(),
                Err(error) => error.to_string(),
            };
            assert!(text.contains(&format!("{name}.00{number}: is damaged: it has digest sha256:")), "{text}");
            assert!(text.contains("but sha256:") && text.contains(&format!("(part {number} of 4)")), "{text}");
            std::fs::write(part(number), &saved).unwrap();
        }
        let archive = open(path).await.unwrap();
        content(&archive, &digest).await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_index_is_noticed_without_reading_whole_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf.tar");
    write(&path, 1, 200_000, "1.0.0").await;
    let first = folder.path().join("ctf.tar.001");
    let mut bytes = std::fs::read(&first).unwrap();
    let tag = bytes.windows(5).position(|window| window == b"1.0.0").unwrap();
    bytes[tag] = b'2';
    std::fs::write(&first, bytes).unwrap();
    let error = Archive::open(&path, Access::Read).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("ctf.tar.001: is damaged"), "{error}");
}

#[tokio::test]
async fn parts_of_a_longer_archive_and_the_archive_in_one_file_go_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf.tar");
    {
        let archive = Archive::open(&path, Access::Create).await.unwrap();
        add(&archive, "acme.org/a", ["0.9.0".to_owned()]).await;
    }
    write(&path, 1, 200_000, "1.0.0").await;
    assert_eq!(entries(folder.path()).len(), 4);
    assert!(!path.exists());
    for number in 5..8 {
        std::fs::write(folder.path().join(format!("ctf.tar.00{number}")), "old").unwrap();
    }
    // Without a size, the parts stay as large as they are.
    let archive = Archive::open(&path, Access::ReadWrite).await.unwrap();
    add(&archive, "acme.org/a", ["1.1.0".to_owned()]).await;
    assert_eq!(entries(folder.path()), ["ctf.tar.001", "ctf.tar.002", "ctf.tar.003", "ctf.tar.004"]);
    assert_eq!(folder.path().join("ctf.tar.002").metadata().unwrap().len(), SIZE);
    let archive = Archive::open(&path, Access::Read).await.unwrap();
    for version in ["0.9.0", "1.0.0", "1.1.0"] {
        assert_eq!(read(&archive, "acme.org/a", version).await, format!("text of {version}"));
    }
}

#[tokio::test]
async fn a_writer_killed_between_two_names_is_completed_by_whoever_opens_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf.tar");
    let old = write(&path, 1, 300_000, "1.0.0").await;
    let other = tempfile::tempdir().unwrap();
    let new = write(&other.path().join("ctf.tar"), 2, 200_000, "2.0.0").await;
    for moved in 0..=4 {
        let pending = folder.path().join(".ctf.tar.parts");
        std::fs::create_dir(&pending).unwrap();
        for number in 1..=4 {
            let name = format!("ctf.tar.00{number}");
            let to = if number <= moved { folder.path() } else { &pending };
            std::fs::copy(other.path().join(&name), to.join(&name)).unwrap();
        }
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        assert_eq!(content(&archive, &new).await.unwrap(), noise(2, 200_000));
        assert!(content(&archive, &old).await.is_err());
        assert_eq!(entries(folder.path()).len(), 4);
    }
}

#[tokio::test]
async fn sizes_that_cannot_work_are_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    for size in [100, 1 << 10] {
        let options = ArchiveOptions { split: Some(size), ..ArchiveOptions::default() };
        let error = Archive::open_with(folder.path().join("ctf.tar"), Access::Create, options).await.map(drop);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Malformed);
        assert!(error.to_string().contains("choose at least"), "{error}");
    }
    // Only what there is to carry tells; more than what is otherwise kept for a later run.
    for (size, content) in [(1 << 11, 3 << 20), (1 << 11, 20 << 20)] {
        let options = ArchiveOptions { split: Some(size), ..ArchiveOptions::default() };
        let path = folder.path().join("ctf.tar");
        let archive = Archive::open_with(&path, Access::Create, options).await.unwrap();
        archive.repository("r").push_blob(&MemoryBlob::new(noise(1, content))).await.unwrap();
        let error = archive.commit().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Malformed);
        assert!(error.to_string().contains("choose at least"), "{error}");
        drop(archive);
        assert!(entries(folder.path()).is_empty());
    }
    let options = ArchiveOptions { split: Some(SIZE), ..ArchiveOptions::default() };
    let error = Archive::open_with(folder.path().join("ctf"), Access::Create, options).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("a folder cannot be split"), "{error}");
}

#[tokio::test]
async fn what_is_left_of_an_archive_is_neither_nothing_nor_in_the_way_of_unrelated_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf.tar");
    write(&path, 1, 200_000, "1.0.0").await;
    let part = |number: u64| folder.path().join(format!("ctf.tar.00{number}"));
    let fails = |access| {
        let path = path.clone();
        async move { Archive::open(path, access).await.map(drop).unwrap_err() }
    };
    let first = std::fs::read(part(1)).unwrap();
    let conflict = |error: &ocm_oci::Error| {
        assert_eq!(error.kind(), Kind::Conflict);
        let text = error.to_string();
        assert!(text.contains("nothing is written beside its parts") && text.contains("ctf.tar.002"), "{text}");
    };

    std::fs::remove_file(part(1)).unwrap();
    conflict(&fails(Access::Create).await);
    std::fs::write(part(1), "").unwrap();
    let text = fails(Access::Read).await.to_string();
    assert!(text.contains("ctf.tar.001: is damaged: it is empty"), "{text}");
    conflict(&fails(Access::Create).await);
    std::fs::copy(part(2), part(1)).unwrap();
    let text = fails(Access::Read).await.to_string();
    assert!(text.contains("ctf.tar.001: is damaged: it does not begin with the list"), "{text}");
    std::fs::write(part(2), &first).unwrap();
    let text = fails(Access::Read).await.to_string();
    assert!(text.contains("ctf.tar.001: is not the first part, since") && text.contains("ctf.tar.002 has"), "{text}");
    conflict(&fails(Access::Create).await);
    assert!(!path.exists());

    std::fs::write(folder.path().join("notes.123"), "text").unwrap();
    let archive = Archive::open(folder.path().join("notes"), Access::Create).await.unwrap();
    add(&archive, "acme.org/a", ["1.0.0".to_owned()]).await;
}

#[tokio::test]
async fn a_new_archive_is_begun_neither_as_a_part_nor_inside_of_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |name: &'static str| {
        let path = folder.path().join(name);
        async move { Archive::open(path, Access::Create).await.map(drop).unwrap_err() }
    };
    let error = fails("new.tar.001").await;
    assert_eq!(error.kind(), Kind::Malformed);
    assert!(error.to_string().contains("is the name of a part: name the archive"), "{error}");
    let archive = Archive::open(folder.path().join("ctf"), Access::Create).await.unwrap();
    add(&archive, "acme.org/a", ["1.0.0".to_owned()]).await;
    std::os::unix::fs::symlink(folder.path().join("ctf"), folder.path().join("link")).unwrap();
    for name in ["ctf/nested", "ctf/nested.tar", "ctf/blobs/deep/er", "link/nested", "ctf/x/../nested"] {
        let error = fails(name).await;
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.to_string().contains("is inside of the transport archive"), "{error}");
    }
    assert_eq!(entries(&folder.path().join("ctf")), ["artifact-index.json", "blobs"]);
    let error = Archive::open("-", Access::Create).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Malformed);
    write(&folder.path().join("parts.tar"), 1, 100_000, "1.0.0").await;
    let error = Archive::open(folder.path().join("parts.tar.004"), Access::Read).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("is no part 4") && error.to_string().contains("has 2 parts"), "{error}");
}

#[tokio::test]
async fn a_file_that_only_looks_like_a_part_is_an_archive_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path().join("ctf.tar"), Access::Create).await.unwrap();
    add(&archive, "acme.org/a", ["1.0.0".to_owned()]).await;
    for name in ["ctf.001", "other.123"] {
        let path = folder.path().join(name);
        std::fs::copy(folder.path().join("ctf.tar"), &path).unwrap();
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        assert_eq!(read(&archive, "acme.org/a", "1.0.0").await, "text of 1.0.0");
    }
    // One that begins as an archive does and goes on in the next one is a part all the same.
    let whole = std::fs::read(folder.path().join("ctf.tar")).unwrap();
    for (number, piece) in (2..).zip(whole.chunks(whole.len() / 2 + 1)) {
        std::fs::write(folder.path().join(format!("lost.tar.00{number}")), piece).unwrap();
    }
    let error = Archive::open(folder.path().join("lost.tar.002"), Access::Read).await.err().unwrap();
    assert!(error.to_string().contains("lost.tar.001: is missing: it is the first part"), "{error}");
}
