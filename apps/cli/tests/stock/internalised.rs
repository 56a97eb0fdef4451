//! Part 2 of the tutorial: an image that a component version refers to becomes a part of it.

use serde_json::json;

use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::{pull, push};

const COMPONENT: &str = "github.com/acme.org/transfer-demo";

#[test]
fn an_external_image_is_pulled_natively() {
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        let address = &registry.address;
        for (client, layout) in push::by_everyone(&sandbox, &registry) {
            let component = format!("{COMPONENT}/{client}");
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
      imageReference: http://{address}/source/{client}:1.0.0
"
            ));
            let before = sandbox.descriptor(&format!("./transport-archive//{component}:1.0.0"));
            assert_eq!(
                before["component"]["resources"][0]["access"]["imageReference"],
                format!("http://{address}/source/{client}:1.0.0@{}", layout.digest)
            );
            sandbox.ocm(&format!(
                "transfer cv --copy-resources ./transport-archive//{component}:1.0.0 http://{address}"
            ));
            let mut after = sandbox.descriptor(&format!("http://{address}//{component}:1.0.0"));
            let resource = after["component"]["resources"][0].take();
            assert_eq!(
                resource["access"],
                json!({
                    "localReference": layout.digest,
                    "mediaType": layout.media_type,
                    "referenceName": format!("source/{client}:1.0.0"),
                    "type": "LocalBlob/v1",
                })
            );
            assert_eq!(resource["relation"], "external");
            assert_eq!(resource["digest"], before["component"]["resources"][0]["digest"]);
            pull::everything(&sandbox, &registry, &registry.repository(&component), &layout);
        }
    }
}
