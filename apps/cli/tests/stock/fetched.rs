//! Part 3 of the tutorial: an artifact of somebody else, fetched with a stock client, becomes a part of a component
//! version.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "github.com/acme.org/fetched-oci-demo";

/// Adds a packed layout to a new archive, transfers it, and pulls it.
fn embedded(sandbox: &Sandbox, registry: &Registry, tar: &str, layout: &Layout) {
    let archive = sandbox.free_name();
    let constructor = format!(
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
      path: ./{tar}
      mediaType: application/vnd.ocm.software.oci.layout.v1+tar
"
    );
    sandbox.file("component-constructor.yaml", constructor).ocm(&format!("add cv --repository {archive}"));
    let target = format!("http://{}/{archive}", registry.address);
    sandbox.ocm(&format!("transfer cv --copy-resources ./{archive}//{COMPONENT}:1.0.0 {target}"));
    let descriptor = sandbox.descriptor(&format!("{target}//{COMPONENT}:1.0.0"));
    let access = &descriptor["component"]["resources"][0]["access"];
    assert_eq!(
        (&access["localReference"], &access["mediaType"]),
        (&layout.digest.as_str().into(), &layout.media_type.as_str().into())
    );
    let repository = format!("{}/{archive}/component-descriptors/{COMPONENT}", registry.address);
    pull::everything(sandbox, registry, &repository, layout);
}

#[test]
fn an_artifact_fetched_with_oras_is_pulled_natively() {
    let (Some(oras), Some(origin)) = (Client::find("oras"), Registry::start("ocm")) else { return };
    let sandbox = Sandbox::new();
    // Two platforms: `oras` lists the images beside the index in the layout that it writes.
    let images = vec![fixtures::image_with(1, 2, 10_000), fixtures::image_with(2, 1, 10_000)];
    Layout::of(&sandbox, "theirs", &fixtures::index(images));
    let image = format!("{}/acme/app:1.0.0", origin.address);
    oras.run(&sandbox, &format!("cp --from-oci-layout --to-plain-http theirs:1.0.0 {image}"));
    oras.run(&sandbox, &format!("cp --from-plain-http --to-oci-layout {image} layout:1.0.0"));
    sandbox.tar("-cf", "layout.tar", "layout");
    let layout = Layout::read(&sandbox, "layout");
    assert_eq!(layout.media_type, "application/vnd.oci.image.index.v1+json");
    for registry in Registry::each() {
        embedded(&sandbox, &registry, "layout.tar", &layout);
    }
}

#[test]
fn archives_of_other_clients_are_layouts_too() {
    let registry = Registry::start("ocm").unwrap();
    let sandbox = Sandbox::new();
    let layout = Layout::image(&sandbox, "layout", 1);
    for (name, line) in [
        (
            "skopeo",
            "--insecure-policy copy --preserve-digests oci:layout:1.0.0 oci-archive:skopeo.tar:acme.org/app:1.0.0",
        ),
        // With what `docker load` reads beside it.
        ("regctl", "image export ocidir://layout:1.0.0 regctl.tar"),
    ] {
        let Some(client) = Client::find(name) else { continue };
        client.run(&sandbox, line);
        embedded(&sandbox, &registry, &format!("{name}.tar"), &layout);
    }
}
