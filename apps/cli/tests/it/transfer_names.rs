//! What images are called that are stored beside their component version, and how it refers to them.

use ocm_testkit::{TestRegistry, fixtures};
use serde_json::Value;

use crate::images::{constructor, registry, resource};
use crate::sandbox::Sandbox;

/// An archive with two different images of two registries, both called `team/app:v1`.
fn two() -> (TestRegistry, TestRegistry, Sandbox) {
    let ((one, _), (two, _)) = (registry(1), registry(2));
    let sandbox = Sandbox::new();
    let resources = resource("one", &one) + &resource("two", &two);
    sandbox.file("c.yaml", &constructor("acme.org/a", &resources)).ok("add cv -c c.yaml -r ctf");
    (one, two, sandbox)
}

/// An archive with one image by reference.
fn one() -> (TestRegistry, Sandbox) {
    let (registry, _) = registry(1);
    let sandbox = Sandbox::new();
    let constructor = format!(
        "name: acme.org/a\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n\
         - {{name: web, type: ociImage, version: 1.2.0, access: {{type: ociArtifact, imageReference: \"{}/team/app:v1\"}}}}\n",
        registry.url()
    );
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    (registry, sandbox)
}

fn access(sandbox: &Sandbox, place: &str, position: usize) -> Value {
    let printed = sandbox.ok(&format!("get cv {place}//acme.org/a:1.0.0 -o json"));
    serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"][position]["access"].take()
}

#[test]
fn images_are_referred_to_without_an_address() {
    let (_source, sandbox) = one();
    let target = TestRegistry::start().unwrap();
    let place = format!("{}/prod", target.url());
    sandbox.ok(&format!("transfer cv -V -u ociArtifact ctf//acme.org/a:1.0.0 {place}"));
    let relative = access(&sandbox, &place, 0);
    assert_eq!(relative["type"], "relativeOciReference");
    let reference = relative["reference"].as_str().unwrap();
    assert!(reference.starts_with("prod/team/app:v1@sha256:"), "{relative}");
    assert!(!sandbox.ok(&format!("get cv {place}//acme.org/a:1.0.0 -o yaml")).contains(&target.address()));

    // At the next hop the path does not grow.
    let next = TestRegistry::start().unwrap();
    let there = format!("{}/mirror", next.url());
    sandbox.ok(&format!("transfer cv -u ociArtifact {place}//acme.org/a:1.0.0 {there}"));
    let moved = access(&sandbox, &there, 0);
    assert!(moved["reference"].as_str().unwrap().starts_with("mirror/team/app:v1@sha256:"), "{moved}");
    // Into an archive it comes along although nobody asked for resources.
    sandbox.ok(&format!("transfer cv {there}//acme.org/a:1.0.0 ./back"));
    let kept = access(&sandbox, "./back", 0);
    assert_eq!((&kept["type"], &kept["referenceName"]), (&"LocalBlob/v1".into(), &"team/app:v1".into()), "{kept}");
}

#[test]
fn an_address_is_written_only_when_asked_for() {
    let (_source, sandbox) = one();
    let target = TestRegistry::start().unwrap();
    let place = format!("{}/prod", target.url());
    sandbox.ok(&format!("transfer cv -V -u ociArtifact --access-style absolute ctf//acme.org/a:1.0.0 {place}"));
    let absolute = access(&sandbox, &place, 0);
    assert_eq!(absolute["type"], "ociArtifact/v1");
    assert!(absolute["imageReference"].as_str().unwrap().starts_with(&format!("{place}/team/app:v1")), "{absolute}");
}

#[test]
fn a_document_says_which_way() {
    let (_source, sandbox) = one();
    let target = TestRegistry::start().unwrap();
    for (style, kind) in [("relative", "relativeOciReference"), ("absolute", "ociArtifact/v1")] {
        let place = format!("{}/{style}", target.url());
        let line =
            format!("transfer cv -V -u ociArtifact --access-style {style} --dry-run ctf//acme.org/a:1.0.0 {place}");
        sandbox.file("spec.yaml", &sandbox.ok(&line)).ok("transfer cv --transfer-spec spec.yaml");
        assert_eq!(access(&sandbox, &place, 0)["type"], kind);
    }
}

#[test]
fn local_content_gets_an_address_only_when_asked_for() {
    let (_source, sandbox) = one();
    let target = TestRegistry::start().unwrap();
    for (when, has) in [("never", false), ("auto", true)] {
        let place = format!("{}/{when}", target.url());
        sandbox.ok(&format!("transfer cv -V --global-access {when} ctf//acme.org/a:1.0.0 {place}"));
        assert_eq!(access(&sandbox, &place, 0)["globalAccess"].is_object(), has, "{when}");
    }
}

#[test]
fn an_address_for_everybody_is_never_that_of_another_place() {
    let (_source, sandbox) = one();
    let (first, next) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let from = format!("{}/first", first.url());
    sandbox.ok(&format!("transfer cv -V --global-access auto ctf//acme.org/a:1.0.0 {from}"));
    let from = format!("{from}//acme.org/a:1.0.0");
    for (number, (when, target)) in
        [("never", next.url()), ("never", "./out".to_owned()), ("auto", next.url())].into_iter().enumerate()
    {
        let (direct, planned) = (format!("{target}/d{number}"), format!("{target}/p{number}"));
        let flags = format!("--global-access {when}");
        sandbox.ok(&format!("transfer cv {flags} {from} {direct}"));
        let document = sandbox.ok(&format!("transfer cv {flags} {from} {planned} --dry-run"));
        sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
        for place in [&direct, &planned] {
            let stored = access(&sandbox, place, 0);
            assert!(!stored.to_string().contains(&first.address()), "{place}: {stored}");
            assert_eq!(stored["globalAccess"].is_object(), when == "auto", "{place}: {stored}");
        }
        // The same again is there.
        let again = sandbox.run(&format!("transfer cv {flags} {from} {direct}"));
        assert!(again.stderr.contains("0 component version(s) transferred"), "{}", again.stderr);
    }
    // Asked for later, it is added.
    let place = format!("{}/d0", next.url());
    sandbox.ok(&format!("transfer cv --global-access auto {from} {place}"));
    let address = access(&sandbox, &place, 0)["globalAccess"]["imageReference"].as_str().unwrap().to_owned();
    assert!(address.starts_with(&format!("{place}/")), "{address}");
    let again = sandbox.run(&format!("transfer cv --global-access auto {from} {place}"));
    assert!(again.stderr.contains("0 component version(s) transferred"), "{}", again.stderr);
}

#[test]
fn names_follow_a_template() {
    let (_source, sandbox) = one();
    let target = TestRegistry::start().unwrap();
    for (number, (template, expected)) in [
        ("{{.Component}}/{{.Resource}}", "acme.org/a/web:v1"),
        ("x/{{.Name}}:{{.ResourceVersion}}", "x/app:1.2.0"),
        ("{{slug.Component}}", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let place = format!("{}/t{number}", target.url());
        let line = format!("transfer cv -V -u ociArtifact --upload-name {template} ctf//acme.org/a:1.0.0 {place}");
        if expected.is_empty() {
            assert!(sandbox.fails(&line, 2).contains("slug.Component"));
            continue;
        }
        sandbox.ok(&line);
        let reference = access(&sandbox, &place, 0)["reference"].as_str().unwrap().to_owned();
        assert!(reference.starts_with(&format!("t{number}/{expected}@")), "{reference}");
        let document = sandbox.ok(&line.replace("-V", "-V --dry-run"));
        assert!(document.contains(&format!("{place}/{expected}")), "{document}");
    }
    let line =
        "transfer cv -V -u ociArtifact --upload-name x/component-descriptors/{{.Component}} ctf//acme.org/a:1.0.0";
    for dry_run in ["", " --dry-run"] {
        let told = sandbox.fails(&format!("{line} {}/t{dry_run}", target.url()), 2);
        assert!(told.contains("is a place of component versions; give another by --upload-name"), "{told}");
    }
}

#[test]
fn collisions_are_found_before_anything_is_moved() {
    let (one, two, sandbox) = two();
    let target = TestRegistry::start().unwrap();
    let line = |place: &str, flags: &str| {
        format!("transfer cv -V -u ociArtifact {flags} ctf//acme.org/a:1.0.0 {}/{place}", target.url())
            .replace("  ", " ")
    };
    let said = sandbox.fails(&line("a", ""), 4);
    assert!(said.contains(&one.address()) && said.contains(&two.address()), "{said}");
    assert!(target.requests().iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));

    sandbox.ok(&line("b", "--on-collision suffix-host"));
    let names: Vec<_> = (0..2)
        .map(|position| access(&sandbox, &format!("{}/b", target.url()), position)["reference"].clone())
        .collect();
    assert!(names.iter().all(|name| name.as_str().unwrap().starts_with("b/team/app-127-0-0-1-")), "{names:?}");
    assert_ne!(names[0], names[1]);

    sandbox.ok(&line("c", "--upload-name host-prefixed"));
    let name = access(&sandbox, &format!("{}/c", target.url()), 0)["reference"].clone();
    assert!(name.as_str().unwrap().starts_with("c/127.0.0.1-"), "{name}");

    sandbox.ok(&line("d", "--on-collision overwrite"));
}

#[test]
fn an_image_without_a_name_gets_one() {
    let sandbox = Sandbox::new();
    fixtures::image(1, 100).write_layout(&sandbox.path("layout"), Some("v1")).unwrap();
    sandbox.file(
        "c.yaml",
        "name: acme.org/a\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
             - {name: web, type: ociImage, version: 1.2.0, input: {type: dir, path: layout, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}\n",
    );
    sandbox.ok("add cv -c c.yaml -r ctf");
    let target = TestRegistry::start().unwrap();
    let place = format!("{}/t", target.url());
    let ran = sandbox.run(&format!("transfer cv -V -u ociArtifact ctf//acme.org/a:1.0.0 {place}"));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let named = access(&sandbox, &place, 0);
    assert!(named["reference"].as_str().unwrap().starts_with("t/acme.org/a/web:1.2.0@"), "{named}");
    assert!(ran.stderr.contains("nothing says how the image is called"), "{}", ran.stderr);
}

#[test]
fn rules_of_the_configuration_name_single_images() {
    let (_source, sandbox) = one();
    let target = TestRegistry::start().unwrap();
    let configuration = |entry: &str| format!("type: generic.config.ocm.software/v1\nconfigurations:\n{entry}");
    sandbox.file(
        "rules.yaml",
        &configuration(
            "- type: transfer.config.ocm.software/v1alpha1\n  uploads:\n\
             \x20 - match: {component: other.org/*}\n    target: {repository: other}\n\
             \x20 - match: {component: acme.org/*, resource: w?b, type: ociImage, access: ociArtifact, reference: '*/team/*'}\n\
             \x20   target: {repository: 'images/{{ .Resource }}', tag: stable, uploadAs: ociArtifact}\n",
        ),
    );
    let place = format!("{}/r", target.url());
    sandbox.ok(&format!("transfer cv -V --config rules.yaml ctf//acme.org/a:1.0.0 {place}"));
    let reference = access(&sandbox, &place, 0)["reference"].clone();
    assert!(reference.as_str().unwrap().starts_with("r/images/web:stable@"), "{reference}");

    sandbox.file(
        "override.yaml",
        &configuration(
            "- type: OCIImageReferenceOverride/v1alpha1\n  spec:\n\
             \x20 - {resource: {name: web}, oci: {repository: special/web, tag: '7'}}\n",
        ),
    );
    let place = format!("{}/o", target.url());
    sandbox.ok(&format!("transfer cv -V --config override.yaml ctf//acme.org/a:1.0.0 {place}"));
    let reference = access(&sandbox, &place, 0)["reference"].clone();
    assert!(reference.as_str().unwrap().starts_with("o/special/web:7@"), "{reference}");

    sandbox.file(
        "wrong.yaml",
        &configuration("- type: transfer.config.ocm.software/v1alpha1\n  uploads: [{match: {}, target: {repo: x}}]\n"),
    );
    let said = sandbox.fails(&format!("transfer cv -V --config wrong.yaml ctf//acme.org/a:1.0.0 {place}"), 2);
    assert!(said.contains("wrong.yaml:3"), "{said}");
}
