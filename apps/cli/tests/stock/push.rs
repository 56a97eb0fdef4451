use crate::client::Client;
use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

/// A client, and how it pushes a layout as it is. `{host}`, `{in}` and `{ref}` stand for the registry, the folder of the
/// layout and the name it gets.
const CLIENTS: [(&str, &str); 4] = [
    ("oras", "cp --from-oci-layout --to-plain-http {in}:1.0.0 {ref}"),
    ("crane", "push {in} {ref}"),
    ("skopeo", "--insecure-policy copy --all --preserve-digests --dest-tls-verify=false oci:{in}:1.0.0 docker://{ref}"),
    ("regctl", "--host reg={host},tls=disabled image copy ocidir://{in}:1.0.0 {ref}"),
];

/// Pushes an image of its own with every client there is, to `source/<client>:1.0.0`.
pub(crate) fn by_everyone(sandbox: &Sandbox, registry: &Registry) -> Vec<(&'static str, Layout)> {
    let there = CLIENTS.into_iter().zip(1..).filter_map(|((name, line), seed)| {
        let client = Client::find(name)?;
        let layout = Layout::image(sandbox, &format!("pushed-{name}"), seed);
        let reference = format!("{}/source/{name}:1.0.0", registry.address);
        let line = line.replace("{host}", &registry.address).replace("{in}", &layout.folder);
        client.run(sandbox, &line.replace("{ref}", &reference));
        Some((name, layout))
    });
    there.collect()
}
