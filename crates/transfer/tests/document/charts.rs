use ocm_blob::{Digest, MemoryBlob};
use ocm_oci::{Manifest, Registry as _};
use ocm_transfer::{Options, UploadAs, execute, prepare};
use serde_json::json;

use crate::rig::{Rig, archive, everything, registry, written};

/// A chart in a registry, as Helm itself pushes it; returns the digest of its manifest.
async fn pushed(rig: &Rig) -> Digest {
    let repository = rig.place("charts.example").repository("stable/app");
    let mut parts = Vec::new();
    for (kind, content) in [
        ("application/vnd.cncf.helm.config.v1+json", r#"{"name":"app","version":"1.2.0"}"#),
        ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "the packed chart"),
        ("application/vnd.cncf.helm.chart.provenance.v1.prov", "its signature"),
    ] {
        let (blob, _) = repository.push_blob(&MemoryBlob::new(content)).await.unwrap();
        parts.push(json!({"mediaType": kind, "digest": blob.digest, "size": blob.size}));
    }
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let annotations = json!({"org.opencontainers.image.title": "app", "org.opencontainers.image.version": "1.2.0"});
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": parts[0], "layers": parts[1..], "annotations": annotations});
    let manifest = Manifest::new(kind, manifest.to_string());
    repository.push_manifest(&manifest, Some("1.2.0")).await.unwrap();
    manifest.digest().clone()
}

#[tokio::test]
async fn a_chart_of_a_registry_comes_to_the_same_by_a_document() {
    let rig = Rig::default();
    let digest = pushed(&rig).await;
    let recorded = |normalisation: &str, value: String| json!({"hashAlgorithm": "SHA-256", "normalisationAlgorithm": normalisation, "value": value});
    let chart = |name: &str, access: serde_json::Value, digest: serde_json::Value| {
        let mut chart = json!({"name": name, "version": "1.2.0", "type": "helmChart", "relation": "external", "access": access, "digest": digest});
        chart["access"]["type"] = "helm/v1".into();
        chart
    };
    let at = "oci://charts.example/stable";
    let version = json!({"name": "acme.org/x", "version": "1.0.0", "resources": [
        chart("by-version", json!({"helmRepository": at, "helmChart": "app", "version": "1.2.0"}), recorded("ociArtifactDigest/v1", digest.hex())),
        chart("by-name", json!({"helmRepository": at, "helmChart": "app:1.2.0"}),
            recorded("genericBlobDigest/v1", Digest::of("the packed chart").hex()))]});
    let version = rig.add("source", version).await;
    let uploaded = Options { upload_as: UploadAs::OciArtifact, ..everything() };
    for (number, options) in [everything(), uploaded].into_iter().enumerate() {
        for target in [format!("direct{number}.example"), format!("planned{number}.example")] {
            let spec = if number == 0 { archive(&target) } else { registry(&target) };
            if target.starts_with("planned") {
                rig.run(&written(&[&version], &spec, &options), &options).await.unwrap();
                continue;
            }
            let places = vec![(target.clone(), Ok(rig.archive(&target)))];
            let prepared = prepare(vec![version.clone()], places, &rig, &options).await.unwrap();
            assert!(execute(&prepared, &options).await.1.is_none());
        }
        let root = async |place: String| rig.archive(&place).get("acme.org/x", "1.0.0").await.unwrap();
        let (direct, planned) =
            (root(format!("direct{number}.example")).await, root(format!("planned{number}.example")).await);
        for (ours, theirs) in direct.descriptor.component.resources.iter().zip(&planned.descriptor.component.resources)
        {
            assert_eq!(ours.digest, theirs.digest);
            if number == 0 {
                assert_eq!(ours.access, theirs.access, "{}", ours.name);
                assert_eq!(theirs.access.text("localReference"), Some(digest.to_string().as_str()));
                assert_eq!(theirs.access.text("referenceName"), Some("stable/app:1.2.0"));
            } else {
                let reference = theirs.access.text("reference").unwrap();
                assert_eq!(reference, format!("stable/app:1.2.0@{digest}"));
            }
        }
    }
}
