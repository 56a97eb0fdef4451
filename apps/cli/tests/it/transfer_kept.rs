//! What a target keeps when a component version in it is brought up to date: content that the transfer does not bring, and labels
//! of its own.

use ocm_testkit::{TestRegistry, fixtures};
use serde_json::Value;

use crate::images;
use crate::sandbox::{HELLO, Sandbox, json};
use crate::sign::{signatures, with_keys};

const CV: &str = "acme.org/images:1.0.0";

/// An archive `ctf` that refers to an image of two variants of linux/amd64, and the registry that has the image.
fn by_reference() -> (Sandbox, TestRegistry) {
    let (sandbox, (registry, _)) = (with_keys(Sandbox::new()), images::two_platforms());
    let constructor = images::constructor("acme.org/images", &images::resource("app", &registry));
    sandbox.file("images.yaml", &constructor).ok("add cv -c images.yaml -r ctf");
    (sandbox, registry)
}

fn access(sandbox: &Sandbox, target: &str) -> Value {
    sandbox.json(&format!("get cv {target}//{CV} -o json"))[0]["component"]["resources"][0]["access"].take()
}

fn totals(sandbox: &Sandbox, line: &str) -> Value {
    json(&sandbox.ok(&format!("{line} -o json")))["totals"].take()
}

#[test]
fn content_stays_in_a_target_that_gets_a_new_signature() {
    let remote = TestRegistry::start().unwrap();
    for (target, flags) in [
        ("./out".to_owned(), ""),
        (format!("{}/inside", remote.url()), ""),
        (format!("{}/beside", remote.url()), "--upload-as ociArtifact"),
        (format!("{}/named", remote.url()), "--upload-as ociArtifact --access-style absolute"),
    ] {
        let (sandbox, images) = by_reference();
        let line = format!("transfer cv ctf//{CV} {target}");
        sandbox.ok(format!("{line} --copy-resources {flags}").trim_end());
        let before = access(&sandbox, &target);
        assert_ne!(before, access(&sandbox, "ctf"), "{target}");
        sandbox.ok(&format!("sign cv ctf//{CV} --config c.yaml"));

        let report = sandbox.json(&format!("{line} -o json"));
        assert_eq!(report["totals"]["leftByReference"], 0, "{report}");
        assert_eq!(report["versions"][0]["action"], "update", "{report}");
        assert_eq!(access(&sandbox, &target), before, "{target}");
        assert_eq!(signatures(&sandbox, &format!("{target}//{CV}")).len(), 1, "{target}");
        // Nobody needs the registry of the image any more.
        drop(images);
        sandbox.ok(&format!("verify cv {target}//{CV} --config c.yaml --resources"));
        assert_eq!(totals(&sandbox, &line)["versionsPresent"], 1, "{target}");
    }
}

#[test]
fn content_stays_where_a_document_only_refers_to_it() {
    let (sandbox, _images) = by_reference();
    sandbox.ok(&format!("transfer cv ctf//{CV} ./out --copy-resources"));
    let index = sandbox.read("out/artifact-index.json");
    let document = sandbox.ok(&format!("transfer cv ctf//{CV} ./out --dry-run"));
    sandbox.file("plan.yaml", &document);
    assert_eq!(totals(&sandbox, "transfer cv --transfer-spec plan.yaml")["versionsPresent"], 1);
    assert_eq!(sandbox.read("out/artifact-index.json"), index);
    // Who wants the target to be as the document says it is says so.
    sandbox.ok("transfer cv --transfer-spec plan.yaml --overwrite");
    assert_eq!(access(&sandbox, "out"), access(&sandbox, "ctf"));
}

#[test]
fn chosen_platforms_stay_in_a_target_that_is_not_to_get_more() {
    let remote = TestRegistry::start().unwrap();
    for target in ["./out".to_owned(), remote.url()] {
        let (sandbox, _images) = by_reference();
        let line = format!("transfer cv ctf//{CV} {target}");
        sandbox.ok(&format!("{line} --copy-resources --platform linux/amd64/v1"));
        let before = sandbox.ok(&format!("get cv {target}//{CV} -o json"));
        assert_eq!(totals(&sandbox, &line)["versionsPresent"], 1, "{target}");
        assert_eq!(sandbox.ok(&format!("get cv {target}//{CV} -o json")), before, "{target}");
        let said = sandbox.run(&format!("check cv {target}//{CV}"));
        assert!((said.stdout + &said.stderr).contains("linux/amd64/v1"), "{target}");
        // A signature goes along unless it is over another image than the one that is there.
        sandbox.ok(&format!("sign cv ctf//{CV} --config c.yaml"));
        if target == "./out" {
            sandbox.ok(&line);
            sandbox.ok(&format!("verify cv {target}//{CV} --config c.yaml"));
        } else {
            let said = sandbox.fails(&line, 4);
            assert!(said.contains("resource name=app,version=1.0.0") && said.contains("the signature "), "{said}");
        }
        sandbox.ok(&format!("{line} --copy-resources"));
        sandbox.ok(&format!("verify cv {target}//{CV} --config c.yaml --resources"));
    }
}

#[test]
fn labels_of_a_target_stay() {
    let sandbox = Sandbox::new();
    let labelled = |name: &str| format!("{HELLO}labels: [{{name: {name}, value: x}}]\n");
    sandbox.file("ours.yaml", &labelled("ours")).ok("add cv -c ours.yaml -r ctf");
    sandbox.file("theirs.yaml", &labelled("theirs")).ok("add cv -c theirs.yaml -r out");
    let names = || {
        let labels = sandbox.json("get cv out -o json")[0]["component"]["labels"].take();
        labels.as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let line = "transfer cv ctf//acme.org/hello:1.0.0 ./out";
    assert_eq!(totals(&sandbox, line)["versionsMoved"], 1);
    assert_eq!(names(), ["ours", "theirs"]);
    assert_eq!(totals(&sandbox, line)["versionsPresent"], 1);
    sandbox.file("plan.yaml", &sandbox.ok(&format!("{line} --dry-run")));
    assert_eq!(totals(&sandbox, "transfer cv --transfer-spec plan.yaml")["versionsPresent"], 1);
    assert_eq!(names(), ["ours", "theirs"]);
    sandbox.ok(&format!("{line} --overwrite"));
    assert_eq!(names(), ["ours"]);
}

#[test]
fn a_reference_that_both_places_have_is_brought_as_it_is() {
    let (sandbox, registry) = by_reference();
    let line = format!("transfer cv ctf//{CV} {}/prod", registry.url());
    sandbox.ok(&line);
    sandbox.ok(&format!("sign cv ctf//{CV} --config c.yaml"));
    let totals = totals(&sandbox, &line);
    assert!(totals["versionsMoved"] == 1 && totals["leftByReference"] == 1, "{totals}");
    assert_eq!(access(&sandbox, &format!("{}/prod", registry.url())), access(&sandbox, "ctf"));
}

#[test]
fn content_without_a_digest_does_not_stay_where_the_source_has_another_image() {
    let (sandbox, (registry, index)) = (Sandbox::new(), images::two_platforms());
    for (name, image, label) in
        [("old", &index.manifests[0], ""), ("new", &index.manifests[1], "labels: [{name: l, value: x}]\n")]
    {
        let reference = format!("{}/team/app@{}", registry.url(), image.digest());
        let source = images::constructor("acme.org/images", &images::named("app", &reference));
        let source = source.replace("resources:", "sources:");
        sandbox.file("c.yaml", &format!("{source}{label}")).ok(&format!("add cv -c c.yaml -r {name}"));
    }
    let image = |target: &str| {
        sandbox.json(&format!("get cv {target}//{CV} -o json"))[0]["component"]["sources"][0]["access"].take()
    };
    sandbox.ok(&format!("transfer cv old//{CV} ./out --copy-sources"));
    let old = image("out");
    assert_ne!(old, image("old"));
    sandbox.ok(&format!("transfer cv new//{CV} ./out"));
    assert_eq!(image("out"), image("new"));
}

#[test]
fn a_reference_does_not_get_the_digest_of_another_image_than_the_one_that_is_there() {
    let remote = TestRegistry::start().unwrap();
    let (sandbox, _images) = by_reference();
    let parent = "name: acme.org/parent\nversion: 1.0.0\nprovider: {name: acme.org}\n\
                  componentReferences: [{name: images, version: 1.0.0, componentName: acme.org/images}]\n";
    sandbox.file("parent.yaml", parent).ok("add cv -c parent.yaml -r ctf");
    sandbox.ok(&format!("transfer cv ctf//{CV} {} --copy-resources --platform linux/amd64/v1", remote.url()));
    let line = format!("transfer cv ctf//acme.org/parent:1.0.0 {} -r", remote.url());
    sandbox.ok("sign cv ctf//acme.org/parent:1.0.0 --config c.yaml");
    let said = sandbox.fails(&line, 4);
    assert!(
        said.contains("resource name=app,version=1.0.0") && said.contains("the reference of acme.org/parent"),
        "{said}"
    );
    sandbox.ok(&format!("{line} --copy-resources"));
    sandbox.ok(&format!("verify cv {}//acme.org/parent:1.0.0 --config c.yaml", remote.url()));
}

#[test]
fn more_platforms_of_some_content_are_of_the_same_version() {
    let remote = TestRegistry::start().unwrap();
    let three = vec![fixtures::image(2, 1000), fixtures::image_with(1, 2, 1000), fixtures::image_with(2, 2, 1000)];
    let (sandbox, registry) = (Sandbox::new(), images::serving(&fixtures::index(three)));
    let image = images::resource("app", &registry);
    let both = format!("{}sources:\n{image}", images::constructor("acme.org/images", &image));
    sandbox.file("both.yaml", &both).ok("add cv -c both.yaml -r all");
    sandbox.ok(&format!("transfer cv all//{CV} mixed --copy-sources"));
    for target in ["./out".to_owned(), remote.url()] {
        let line = format!("transfer cv mixed//{CV} {target} --platform linux/amd64/v1");
        sandbox.ok(&format!("{line} --copy-resources"));
        let more = format!("{line} --platform linux/amd64/v0");
        for _ in 0..2 {
            sandbox.ok(&more);
        }
        sandbox.ok(&format!("transfer cv mixed//{CV} {target} --copy-resources"));
    }
}
