//! Part 3 of the tutorial: an artifact of somebody else, fetched with `oras`, becomes a part of a component version.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "github.com/acme.org/fetched-oci-demo";

#[test]
fn a_fetched_artifact_is_pulled_natively() {
    let (Some(oras), Some(origin)) = (Client::find("oras"), Registry::start("ocm")) else { return };
    let sandbox = Sandbox::new();
    // Two platforms: `oras` lists the images beside the index in the layout that it writes.
    let images = vec![fixtures::image_with(1, 2, 10_000), fixtures::image_with(2, 1, 10_000)];
    Layout::of(&sandbox, "theirs", &fixtures::index(images));
    let image = format!("{}/acme/app:1.0.0", origin.address);
    oras.run(&sandbox, &format!("cp --from-oci-layout --to-plain-http theirs:1.0.0 {image}"));
    oras.run(&sandbox, &format!("cp --from-plain-http --to-oci-layout {image} layout:1.0.0"));
    let layout = Layout::read(&sandbox, "layout");
    sandbox.tar("-cf", "layout.tar", "layout");
    sandbox.add(&format!(
        "components:
- name: {COMPONENT}
  version: 1.0.0
  provider:
    name: acme.org
  resources:
  - name: image
    version: 1.0.0
    type: ociImage
    input:
      type: file/v1
      path: ./layout.tar
      mediaType: application/vnd.ocm.software.oci.layout.v1+tar
"
    ));
    for registry in Registry::each() {
        let address = &registry.address;
        sandbox.ocm(&format!("transfer cv --copy-resources ./transport-archive//{COMPONENT}:1.0.0 http://{address}"));
        let descriptor = sandbox.descriptor(&format!("http://{address}//{COMPONENT}:1.0.0"));
        let access = &descriptor["component"]["resources"][0]["access"];
        assert_eq!(access["localReference"], layout.digest);
        assert_eq!(access["mediaType"], "application/vnd.oci.image.index.v1+json");
        pull::everything(&sandbox, &registry, &registry.repository(COMPONENT), &layout);
    }
}
