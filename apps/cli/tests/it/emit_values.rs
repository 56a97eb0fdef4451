//! `--emit-values`: where images were before a transfer, and where they are pulled from after it.

use ocm_testkit::{Class, Fault, TestRegistry};
use serde_json::{Value, json};

use crate::images::{constructor, registry, resource};
use crate::sandbox::{Sandbox, json as parse};

/// An archive with an image by reference and a text, the registry that has the image, and its digest.
fn with_image() -> (Sandbox, TestRegistry, String) {
    let (sandbox, (origin, digest)) = (Sandbox::new(), registry(7));
    let note = "- {name: note, type: plainText, version: 1.0.0, input: {type: utf8, text: hello}}\n";
    let constructor = constructor("acme.org/images", &(resource("web", &origin) + note));
    // Nobody has to be able to get what stays where it is.
    let built = "sources:\n- {name: builder, type: ociImage, version: 2.0.0, access: {type: ociArtifact, imageReference: \"nginx:1.27\"}}\n";
    let constructor = constructor + built;
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    (sandbox, origin, digest)
}

/// What is told of the resources; the only source stays where it is.
fn listed(sandbox: &Sandbox, line: &str) -> Vec<Value> {
    sandbox.ok(&format!("{line} --emit-values values.json"));
    let images = parse(&sandbox.read("values.json"))["images"].as_array().unwrap().clone();
    let (sources, resources): (Vec<_>, Vec<_>) = images.into_iter().partition(|image| image["source"] == "builder");
    assert_eq!(sources.len(), resources.len());
    for source in sources {
        let hub =
            json!({"registry": "docker.io", "repository": "library/nginx", "tag": "1.27", "reference": "nginx:1.27"});
        assert_eq!((&source["from"], &source["to"]), (&hub, &hub));
        assert_eq!(source["elementVersion"], "2.0.0");
    }
    resources
}

/// What is told of the only image with this place in the target.
fn expected(origin: &TestRegistry, target: &TestRegistry, digest: &str, to: &Value) -> Value {
    let host = origin.address();
    json!({
        "target": format!("{}/prod", target.address()),
        "component": "acme.org/images",
        "version": "1.0.0",
        "resource": "web",
        "elementVersion": "1.0.0",
        "type": "ociImage",
        "from": {
            "registry": host, "repository": "team/app", "tag": "v1", "digest": digest,
            "reference": format!("http://{host}/team/app:v1@{digest}"),
        },
        "to": to,
    })
}

#[test]
fn an_image_inside_of_its_component_version_is_told_by_its_digest_again_and_again() {
    let (sandbox, origin, digest) = with_image();
    let target = TestRegistry::start().unwrap();
    let (host, repository) = (target.address(), "prod/component-descriptors/acme.org/images");
    let to = json!({
        "registry": host, "repository": repository, "digest": digest,
        "reference": format!("{host}/{repository}@{digest}"),
    });
    let expected = expected(&origin, &target, &digest, &to);
    for transfer in ["transfer cv ctf//acme.org/images:1.0.0", "transfer ctf ctf"] {
        for _ in 0..2 {
            let images = listed(&sandbox, &format!("{transfer} {}/prod -V", target.url()));
            assert_eq!(images, std::slice::from_ref(&expected));
        }
    }
    // From there, its name is the one that was kept with it.
    let other = TestRegistry::start().unwrap();
    let images =
        listed(&sandbox, &format!("transfer cv {}/prod//acme.org/images:1.0.0 {}/prod", target.url(), other.url()));
    let from = json!({"repository": "team/app", "tag": "v1", "digest": digest, "reference": "team/app:v1"});
    assert_eq!(images[0]["from"], from);
    assert_eq!(images[0]["to"]["registry"], other.address());
}

#[test]
fn an_image_with_a_name_of_its_own_is_told_by_that_name() {
    let (sandbox, origin, digest) = with_image();
    for style in ["relative", "absolute"] {
        let target = TestRegistry::start().unwrap();
        let host = target.address();
        let to = json!({
            "registry": host, "repository": "prod/team/app", "tag": "v1", "digest": digest,
            "reference": format!("{host}/prod/team/app:v1@{digest}"),
        });
        let line = format!(
            "transfer cv ctf//acme.org/images:1.0.0 {}/prod -V -u ociArtifact --access-style {style}",
            target.url()
        );
        let first = listed(&sandbox, &line);
        assert_eq!(first, [expected(&origin, &target, &digest, &to)], "{style}");
        assert_eq!(listed(&sandbox, &line), first, "{style}");
    }
}

#[test]
fn an_image_that_stays_is_told_where_it_is() {
    let (sandbox, origin, digest) = with_image();
    let target = TestRegistry::start().unwrap();
    // It need not be within reach.
    let host = origin.address();
    drop(origin);
    let images = listed(&sandbox, &format!("transfer cv ctf//acme.org/images:1.0.0 {}", target.url()));
    let to = &images[0]["to"];
    assert_eq!((&to["registry"], &to["digest"]), (&host.clone().into(), &digest.clone().into()));
    assert_eq!(to["reference"], format!("{host}/team/app:v1@{digest}"));
}

#[test]
fn every_registry_is_in_the_list_and_archives_are_not() {
    let (sandbox, _origin, digest) = with_image();
    let (one, two) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let line = format!("transfer cv ctf//acme.org/images:1.0.0 ./out --to {} --to {} -V", one.url(), two.url());
    let images = listed(&sandbox, &line);
    let told: Vec<_> = images.iter().map(|image| (image["target"].clone(), image["to"]["registry"].clone())).collect();
    let of = |registry: &TestRegistry| (Value::from(registry.address()), Value::from(registry.address()));
    assert_eq!(told, [of(&one), of(&two)]);
    // YAML is the default.
    sandbox.ok(&format!("{line} --emit-values values"));
    let yaml = sandbox.read("values");
    assert!(yaml.starts_with("images:\n") && yaml.contains(&format!("digest: {digest}")), "{yaml}");
}

#[test]
fn a_transfer_that_fails_leaves_the_list_as_it_was() {
    let (sandbox, _origin, _) = with_image();
    let (good, bad) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    bad.fault(Fault::status(403).of("PUT", Class::Upload));
    let line = "transfer cv ctf//acme.org/images:1.0.0 -V";
    let values = "--emit-values values.json --report report.json";
    sandbox.fails(&format!("{line} {} {values}", bad.url()), 6);
    assert!(!sandbox.path("values.json").exists());
    sandbox.file("values.json", "older").fails(&format!("{line} {} --to {} {values}", good.url(), bad.url()), 7);
    assert_eq!(sandbox.read("values.json"), "older");
    assert!(sandbox.path("report.json").exists());
}

#[test]
fn a_list_that_cannot_be_made_says_that_everything_was_transferred() {
    let (sandbox, _origin, _) = with_image();
    let target = TestRegistry::start().unwrap();
    sandbox.ok("transfer ctf ctf inside -V");
    target.fault(Fault::status(403).of("GET", Class::Manifest));
    let line = format!("transfer cv inside//acme.org/images:1.0.0 {}", target.url());
    let said = sandbox.fails(&format!("{line} --emit-values values.json --report report.json"), 6);
    assert!(said.contains("everything was transferred") && said.contains("403"), "{said}");
    assert!(!sandbox.path("values.json").exists());
    assert_eq!(parse(&sandbox.read("report.json"))["totals"]["versionsMoved"], 1);
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_moved() {
    let (sandbox, _origin, _) = with_image();
    let target = TestRegistry::start().unwrap();
    let line = "transfer cv ctf//acme.org/images:1.0.0";
    let said = sandbox.fails(&format!("{line} ./out --emit-values v.yaml"), 2);
    assert!(said.contains("no address that can be pulled in ./out"), "{said}");
    for place in ["./out", "./out/../out"] {
        let said = sandbox.fails(&format!("{line} ./out --to {} --emit-values {place}", target.url()), 2);
        assert!(said.contains("--emit-values names the target"), "{said}");
        sandbox.file("out/artifact-index.json", "{}");
    }
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    let line = format!("{line} {}", target.url());
    sandbox.fails(&format!("{line} --emit-values missing/v.yaml"), 1);
    let said = sandbox.fails(&format!("{line} --emit-values v.yaml --report ./v.yaml"), 2);
    assert!(said.contains("--report and --emit-values both name ./v.yaml"), "{said}");
    sandbox.fails(&format!("{line} --emit-values v.yaml --dry-run"), 2);
    sandbox.file("spec.yaml", &sandbox.ok(&format!("{line} --dry-run")));
    let said = sandbox.fails("transfer cv --transfer-spec spec.yaml --emit-values v.yaml", 2);
    assert!(said.contains("--emit-values cannot be used together with --transfer-spec"), "{said}");
    assert!(!sandbox.path("v.yaml").exists() && !sandbox.path("out").exists());
    sandbox.fails(&format!("get cv {}//acme.org/images:1.0.0", target.url()), 3);
}
