//! Part 2 of the tutorial: an image that a component version refers to becomes a part of it.

use serde_json::json;

use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::{pull, push};

/// Adds a component that refers to an image, transfers it, and checks what it says then.
pub(crate) fn internalise(sandbox: &Sandbox, registry: &Registry, component: &str, image: &str, layout: &Layout) {
    let address = &registry.address;
    sandbox.add(&format!(
        "components:
- name: {component}
  version: 1.0.0
  provider:
    name: acme.org
  resources:
  - name: image
    version: 1.0.0
    type: ociImage
    relation: external
    access:
      type: ociArtifact
      imageReference: http://{address}/{image}
"
    ));
    let mut before = sandbox.descriptor(&format!("./transport-archive//{component}:1.0.0"));
    let before = before["component"]["resources"][0].take();
    assert_eq!(before["access"]["imageReference"], format!("http://{address}/{image}@{}", layout.digest));
    sandbox.ocm(&format!("transfer cv --copy-resources ./transport-archive//{component}:1.0.0 http://{address}"));
    let mut after = sandbox.descriptor(&format!("http://{address}//{component}:1.0.0"));
    let after = after["component"]["resources"][0].take();
    assert_eq!(
        after["access"],
        json!({
            "localReference": layout.digest,
            "mediaType": layout.media_type,
            "referenceName": image,
            "type": "LocalBlob/v1",
        })
    );
    assert_eq!((&after["relation"], &after["digest"]), (&"external".into(), &before["digest"]));
}

#[test]
fn an_external_image_is_pulled_natively() {
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        for (client, layout) in push::by_everyone(&sandbox, &registry) {
            let component = format!("github.com/acme.org/transfer-demo/{client}");
            internalise(&sandbox, &registry, &component, &format!("source/{client}:1.0.0"), &layout);
            pull::everything(&sandbox, &registry, &registry.repository(&component), &layout);
        }
    }
}

#[test]
fn an_image_gets_a_name_of_its_own_when_asked_for() {
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        let address = &registry.address;
        for (client, layout) in push::by_everyone(&sandbox, &registry) {
            let (component, image) = (format!("acme.org/{client}"), format!("source/{client}"));
            internalise(&sandbox, &registry, &component, &format!("{image}:1.0.0"), &layout);
            let version = format!("http://{address}//{component}:1.0.0");
            sandbox
                .ocm(&format!("transfer cv --copy-resources --upload-as ociArtifact {version} http://{address}/own"));
            let descriptor = sandbox.descriptor(&format!("http://{address}/own//{component}:1.0.0"));
            let access = &descriptor["component"]["resources"][0]["access"];
            assert_eq!(access["type"], "relativeOciReference");
            let reference = access["reference"].as_str().unwrap();
            assert!(reference.starts_with(&format!("own/{image}:1.0.0@sha256:")), "{reference}");
            pull::everything(&sandbox, &registry, &format!("{address}/own/{image}"), &layout);
        }
    }
}
