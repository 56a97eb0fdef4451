//! Images that are stored inside of their component version and have a name besides.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "acme.org/named";

#[test]
fn a_client_pulls_by_the_other_name_what_lies_in_the_component_version() {
    let sandbox = Sandbox::new();
    let layout = Layout::of(&sandbox, "layout", &fixtures::image_with(5, 2, 10_000));
    sandbox.add_image(COMPONENT, "");
    let source = format!("transport-archive//{COMPONENT}:1.0.0");
    for registry in Registry::each() {
        let Some(crane) = Client::find("crane") else { return };
        let target = format!("http://{}/prod", registry.address);
        sandbox.ocm(&format!("transfer cv {source} {target}"));
        let plain = sandbox.descriptor(&format!("{target}//{COMPONENT}:1.0.0"));
        sandbox.ocm(&format!("transfer cv --also-tag pulled/{{{{.Resource}}}}:stable {source} {target}"));
        let name = format!("{}/prod/pulled/image:stable", registry.address);
        assert_eq!(crane.run(&sandbox, &format!("digest {name}")).trim(), layout.digest, "{}", registry.name);
        let out = sandbox.free_name();
        crane.run(&sandbox, &format!("pull --format oci {name} {out}"));
        assert_eq!(Layout::read(&sandbox, &out).blobs(&sandbox), layout.blobs(&sandbox), "{}", registry.name);
        assert_eq!(sandbox.descriptor(&format!("{target}//{COMPONENT}:1.0.0")), plain);
    }
}
