//! A component version that a stock client copied from registry to registry is still one.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "acme.org/mirrored";

/// A client, and how it copies an index with everything below it. `{origin}` and `{host}` stand for the registries.
const CLIENTS: [(&str, &str); 4] = [
    ("oras", "cp --from-plain-http --to-plain-http {from} {to}"),
    ("crane", "copy {from} {to}"),
    (
        "skopeo",
        "--insecure-policy copy --all --preserve-digests --src-tls-verify=false --dest-tls-verify=false \
         docker://{from} docker://{to}",
    ),
    ("regctl", "--host reg={origin},tls=disabled --host reg={host},tls=disabled image copy {from} {to}"),
];

#[test]
fn every_client_copies_all_of_it() {
    let sandbox = Sandbox::new();
    Layout::of(&sandbox, "layout", &fixtures::image_with(3, 2, 10_000));
    sandbox.add_image(COMPONENT, "- {name: note, type: plainText, input: {type: utf8, text: made for a test}}\n");
    let origin = Registry::read_only(&sandbox.path("transport-archive"));
    let original = sandbox.descriptor(&format!("transport-archive//{COMPONENT}:1.0.0"));
    for registry in Registry::each() {
        for (name, line) in CLIENTS {
            let Some(client) = Client::find(name) else { continue };
            let line = line
                .replace("{origin}", &origin.address)
                .replace("{host}", &registry.address)
                .replace("{from}", &format!("{}:1.0.0", origin.repository(COMPONENT)))
                .replace("{to}", &format!("{}/{name}/component-descriptors/{COMPONENT}:1.0.0", registry.address));
            client.run(&sandbox, &line);
            let version = format!("http://{}/{name}//{COMPONENT}:1.0.0", registry.address);
            assert_eq!(sandbox.descriptor(&version), original, "{name} to {}", registry.name);
            // All content is there as well: it can be taken away again.
            let archive = sandbox.free_name();
            sandbox.ocm(&format!("transfer cv {version} {archive}"));
            let note = sandbox.ocm(&format!("download resource {archive}//{COMPONENT}:1.0.0 note -O -"));
            assert_eq!(note, "made for a test");
        }
    }
}
