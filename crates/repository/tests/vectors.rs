//! Every archive that the Go programs wrote is read completely: all versions, and all local content verified.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use ocm_blob::Blob;
use ocm_oci::Repository as _;
use ocm_oci::Selector;
use ocm_repository::{
    Access, Archive, ArtifactSet, ComponentArchive, ComponentRepository, ComponentVersion, LocalContent,
    is_artifact_set,
};

fn vectors() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if !path.exists() {
        eprintln!("skipped: {} does not exist", path.display());
        return None;
    }
    Some(path)
}

/// Reads to the end, which is reached only if every byte is right.
async fn drain(blob: &dyn Blob) -> u64 {
    let mut stream = blob.open().await.unwrap();
    let mut size = 0;
    while let Some(chunk) = stream.next().await {
        size += chunk.unwrap().len() as u64;
    }
    size
}

async fn read_local_content(version: &ComponentVersion) -> usize {
    let component = &version.descriptor.component;
    let accesses = component.resources.iter().map(|resource| &resource.access);
    let accesses = accesses.chain(component.sources.iter().map(|source| &source.access));
    let mut count = 0;
    for access in accesses.filter(|access| access.base_kind().eq_ignore_ascii_case("localBlob")) {
        let content = version.local(access).await.unwrap();
        match &content {
            LocalContent::Manifest(row) => {
                let document =
                    version.content().manifest(&row.digest.clone().into()).await.unwrap().document().unwrap();
                for blob in document.blobs() {
                    let stored = ocm_oci::StoredBlob::new(version.content(), blob.clone());
                    assert_eq!(drain(&stored).await, blob.size);
                }
            }
            LocalContent::Blob(blob) => assert_eq!(drain(&*version.blob(&content)).await, blob.size),
            LocalContent::Parts(_) => panic!("no vector has content in parts"),
        }
        count += 1;
    }
    count
}

#[tokio::test]
async fn everything_the_go_programs_wrote_is_read() {
    let Some(vectors) = vectors() else { return };
    // Archive, number of component versions, number of local contents.
    let archives = [
        ("v2/ctf-compatibility/01/transport-archive", 1, 1),
        ("v2/ctf-compatibility/01/transport-archive.tar", 1, 1),
        ("v2/ctf-compatibility/01/transport-archive.tar.gz", 1, 1),
        ("v2/ctf-compatibility/02/with-resource", 1, 1),
        ("v2/ctf-compatibility/02/without-resource", 1, 0),
        ("v1/ctf-v0.18.0", 1, 8),
        ("generated-v2/ctf/json/ctf", 2, 4),
        ("generated-v2/ctf/json/ctf.tar", 2, 4),
        ("generated-v2/ctf/json/ctf.tgz", 2, 4),
        ("generated-v2/ctf/yaml", 1, 1),
        ("generated-v2/ctf/yamltar", 1, 1),
        ("generated-v2/ctf/referrers", 3, 5),
        ("generated-v2/ctf/ownership", 1, 3),
        ("v2-run/all-inputs/ctf", 1, 14),
        ("v2-run/recursive/ctf", 4, 1),
        ("v1-run/tree/ctf", 5, 6),
        ("v1-run/image/ctf.tgz", 1, 4),
    ];
    for (name, versions, contents) in archives {
        let path = vectors.join(name);
        let path = if path.join("ctf").exists() { path.join("ctf") } else { path };
        let archive = Archive::open(&path, Access::Read).await.unwrap();
        let components = ComponentRepository::new(Arc::new(archive), "");
        let (mut found, mut local) = (0, 0);
        for component in components.components().await.unwrap() {
            for version in components.versions(&component).await.unwrap() {
                let version =
                    components.get(&component, &version).await.unwrap_or_else(|error| panic!("{name}: {error}"));
                local += read_local_content(&version).await;
                found += 1;
            }
        }
        assert_eq!((found, local), (versions, contents), "{name}: versions and local contents");
    }
}

#[tokio::test]
async fn a_build_part_comes_back_from_the_tag() {
    let Some(vectors) = vectors() else { return };
    let archive = Archive::open(vectors.join("generated-v2/ctf/json/ctf"), Access::Read).await.unwrap();
    let components = ComponentRepository::new(Arc::new(archive), "");
    assert_eq!(components.versions("acme.org/index").await.unwrap(), ["1.0.0+build.5"]);
    let version = components.get("acme.org/index", "1.0.0+build.5").await.unwrap();
    assert_eq!(
        version.root.digest().to_string(),
        "sha256:f33bbac28fcf157c4a736685fd1e6b84b9e6d944dca3b804116b725a508d3ee8"
    );
    assert_eq!(
        version.manifest.digest().to_string(),
        "sha256:86171ccb36499adf826ae89c7b72121917ddabcabbe252adbbb69710f6b540bf"
    );
}

#[tokio::test]
async fn referrers_of_the_go_program_are_listed() {
    let Some(vectors) = vectors() else { return };
    let folder = vectors.join("generated-v2/ctf/referrers");
    let path = if folder.join("ctf").exists() { folder.join("ctf") } else { folder };
    let archive: Arc<dyn ocm_oci::Registry> = Arc::new(Archive::open(path, Access::Read).await.unwrap());
    let mut found = 0;
    for name in archive.repositories().await.unwrap() {
        let repository = archive.repository(&name);
        for tag in repository.tags().await.unwrap() {
            if let Some(hex) = tag.strip_prefix("sha256-") {
                let subject = format!("sha256:{hex}").parse().unwrap();
                found += repository.referrers(&subject).await.unwrap().len();
            } else {
                assert!(repository.resolve(&Selector::Tag(tag)).await.unwrap().is_some());
            }
        }
    }
    assert!(found > 0);
}

#[tokio::test]
async fn component_archives_are_read() {
    let Some(vectors) = vectors() else { return };
    for (name, component, contents) in [
        ("v1-run/archive/dir", "acme.org/arch", 2),
        ("v1-run/archive/archive.tgz", "acme.org/arch", 2),
        ("v1/component-archive/common", "example.com/root", 1),
        ("v1/component-archive/directory", "example.com/root", 1),
        ("v1/component-archive/descriptor", "github.com/gardener/gardener", 0),
    ] {
        assert!(ComponentArchive::is_one(&vectors.join(name)).await);
        let components = ComponentArchive::open(vectors.join(name)).await.unwrap().components();
        assert_eq!(components.components().await.unwrap(), [component]);
        let versions = components.versions(component).await.unwrap();
        let version = components.get(component, &versions[0]).await.unwrap();
        assert_eq!(read_local_content(&version).await, contents, "{name}");
        assert!(!components.exists(component, "99.0.0").await.unwrap());
    }
}

#[tokio::test]
async fn artifact_sets_are_read_as_the_images_in_them() {
    let Some(vectors) = vectors() else { return };
    let scratch = tempfile::tempdir().unwrap();
    for (name, component, main) in [
        (
            "v2/ctf-compatibility/02/with-resource",
            None,
            "sha256:62be4af3382a4493cb7f1dd4ec47bcb28f1863b615fc9e4a1dceefbe93898dd0",
        ),
        (
            "v1-run/image/ctf.tgz",
            Some("acme.org/image"),
            "sha256:2c30d078c229b3950f1c9410d55f46a8616b0ddf667d5dd0f2d9ab3f83a53ebb",
        ),
    ] {
        let archive = Archive::open(vectors.join(name), Access::Read).await.unwrap();
        let components = ComponentRepository::new(Arc::new(archive), "");
        let component = components
            .components()
            .await
            .unwrap()
            .into_iter()
            .find(|name| component.is_none_or(|one| one == name))
            .unwrap();
        let version = components.get(&component, &components.versions(&component).await.unwrap()[0]).await.unwrap();
        let mut mains = Vec::new();
        for resource in &version.descriptor.component.resources {
            assert!(resource.access.text("mediaType").is_some_and(is_artifact_set));
            let blob = version.blob(&version.local(&resource.access).await.unwrap());
            let set = ArtifactSet::open(&*blob, scratch.path()).await.unwrap();
            mains.push(set.main().digest.to_string());
            let document = set.manifest(&set.main().digest.clone().into()).await.unwrap().document().unwrap();
            for blob in document.blobs() {
                let mut stream = set.blob(&blob.digest, 0).await.unwrap();
                while let Some(chunk) = stream.next().await {
                    chunk.unwrap();
                }
            }
        }
        assert!(mains.contains(&main.to_owned()), "{mains:?}");
    }
    assert!(std::fs::read_dir(scratch.path()).unwrap().next().is_none());
}
