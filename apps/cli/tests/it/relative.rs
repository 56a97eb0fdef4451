//! Images beside their component version, found by references without a host.

use ocm_testkit::{TestRegistry, fixtures};
use serde_json::Value;

use crate::images::{constructor, registry, resource, serving};
use crate::sandbox::Sandbox;
use crate::serve::{interrupt, serve};
use crate::sign::with_keys;

/// An archive `beside` that a registry served, with an image of another repository of the same archive.
fn beside() -> Sandbox {
    let sandbox = with_keys(Sandbox::new());
    let (source, _) = registry(1);
    sandbox.file("a.yaml", &constructor("acme.org/a", &resource("image", &source))).ok("add cv -c a.yaml -r ctf");
    sandbox.ok("sign cv ctf//acme.org/a:1.0.0 --config c.yaml");
    let (mut child, address) = serve(&sandbox, &["serve", "beside", "--writable"]);
    sandbox.ok(&format!("transfer cv ctf//acme.org/a:1.0.0 http://{address} -V -u ociArtifact"));
    assert_eq!(interrupt(&mut child), 0);
    sandbox
}

fn access(sandbox: &Sandbox, place: &str) -> Value {
    let printed = sandbox.ok(&format!("get cv {place} -o json"));
    serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"][0]["access"].take()
}

#[test]
fn an_image_of_the_same_archive_is_found_by_its_relative_reference() {
    let sandbox = beside();
    let cv = "beside//acme.org/a:1.0.0";
    let reference = access(&sandbox, cv);
    assert_eq!(reference["type"], "relativeOciReference");
    assert!(reference["reference"].as_str().unwrap().starts_with("team/app:v1@sha256:"), "{reference}");
    sandbox.ok(&format!("check cv {cv} --resources local"));
    sandbox.ok(&format!("verify cv {cv} --config c.yaml --resources"));
    sandbox.ok(&format!("download resource {cv} --identity name=image --output image"));
    assert!(sandbox.path("image").exists());
    let target = TestRegistry::start().unwrap();
    for target in ["./out".to_owned(), target.url()] {
        sandbox.ok(&format!("transfer cv {cv} {target}"));
        let cv = format!("{}//acme.org/a:1.0.0", target.trim_start_matches("./"));
        assert_eq!(access(&sandbox, &cv)["type"], "LocalBlob/v1");
        sandbox.ok(&format!("verify cv {cv} --config c.yaml --resources"));
    }
    // Without the image, the message says where it should have been.
    let index = sandbox.read("beside/artifact-index.json").replace("\"team/app\"", "\"team/other\"");
    sandbox.file("beside/artifact-index.json", &index);
    let said = sandbox.fails(&format!("transfer cv {cv} ./none"), 3);
    assert!(
        said.contains("relative reference \"team/app:v1@") && said.contains("there is no such image in "),
        "{said}"
    );
    assert_eq!(sandbox.run(&format!("check cv {cv}")).status, 7);
}

#[test]
fn a_layer_in_a_registry_becomes_local_and_leaves_no_address_behind() {
    let image = fixtures::image(1, 1000);
    let (sandbox, source, target) = (Sandbox::new(), serving(&image), TestRegistry::start().unwrap());
    let digest = ocm_blob::Digest::of(&image.blobs[1]);
    let resource = format!(
        "- {{name: layer, type: blob, version: 1.0.0, access: {{type: ociBlob, ref: \"{}/team/app\", \
         mediaType: application/octet-stream, digest: \"{digest}\", size: 1000}}}}\n",
        source.url()
    );
    sandbox.file("a.yaml", &constructor("acme.org/a", &resource)).ok("add cv -c a.yaml -r ctf");
    for style in ["relative", "absolute"] {
        let place = format!("{}/{style}", target.url());
        let line = format!("transfer cv ctf//acme.org/a:1.0.0 {place} -V -u ociArtifact --access-style {style}");
        sandbox.ok(&line);
        let descriptor = sandbox.ok(&format!("get cv {place}//acme.org/a:1.0.0 -o json"));
        assert_eq!(access(&sandbox, &format!("{place}//acme.org/a:1.0.0"))["localReference"], digest.to_string());
        assert!(!descriptor.contains(&source.address()), "{descriptor}");
        assert!(!descriptor.contains(&target.address()), "{descriptor}");
    }
}
