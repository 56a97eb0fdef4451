//! The form in which component versions are written, against the bytes of the Go program, and what is read besides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use ocm_blob::{Digest, MemoryBlob, read_to_end};
use ocm_model::{Descriptor, Resource, Source, TypedObject};
use ocm_oci::{Document, Kind, Manifest, Registry, media_type};
use ocm_repository::{Access, Archive, ComponentRepository, LocalContent, NewVersion, RawDescriptor};

const JSON: &str = "application/vnd.ocm.software.component-descriptor.v2+json";
const CONFIG: &str = "application/vnd.ocm.software.component.config.v1+json";

/// A descriptor as the Go program stored it, and the manifest it wrote for it.
const HELLO: &str = r#"{"component":{"componentReferences":null,"name":"acme.org/hello","provider":"acme.org","repositoryContexts":null,"resources":[{"access":{"localReference":"sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9","mediaType":"text/plain","type":"LocalBlob/v1"},"digest":{"hashAlgorithm":"SHA-256","normalisationAlgorithm":"genericBlobDigest/v1","value":"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"},"name":"greeting","relation":"local","type":"plainText","version":"1.0.0"}],"sources":null,"version":"1.0.0"},"meta":{"schemaVersion":"v2"}}"#;
const HELLO_MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.ocm.software.component-descriptor.v2","config":{"mediaType":"application/vnd.ocm.software.component.config.v1+json","digest":"sha256:d3ee0add5c8f3227d7d1ab552550628ffd247e045743276d6a081376b22d14a4","size":196},"layers":[{"mediaType":"application/vnd.ocm.software.component-descriptor.v2+json","digest":"sha256:36b667bfb2bdb949d1df3c6fe1317b1e75dae1ff8f8a7b5aa9eefde7f8794ae8","size":576},{"mediaType":"text/plain","digest":"sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9","size":11,"annotations":{"software.ocm.artifact":"[{\"identity\":{\"name\":\"greeting\",\"version\":\"1.0.0\"},\"kind\":\"resource\"}]"}}],"annotations":{"org.opencontainers.image.authors":"Builtin OCI Repository Plugin","org.opencontainers.image.description":"This is an OCM OCI Artifact Manifest that contains the component descriptor for the component acme.org/hello.\nIt is used to store the component descriptor in an OCI registry and can be referrenced by the official OCM Binding Library.","org.opencontainers.image.documentation":"https://ocm.software","org.opencontainers.image.source":"https://github.com/open-component-model/open-component-model","org.opencontainers.image.title":"OCM Component Descriptor OCI Artifact Manifest for acme.org/hello in version 1.0.0","org.opencontainers.image.url":"https://ocm.software","org.opencontainers.image.version":"1.0.0","software.ocm.componentversion":"acme.org/hello:1.0.0","software.ocm.creator":"Builtin OCI Repository Plugin"}}"#;

struct Place {
    _folder: tempfile::TempDir,
    archive: Archive,
    components: ComponentRepository,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path(), Access::ReadWrite).await.unwrap();
    let components = ComponentRepository::new(Arc::new(archive.clone()), "");
    Place { _folder: folder, archive, components }
}

fn local(digest: &(impl ToString + ?Sized), media_type: &str) -> TypedObject {
    TypedObject::new("localBlob/v1").with("localReference", digest.to_string()).with("mediaType", media_type)
}

fn resource(name: &str, access: TypedObject) -> Resource {
    Resource {
        name: name.into(),
        version: "1.0.0".into(),
        kind: "x".into(),
        relation: "local".into(),
        access,
        ..Resource::default()
    }
}

fn hello(resources: Vec<Resource>) -> Descriptor {
    let mut descriptor = Descriptor::default();
    descriptor.component.name = "acme.org/hello".into();
    descriptor.component.version = "1.0.0".into();
    descriptor.component.provider.name = "acme.org".into();
    descriptor.component.resources = resources;
    descriptor
}

#[tokio::test]
async fn a_manifest_is_written_as_the_go_program_does() {
    let place = place().await;
    place.components.content("acme.org/hello").push_blob(&MemoryBlob::new("hello world")).await.unwrap();
    let raw = RawDescriptor { media_type: JSON.into(), bytes: HELLO.into() };
    let descriptor = Descriptor::read(HELLO.as_bytes()).unwrap();
    let new = NewVersion { descriptor, raw: Some(raw.clone()), ..NewVersion::default() };
    let staged = place.components.stage(&new).await.unwrap();
    assert_eq!(std::str::from_utf8(staged.root.bytes()).unwrap(), HELLO_MANIFEST);
    assert!(!place.components.exists("acme.org/hello", "1.0.0").await.unwrap());
    place.components.publish(vec![staged]).await.unwrap();
    let found = place.components.get("acme.org/hello", "1.0.0").await.unwrap();
    assert_eq!(found.raw, raw);
}

#[tokio::test]
async fn one_blob_of_several_artifacts_is_one_layer() {
    let place = place().await;
    let content = place.components.content("acme.org/hello");
    content.push_blob(&MemoryBlob::new("a")).await.unwrap();
    content.push_blob(&MemoryBlob::new("b")).await.unwrap();
    let mut descriptor = hello(vec![
        resource("one", local(&Digest::of("a"), "text/plain")),
        resource("two", local(&format!("{},{}", Digest::of("b"), Digest::of("a")), "")),
    ]);
    descriptor.component.sources.push(Source {
        name: "one".into(),
        version: "1.0.0".into(),
        kind: "x".into(),
        access: local(&Digest::of("a").file_name(), "x/y"),
        ..Source::default()
    });
    let staged =
        place.components.stage(&NewVersion { descriptor: descriptor.clone(), ..NewVersion::default() }).await.unwrap();
    let Document::Image(image) = staged.root.document().unwrap() else { panic!("a manifest") };
    let layers: Vec<_> = image.layers[1..]
        .iter()
        .map(|layer| (layer.media_type.as_str(), &layer.digest, layer.annotation("software.ocm.artifact").unwrap()))
        .collect();
    assert_eq!(
        layers,
        [
            (
                "text/plain",
                &Digest::of("a"),
                r#"[{"identity":{"name":"one","version":"1.0.0"},"kind":"resource"},{"identity":{"name":"two","version":"1.0.0"},"kind":"resource"},{"identity":{"name":"one","version":"1.0.0"},"kind":"source"}]"#
            ),
            (
                "application/octet-stream",
                &Digest::of("b"),
                r#"[{"identity":{"name":"two","version":"1.0.0"},"kind":"resource"}]"#
            ),
        ]
    );
    place.components.publish(vec![staged]).await.unwrap();
    let found = place.components.get("acme.org/hello", "1.0.0").await.unwrap();
    let parts = found.local(&descriptor.component.resources[1].access).await.unwrap();
    assert!(matches!(&parts, LocalContent::Parts(parts) if parts.len() == 2));
    assert_eq!(read_to_end(found.blob(&parts).open().await.unwrap(), 10, "parts").await.unwrap(), "ba");
    let missing = found.local(&local(&Digest::of("c"), "")).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert_eq!(found.local(&local("nothing", "")).await.unwrap_err().kind(), Kind::Invalid);
}

#[tokio::test]
async fn a_local_image_makes_an_index() {
    let place = place().await;
    let content = place.components.content("acme.org/hello");
    content.push_blob(&MemoryBlob::new("{}")).await.unwrap();
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":2}},"layers":[]}}"#,
        media_type::MANIFEST,
        media_type::CONFIG,
        Digest::of("{}")
    );
    let manifest = Manifest::new(media_type::MANIFEST, text);
    content.push_manifest(&manifest, None).await.unwrap();
    let mut image = resource("image", local(manifest.digest(), media_type::MANIFEST));
    image.extra_identity =
        [("architecture", "arm64"), ("os", "linux")].map(|(key, value)| (key.into(), value.into())).into();
    let twin = resource("twin", local(manifest.digest(), media_type::MANIFEST));
    let descriptor = hello(vec![image, twin]);
    let staged =
        place.components.stage(&NewVersion { descriptor: descriptor.clone(), ..NewVersion::default() }).await.unwrap();
    let Document::Index(index) = staged.root.document().unwrap() else { panic!("an index") };
    assert_eq!(index.manifests.len(), 2);
    assert!(index.manifests.iter().all(|row| row.artifact_type.is_none()), "older skopeo drops it");
    assert!(index.annotations.unwrap()["org.opencontainers.image.title"].contains("Manifest Index for acme.org/hello"));
    let row = &index.manifests[1];
    assert_eq!(row.platform.as_ref().unwrap().architecture, "arm64");
    assert_eq!(
        row.annotation("software.ocm.artifact").unwrap(),
        r#"[{"identity":{"architecture":"arm64","name":"image","os":"linux","version":"1.0.0"},"kind":"resource"},{"identity":{"name":"twin","version":"1.0.0"},"kind":"resource"}]"#
    );
    place.components.publish(vec![staged]).await.unwrap();
    let found = place.components.get("acme.org/hello", "1.0.0").await.unwrap();
    assert_eq!(found.descriptor, descriptor);
    assert!(
        matches!(found.local(&descriptor.component.resources[0].access).await.unwrap(), LocalContent::Manifest(row) if row.digest == *manifest.digest())
    );
}

/// Stores a component version of another writer: any configuration, descriptor layer and media types.
async fn store(place: &Place, tag: &str, config: (&str, String), layer: (&str, &[u8])) {
    let content = place.components.content("acme.org/hello");
    let (layer_type, layer) = (layer.0, MemoryBlob::new(layer.1.to_vec()));
    let layer = content.push_blob(&layer).await.unwrap().0;
    let text = config.1.replace(
        "LAYER",
        &serde_json::json!({"mediaType": layer_type, "digest": layer.digest, "size": layer.size}).to_string(),
    );
    let stored = content.push_blob(&MemoryBlob::new(text)).await.unwrap().0;
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": {"mediaType": config.0, "digest": stored.digest, "size": stored.size},
        "layers": [{"mediaType": layer_type, "digest": layer.digest, "size": layer.size}],
    });
    content.push_manifest(&Manifest::write(&manifest, media_type::MANIFEST).unwrap(), Some(tag)).await.unwrap();
}

fn packed(name: &str, content: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

#[tokio::test]
async fn every_known_form_of_descriptor_is_read() {
    let yaml = "meta: {schemaVersion: v2}\ncomponent: {name: acme.org/hello, version: 1.0.0, provider: acme.org}\n";
    let cnudie = "application/vnd.gardener.cloud.cnudie.component-descriptor.v2";
    let old_config = "application/vnd.gardener.cloud.cnudie.component.config.v1+json";
    let named = r#"{"componentDescriptorLayer":LAYER}"#;
    for (config, layer, bytes) in [
        ((CONFIG, named), JSON.to_owned(), HELLO.as_bytes().to_vec()),
        ((CONFIG, named), "application/vnd.ocm.software.component-descriptor.v2+yaml".into(), yaml.into()),
        (
            (CONFIG, named),
            "application/vnd.ocm.software.component-descriptor.v2+yaml+tar".into(),
            packed("component-descriptor.yaml", yaml),
        ),
        (
            (CONFIG, named),
            "application/vnd.ocm.software.component-descriptor.v2+yaml+tar".into(),
            packed("/component-descriptor.yaml", yaml),
        ),
        ((old_config, named), format!("{cnudie}+yaml+tar"), packed("./component-descriptor.yaml", yaml)),
        ((old_config, "{}"), format!("{cnudie}+json"), HELLO.as_bytes().to_vec()),
        ((old_config, named), format!("{cnudie}+yaml"), yaml.into()),
        (
            ("application/vnd.oci.gardener.cloud.cnudie.component-descriptor-metadata.config.v2+json", "{}"),
            "application/vnd.oci.gardener.cloud.cnudie.component-descriptor.config.v2+yaml+tar".into(),
            packed("component-descriptor.yaml", yaml),
        ),
    ] {
        let place = place().await;
        store(&place, "1.0.0", (config.0, config.1.to_owned()), (&layer, &bytes)).await;
        let found = place.components.get("acme.org/hello", "1.0.0").await.unwrap();
        assert_eq!(found.raw.media_type, layer);
        assert_eq!(found.raw.bytes, bytes);
    }
}

#[tokio::test]
async fn what_is_no_component_version_is_refused_with_the_reason() {
    let named = r#"{"componentDescriptorLayer":LAYER}"#.to_owned();
    let absent =
        serde_json::json!({"componentDescriptorLayer": {"mediaType": JSON, "digest": Digest::of("x"), "size": 1}})
            .to_string();
    for (version, config, layer, reason) in [
        ("1.0.0", (media_type::CONFIG, named.clone()), (JSON, HELLO), "its configuration is"),
        ("2.0.0", (CONFIG, named.clone()), (JSON, HELLO), "is the one of acme.org/hello:1.0.0"),
        ("1.0.0", (CONFIG, named.clone()), ("text/plain", HELLO), "not a known form"),
        ("1.0.0", (CONFIG, "{}".into()), ("text/plain", HELLO), "no layer with the component descriptor"),
        ("1.0.0", (CONFIG, absent), ("text/plain", HELLO), "no layer with the component descriptor"),
        ("1.0.0", (CONFIG, named), (JSON, "{"), "component descriptor"),
    ] {
        let place = place().await;
        store(&place, version, config, (layer.0, layer.1.as_bytes())).await;
        let error = place.components.get("acme.org/hello", version).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(
            error.to_string().contains(reason) && error.subject().ends_with(&format!("//acme.org/hello:{version}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn versions_keep_their_spelling_and_other_tags_are_left_out() {
    let place = place().await;
    let content = place.components.content("acme.org/hello");
    let empty = |text: &str| Manifest::new(media_type::INDEX, format!(r#"{{"schemaVersion":2,"manifests":[]{text}}}"#));
    for tag in ["1.0.0", "v1.0.0", "1.0", "2.0.0-rc.1", "10.0.0", "latest", "sha256-abc"] {
        content.push_manifest(&empty(""), Some(tag)).await.unwrap();
    }
    // Tags alone cannot tell these two: one has a build part, one has the text `.build-` in its pre-release.
    content.push_manifest(&empty(""), Some("3.0.0.build-5")).await.unwrap();
    let told =
        r#","annotations":{"software.ocm.componentversion":"component-descriptors/acme.org/hello:4.0.0-a.build-5"}"#;
    content.push_manifest(&empty(told), Some("4.0.0-a.build-5")).await.unwrap();
    let versions = place.components.versions("acme.org/hello").await.unwrap();
    assert_eq!(versions, ["10.0.0", "4.0.0-a.build-5", "3.0.0+5", "2.0.0-rc.1", "v1.0.0", "1.0.0", "1.0"]);
    assert_eq!(place.components.versions("acme.org/none").await.unwrap(), [""; 0]);
    place.archive.repository("other/repository").push_manifest(&empty(""), None).await.unwrap();
    assert_eq!(place.components.components().await.unwrap(), ["acme.org/hello"]);
    let below = ComponentRepository::new(Arc::new(place.archive.clone()), "/sub/path/");
    below.content("acme.org/x").push_manifest(&empty(""), Some("1.0.0")).await.unwrap();
    assert_eq!(below.components().await.unwrap(), ["acme.org/x"]);
    assert!(
        place.archive.repositories().await.unwrap().contains(&"sub/path/component-descriptors/acme.org/x".to_owned())
    );
}

/// What names all artifacts that share a blob is not copied, compared or kept for each of them.
#[tokio::test]
async fn thousands_of_artifacts_may_share_one_blob() {
    let place = place().await;
    place.components.content("acme.org/hello").push_blob(&MemoryBlob::new("a")).await.unwrap();
    let shared = local(&Digest::of("a"), "text/plain");
    let descriptor = hello((0..5000).map(|number| resource(&format!("r{number}"), shared.clone())).collect());
    let begin = std::time::Instant::now();
    let new = NewVersion { descriptor, ..NewVersion::default() };
    let staged = place.components.stage(&new).await.unwrap();
    place.components.publish(vec![staged]).await.unwrap();
    let found = place.components.get("acme.org/hello", "1.0.0").await.unwrap();
    let Document::Image(image) = found.manifest.document().unwrap() else { panic!("no image") };
    let listed = image.layers[1].annotation("software.ocm.artifact").unwrap();
    assert_eq!(listed.matches("identity").count(), 5000);
    for resource in &found.descriptor.component.resources {
        let LocalContent::Blob(blob) = found.local(&resource.access).await.unwrap() else { panic!("no blob") };
        assert_eq!(blob, ocm_oci::Descriptor::new("text/plain", Digest::of("a"), 1));
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_not_stored() {
    let place = place().await;
    for name in ["../../other", "acme.org/../other", "acme.org//other", "/acme.org/other", ""] {
        let mut descriptor = hello(Vec::new());
        descriptor.component.name = name.into();
        let error = place.components.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Malformed, "{name}: {error}");
    }
}
