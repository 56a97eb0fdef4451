//! Stock clients list and delete what is in a served archive.

use crate::client::Client;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::served::{COMPONENT, archive};

/// A client, how it lists tags, and how it deletes one. `{host}` and `{name}` stand for the registry and the repository.
const CLIENTS: [(&str, &str, &str); 3] = [
    ("crane", "ls {name}", "delete {name}:1.0.0"),
    ("skopeo", "list-tags --tls-verify=false docker://{name}", "delete --tls-verify=false docker://{name}:1.0.0"),
    (
        "regctl",
        "--host reg={host},tls=disabled tag ls {name}",
        "--host reg={host},tls=disabled tag delete {name}:1.0.0",
    ),
];

#[test]
fn a_deleted_tag_is_gone_and_the_rest_stays() {
    let Some(crane) = Client::find("crane") else { return };
    let sandbox = Sandbox::new();
    let layout = archive(&sandbox);
    let registry = Registry::writable(&sandbox.path("transport-archive"));
    // `skopeo` deletes the manifest of a tag, so each tag gets its own.
    let images = [Layout::image(&sandbox, "one", 1), Layout::image(&sandbox, "two", 2)];
    for (name, list, delete) in CLIENTS {
        let Some(client) = Client::find(name) else { continue };
        let repository = format!("{}/source/{name}", registry.address);
        let line = |line: &str| line.replace("{host}", &registry.address).replace("{name}", &repository);
        let listed = || ["1.0.0", "2.0.0"].map(|tag| client.run(&sandbox, &line(list)).contains(tag));
        for (image, tag) in images.iter().zip(["1.0.0", "2.0.0"]) {
            crane.run(&sandbox, &format!("push {} {repository}:{tag}", image.folder));
        }
        assert_eq!(listed(), [true, true], "{name}");
        client.run(&sandbox, &line(delete));
        assert_eq!(listed(), [false, true], "{name}");
        crane.fails(&sandbox, &format!("manifest {repository}:1.0.0"));
        pull::everything(&sandbox, &registry, &repository, &images[1]);
    }
    pull::everything(&sandbox, &registry, &registry.repository(COMPONENT), &layout);
}
