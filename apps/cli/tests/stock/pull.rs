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
    everything_but("", sandbox, registry, repository, expected);
}

/// Like [`everything`], without a client that cannot do it.
pub(crate) fn everything_but(
    left_out: &str,
    sandbox: &Sandbox,
    registry: &Registry,
    repository: &str,
    expected: &Layout,
) {
    let reference = format!("{repository}@{}", expected.digest);
    // Some print a line end behind it.
    let manifest = String::from_utf8(expected.manifest(sandbox)).unwrap();
    let blobs = expected.blobs(sandbox);
    for (name, show, fetch) in CLIENTS.into_iter().filter(|(name, ..)| *name != left_out) {
        let Some(client) = Client::find(name) else { continue };
        let out = sandbox.free_name();
        let line =
            |line: &str| line.replace("{host}", &registry.address).replace("{ref}", &reference).replace("{out}", &out);
        let shown = client.run(sandbox, &line(show));
        assert_eq!(shown.trim_end(), manifest.trim_end(), "{name} from {}", registry.name);
        client.run(sandbox, &line(fetch));
        let pulled = Layout::read(sandbox, &out).blobs(sandbox);
        for (digest, bytes) in &blobs {
            assert!(pulled.get(digest) == Some(bytes), "{name} from {}: {digest} is missing or wrong", registry.name);
        }
    }
}
