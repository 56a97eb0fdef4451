//! Writing and reading transport archives: what becomes visible when, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;

use std::sync::Arc;

use fixture::{add, component, entries, read};
use ocm_blob::{Digest, MemoryBlob, read_to_end};
use ocm_oci::{Kind, Manifest, Registry, Selector, UploadRegistry, media_type};
use ocm_repository::{Access, Archive, ComponentRepository, Form, NewVersion};

#[tokio::test]
async fn a_commit_makes_everything_visible_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/ctf");
    {
        let archive = Archive::open(&path, Access::Create).await.unwrap();
        let repository = archive.repository("a");
        repository.push_blob(&MemoryBlob::new("content")).await.unwrap();
        let manifest = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
        repository.push_manifest(&manifest, Some("1")).await.unwrap();
        assert_eq!(repository.tags().await.unwrap(), ["1"]);
        assert_eq!(repository.manifest(&Selector::Tag("1".into())).await.unwrap(), manifest);
        assert_eq!(repository.blob_size(&Digest::of("content")).await.unwrap(), Some(7));
        assert!(!path.join("artifact-index.json").exists());
    }
    assert_eq!(entries(folder.path()), [""; 0], "a dropped archive leaves nothing behind");

    let archive = Archive::open(&path, Access::Create).await.unwrap();
    add(&archive, "acme.org/a", ["1.0.0".into(), "1.0.0+build.5".into()]).await;
    assert_eq!(entries(&path), ["artifact-index.json", "blobs"]);
    let archive = Archive::open(&path, Access::Read).await.unwrap();
    assert_eq!(read(&archive, "acme.org/a", "1.0.0+build.5").await, "text of 1.0.0+build.5");
    let components = ComponentRepository::new(Arc::new(archive.clone()), "");
    assert_eq!(components.components().await.unwrap(), ["acme.org/a"]);
    assert_eq!(components.versions("acme.org/a").await.unwrap(), ["1.0.0+build.5", "1.0.0"]);
    assert!(components.exists("acme.org/a", "1.0.0").await.unwrap());
    assert_eq!(components.get("acme.org/a", "2.0.0").await.map(drop).unwrap_err().kind(), Kind::NotFound);
    let error = archive.repository("a").push_blob(&MemoryBlob::new("x")).await.unwrap_err();
    assert!(error.to_string().contains("for reading only"), "{error}");
}

#[tokio::test]
async fn what_is_no_archive_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Archive::open(folder.path().join("none"), Access::Read).await.map(drop).unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert!(missing.to_string().contains("none: "), "{missing}");
    Archive::open(folder.path(), Access::Read).await.unwrap();
    std::fs::write(folder.path().join("main.rs"), "").unwrap();
    let other = Archive::open(folder.path(), Access::Read).await.map(drop).unwrap_err();
    assert!(other.to_string().contains("is not a transport archive"), "{other}");
}

#[tokio::test]
async fn damage_is_named_and_links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    add(&archive, "acme.org/a", ["1.0.0".into()]).await;
    let digest = Digest::of("text of 1.0.0");
    let file = folder.path().join("blobs").join(digest.file_name());
    let repository = archive.repository("component-descriptors/acme.org/a");
    std::fs::write(&file, "text of 2.0.0").unwrap();
    let error = read_to_end(repository.blob(&digest, 0).await.unwrap(), 100, "x").await.unwrap_err().to_string();
    assert!(error.contains(&digest.file_name()) && error.contains("damaged"), "{error}");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    let error = repository.blob(&digest, 0).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("link"), "{error}");
}

#[tokio::test]
async fn tags_and_manifests_are_removed_and_shared_content_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    let manifest = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
    let (one, two) = (archive.repository("one"), archive.repository("two"));
    one.push_manifest(&manifest, Some("t")).await.unwrap();
    two.push_manifest(&manifest, None).await.unwrap();
    archive.commit().await.unwrap();
    assert!(one.delete_manifest(&Selector::Tag("t".into())).await.unwrap());
    assert!(!one.delete_manifest(&Selector::Tag("t".into())).await.unwrap());
    assert!(one.resolve(&manifest.digest().clone().into()).await.unwrap().is_some());
    assert_eq!(one.delete_blob(manifest.digest()).await.unwrap_err().kind(), Kind::Conflict);
    assert!(one.delete_manifest(&manifest.digest().clone().into()).await.unwrap());
    archive.commit().await.unwrap();
    let file = folder.path().join("blobs").join(manifest.digest().file_name());
    assert!(file.exists());
    assert!(two.delete_manifest(&manifest.digest().clone().into()).await.unwrap());
    archive.commit().await.unwrap();
    assert!(!file.exists());
    assert_eq!(archive.repositories().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn referrers_are_listed_under_the_fallback_tag() {
    let folder = tempfile::tempdir().unwrap();
    let subject = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
    let tag = format!("sha256-{}", subject.digest().hex());
    let referrer = |text: &str| {
        Manifest::write(
            &serde_json::json!({
                "schemaVersion": 2, "mediaType": media_type::INDEX, "artifactType": text, "manifests": [],
                "subject": subject.descriptor(), "annotations": {"k": text},
            }),
            media_type::INDEX,
        )
        .unwrap()
    };
    // Two writers that do not know of each other.
    let open = || Archive::open(folder.path(), Access::ReadWrite);
    let (one, two) = (open().await.unwrap(), open().await.unwrap());
    one.repository("r").push_manifest(&subject, Some("1")).await.unwrap();
    one.repository("r").push_manifest(&referrer("a/one"), None).await.unwrap();
    two.repository("r").push_manifest(&referrer("a/two"), None).await.unwrap();
    assert_eq!(one.repository("r").referrers(subject.digest()).await.unwrap().len(), 1);
    one.commit().await.unwrap();
    two.commit().await.unwrap();
    let repository = open().await.unwrap().repository("r");
    let list = repository.referrers(subject.digest()).await.unwrap();
    assert_eq!(list.iter().filter_map(|row| row.artifact_type.as_deref()).collect::<Vec<_>>(), ["a/one", "a/two"]);
    assert_eq!(list[1].annotation("k"), Some("a/two"));
    assert!(repository.tags().await.unwrap().contains(&tag));
    for text in ["a/one", "a/two"] {
        two.repository("r").delete_manifest(&referrer(text).digest().clone().into()).await.unwrap();
    }
    two.commit().await.unwrap();
    let repository = open().await.unwrap().repository("r");
    assert_eq!(repository.referrers(subject.digest()).await.unwrap(), []);
    assert_eq!(repository.tags().await.unwrap(), ["1"]);
}

#[tokio::test]
async fn an_upload_in_pieces_is_checked_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    let store = archive.upload_store("r");
    for (expected, good) in [("content", true), ("other", false)] {
        let mut upload = store.begin().await.unwrap();
        upload.write("con".into()).await.unwrap();
        upload.write("tent".into()).await.unwrap();
        assert_eq!(upload.size(), 7);
        assert_eq!(upload.finish(&Digest::of(expected)).await.is_ok(), good);
        assert_eq!(store.blob_size(&Digest::of(expected)).await.unwrap().is_some(), good);
    }
    let sha512: Digest = "sha512:b2d1d285b5199c85f988d03649c37e44fd3dde01e5d69c50fef90651962f48110e9340b60d49a479c4c0b53f5f07d690686dd87d2481937a512e8b85ee7c617f".parse().unwrap();
    let mut upload = store.begin().await.unwrap();
    upload.write("content".into()).await.unwrap();
    upload.finish(&sha512).await.unwrap();
    archive.commit().await.unwrap();
    assert!(folder.path().join("blobs").join(sha512.file_name()).exists());
    assert_eq!(entries(folder.path()), ["artifact-index.json", "blobs"]);
}

#[tokio::test]
async fn a_manifest_without_its_parts_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    let missing = Digest::of("missing");
    let text =
        format!(r#"{{"schemaVersion":2,"config":{{"mediaType":"x","digest":"{missing}","size":7}},"layers":[]}}"#);
    let error =
        archive.repository("r").push_manifest(&Manifest::new(media_type::MANIFEST, text), None).await.unwrap_err();
    assert!(error.to_string().contains(&missing.to_string()), "{error}");
    let (descriptor, _) = component("acme.org/a", "1.0.0", "never pushed");
    let components = ComponentRepository::new(Arc::new(archive), "");
    let error = components.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().starts_with("acme.org/a:1.0.0: local content"), "{error}");
}

#[tokio::test]
async fn one_of_ten_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    add(&archive, "acme.org/a", (0..100).map(|patch| format!("1.0.{patch}"))).await;
    // Rows for versions whose content is not there: whatever reads more than it needs fails.
    let path = folder.path().join("artifact-index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let rows = index["artifacts"].as_array_mut().unwrap();
    for patch in 100..10_000 {
        rows.push(serde_json::json!({
            "repository": "component-descriptors/acme.org/a", "tag": format!("1.0.{patch}"),
            "digest": Digest::of(patch.to_string()), "mediaType": media_type::MANIFEST,
        }));
    }
    std::fs::write(&path, index.to_string()).unwrap();
    let start = std::time::Instant::now();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    assert_eq!(read(&archive, "acme.org/a", "1.0.7").await, "text of 1.0.7");
    let read_in = start.elapsed();
    let start = std::time::Instant::now();
    add(&archive, "acme.org/a", ["2.0.0".into()]).await;
    let added_in = start.elapsed();
    // Ten times what an optimised build may take; an unoptimised one on a busy machine stays below.
    assert!(read_in.as_millis() < 1000 && added_in.as_millis() < 2000, "read in {read_in:?}, added in {added_in:?}");
    let components = ComponentRepository::new(Arc::new(archive), "");
    assert_eq!(components.versions("acme.org/a").await.unwrap().len(), 10_001);
}

#[tokio::test]
async fn archive_files_are_written_and_extended() {
    let folder = tempfile::tempdir().unwrap();
    for (name, form) in [("a.tar", Form::Tar), ("a.tgz", Form::TarGzip), ("a.tar.gz", Form::TarGzip)] {
        let path = folder.path().join("new").join(name);
        Archive::open(&path, Access::Create).await.unwrap().commit().await.unwrap();
        let empty = ocm_blob::Archive::open(&path).await.unwrap();
        let names: Vec<_> = empty.entries().iter().map(|entry| entry.path().as_str()).collect();
        assert_eq!(names, ["artifact-index.json", "blobs"], "{name}");
        std::fs::remove_dir_all(folder.path().join("new")).unwrap();
        {
            let archive = Archive::open(&path, Access::Create).await.unwrap();
            archive.repository("r").push_blob(&MemoryBlob::new("x")).await.unwrap();
        }
        assert_eq!(entries(folder.path()), [""; 0]);
        for version in ["1.0.0", "2.0.0"] {
            let archive = Archive::open(&path, Access::Create).await.unwrap();
            assert_eq!(archive.form(), form);
            add(&archive, "acme.org/a", [version.to_owned()]).await;
            assert_eq!(read(&archive, "acme.org/a", version).await, format!("text of {version}"));
        }
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        let components = ComponentRepository::new(Arc::new(archive.clone()), "");
        assert_eq!(components.versions("acme.org/a").await.unwrap(), ["2.0.0", "1.0.0"]);
        for version in ["1.0.0", "2.0.0"] {
            assert_eq!(read(&archive, "acme.org/a", version).await, format!("text of {version}"));
        }
        let packed = ocm_blob::Archive::open(&path).await.unwrap();
        let mut names: Vec<_> = packed.entries().iter().map(|entry| entry.path().as_str().to_owned()).collect();
        assert_eq!(names.remove(0), "artifact-index.json");
        assert_eq!(names.remove(0), "blobs");
        assert!(names.len() == 8 && names.is_sorted() && names.iter().all(|name| name.starts_with("blobs/sha256.")));
        assert_eq!(entries(&folder.path().join("new")), [name]);
        std::fs::remove_dir_all(folder.path().join("new")).unwrap();
    }
}

#[tokio::test]
async fn a_reader_follows_an_archive_file_that_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let open = || Archive::open(&path, Access::Create);
    add(&open().await.unwrap(), "acme.org/b", ["1.0.0".into()]).await;
    let reader = open().await.unwrap();
    add(&open().await.unwrap(), "acme.org/a", (0..20).map(|patch| format!("1.0.{patch}"))).await;
    assert_eq!(read(&reader, "acme.org/b", "1.0.0").await, "text of 1.0.0");
}

#[tokio::test]
async fn an_archive_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, entries: &[(&str, &str)]| {
        let mut builder = tar::Builder::new(std::fs::File::create(folder.path().join(name)).unwrap());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.finish().unwrap();
    };
    let index = ("./artifact-index.json", r#"{"schemaVersion":1,"artifacts":null}"#);
    write("good.tar", &[index]);
    write("other.tar", &[("x", "y")]);
    write("evil.tar", &[index, ("../blobs/x", "y")]);
    std::fs::write(folder.path().join("text.tgz"), "just some text").unwrap();
    std::fs::write(folder.path().join("empty"), "").unwrap();
    let open = |name: &str| Archive::open(folder.path().join(name), Access::Read);
    assert_eq!(open("good.tar").await.unwrap().repositories().await.unwrap(), [""; 0]);
    for (name, reason, kind) in [
        ("other.tar", "is not a transport archive", Kind::Unsupported),
        ("evil.tar", "../blobs/x", Kind::Invalid),
        ("text.tgz", "neither a folder nor a tar", Kind::Unsupported),
        ("empty", "empty file", Kind::Unsupported),
    ] {
        let error = open(name).await.map(drop).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error =
        Archive::open_as(folder.path().join("good.tar"), Access::Create, Form::Directory).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
}

#[tokio::test]
async fn an_empty_archive_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ctf", "ctf.tgz"] {
        let path = folder.path().join(name);
        Archive::open(&path, Access::Create).await.unwrap().commit().await.unwrap();
        assert_eq!(Archive::open(&path, Access::Read).await.unwrap().repositories().await.unwrap(), [""; 0]);
    }
    let index = std::fs::read_to_string(folder.path().join("ctf/artifact-index.json")).unwrap();
    assert_eq!(index, r#"{"schemaVersion":1,"artifacts":null}"#);
    assert_eq!(entries(folder.path()), ["ctf", "ctf.tgz"]);
}
