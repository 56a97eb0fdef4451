//! What is built, what is refused while building, and what the target holds afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocm_access::{Content, open};
use ocm_blob::{Digest, MemoryBlob, read_to_end};
use ocm_constructor::Dialect;
use ocm_constructor::build::{Conflict, Disposition, Error, External, Options, build};
use ocm_oci::{ImageManifest, Kind, Manifest, MemoryRegistry, Registry, Repository, Selector, media_type};
use ocm_repository::{Access, Archive, ComponentRepository};
use serde_json::json;
use support::{Images, Other, Place, constructor};

fn component(name: &str, keys: &str) -> String {
    format!("- name: acme.org/{name}\n  version: 1.0.0\n  provider: {{name: acme.org}}\n{keys}")
}

fn one(input: &str) -> String {
    format!(
        "name: acme.org/x\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- {{name: res, type: blob, input: {input}}}\n"
    )
}

fn refers_to(names: &[&str]) -> String {
    let references: Vec<String> = names
        .iter()
        .map(|name| format!("  - {{name: to-{name}, componentName: acme.org/{name}, version: 1.0.0}}\n"))
        .collect();
    if references.is_empty() { String::new() } else { format!("  componentReferences:\n{}", references.concat()) }
}

/// Pushes a small image and gives its descriptor.
async fn image(repository: &Arc<dyn Repository>, tag: &str) -> ocm_oci::Descriptor {
    let (config, _) = repository.push_blob(&MemoryBlob::new("{}")).await.unwrap();
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": []});
    let manifest = Manifest::new(media_type::MANIFEST, serde_json::to_vec(&manifest).unwrap());
    repository.push_manifest(&manifest, Some(tag)).await.unwrap();
    manifest.descriptor()
}

#[tokio::test]
async fn content_can_be_read_back() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "hello").unwrap();
    place.build(folder.path(), &one("{type: File/v1, path: a.txt}")).await.unwrap();
    let version = place.environment.target.get("acme.org/x", "1.0.0").await.unwrap();
    let resource = &version.descriptor.component.resources[0];
    assert_eq!(resource.access.text("mediaType"), Some("text/plain; charset=utf-8"));
    let Some(Content::Blob { blob, .. }) =
        open(&resource.access, &version, &Images(MemoryRegistry::default())).await.unwrap()
    else {
        panic!("a blob")
    };
    assert_eq!(read_to_end(blob.open().await.unwrap(), 100, "res").await.unwrap(), "hello");
    assert_eq!(*place.told.1.lock().unwrap(), 5);
}

#[tokio::test]
async fn compressed_content_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (input, expected) in [
        ("{type: utf8, text: x, compress: true}", "text/plain+gzip"),
        ("{type: utf8, yaml: {a: b}}", "application/x-yaml"),
        ("{type: binary, data: aGVsbG8=}", "application/octet-stream"),
        ("{type: binary, data: aGVsbG8=, mediaType: a/b, compress: true}", "a/b+gzip"),
        ("{type: dir, path: ., compress: true}", "application/x-tar+gzip"),
    ] {
        let outcome = Place::new().build(folder.path(), &one(input)).await.unwrap();
        assert_eq!(
            outcome.versions[0].descriptor.component.resources[0].access.text("mediaType"),
            Some(expected),
            "{input}"
        );
    }
}

#[tokio::test]
async fn the_older_dialect_writes_its_own_names() {
    let folder = tempfile::tempdir().unwrap();
    for (input, expected) in [
        ("{type: utf8, text: x}", "application/octet-stream"),
        ("{type: utf8, text: x, mediaType: a/b, compress: true}", "a/b"),
        ("{type: dir, path: ., compress: true}", "application/x-tgz"),
    ] {
        let place = Place::new();
        let constructor = constructor(folder.path(), &one(input), Dialect::V1, &[]).unwrap();
        let outcome = build(constructor.components, &place.environment, &Options::default()).await.unwrap();
        let access = &outcome.versions[0].descriptor.component.resources[0].access;
        assert_eq!((access.kind.as_str(), access.text("mediaType")), ("localBlob", Some(expected)), "{input}");
    }
}

#[tokio::test]
async fn patterns_that_match_nothing_are_told_in_the_older_dialect() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "a").unwrap();
    for (pattern, fits) in [("a.*", true), ("^a.*$", false)] {
        let input = format!("{{type: dir, path: ., includeFiles: [\"{pattern}\"]}}");
        let constructor = constructor(folder.path(), &one(&input), Dialect::V1, &[]).unwrap();
        let built = build(constructor.components, &Place::new().environment, &Options::default()).await;
        assert_eq!(built.is_ok(), fits, "{pattern}");
    }
}

#[tokio::test]
async fn an_image_of_a_registry_is_copied_and_keeps_a_name() {
    let place = Place::new();
    let root = image(&place.images.repository("team/app"), "v1").await;
    for (dialect, repository, name) in [
        (Dialect::V1, "", "acme.org/x/res:v1"),
        (Dialect::V1, ", repository: a/b", "acme.org/x/a/b:v1"),
        (Dialect::V1, ", repository: /a/b", "a/b:v1"),
        (Dialect::V2, "", "team/app:v1"),
    ] {
        let input = format!("{{type: ociArtifact, path: \"registry.example/team/app:v1\"{repository}}}");
        let constructor = constructor(Path::new("."), &one(&input), dialect, &[]).unwrap();
        let options = Options { conflict: Conflict::Replace, ..Options::default() };
        let outcome = build(constructor.components, &place.environment, &options).await.unwrap();
        let access = &outcome.versions[0].descriptor.component.resources[0].access;
        assert_eq!(access.text("localReference"), Some(root.digest.to_string().as_str()));
        assert_eq!(access.text("referenceName"), Some(name), "{repository}");
        let content = place.environment.target.content("acme.org/x");
        assert!(content.resolve(&root.digest.clone().into()).await.unwrap().is_some());
    }
}

#[test]
fn an_image_input_says_what_it_cannot_do() {
    let read = |members: &str| {
        let input = format!("{{type: ociArtifact, {members}}}");
        constructor(Path::new("."), &one(&input), Dialect::V1, &[]).map(|_| ()).map_err(|problems| problems.to_string())
    };
    let path = "path: \"registry.example/a:v1\"";
    assert_eq!(read(path), Ok(()));
    for wrong in ["platforms: [linux/amd64]", "repository: \"x:1\"", "repository: x@y"] {
        let key = wrong.split(':').next().unwrap();
        assert!(read(&format!("{path}, {wrong}")).unwrap_err().contains(key), "{wrong}");
    }
    assert!(read("path: \"::\"").is_err());
}

#[tokio::test]
async fn a_directory_has_one_digest_whatever_its_times() {
    let mut digests = Vec::new();
    for reproducible in ["", "", ", reproducible: false", ", reproducible: false"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("d")).unwrap();
        let file = std::fs::File::create(folder.path().join("d/a")).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1000 * digests.len() as u64 + 5))
            .unwrap();
        let outcome =
            Place::new().build(folder.path(), &one(&format!("{{type: dir, path: d{reproducible}}}"))).await.unwrap();
        digests.push(outcome.versions[0].descriptor.component.resources[0].digest.clone().unwrap().value);
    }
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[2], digests[3]);
}

#[tokio::test]
async fn missing_files_are_told_together_and_nothing_is_written() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "components:\n{}{}",
        component("good", "  resources:\n  - {name: res, type: blob, input: {type: utf8, text: x}}\n"),
        component(
            "bad",
            "  resources:\n  - {name: aa, type: blob, input: {type: file, path: gone}}\n  - {name: bb, type: blob, input: {type: dir, path: ../..}}\n"
        )
    );
    let error = place.build(folder.path(), &text).await.unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert!(
        lines[0].starts_with("c.yaml:11:5: resource \"aa\" of acme.org/bad:1.0.0: ") && lines[0].contains("gone"),
        "{error}"
    );
    assert!(
        lines[1].starts_with("c.yaml:12:5: resource \"bb\" of acme.org/bad:1.0.0: ")
            && lines[1].contains("outside of the working directory"),
        "{error}"
    );
    assert!(!place.environment.target.exists("acme.org/good", "1.0.0").await.unwrap());
}

#[tokio::test]
async fn references_in_any_order_get_the_digest_of_what_they_name() {
    let place = Place::new();
    let text = format!(
        "components:\n{}{}{}",
        component("top", &refers_to(&["mid"])),
        component("mid", &refers_to(&["leaf"])),
        component("leaf", "")
    );
    let outcome = place.build(Path::new("."), &text).await.unwrap();
    let digest = |position: usize| {
        outcome.versions[position].descriptor.component.component_references[0].digest.clone().unwrap()
    };
    assert_eq!(digest(1).normalisation_algorithm, "jsonNormalisation/v4alpha1");
    let leaf =
        ocm_model::normalise::normalise(&outcome.versions[2].descriptor, ocm_model::normalise::Algorithm::V4Alpha1)
            .unwrap();
    assert_eq!(digest(1).value, Digest::of(leaf).hex());
    let mid = place.environment.target.get("acme.org/mid", "1.0.0").await.unwrap();
    let mid = ocm_model::normalise::normalise(&mid.descriptor, ocm_model::normalise::Algorithm::V4Alpha1).unwrap();
    assert_eq!(digest(0).value, Digest::of(mid).hex());
}

#[tokio::test]
async fn cycles_are_named() {
    let text = format!(
        "components:\n{}{}{}",
        component("aa", &refers_to(&["bb"])),
        component("bb", &refers_to(&["cc"])),
        component("cc", &refers_to(&["bb"]))
    );
    let error = Place::new().build(Path::new("."), &text).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "c.yaml:16:5: references form a cycle: acme.org/bb:1.0.0 -> acme.org/cc:1.0.0 -> acme.org/bb:1.0.0"
    );
    let text = format!("components:\n{}", component("aa", &refers_to(&["aa"])));
    let error = Place::new().build(Path::new("."), &text).await.unwrap_err();
    assert!(error.to_string().ends_with("acme.org/aa:1.0.0 -> acme.org/aa:1.0.0"), "{error}");
}

#[tokio::test]
async fn a_wrong_digest_is_refused() {
    let zeros = "0".repeat(64);
    let digest =
        format!("{{hashAlgorithm: SHA-256, normalisationAlgorithm: genericBlobDigest/v1, value: \"{zeros}\"}}");
    let error = Place::new()
        .build(
            Path::new("."),
            &one("{type: utf8, text: x}").replace("type: blob", &format!("type: blob, digest: {digest}")),
        )
        .await
        .unwrap_err();
    let Error::Content { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), Kind::Invalid);
    assert!(
        error.to_string().starts_with(
            "c.yaml:5:3: resource \"res\" of acme.org/x:1.0.0: digest: its content has the digest SHA-256:2d711642"
        ),
        "{error}"
    );

    let references = refers_to(&["bb"]).replace("version: 1.0.0}", &format!("version: 1.0.0, digest: {digest}}}"));
    let text = format!("components:\n{}{}", component("aa", &references), component("bb", ""));
    let error = Place::new().build(Path::new("."), &text).await.unwrap_err().to_string();
    assert!(
        error.starts_with("c.yaml:6:5: reference \"to-bb\": acme.org/bb:1.0.0 has the digest SHA-256:")
            && error.contains(&zeros),
        "{error}"
    );
}

#[tokio::test]
async fn what_exists_is_kept_replaced_or_in_the_way() {
    let place = Place::new();
    let text = |text: &str| one(&format!("{{type: utf8, text: {text}}}"));
    let with = |conflict| Options { conflict, ..Options::default() };
    let folder = Path::new(".");
    place.build(folder, &text("old")).await.unwrap();

    let error = place.build(folder, &text("new")).await.unwrap_err();
    assert!(
        matches!(error, Error::Exists { .. })
            && error.to_string().starts_with("component version acme.org/x:1.0.0 is already in "),
        "{error}"
    );
    let kept = place.build_with(folder, &text("new"), &with(Conflict::Skip)).await.unwrap();
    assert_eq!((kept.versions[0].disposition, value(&kept)), (Disposition::Kept, Digest::of("old").hex()));
    let same = place.build_with(folder, &text("old"), &with(Conflict::KeepIdentical)).await.unwrap();
    assert_eq!(same.versions[0].disposition, Disposition::Kept);
    let error = place.build_with(folder, &text("new"), &with(Conflict::KeepIdentical)).await.unwrap_err();
    assert!(matches!(error, Error::Differs { .. }), "{error}");
    let replaced = place.build_with(folder, &text("new"), &with(Conflict::Replace)).await.unwrap();
    assert_eq!((replaced.versions[0].disposition, value(&replaced)), (Disposition::Replaced, Digest::of("new").hex()));
    let stored = place.environment.target.get("acme.org/x", "1.0.0").await.unwrap();
    assert_eq!(stored.descriptor.component.resources[0].digest.as_ref().unwrap().value, Digest::of("new").hex());
}

fn value(outcome: &ocm_constructor::build::Outcome) -> String {
    outcome.versions[0].descriptor.component.resources[0].digest.clone().unwrap().value
}

#[tokio::test]
async fn external_references_are_found_and_copied_if_asked() {
    let other = Place::new();
    let text = format!(
        "components:\n{}{}",
        component(
            "lib",
            &format!(
                "  resources:\n  - {{name: res, type: blob, input: {{type: utf8, text: x}}}}\n{}",
                refers_to(&["base"])
            )
        ),
        component("base", "")
    );
    other.build(Path::new("."), &text).await.unwrap();
    let text = format!("components:\n{}", component("app", &refers_to(&["lib"])));

    let alone = Place::new();
    let error = alone.build(Path::new("."), &text).await.unwrap_err().to_string();
    assert!(
        error.starts_with(
            "c.yaml:6:5: the component version acme.org/lib:1.0.0 of the reference \"to-lib\" is neither in the files"
        ),
        "{error}"
    );
    let accepted = alone
        .build_with(Path::new("."), &text, &Options { external: External::Accept, ..Options::default() })
        .await
        .unwrap();
    assert_eq!(accepted.versions[0].descriptor.component.component_references[0].digest, None);

    let place = Place::with(Arc::new(Other(other.environment.target.clone())));
    let left = place.build(Path::new("."), &text).await.unwrap();
    assert_eq!((left.copied.len(), left.external.len()), (0, 1));
    assert!(!place.environment.target.exists("acme.org/lib", "1.0.0").await.unwrap());
    let options = Options { external: External::CopyOrFail, conflict: Conflict::Replace, ..Options::default() };
    let copied = place.build_with(Path::new("."), &text, &options).await.unwrap();
    assert_eq!((copied.copied.len(), copied.external.len()), (2, 2));
    let (from, to) = (&other.environment.target, &place.environment.target);
    assert_eq!(
        to.get("acme.org/lib", "1.0.0").await.unwrap().root,
        from.get("acme.org/lib", "1.0.0").await.unwrap().root
    );
}

#[tokio::test]
async fn an_image_is_pinned_with_its_digest() {
    let place = Place::new();
    let root = image(&place.images.repository("team/app"), "v1").await;
    let access = |reference: &str, more: &str| {
        format!(
            "name: acme.org/x\nversion: 1.0.0\nprovider: {{name: a}}\nresources:\n- {{name: image, type: ociImage, version: v1.0, {more}access: {{type: ociRegistry, imageReference: {reference}}}}}\n"
        )
    };
    let built = |text: String, options: Options| {
        let place = &place;
        async move {
            let options = Options { conflict: Conflict::Replace, ..options };
            place
                .build_with(Path::new("."), &text, &options)
                .await
                .map(|outcome| outcome.versions[0].descriptor.component.resources[0].clone())
        }
    };
    let resource = built(access("http://host:5000/team/app:v1", ""), Options::default()).await.unwrap();
    assert_eq!(
        resource.access.text("imageReference"),
        Some(format!("http://host:5000/team/app:v1@{}", root.digest).as_str())
    );
    assert_eq!((resource.access.kind.as_str(), resource.relation.as_str()), ("ociRegistry", "external"));
    let digest = resource.digest.unwrap();
    assert_eq!((digest.value, digest.normalisation_algorithm.as_str()), (root.digest.hex(), "genericBlobDigest/v1"));

    let legacy = built(
        access("host:5000/team/app:v1", ""),
        Options { oci_artifact_digest: "ociArtifactDigest/v1".into(), ..Options::default() },
    )
    .await
    .unwrap();
    assert_eq!(legacy.digest.unwrap().normalisation_algorithm, "ociArtifactDigest/v1");
    let skipped =
        built(access("host:5000/team/app:v1", ""), Options { skip_reference_digests: true, ..Options::default() })
            .await
            .unwrap();
    assert_eq!((skipped.digest, skipped.access.text("imageReference")), (None, Some("host:5000/team/app:v1")));

    let error = built(access("host:5000/team/app:v9", ""), Options::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Content { source, .. } if source.kind() == Kind::NotFound), "{error}");
    let wrong = format!(
        "digest: {{hashAlgorithm: SHA-256, normalisationAlgorithm: ociArtifactDigest/v1, value: \"{}\"}}, ",
        "0".repeat(64)
    );
    let error = built(access("host:5000/team/app:v1", &wrong), Options::default()).await.unwrap_err();
    assert!(error.to_string().contains(&root.digest.hex()), "{error}");
    let made_up = format!("host:5000/team/app:v1@sha256:{}", "1".repeat(64));
    assert!(built(access(&made_up, ""), Options::default()).await.is_err());
}

#[tokio::test]
async fn an_unknown_access_is_kept_and_said() {
    let place = Place::new();
    let text = "name: acme.org/x\nversion: 1.0.0\nprovider: {name: a}\nresources:\n- {name: res, type: blob, version: 1.0.0, access: {type: foo/v7, a: b}}\n";
    let outcome = place.build(Path::new("."), text).await.unwrap();
    let resource = &outcome.versions[0].descriptor.component.resources[0];
    assert_eq!(
        (serde_json::to_value(&resource.access).unwrap(), &resource.digest),
        (json!({"type": "foo/v7", "a": "b"}), &None)
    );
    assert!(place.told.0.lock().unwrap()[0].contains("recorded without a digest"));
}

#[tokio::test]
async fn labels_keep_version_and_merge_and_time_is_given_only() {
    let text = one("{type: utf8, text: x}")
        + "labels:\n- {name: l, value: {a: 1}, version: v1, signing: true, merge: {algorithm: default}}\n";
    let outcome = Place::new().build(Path::new("."), &text).await.unwrap();
    let component = &outcome.versions[0].descriptor.component;
    let label = serde_json::to_value(&component.labels[0]).unwrap();
    assert_eq!(
        label,
        json!({"name": "l", "value": {"a": 1}, "version": "v1", "signing": true, "merge": {"algorithm": "default"}})
    );
    assert_eq!(component.creation_time, None);
    let options = Options { creation_time: Some("2024-05-06T07:08:09Z".into()), ..Options::default() };
    let outcome = Place::new().build_with(Path::new("."), &text, &options).await.unwrap();
    assert_eq!(outcome.versions[0].descriptor.component.creation_time.as_deref(), Some("2024-05-06T07:08:09Z"));
}

/// An OCI image layout in a folder.
fn layout(folder: &Path) -> Digest {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |content: &[u8]| {
        let digest = Digest::of(content);
        std::fs::write(blobs.join(digest.hex()), content).unwrap();
        json!({"digest": digest, "size": content.len()})
    };
    let with = |mut value: serde_json::Value, kind: &str| {
        value["mediaType"] = kind.into();
        value
    };
    let config = with(put(b"{}"), media_type::CONFIG);
    let layer = with(put(b"layer"), "application/vnd.oci.image.layer.v1.tar");
    let manifest =
        json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": [layer]}).to_string();
    let manifest = with(put(manifest.as_bytes()), media_type::MANIFEST);
    let digest = manifest["digest"].as_str().unwrap().parse().unwrap();
    std::fs::write(folder.join("index.json"), json!({"schemaVersion": 2, "manifests": [manifest]}).to_string())
        .unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    digest
}

#[tokio::test]
async fn a_layout_becomes_an_image_beside_the_component_version() {
    let folder = tempfile::tempdir().unwrap();
    let digest = layout(&folder.path().join("img"));
    for kind in ["dir", "file"] {
        let place = Place::new();
        let text =
            one(&format!("{{type: {kind}, path: img, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}"))
                .replace("type: blob", "type: ociImage, options: {ownershipPolicy: Always}");
        let outcome = place.build(folder.path(), &text).await.unwrap();
        let resource = &outcome.versions[0].descriptor.component.resources[0];
        assert_eq!(resource.access.text("localReference"), Some(digest.to_string().as_str()));
        assert_eq!(resource.access.text("mediaType"), Some(media_type::MANIFEST));
        let content = place.environment.target.content("acme.org/x");
        assert!(content.resolve(&Selector::Digest(digest.clone())).await.unwrap().is_some());
        let owners = content.referrers(&digest).await.unwrap();
        assert_eq!(owners[0].artifact_type.as_deref(), Some("application/vnd.ocm.software.ownership.v1+json"));
        let owner = content.manifest(&owners[0].digest.clone().into()).await.unwrap();
        let owner: ImageManifest = serde_json::from_slice(owner.bytes()).unwrap();
        assert_eq!(
            owner.annotations.unwrap()["software.ocm.artifact"],
            r#"{"identity":{"name":"res","version":"1.0.0"},"kind":"resource"}"#
        );
    }
}

fn chart(folder: &Path, seconds: u64) {
    std::fs::create_dir_all(folder.join("chart/templates")).unwrap();
    for (name, content) in [
        ("Chart.yaml", "apiVersion: v2\nname: mychart\nversion: 0.1.0\nappVersion: 1.10\n"),
        ("values.yaml", "replicas: 1\n"),
        ("templates/cm.yaml", "kind: ConfigMap\n"),
        ("templates/.hidden", "x"),
        ("notes.tmp", "x"),
        (".helmignore", "# what stays out\n*.tmp\n"),
    ] {
        let path = folder.join("chart").join(name);
        std::fs::write(&path, content).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
}

#[tokio::test]
async fn a_chart_is_packed_the_same_way_each_time() {
    let mut digests = Vec::new();
    for seconds in [1000, 2000] {
        let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
        chart(folder.path(), seconds);
        let text = one("{type: helm, path: chart, repository: charts/mychart:0.1.0}");
        let outcome = place.build(folder.path(), &text).await.unwrap();
        let resource = &outcome.versions[0].descriptor.component.resources[0];
        assert_eq!(resource.access.text("referenceName"), Some("charts/mychart:0.1.0"));
        let digest: Digest = resource.access.text("localReference").unwrap().parse().unwrap();
        let content = place.environment.target.content("acme.org/x");
        let manifest = content.manifest(&digest.clone().into()).await.unwrap();
        let manifest: ImageManifest = serde_json::from_slice(manifest.bytes()).unwrap();
        assert_eq!(manifest.config.media_type, "application/vnd.cncf.helm.config.v1+json");
        let config =
            read_to_end(content.blob(&manifest.config.digest, 0).await.unwrap(), 1000, "config").await.unwrap();
        assert_eq!(config, r#"{"name":"mychart","version":"0.1.0","apiVersion":"v2","appVersion":"1.10"}"#);
        assert_eq!(manifest.layers[0].media_type, "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
        let packed =
            read_to_end(content.blob(&manifest.layers[0].digest, 0).await.unwrap(), 100_000, "chart").await.unwrap();
        let path = folder.path().join("mychart.tgz");
        std::fs::write(&path, packed).unwrap();
        let archive = ocm_blob::Archive::open(&path).await.unwrap();
        let names: Vec<&str> = archive.entries().iter().map(|entry| entry.path().as_str()).collect();
        assert_eq!(
            names,
            ["mychart/Chart.yaml", "mychart/.helmignore", "mychart/templates/cm.yaml", "mychart/values.yaml"]
        );
        digests.push(digest);

        // Packed already, with its proof beside it: stored as it is.
        std::fs::write(folder.path().join("mychart.tgz.prov"), "proof").unwrap();
        let place = Place::new();
        let outcome = place.build(folder.path(), &one("{type: helm, path: mychart.tgz}")).await.unwrap();
        let digest: Digest = outcome.versions[0].descriptor.component.resources[0]
            .access
            .text("localReference")
            .unwrap()
            .parse()
            .unwrap();
        let again = place.environment.target.content("acme.org/x").manifest(&digest.into()).await.unwrap();
        let again: ImageManifest = serde_json::from_slice(again.bytes()).unwrap();
        assert_eq!(again.layers[0], manifest.layers[0]);
        assert_eq!(again.layers[1].digest, Digest::of("proof"));
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_chart_and_its_names_must_agree() {
    let folder = tempfile::tempdir().unwrap();
    chart(folder.path(), 1);
    std::fs::write(folder.path().join("x.tgz"), "hello").unwrap();
    for (input, message) in [
        (
            "{type: helm, path: chart, repository: charts/mychart:0.2.0}",
            "names the version 0.2.0, but the chart has 0.1.0",
        ),
        ("{type: helm, path: chart, version: 0.2.0}", "the version 0.2.0 is given"),
        ("{type: helm, path: x.tgz}", "x.tgz"),
        ("{type: helm, path: chart/templates}", "Chart.yaml"),
        ("{type: helm, path: ../..}", "outside of the working directory"),
    ] {
        let error = Place::new().build(folder.path(), &one(input)).await.unwrap_err().to_string();
        assert!(error.contains(message), "{input}: {error}");
    }
    let constructor = constructor(folder.path(), &one("{type: helm, path: chart}"), Dialect::V1, &[]).unwrap();
    let outcome = build(constructor.components, &Place::new().environment, &Options::default()).await.unwrap();
    assert_eq!(
        outcome.versions[0].descriptor.component.resources[0].access.text("referenceName"),
        Some("acme.org/x/mychart:0.1.0")
    );
}

#[tokio::test]
async fn many_components_into_an_archive_take_little_time() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..500).map(|number| format!("n{number}")).collect();
    let mut text = String::from("components:\n");
    for (position, name) in names.iter().enumerate() {
        let before: Vec<&str> = position.checked_sub(1).map(|before| names[before].as_str()).into_iter().collect();
        text += &component(
            name,
            &format!(
                "  resources:\n  - {{name: res, type: blob, input: {{type: utf8, text: {name}}}}}\n{}",
                refers_to(&before)
            ),
        );
    }
    let archive = Archive::open(folder.path().join("ctf"), Access::Create).await.unwrap();
    let mut place = Place::new();
    place.environment.target = ComponentRepository::new(Arc::new(archive), "");
    let start = Instant::now();
    let outcome = place.build(folder.path(), &text).await.unwrap();
    let taken = start.elapsed();
    println!("500 components in {taken:?}");
    assert_eq!(outcome.versions.len(), 500);
    // An unoptimised build on a busy machine is far slower than the program; what grows with the square is slower still.
    assert!(taken < Duration::from_mins(1), "{taken:?}");
}
