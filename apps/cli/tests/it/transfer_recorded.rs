//! Documents that the older program wrote, where its recordings are at hand: they come to what it made of them.

use std::path::{Path, PathBuf};

use ocm_oci::Registry as _;
use ocm_testkit::{TestRegistry, fixtures};

use crate::images::wait;
use crate::sandbox::{Sandbox, json};

/// The image of the recordings.
const IMAGE: &str = "2c30d078c229b3950f1c9410d55f46a8616b0ddf667d5dd0f2d9ab3f83a53ebb";

/// The recordings of the command lines of the older program.
fn recordings() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/cli-v2").canonicalize().ok();
    if path.is_none() {
        eprintln!("skipped: the recordings are not here");
    }
    path
}

fn recorded(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn texts_go_from_archive_to_registry_and_archive() {
    let Some(folder) = recordings() else { return };
    let (sandbox, target) = (Sandbox::new(), TestRegistry::start().unwrap());
    sandbox.file("c.yaml", &recorded(&folder, "transfer-dry-run-yaml/constructor.yaml")).ok("add cv -c c.yaml -r ctf");
    let document = recorded(&folder, "transfer-dry-run-yaml/stdout").replace("http://$REG", &target.url());
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    let there = format!("{}/transfer-dry-run-yaml//acme.org/hello:1.0.0", target.url());
    assert_eq!(sandbox.ok(&format!("get cv {there} -o yaml")), sandbox.ok("get cv ctf -o yaml"));
    sandbox.ok(&format!("download resource {there} --identity name=greeting --output greeting"));
    assert_eq!(sandbox.read("greeting"), "hello world");
    // Rendered again it is the same document.
    assert_eq!(sandbox.ok("transfer cv --transfer-spec spec.yaml --dry-run"), document);

    let document = recorded(&folder, "transfer-dry-run-json/stdout");
    sandbox.file("spec.json", &document).ok("transfer cv --transfer-spec spec.json");
    assert_eq!(sandbox.ok("get cv out -o yaml"), sandbox.ok("get cv ctf -o yaml"));
    assert_eq!(json(&sandbox.ok("transfer cv --transfer-spec spec.json --dry-run -o json")), json(&document));
}

/// Its expressions ask whether members are there, and choose.
#[test]
fn an_image_comes_to_lie_with_its_component_version() {
    let Some(folder) = recordings() else { return };
    let (sandbox, registry) = (Sandbox::new(), TestRegistry::start().unwrap());
    let image = fixtures::image_with(1, 2, 1000);
    let place = registry.store().repository("transfer-image-dry-run/src/app");
    wait(image.push(place.as_ref(), Some("v1"))).unwrap();
    let digest = image.root().digest.hex();
    let here = |text: String| text.replace("http://$REG", &registry.url()).replace(IMAGE, &digest);
    let document = here(recorded(&folder, "transfer-image-dry-run/stdout"));
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    let there = format!("{}/transfer-image-dry-run/t//acme.org/hello:1.0.0", registry.url());
    let expected = here(recorded(&folder, "transfer-image-copy-reg/stdout"));
    let expected = expected.replace("transfer-image-copy-reg", "transfer-image-dry-run");
    assert_eq!(sandbox.ok(&format!("get cv {there} -o yaml")).trim_end(), expected.trim_end());
    sandbox.ok(&format!("check cv {there} --resources local"));
    // It is what the transfer itself comes to here.
    let constructor = here(recorded(&folder, "transfer-image-dry-run/constructor.yaml"));
    sandbox.file("c.yaml", &constructor.replace("http://${REG}", &registry.url())).ok("add cv -c c.yaml -r ctf");
    let same = sandbox.json(&format!(
        "transfer cv ctf//acme.org/hello:1.0.0 {} --copy-resources -o json",
        &there[..there.find("//acme.org").unwrap()]
    ));
    assert_eq!(same["totals"]["versionsPresent"], 1, "{same:#}");
}
