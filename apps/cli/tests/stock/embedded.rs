//! Part 1 of the tutorial: an OCI layout becomes a part of a component version.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "github.com/acme.org/native-oci-demo";

const DIRECTORY: &str = "      type: dir/v1
      path: ./layout
      mediaType: application/vnd.ocm.software.oci.layout.v1+tar";

fn constructor(input: &str) -> String {
    format!(
        "components:
- name: {COMPONENT}
  version: 1.0.0
  provider:
    name: acme.org
  resources:
  - name: image
    version: 1.0.0
    type: ociImage
    relation: local
    input:
{input}
"
    )
}

/// Transfers what is in the archive, and checks what the registry has then.
fn transferred(sandbox: &Sandbox, registry: &Registry, layout: &Layout) {
    let address = &registry.address;
    sandbox.ocm(&format!("transfer cv --copy-resources ./transport-archive//{COMPONENT}:1.0.0 http://{address}"));
    there(sandbox, registry, layout);
}

fn there(sandbox: &Sandbox, registry: &Registry, layout: &Layout) {
    let address = &registry.address;
    let shown = sandbox.ocm(&format!("get cv http://{address}//{COMPONENT}:1.0.0 -o yaml"));
    for line in [
        format!("localReference: {}", layout.digest),
        format!("mediaType: {}", layout.media_type),
        "type: LocalBlob/v1".to_owned(),
    ] {
        assert!(shown.contains(&format!("        {line}\n")), "{}: no {line} in {shown}", registry.name);
    }
    pull::everything(sandbox, registry, &registry.repository(COMPONENT), layout);
}

#[test]
fn a_layout_directory_is_pulled_natively() {
    let sandbox = Sandbox::new();
    let layout = Layout::image(&sandbox, "layout", 1);
    sandbox.add(&constructor(DIRECTORY));
    for registry in Registry::each() {
        transferred(&sandbox, &registry, &layout);
    }
}

#[test]
fn a_layout_is_added_to_a_registry_right_away() {
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        let layout = Layout::image(&sandbox, "layout", 1);
        sandbox.file("component-constructor.yaml", constructor(DIRECTORY));
        sandbox.ocm(&format!("add cv --repository http://{}", registry.address));
        there(&sandbox, &registry, &layout);
    }
}

#[test]
fn a_registry_may_be_a_folder_of_a_registry() {
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        let layout = Layout::image(&sandbox, "layout", 1);
        sandbox.add(&constructor(DIRECTORY));
        let folder = format!("{}/my-org/ocm", registry.address);
        sandbox.ocm(&format!("transfer cv --copy-resources ./transport-archive//{COMPONENT}:1.0.0 http://{folder}"));
        let repository = format!("{folder}/component-descriptors/{COMPONENT}");
        pull::everything(&sandbox, &registry, &repository, &layout);
    }
}

#[test]
fn a_packed_layout_is_pulled_natively() {
    let sandbox = Sandbox::new();
    let layout = Layout::of(&sandbox, "layout", &fixtures::image_with(2, 3, 100_000));
    sandbox.tar("-czf", "layout.tar.gz", "layout");
    sandbox.add(&constructor(
        "      type: file/v1
      path: ./layout.tar.gz
      mediaType: application/vnd.ocm.software.oci.layout.v1+tar+gzip",
    ));
    for registry in Registry::each() {
        transferred(&sandbox, &registry, &layout);
    }
}

#[test]
fn an_artifact_made_with_oras_comes_back_as_its_files() {
    let Some(oras) = Client::find("oras") else { return };
    let sandbox = Sandbox::new();
    sandbox.file("hello.txt", "hello from a native artifact\n");
    let Some(origin) = Registry::start("ocm") else { return };
    let app = format!("{}/app:1.0.0", origin.address);
    oras.run(
        &sandbox,
        &format!("push --plain-http --artifact-type application/vnd.acme.app {app} hello.txt:text/plain"),
    );
    oras.run(&sandbox, &format!("cp --from-plain-http --to-oci-layout {app} layout:1.0.0"));
    let layout = Layout::read(&sandbox, "layout");
    sandbox.add(&constructor(DIRECTORY));
    for registry in Registry::each() {
        transferred(&sandbox, &registry, &layout);
        let out = format!("from-{}", registry.name);
        let reference = format!("{}@{}", registry.repository(COMPONENT), layout.digest);
        let printed = oras.run(&sandbox, &format!("pull --plain-http -o {out} {reference}"));
        assert_eq!(printed.trim_end(), format!("Digest: {}", layout.digest));
        assert_eq!(sandbox.read(&format!("{out}/hello.txt")), sandbox.read("hello.txt"));
    }
}
