//! Image layouts and artifact sets, in every form, right and wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::GzDecoder;
use ocm_blob::{Blob, Digest, Existing, Gzipped, MemoryBlob, read_to_end, write_file};
use ocm_oci::layout::{MAIN, TAGS};
use ocm_oci::{
    Descriptor, Kind, Layout, LayoutContent, Manifest, MemoryRegistry, Registry as _, Repository, Selector, copy,
    media_type,
};
use serde_json::{Value, json};

/// A manifest with one layer; its blobs are pushed too.
async fn image(repository: &Arc<dyn Repository>, layer: &str, subject: Option<&Descriptor>) -> Descriptor {
    let (config, _) = repository.push_blob(&MemoryBlob::new("{}")).await.unwrap();
    let (layer, _) = repository.push_blob(&MemoryBlob::new(layer.to_owned())).await.unwrap();
    let mut document = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
    if let Some(subject) = subject {
        document["subject"] = serde_json::to_value(subject).unwrap();
    }
    push(repository, media_type::MANIFEST, &document).await
}

async fn index(repository: &Arc<dyn Repository>, manifests: &[&Descriptor]) -> Descriptor {
    push(repository, media_type::INDEX, &json!({"schemaVersion": 2, "manifests": manifests})).await
}

async fn push(repository: &Arc<dyn Repository>, media_type: &str, document: &Value) -> Descriptor {
    let manifest = Manifest::write(document, media_type).unwrap();
    repository.push_manifest(&manifest, None).await.unwrap();
    manifest.descriptor()
}

fn memory() -> Arc<dyn Repository> {
    MemoryRegistry::new().repository("source")
}

/// A layout as a directory, its index as given.
fn directory(manifests: &Value, annotations: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let index = json!({"schemaVersion": 2, "manifests": manifests, "annotations": annotations});
    fs::write(folder.path().join("index.json"), index.to_string()).unwrap();
    fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
    folder
}

async fn refused(path: &Path) -> String {
    let error = Layout::open(path).await.err().expect("refused");
    assert!(error.subject().starts_with(path.to_str().unwrap()), "{error}");
    error.to_string()
}

#[tokio::test]
async fn what_is_written_is_read_back_in_every_form() {
    let source = memory();
    let (one, two) = (image(&source, "one", None).await, image(&source, &"two".repeat(1 << 20), None).await);
    let root = index(&source, &[&one, &two]).await;
    let mut content = LayoutContent::new();
    content.add_graph(&source, &root, Some("v1")).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let tar = content.tar().unwrap();
    let bytes = read_to_end(tar.open().await.unwrap(), 1 << 30, "tar").await.unwrap();
    assert_eq!(tar.size(), Some(bytes.len() as u64));
    write_file(tar.open().await.unwrap(), folder.path().join("layout.tar"), Existing::Refuse).await.unwrap();
    let compressed = Gzipped::new(Arc::new(tar)).open().await.unwrap();
    write_file(compressed, folder.path().join("layout.tgz"), Existing::Refuse).await.unwrap();
    content.write_directory(folder.path().join("layout"), Existing::Refuse).await.unwrap();
    assert!(content.write_directory(folder.path().join("layout"), Existing::Refuse).await.is_err());

    for form in ["layout.tar", "layout.tgz", "layout"] {
        let layout = Layout::open(folder.path().join(form)).await.unwrap();
        let top = layout.top_level().await.unwrap();
        assert_eq!((&top.digest, top.media_type.as_str()), (&root.digest, media_type::INDEX), "{form}");
        assert_eq!(layout.tags().await.unwrap(), ["v1"]);
        assert_eq!(layout.resolve(&Selector::Tag("v1".into())).await.unwrap().unwrap().digest, root.digest);
        assert!(layout.push_blob(&MemoryBlob::new("x")).await.is_err_and(|error| error.kind() == Kind::Unsupported));
        assert_eq!(layout.position(&one.digest).is_some(), form == "layout.tgz");

        // The manifests say nothing of their type inside; what the index calls them must arrive.
        let (target, layout) = (memory(), Arc::new(layout) as Arc<dyn Repository>);
        copy::graph(&layout, &target, &top, &copy::Options::default()).await.unwrap();
        let arrived = target.manifest(&two.digest.clone().into()).await.unwrap();
        assert_eq!((arrived.media_type(), arrived.digest()), (media_type::MANIFEST, &two.digest), "{form}");
        let mut again = LayoutContent::new();
        again.add_graph(&target, &root, Some("v1")).await.unwrap();
        let again = read_to_end(again.tar().unwrap().open().await.unwrap(), 1 << 30, "tar").await.unwrap();
        assert_eq!(again, bytes, "{form}");
    }
}

#[tokio::test]
async fn entries_are_sorted_plain_and_readable() {
    let source = memory();
    let root = image(&source, "layer", None).await;
    let mut content = LayoutContent::new();
    content.add_graph(&source, &root, None).await.unwrap();
    let bytes = read_to_end(content.tar().unwrap().open().await.unwrap(), 1 << 20, "tar").await.unwrap();
    let mut names = Vec::new();
    for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        let mode = if header.entry_type().is_dir() { 0o755 } else { 0o644 };
        assert_eq!((header.mode().unwrap(), header.mtime().unwrap(), header.uid().unwrap()), (mode, 0, 0));
        names.push(entry.path().unwrap().to_str().unwrap().to_owned());
    }
    let mut sorted = names[4..].to_vec();
    sorted.sort();
    assert_eq!(names[4..], sorted);
    assert_eq!(names[..4], ["index.json", "oci-layout", "blobs", "blobs/sha256"]);
}

#[tokio::test]
async fn content_that_is_not_what_its_descriptor_says_is_not_written() {
    let wrong = Descriptor::new("m", Digest::of("promised"), 5);
    let mut content = LayoutContent::new();
    content.add(&wrong, Arc::new(MemoryBlob::new("other")));
    assert!(read_to_end(content.tar().unwrap().open().await.unwrap(), 1 << 20, "tar").await.is_err());
    let folder = tempfile::tempdir().unwrap();
    assert!(content.write_directory(folder.path().join("layout"), Existing::Refuse).await.is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_no_layout_is_named_as_such() {
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(empty.path()).await.contains("no index.json"));
    assert!(refused(&empty.path().join("missing")).await.contains("No such file"));
    let garbage = empty.path().join("garbage");
    fs::write(&garbage, "hello").unwrap();
    assert!(refused(&garbage).await.contains("truncated"));

    let layout = directory(&json!([]), &json!({}));
    for (marker, reason) in [
        ("{}", "no imageLayoutVersion"),
        ("x", "not valid JSON"),
        (r#"{"imageLayoutVersion":"2.0.0"}"#, "not supported"),
    ] {
        fs::write(layout.path().join("oci-layout"), marker).unwrap();
        assert!(refused(layout.path()).await.contains(reason), "{marker}");
    }
    fs::remove_file(layout.path().join("oci-layout")).unwrap();
    assert!(refused(layout.path()).await.contains("no file oci-layout"));

    let layout = directory(&json!([]), &json!({}));
    for index in [
        "x",
        r#"{"schemaVersion":1,"manifests":[]}"#,
        r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:../../x"}]}"#,
    ] {
        fs::write(layout.path().join("index.json"), index).unwrap();
        assert!(refused(layout.path()).await.contains("not a valid image index"), "{index}");
    }
}

#[tokio::test]
async fn an_archive_with_a_path_that_leads_out_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layout.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..7].copy_from_slice(b"../evil");
    header.set_size(0);
    header.set_cksum();
    builder.append(&header, &[][..]).unwrap();
    builder.finish().unwrap();
    assert!(refused(&path).await.contains("leads out of the archive"));
}

#[tokio::test]
async fn damaged_content_and_links_never_come_out() {
    let layout = directory(&json!([]), &json!({}));
    let blob = |text: &str| layout.path().join("blobs/sha256").join(Digest::of(text).hex());
    fs::write(blob("good"), "evil").unwrap();
    fs::write(layout.path().join("secret"), "linked").unwrap();
    std::os::unix::fs::symlink("../../secret", blob("linked")).unwrap();
    let opened = Layout::open(layout.path()).await.unwrap();
    let damaged = read_to_end(opened.blob(&Digest::of("good"), 0).await.unwrap(), 100, "blob").await;
    assert!(matches!(damaged, Err(ocm_blob::Error::DigestMismatch { .. })));
    let error = opened.blob(&Digest::of("linked"), 0).await.err().expect("refused");
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert_eq!(opened.blob(&Digest::of("missing"), 0).await.err().unwrap().kind(), Kind::NotFound);
}

/// Rows of an index, each with a name or without, beside the annotations of the index, and which of them is meant.
#[tokio::test]
async fn the_main_image_is_found_or_the_candidates_are_listed() {
    let source = memory();
    let (one, two) = (image(&source, "one", None).await, image(&source, "two", None).await);
    let both = index(&source, &[&one, &two]).await;
    let signature = image(&source, "signature", Some(&one)).await;
    let all = [&one, &two, &both, &signature];
    let name = |descriptor: &Descriptor, name: &str| {
        descriptor.clone().with_annotation("org.opencontainers.image.ref.name", name)
    };
    let none = json!({});
    let cases = [
        ("single", json!([one]), none.clone(), Some(&one)),
        ("the same row twice", json!([one, one]), none.clone(), Some(&one)),
        ("main", json!([one, two]), json!({MAIN: two.digest}), Some(&two)),
        ("only one is not inside another", json!([one, two, both]), none.clone(), Some(&both)),
        ("a signature is about another", json!([one, signature]), none.clone(), Some(&one)),
        ("the only named one", json!([one, name(&two, "v1")]), none.clone(), Some(&two)),
        ("none at the top is named", json!([one, two]), none.clone(), None),
        ("two names", json!([name(&one, "a"), name(&two, "b")]), none.clone(), None),
        ("two names for one", json!([name(&one, "a"), name(&one, "b")]), none.clone(), None),
        ("empty", json!([]), none, None),
        ("main is not there", json!([one]), json!({MAIN: Digest::of("x")}), None),
        ("main is no digest", json!([one]), json!({MAIN: "../x"}), None),
    ];
    for (what, rows, annotations, expected) in cases {
        let layout = directory(&rows, &annotations);
        for manifest in all {
            let bytes = source.manifest(&manifest.digest.clone().into()).await.unwrap().bytes().clone();
            fs::write(layout.path().join("blobs/sha256").join(manifest.digest.hex()), bytes).unwrap();
        }
        let top = Layout::open(layout.path()).await.unwrap().top_level().await;
        assert_eq!(
            top.as_ref().ok().map(|top| &top.digest),
            expected.map(|expected| &expected.digest),
            "{what}: {top:?}"
        );
        if what == "two names" {
            let text = top.unwrap_err().to_string();
            assert!(
                text.contains(&format!("{} (a)", one.digest)) && text.contains(&format!("{} (b)", two.digest)),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn artifact_sets_are_read_in_all_their_forms() {
    let source = memory();
    let main = image(&source, "layer", None).await;
    let manifest = source.manifest(&main.digest.clone().into()).await.unwrap().bytes().clone();
    let row = main.clone().with_annotation(TAGS, "v1,latest");
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [row], "annotations": {MAIN: main.digest}});
    for name in ["artifact-descriptor.json", "index.json"] {
        let set = tempfile::tempdir().unwrap();
        fs::write(set.path().join(name), index.to_string()).unwrap();
        if name == "index.json" {
            fs::write(set.path().join("oci-layout"), "{\n    \"imageLayoutVersion\": \"1.0.0\"\n}\n").unwrap();
        }
        fs::create_dir(set.path().join("blobs")).unwrap();
        fs::write(set.path().join("blobs").join(main.digest.file_name()), &manifest).unwrap();
        let layout = Layout::open(set.path()).await.unwrap();
        assert_eq!(layout.top_level().await.unwrap().digest, main.digest);
        assert_eq!(layout.tags().await.unwrap(), ["latest", "v1"]);
        assert_eq!(layout.manifest(&Selector::Tag("latest".into())).await.unwrap().bytes(), &manifest);
        assert_eq!(layout.blob_size(&main.digest).await.unwrap(), Some(manifest.len() as u64));
    }
}

#[tokio::test]
async fn referrers_are_found_by_their_subject() {
    let source = memory();
    let subject = image(&source, "one", None).await;
    let signature = image(&source, "signature", Some(&subject)).await;
    let mut content = LayoutContent::new();
    content.add_graph(&source, &subject, Some("v1")).await.unwrap();
    content.add_graph(&source, &signature, None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    content.write_directory(folder.path().join("layout"), Existing::Refuse).await.unwrap();
    let layout = Layout::open(folder.path().join("layout")).await.unwrap();
    let referrers = layout.referrers(&subject.digest).await.unwrap();
    assert_eq!(referrers.iter().map(|referrer| &referrer.digest).collect::<Vec<_>>(), [&signature.digest]);
    assert!(layout.referrers(&signature.digest).await.unwrap().is_empty());
}

/// Layouts and artifact sets that both Go programs wrote, where they are at hand.
#[tokio::test]
async fn recorded_layouts_are_read() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if !vectors.is_dir() {
        println!("skipped: no recorded layouts beside this project");
        return;
    }
    let sets = "v2/ctf-compatibility/02/with-resource/blobs/sha256.";
    let set: PathBuf = vectors.join(format!("{sets}e40e3a2f1ab1a98328dfd14539a79d27aff5c4d5c34cd16a85f0288bfa76490b"));
    for (path, top) in [
        (
            vectors.join("generated-v2/ctf/layout-input.tar"),
            "641390b3ea3883bcf419c89963bb38eecbbe932095e1efb6eb88deda7b58edb5",
        ),
        (
            vectors.join("v2/oci-layout/oci-layout.tar.gz"),
            "3572605a9b5634cff58bf86d649df46638eb096b6987adfd03157f1306b66c6c",
        ),
        (set, "62be4af3382a4493cb7f1dd4ec47bcb28f1863b615fc9e4a1dceefbe93898dd0"),
        (vectors.join("cli-v2/_inputs/img"), "748ccad94331913196531e3a637a5a0abaadfeade3313c32d3786c7589ed8ed7"),
    ] {
        let layout = Layout::open(&path).await.unwrap();
        let main = layout.top_level().await.unwrap();
        assert_eq!(main.digest.hex(), top, "{}", path.display());
        let (layout, target) = (Arc::new(layout) as Arc<dyn Repository>, memory());
        copy::graph(&layout, &target, &main, &copy::Options::default()).await.unwrap();
        assert!(target.resolve(&main.digest.into()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn compression_changes_nothing() {
    let source = memory();
    let root = image(&source, "layer", None).await;
    let mut content = LayoutContent::new();
    content.add_graph(&source, &root, Some("v1")).await.unwrap();
    let tar = content.tar().unwrap();
    let plain: Bytes = read_to_end(tar.open().await.unwrap(), 1 << 20, "tar").await.unwrap();
    let compressed = read_to_end(Gzipped::new(Arc::new(tar)).open().await.unwrap(), 1 << 20, "tgz").await.unwrap();
    let mut expanded = Vec::new();
    std::io::Read::read_to_end(&mut GzDecoder::new(&compressed[..]), &mut expanded).unwrap();
    assert_eq!(expanded, plain);
}
