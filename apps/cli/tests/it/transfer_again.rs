//! The same transfer once more: how little it asks, on both sides.

use ocm_testkit::{Class, Fault, Request, TestRegistry};

use crate::images::registry;
use crate::sandbox::Sandbox;

fn lines(registry: &TestRegistry) -> String {
    let line = |request: Request| format!("{} {} {}", request.method, request.path, request.status);
    registry.requests().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A registry with a product and two components of which it consists, each with an image inside.
fn embedded() -> (Sandbox, TestRegistry) {
    let (images, _) = registry(1);
    let sandbox = Sandbox::new();
    let component = |name: &str| {
        format!(
            "- name: acme.org/{name}\n  version: 1.0.0\n  provider: {{name: acme.org}}\n  resources:\n  \
             - {{name: web, type: ociImage, version: 1.2.0, access: {{type: ociArtifact, imageReference: \"{}/team/app:v1\"}}}}\n",
            images.url()
        )
    };
    let references = "  componentReferences:\n  - {name: one, componentName: acme.org/a, version: 1.0.0}\n  \
                      - {name: two, componentName: acme.org/b, version: 1.0.0}\n";
    let constructor = format!("components:\n{}{}{}{references}", component("a"), component("b"), component("product"));
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    let source = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer cv -r --copy-resources ctf//acme.org/product:1.0.0 {}", source.url()));
    (sandbox, source)
}

#[test]
fn versions_with_images_inside_cost_two_requests_on_each_side() {
    let (sandbox, source) = embedded();
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv -r --copy-resources {}//acme.org/product:1.0.0 {}", source.url(), target.url());
    sandbox.ok(&line);
    // In the words of the older program, too, whose lines say how component versions refer to each other.
    for line in [&line, &line.replace(" -r", ""), &line.replace("--copy-resources", "-V")] {
        let roots = if line.contains(" -r") { 3 } else { 1 };
        source.forget();
        target.forget();
        sandbox.ok(line);
        let (asked, sent) = (lines(&source), lines(&target));
        assert!(source.requests().len() <= 2 * roots, "{line}: {asked}");
        assert!(target.requests().len() <= 2 * roots, "{line}: {sent}");
        assert!(!sent.contains("PUT") && !sent.contains("POST") && !sent.contains("/blobs/"), "{line}: {sent}");
    }
}

#[test]
fn a_first_transfer_asks_a_target_for_each_root_once() {
    let (sandbox, source) = embedded();
    let target = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer cv -r --copy-resources {}//acme.org/product:1.0.0 {}", source.url(), target.url()));
    let asks = |request: &Request| request.path.ends_with("/manifests/1.0.0") && request.method != "PUT";
    let roots: Vec<_> = target.requests().into_iter().filter(asks).map(|request| request.path).collect();
    assert_eq!(roots.len(), 3, "{roots:?}");
}

#[test]
fn a_target_that_cannot_tell_does_not_spoil_what_the_source_says() {
    let (sandbox, source) = embedded();
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv -r --copy-resources {}//acme.org/product:1.0.0 {}", source.url(), target.url());
    sandbox.ok(&line);
    // A manifest that the target no longer hands out is read where it comes from.
    source.forget();
    target.fault(Fault::status(404).of("GET", Class::Manifest).times(100));
    sandbox.ok(&line);
    assert_eq!(source.requests().len(), 9, "{}", lines(&source));
    // One that refuses is not asked for the next ones: where it fails in another way, each would wait for all its attempts.
    target.reset();
    target.fault(Fault::status(403).of("GET", Class::Manifest).times(100));
    sandbox.ok(&line);
    assert_eq!(target.count("GET", Class::Manifest), 1, "{}", lines(&target));

    let target = TestRegistry::start().unwrap();
    for method in ["HEAD", "GET"] {
        target.fault(Fault::status(403).of(method, Class::Manifest).times(100));
    }
    let (start, _) = line.rsplit_once(' ').unwrap();
    let told = sandbox.fails(&format!("{start} {}", target.url()), 6);
    assert!(told.contains("target"), "{told}");
    // Whoever does not answer ahead of time is not asked so again.
    assert!(target.count("HEAD", Class::Manifest) <= 4, "{}", lines(&target));
}
