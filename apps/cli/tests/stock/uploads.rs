//! The ways in which clients upload, and the older form of images.

use ocm_testkit::fixtures;

use crate::client::Client;
use crate::internalised::internalise;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

#[test]
fn a_layer_in_many_pieces_arrives_whole() {
    let Some(regctl) = Client::find("regctl") else { return };
    let sandbox = Sandbox::new();
    let layout = Layout::of(&sandbox, "layout", &fixtures::image(2, 3_000_000));
    for registry in Registry::each() {
        let host = &registry.address;
        regctl.run(&sandbox, &format!("registry set --tls disabled --blob-max 500000 --blob-chunk 700000 {host}"));
        regctl.run(&sandbox, &format!("image copy ocidir://layout:1.0.0 {host}/large:1.0.0"));
        pull::everything(&sandbox, &registry, &format!("{host}/large"), &layout);
    }
}

#[test]
fn an_image_in_the_form_of_docker_stays_as_it_is() {
    let (Some(skopeo), Some(oras)) = (Client::find("skopeo"), Client::find("oras")) else { return };
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        let reference = format!("{}/source/docker:1.0.0", registry.address);
        Layout::image(&sandbox, "layout", 1);
        let plain = "--insecure-policy copy --format v2s2 --dest-tls-verify=false";
        skopeo.run(&sandbox, &format!("{plain} oci:layout:1.0.0 docker://{reference}"));
        oras.run(&sandbox, &format!("cp --from-plain-http --to-oci-layout {reference} docker:1.0.0"));
        let layout = Layout::read(&sandbox, "docker");
        assert_eq!(layout.media_type, "application/vnd.docker.distribution.manifest.v2+json");
        internalise(&sandbox, &registry, "acme.org/docker", "source/docker:1.0.0", &layout);
        // `skopeo` makes an OCI manifest of it when it writes a layout.
        pull::everything_but("skopeo", &sandbox, &registry, &registry.repository("acme.org/docker"), &layout);
    }
}
