//! Many writers of one archive: in one process, in two, and ones that die.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;

use std::sync::Arc;

use fixture::{add, component, entries, read};
use ocm_blob::{Blob as _, Digest, MemoryBlob};
use ocm_oci::{Manifest, Registry, Selector, media_type};
use ocm_repository::{Access, Archive, ComponentRepository, NewVersion};

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_writers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf");
    let writers = (0..16).map(|writer| {
        let path = path.clone();
        tokio::spawn(async move {
            for round in 0..4 {
                let archive = Archive::open(&path, Access::Create).await.unwrap();
                let name = format!("acme.org/c{}", writer % 3);
                add(&archive, &name, [format!("1.{writer}.{round}")]).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(entries(&path), ["artifact-index.json", "blobs"]);
    let archive = Archive::open(&path, Access::Read).await.unwrap();
    let components = ComponentRepository::new(Arc::new(archive.clone()), "");
    let mut count = 0;
    for name in components.components().await.unwrap() {
        for version in components.versions(&name).await.unwrap() {
            assert_eq!(read(&archive, &name, &version).await, format!("text of {version}"));
            count += 1;
        }
    }
    assert_eq!(count, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_tasks_share_one_handle() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path().join("ctf"), Access::Create).await.unwrap();
    let writers = (0..16).map(|writer| {
        let archive = archive.clone();
        tokio::spawn(async move {
            for round in 0..4 {
                add(&archive, "acme.org/a", [format!("1.{writer}.{round}")]).await;
                assert_eq!(
                    read(&archive, "acme.org/a", &format!("1.{writer}.{round}")).await,
                    format!("text of 1.{writer}.{round}")
                );
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let archive = Archive::open(archive.path(), Access::Read).await.unwrap();
    let components = ComponentRepository::new(Arc::new(archive.clone()), "");
    assert_eq!(components.versions("acme.org/a").await.unwrap().len(), 64);
    assert_eq!(entries(archive.path()), ["artifact-index.json", "blobs"]);
}

#[tokio::test]
async fn an_open_handle_sees_what_others_commit() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ctf", "ctf.tar"] {
        let path = folder.path().join(name);
        let other = Archive::open(&path, Access::Create).await.unwrap();
        add(&other, "acme.org/a", ["1.0.0".to_owned()]).await;
        let handle = Archive::open(&path, Access::Create).await.unwrap();
        let components = ComponentRepository::new(Arc::new(handle.clone()), "");
        let (descriptor, blob) = component("acme.org/a", "3.0.0", "text of 3.0.0");
        components.content("acme.org/a").push_blob(&blob).await.unwrap();
        let staged = components.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();

        add(&other, "acme.org/a", ["2.0.0".to_owned()]).await;
        add(&other, "acme.org/b", ["1.0.0".to_owned()]).await;
        assert_eq!(components.versions("acme.org/a").await.unwrap(), ["2.0.0", "1.0.0"], "{name}");
        assert_eq!(components.components().await.unwrap(), ["acme.org/a", "acme.org/b"], "{name}");
        assert_eq!(read(&handle, "acme.org/a", "2.0.0").await, "text of 2.0.0");
        let pushed = blob.digest().unwrap();
        let uncommitted = components.content("acme.org/a").blob_size(&pushed).await.unwrap();
        assert!(uncommitted.is_some(), "{name}");

        components.publish(vec![staged]).await.unwrap();
        assert_eq!(read(&other, "acme.org/a", "3.0.0").await, "text of 3.0.0");
        let other = ComponentRepository::new(Arc::new(other), "");
        assert_eq!(other.versions("acme.org/a").await.unwrap(), ["3.0.0", "2.0.0", "1.0.0"], "{name}");
    }
}

/// Environment variable that makes this test binary a second writer.
const WRITER: &str = "REPOSITORY_TEST_WRITER";

#[tokio::test]
async fn second_process() {
    let Ok(path) = std::env::var(WRITER) else { return };
    for round in 0..20 {
        let archive = Archive::open(&path, Access::Create).await.unwrap();
        add(&archive, "acme.org/shared", [format!("{}.0.{round}", std::process::id())]).await;
    }
}

/// Environment variable that makes this test binary a writer that is killed in the middle of its work.
const VICTIM: &str = "REPOSITORY_TEST_VICTIM";

#[tokio::test]
async fn killed_process() {
    let Ok(path) = std::env::var(VICTIM) else { return };
    let archive = Archive::open(&path, Access::Create).await.unwrap();
    let components = ComponentRepository::new(Arc::new(archive), "");
    let (descriptor, blob) = component("acme.org/victim", "1.0.0", "text");
    components.content("acme.org/victim").push_blob(&blob).await.unwrap();
    components.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    std::process::abort();
}

#[tokio::test]
async fn a_killed_writer_leaves_nothing_visible_and_the_next_one_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ctf", "ctf.tar"] {
        let path = folder.path().join(name);
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let status = command.args(["--exact", "killed_process"]).env(VICTIM, &path).output().unwrap().status;
        assert!(!status.success());
        let inside = if name == "ctf" { path.as_path() } else { folder.path() };
        let leftover = || entries(inside).into_iter().filter(|name| name.contains(".staging-")).count();
        assert_eq!(leftover(), 1);
        let archive = Archive::open(&path, Access::Create).await.unwrap();
        assert_eq!(archive.repositories().await.unwrap(), [""; 0]);
        add(&archive, "acme.org/a", ["1.0.0".into()]).await;
        assert_eq!(leftover(), 0);
    }
    assert_eq!(entries(folder.path()), ["ctf", "ctf.tar"]);
    assert_eq!(entries(&folder.path().join("ctf")), ["artifact-index.json", "blobs"]);
}

#[tokio::test]
async fn two_processes_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ctf", "ctf.tgz"] {
        let path = folder.path().join(name);
        let start = || {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "second_process"]).env(WRITER, &path).spawn().unwrap()
        };
        for mut writer in [start(), start()] {
            assert!(writer.wait().unwrap().success());
        }
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        let components = ComponentRepository::new(Arc::new(archive.clone()), "");
        assert_eq!(components.versions("acme.org/shared").await.unwrap().len(), 40);
    }
    assert_eq!(entries(folder.path()), ["ctf", "ctf.tgz"]);
    assert!(folder.path().join("ctf.tgz").is_file());
}

#[tokio::test]
async fn a_dead_writers_folder_is_removed_and_a_living_ones_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let living = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    living.repository("a").push_blob(&MemoryBlob::new("living")).await.unwrap();
    std::fs::create_dir(folder.path().join(".staging-dead")).unwrap();
    std::fs::write(folder.path().join(".staging-dead/x"), "half").unwrap();
    let other = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    add(&other, "acme.org/a", ["1.0.0".into()]).await;
    assert!(!folder.path().join(".staging-dead").exists());
    living.commit().await.unwrap();
    assert!(folder.path().join("blobs").join(Digest::of("living").file_name()).exists());
}

#[tokio::test]
async fn a_failed_commit_shows_nothing_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    std::fs::write(folder.path().join("blobs"), "in the way").unwrap();
    let repository = archive.repository("r");
    let manifest = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
    repository.push_manifest(&manifest, None).await.unwrap_err();
    std::fs::remove_file(folder.path().join("blobs")).unwrap();
    repository.push_manifest(&manifest, Some("1")).await.unwrap();
    std::fs::write(folder.path().join("blobs"), "in the way").unwrap();
    let error = archive.commit().await.unwrap_err().to_string();
    assert!(error.contains("blobs: is not a folder"), "{error}");
    assert!(!folder.path().join("artifact-index.json").exists());
    std::fs::remove_file(folder.path().join("blobs")).unwrap();
    archive.commit().await.unwrap();
    let archive = Archive::open(folder.path(), Access::Read).await.unwrap();
    assert_eq!(archive.repository("r").manifest(&Selector::Tag("1".into())).await.unwrap(), manifest);
}

#[tokio::test]
async fn content_that_is_removed_between_a_look_and_the_commit_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ctf", "ctf.tar"] {
        let path = folder.path().join(name);
        let first = Archive::open(&path, Access::Create).await.unwrap();
        let blob = MemoryBlob::new("shared");
        first.repository("a").push_blob(&blob).await.unwrap();
        first.commit().await.unwrap();

        let pushing = Archive::open(&path, Access::ReadWrite).await.unwrap();
        assert_eq!(pushing.repository("b").push_blob(&blob).await.unwrap().1, ocm_oci::Pushed::Present);
        assert!(first.repository("a").delete_blob(&Digest::of("shared")).await.unwrap());
        first.commit().await.unwrap();
        add(&first, "acme.org/a", ["1.0.0".into()]).await;

        pushing.repository("b").push_blob(&MemoryBlob::new("other")).await.unwrap();
        let error = pushing.commit().await.unwrap_err();
        assert_eq!(error.kind(), ocm_oci::Kind::Conflict);
        assert!(error.to_string().contains("removed by another writer"), "{error}");
    }
}

/// An image manifest with nothing but this layer.
fn image(layer: &MemoryBlob) -> Manifest {
    let size = layer.bytes().len();
    let digest = Digest::of(layer.bytes());
    let text = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"{digest}","size":{size}}},"layers":[{{"mediaType":"l","digest":"{digest}","size":{size}}}]}}"#
    );
    Manifest::new(media_type::MANIFEST, text)
}

#[tokio::test]
async fn content_that_another_writer_has_come_to_need_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ctf", "ctf.tar"] {
        let path = folder.path().join(name);
        let removing = Archive::open(&path, Access::Create).await.unwrap();
        let blob = MemoryBlob::new("shared");
        removing.repository("a").push_blob(&blob).await.unwrap();
        removing.commit().await.unwrap();
        assert!(removing.repository("a").delete_blob(&Digest::of("shared")).await.unwrap());

        let other = Archive::open(&path, Access::ReadWrite).await.unwrap();
        other.repository("b").push_manifest(&image(&blob), Some("1")).await.unwrap();
        other.commit().await.unwrap();
        removing.commit().await.unwrap();
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        assert_eq!(archive.repository("b").blob_size(&Digest::of("shared")).await.unwrap(), Some(6), "{name}");
    }
}

#[tokio::test]
async fn content_that_another_repository_needs_is_not_removed_and_manifests_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    let blobs: Vec<_> = (0..20).map(|number| MemoryBlob::new(format!("content {number}"))).collect();
    for blob in &blobs {
        archive.repository("a").push_blob(blob).await.unwrap();
        archive.repository("a").push_manifest(&image(blob), None).await.unwrap();
    }
    archive.repository("b").push_manifest(&image(&blobs[0]), Some("1")).await.unwrap();
    archive.commit().await.unwrap();
    let repository = archive.repository("a");
    let first = Digest::of(blobs[0].bytes());
    let error = repository.delete_blob(&first).await.unwrap_err();
    assert!(error.to_string().contains("is needed in repository b too"), "{error}");
    // A manifest that was read is not read again, or this would fail.
    for entry in std::fs::read_dir(folder.path().join("blobs")).unwrap() {
        let path = entry.unwrap().path();
        if std::fs::read_to_string(&path).unwrap().starts_with('{') {
            std::fs::write(path, "damaged").unwrap();
        }
    }
    for blob in &blobs[1..] {
        assert!(repository.delete_blob(&Digest::of(blob.bytes())).await.unwrap());
    }
    assert!(repository.delete_blob(&first).await.is_err());
    archive.repository("b").delete_manifest(&Selector::Digest(image(&blobs[0]).digest().clone())).await.unwrap();
    assert!(repository.delete_blob(&first).await.unwrap());
}
