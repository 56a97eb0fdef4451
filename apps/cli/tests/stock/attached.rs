//! Artifacts that say something about others.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::layout::Layout;
use crate::push;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const KIND: &str = "application/vnd.acme.signature";

#[test]
fn what_was_attached_is_discovered() {
    let Some(oras) = Client::find("oras") else { return };
    let sandbox = Sandbox::new();
    sandbox.file("signature.txt", "signed");
    let registry = Registry::start("ocm").unwrap();
    for (client, layout) in push::by_everyone(&sandbox, &registry) {
        let reference = format!("{}/source/{client}@{}", registry.address, layout.digest);
        let attach = format!("attach --plain-http --artifact-type {KIND} {reference} signature.txt:text/plain");
        let printed = oras.run(&sandbox, &attach);
        let attached = printed.trim().strip_prefix("Digest: ").unwrap();
        let discover = |kind: &str| oras.run(&sandbox, &format!("discover --plain-http{kind} {reference}"));
        assert_eq!(discover(""), format!("{attached} {KIND}\n"));
        assert_eq!(discover(&format!(" --artifact-type {KIND}")), format!("{attached} {KIND}\n"));
        assert_eq!(discover(" --artifact-type other/type"), "");
        let Some(regctl) = Client::find("regctl") else { continue };
        let host = format!("--host reg={},tls=disabled", registry.address);
        let listed = regctl.run(&sandbox, &format!("{host} artifact list {reference}"));
        assert!(listed.contains(attached), "{listed}");
    }
}

/// With and without the interface for it: `docker-registry` has none.
#[test]
fn an_embedded_signature_is_discovered_at_the_image() {
    let Some(oras) = Client::find("oras") else { return };
    let sandbox = Sandbox::new();
    let image = fixtures::image(1, 1000);
    let signature = fixtures::referrer(image.root(), KIND, "signed");
    Layout::of(&sandbox, "image", &image);
    let signature = Layout::of(&sandbox, "signature", &signature);
    sandbox.add(
        "name: acme.org/signed
version: 1.0.0
provider: {name: acme.org}
resources:
- name: image
  type: ociImage
  input: {type: dir, path: image, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}
- name: signature
  type: ociArtifact
  input: {type: dir, path: signature, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}
",
    );
    for registry in Registry::each() {
        sandbox.ocm(&format!("transfer cv transport-archive//acme.org/signed:1.0.0 http://{}", registry.address));
        let reference = format!("{}@{}", registry.repository("acme.org/signed"), image.root().digest);
        let found = oras.run(&sandbox, &format!("discover --plain-http {reference}"));
        // `referrers-registry` names another type.
        assert_eq!(found.split(' ').next(), Some(signature.digest.as_str()), "{}", registry.name);
    }
}
