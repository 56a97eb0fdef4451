//! Images for several platforms.

use serde_json::Value;

use crate::client::Client;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "acme.org/platforms";

/// Makes an image for two platforms with `crane`, real down to its layer, and returns its address.
pub(crate) fn platforms(sandbox: &Sandbox, registry: &Registry) -> Option<String> {
    let crane = Client::find("crane")?;
    let name = format!("{}/source/app", registry.address);
    sandbox.file("rootfs/app/hello", "hello\n");
    sandbox.tar("-cf", "layer.tar", "rootfs");
    crane.run(sandbox, &format!("append --oci-empty-base -f layer.tar -t {name}:none"));
    for architecture in ["amd64", "arm64"] {
        crane.run(sandbox, &format!("mutate --set-platform linux/{architecture} {name}:none -t {name}:{architecture}"));
    }
    crane.run(sandbox, &format!("index append -m {name}:amd64 -m {name}:arm64 -t {name}:1.0.0"));
    Some(format!("{name}:1.0.0"))
}

/// Adds what is in the folder `layout`, and transfers it.
fn transferred(sandbox: &Sandbox, registry: &Registry) {
    sandbox.add_image(COMPONENT, "");
    sandbox.ocm(&format!("transfer cv transport-archive//{COMPONENT}:1.0.0 http://{}", registry.address));
}

#[test]
fn every_client_finds_its_platform() {
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        let (Some(crane), Some(image)) = (Client::find("crane"), platforms(&sandbox, &registry)) else { return };
        crane.run(&sandbox, &format!("pull --format oci {image} layout"));
        let layout = Layout::read(&sandbox, "layout");
        transferred(&sandbox, &registry);
        let reference = format!("{}@{}", registry.repository(COMPONENT), layout.digest);
        // The version, which is an index too, and the image in it.
        for address in [format!("{}:1.0.0", registry.repository(COMPONENT)), reference.clone()] {
            crane.run(&sandbox, &format!("validate --remote {address}"));
        }
        for architecture in ["amd64", "arm64"] {
            let config = crane.run(&sandbox, &format!("config --platform linux/{architecture} {reference}"));
            assert_eq!(serde_json::from_str::<Value>(&config).unwrap()["architecture"], architecture);
            crane.run(&sandbox, &format!("pull --platform linux/{architecture} {reference} image.tar"));
            crane.run(&sandbox, "validate --tarball image.tar");
            let Some(skopeo) = Client::find("skopeo") else { continue };
            let choose = format!("--insecure-policy --override-os linux --override-arch {architecture}");
            let line = format!("{choose} inspect --tls-verify=false docker://{reference}");
            let inspected: Value = serde_json::from_str(&skopeo.run(&sandbox, &line)).unwrap();
            assert_eq!(inspected["Architecture"], architecture, "{}", registry.name);
            let out = format!("{}-{architecture}", registry.name);
            skopeo.run(&sandbox, &format!("{choose} copy --src-tls-verify=false docker://{reference} oci:{out}:1"));
            let unpacked = Layout::read(&sandbox, &out);
            assert!(layout.blobs(&sandbox).contains_key(unpacked.digest.trim_start_matches("sha256:")));
        }
    }
}

#[test]
fn an_index_in_an_index_keeps_everything() {
    for registry in Registry::each() {
        let sandbox = Sandbox::new();
        let (Some(crane), Some(image)) = (Client::find("crane"), platforms(&sandbox, &registry)) else { return };
        let nested = image.replace("1.0.0", "nested");
        crane.run(&sandbox, &format!("index append --flatten=false -m {image} -t {nested}"));
        crane.run(&sandbox, &format!("pull --format oci {nested} layout"));
        transferred(&sandbox, &registry);
        let layout = Layout::read(&sandbox, "layout");
        // `skopeo copy` knows no index in an index.
        pull::everything_but("skopeo", &sandbox, &registry, &registry.repository(COMPONENT), &layout);
    }
}
