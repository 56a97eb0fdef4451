use crate::client::Client;
use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

/// A client, how it shows a manifest, and how it fetches everything below it into an OCI layout. `{host}`, `{ref}` and
/// `{out}` stand for the registry, the address of the manifest and the folder of the layout.
const CLIENTS: [(&str, &str, &str); 4] = [
    ("oras", "manifest fetch --plain-http {ref}", "cp --from-plain-http --to-oci-layout {ref} {out}:pulled"),
    ("crane", "manifest {ref}", "pull --format oci {ref} {out}"),
    (
        "skopeo",
        "inspect --raw --tls-verify=false docker://{ref}",
        "--insecure-policy copy --all --preserve-digests --src-tls-verify=false docker://{ref} oci:{out}:pulled",
    ),
    (
        "regctl",
        "--host reg={host},tls=disabled manifest get --format raw-body {ref}",
        "--host reg={host},tls=disabled image copy {ref} ocidir://{out}:pulled",
    ),
];

/// Fetches `repository@digest` with every client there is, and compares all bytes with the layout they came from.
pub(crate) fn everything(sandbox: &Sandbox, registry: &Registry, repository: &str, expected: &Layout) {
    with(sandbox, registry, repository, expected, |_| true);
}

/// Like [`everything`], with the clients that can do it.
pub(crate) fn with(
    sandbox: &Sandbox,
    registry: &Registry,
    repository: &str,
    expected: &Layout,
    can: impl Fn(&str) -> bool,
) {
    let reference = format!("{repository}@{}", expected.digest);
    for (name, show, fetch) in CLIENTS {
        let Some(client) = Client::find(name) else { continue };
        let out = tempfile::tempdir_in(sandbox.path("")).unwrap();
        let out = out.path().join("layout").strip_prefix(sandbox.path("")).unwrap().display().to_string();
        let line = |line: &str| {
            line.replace("{host}", &registry.address).replace("{ref}", &reference).replace("{out}", &out)
        };
        let shown = client.run(sandbox, &line(show));
        // Some print a line end behind it.
        let manifest = String::from_utf8(expected.manifest(sandbox)).unwrap();
        assert_eq!(shown.trim_end(), manifest.trim_end(), "{name} from {}", registry.name);
        if !can(name) {
            continue;
        }
        client.run(sandbox, &line(fetch));
        let pulled = Layout::read(sandbox, &out).blobs(sandbox);
        for (digest, bytes) in expected.blobs(sandbox) {
            assert!(pulled.get(&digest) == Some(&bytes), "{name} from {}: {digest} is missing or wrong", registry.name);
        }
    }
}
