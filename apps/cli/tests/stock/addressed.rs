//! The places that `--emit-values` tells are places that a stock client finds images at.

use ocm_testkit::fixtures;
use serde_json::Value;

use crate::client::Client;
use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "acme.org/addressed";

#[test]
fn every_image_is_where_the_values_tell() {
    let Some(crane) = Client::find("crane") else { return };
    let sandbox = Sandbox::new();
    let layout = Layout::of(&sandbox, "layout", &fixtures::image_with(5, 2, 1000));
    sandbox.add_image(COMPONENT, "");
    let origin = Registry::read_only(&sandbox.path("transport-archive"));
    sandbox.ocm(&format!("transfer cv transport-archive//{COMPONENT}:1.0.0 copy"));
    let reference = format!("http://{}@{}", origin.repository(COMPONENT), layout.digest);
    sandbox.file(
        "named.yaml",
        format!(
            "name: {COMPONENT}/named\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- name: web\n  \
             type: ociImage\n  version: 1.0.0\n  access: {{type: ociArtifact, imageReference: \"{reference}\"}}\n"
        ),
    );
    sandbox.ocm("add cv -c named.yaml -r copy");
    for registry in Registry::each() {
        for (path, form) in [("inside", "localBlob"), ("beside", "ociArtifact")] {
            let target = format!("http://{}/{path}", registry.address);
            sandbox.ocm(&format!("transfer ctf copy {target} -V -u {form} --emit-values values.json"));
            let values: Value = serde_json::from_slice(&sandbox.read("values.json")).unwrap();
            let images = values["images"].as_array().unwrap();
            assert_eq!(images.len(), 2, "{values}");
            for image in images {
                let to = |member: &str| image["to"][member].as_str().unwrap();
                let found = crane.run(&sandbox, &format!("digest {}", to("reference")));
                assert_eq!((found.trim(), to("registry")), (to("digest"), registry.address.as_str()), "{image}");
                assert_eq!(to("digest"), layout.digest, "{image}");
            }
        }
    }
}
