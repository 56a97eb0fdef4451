use crate::images::{constructor, registry, resource};
use crate::sandbox::{Sandbox, json};

#[test]
fn a_resource_becomes_a_file_of_its_name() {
    let sandbox = Sandbox::hello();
    for _ in 0..2 {
        assert_eq!(sandbox.ok("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting"), "");
        assert_eq!(sandbox.read("greeting"), "hello world");
    }
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0 --identity name=none", 3);
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0", 2);
    sandbox.fails("download resource", 2);
}

#[test]
fn the_older_form_names_it_behind_the_reference() {
    let sandbox = Sandbox::hello();
    assert_eq!(
        sandbox.ok("download resources ctf//acme.org/hello:1.0.0 greeting -O out.txt"),
        "out.txt: 11 byte(s) written\n"
    );
    assert_eq!(sandbox.ok("download resource --repo ctf acme.org/hello greeting -O -"), "hello world");
    assert!(sandbox.is_empty(std::path::Path::new("tmp")) || !sandbox.path("tmp").exists());
}

#[test]
fn changed_bytes_are_noticed_and_not_delivered() {
    let sandbox = Sandbox::hello();
    sandbox.file("ctf/blobs/sha256.b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "hellO world");
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0 greeting -O -", 5);
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting", 5);
    assert!(!sandbox.path("greeting").exists());
}

#[test]
fn two_elements_are_not_written_to_one_place() {
    let sandbox = Sandbox::new();
    let text = |name: &str, version: &str| {
        format!("- {{name: {name}, type: text, version: {version:?}, input: {{type: utf8, text: {name}}}}}\n")
    };
    let resources = [text("lib", "1"), text("lib", "2"), text("lib-1", "1")].concat();
    let file = format!("name: acme.org/x\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n{resources}");
    sandbox.file("c.yaml", &file).ok("add cv -c c.yaml -r ctf");
    let message = sandbox.fails("download resources ctf//acme.org/x:1.0.0 -O out", 4);
    assert!(message.contains("lib-1") && !sandbox.path("out").exists(), "{message}");
    assert_eq!(sandbox.ok("download resources ctf//acme.org/x:1.0.0 lib -O out").lines().count(), 2);
}

#[test]
fn references_that_multiply_are_refused() {
    let sandbox = Sandbox::new();
    let component = |level: usize| {
        let next = format!("version: 1.0.0, componentName: acme.org/n{}", level + 1);
        let references = format!("  componentReferences:\n  - {{name: one, {next}}}\n  - {{name: two, {next}}}\n");
        let references = if level < 20 { references } else { String::new() };
        format!("- name: acme.org/n{level}\n  version: 1.0.0\n  provider: {{name: acme.org}}\n{references}")
    };
    let components: String = (0..=20).map(component).collect();
    sandbox.file("c.yaml", &format!("components:\n{components}")).ok("add cv -c c.yaml -r ctf");
    let message = sandbox.fails("download resources ctf//acme.org/n0:1.0.0 -r -O out", 1);
    assert!(message.contains("lead to more than"), "{message}");
}

#[test]
fn an_image_by_itself_still_says_what_it_was() {
    let (registry, digest) = registry(1);
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &constructor("acme.org/a", &resource("image", &registry))).ok("add cv -c c.yaml -r ctf");
    sandbox.ok("transfer cv --copy-resources ctf//acme.org/a:1.0.0 ./inside");
    sandbox.ok("download resource inside//acme.org/a:1.0.0 --identity name=image --output image");
    let row = json(&sandbox.read("image/index.json"))["manifests"][0].take();
    assert_eq!(row["digest"], digest.as_str());
    let artifact = row["annotations"]["software.ocm.artifact"].as_str().unwrap();
    assert!(artifact.contains(r#""name":"image""#), "{row}");
}
