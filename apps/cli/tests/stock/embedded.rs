//! Part 1 of the tutorial: an OCI layout becomes a part of a component version.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::{pull, sandbox};

const COMPONENT: &str = "github.com/acme.org/native-oci-demo";

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
    sandbox.ocm(&format!(
        "transfer cv --copy-resources ./transport-archive//{COMPONENT}:1.0.0 http://{address}"
    ));
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
    sandbox.add(&constructor(
        "      type: dir/v1
      path: ./layout
      mediaType: application/vnd.ocm.software.oci.layout.v1+tar",
    ));
    for registry in Registry::each() {
        transferred(&sandbox, &registry, &layout);
    }
}

#[test]
fn a_packed_layout_is_pulled_natively() {
    let sandbox = Sandbox::new();
    let layout = Layout::of(&sandbox, "layout", &fixtures::image_with(2, 3, 100_000));
    let line = "-czf layout.tar.gz -C layout oci-layout index.json blobs";
    sandbox::succeeded("tar", line, sandbox.run("/usr/bin/tar".as_ref(), line));
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
    oras.run(&sandbox, &format!("push --plain-http --artifact-type application/vnd.acme.app {app} hello.txt:text/plain"));
    oras.run(&sandbox, &format!("cp --from-plain-http --to-oci-layout {app} layout:1.0.0"));
    let layout = Layout::read(&sandbox, "layout");
    sandbox.add(&constructor(
        "      type: dir/v1
      path: ./layout
      mediaType: application/vnd.ocm.software.oci.layout.v1+tar",
    ));
    for registry in Registry::each() {
        transferred(&sandbox, &registry, &layout);
        let out = format!("from-{}", registry.name);
        let reference = format!("{}@{}", registry.repository(COMPONENT), layout.digest);
        let printed = oras.run(&sandbox, &format!("pull --plain-http -o {out} {reference}"));
        assert_eq!(printed.trim_end(), format!("Digest: {}", layout.digest));
        assert_eq!(sandbox.read(&format!("{out}/hello.txt")), sandbox.read("hello.txt"));
    }
}
