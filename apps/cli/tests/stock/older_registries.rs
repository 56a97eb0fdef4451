//! What the older programs left in a registry, read there, taken out and pulled.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::client::Client;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

/// A record, and the component versions in it that carry all of their content.
const RECORDS: [(&str, &[&str]); 2] = [
    ("v2-run/registry", &["//acme.org/in-registry:1.0.0+build.5"]),
    (
        "v1-run/seed-001/registry",
        &["/kept/components//example.com/component-1:0.1.0", "/blob/components//example.com/component-1:0.1.0"],
    ),
];

/// Makes an archive of a record, which a registry can be filled from. Returns the names of its repositories.
pub(crate) fn archive(sandbox: &Sandbox, record: &Path, archive: &str) -> Vec<String> {
    let repositories: Value = serde_json::from_slice(&fs::read(record.join("repositories.json")).unwrap()).unwrap();
    let repositories = repositories.as_object().unwrap();
    let mut artifacts = Vec::new();
    for (repository, content) in repositories {
        for (digest, media_type) in content["manifests"].as_object().unwrap() {
            let row = json!({ "repository": repository, "digest": digest, "mediaType": media_type });
            artifacts.push(row.clone());
            for (tag, _) in content["tags"].as_object().unwrap().iter().filter(|(_, tagged)| *tagged == digest) {
                let mut row = row.clone();
                row["tag"] = json!(tag);
                artifacts.push(row);
            }
        }
    }
    let index = json!({ "schemaVersion": 1, "artifacts": artifacts });
    sandbox.file(&format!("{archive}/artifact-index.json"), index.to_string());
    for blob in fs::read_dir(record.join("blobs")).unwrap() {
        let blob: PathBuf = blob.unwrap().path();
        let name = blob.file_name().unwrap().to_str().unwrap();
        sandbox.file(&format!("{archive}/blobs/{name}"), fs::read(&blob).unwrap());
    }
    repositories.keys().cloned().collect()
}

#[test]
fn every_version_is_read_and_taken_out() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if !vectors.exists() {
        println!("skipped: {} is not there", vectors.display());
        return;
    }
    let Some(crane) = Client::find("crane") else { return };
    for (record, versions) in RECORDS {
        let sandbox = Sandbox::new();
        let repositories = archive(&sandbox, &vectors.join(record), "recorded");
        let origin = Registry::read_only(&sandbox.path("recorded"));
        for registry in Registry::each() {
            for repository in &repositories {
                crane.run(
                    &sandbox,
                    &format!("copy -a {}/{repository} {}/{repository}", origin.address, registry.address),
                );
            }
            for version in versions {
                let (out, place) = (sandbox.free_name(), format!("http://{}", registry.address));
                sandbox.ocm(&format!("transfer cv --copy-resources {place}{version} {out}"));
                let original = sandbox.descriptor(&format!("{place}{version}"));
                let (_, name) = version.split_once("//").unwrap();
                let mut expected = original.clone();
                for resource in expected["component"]["resources"].as_array_mut().unwrap() {
                    // The address for everybody names the place that the older program stored it in.
                    resource["access"].as_object_mut().unwrap().remove("globalAccess");
                }
                assert_eq!(sandbox.descriptor(&format!("{out}//{name}")), expected, "{version} in {}", registry.name);
                for resource in original["component"]["resources"].as_array().unwrap() {
                    let resource = resource["name"].as_str().unwrap();
                    let [ours, theirs] = [format!("{out}//{name}"), format!("{place}{version}")].map(|version| {
                        let file = sandbox.free_name();
                        sandbox.ocm(&format!("download resource {version} {resource} -O {file}"));
                        sandbox.read(&file)
                    });
                    assert!(ours == theirs, "{version} {resource} in {}", registry.name);
                }
            }
        }
    }
}
