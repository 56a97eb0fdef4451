//! What a dry run says would be moved is what the transfer moves then.

use ocm_oci::Registry as _;
use ocm_testkit::{TestRegistry, fixtures};

use crate::images::wait;
use crate::sandbox::Sandbox;

/// `12 blob(s) of 3.4 KiB` in front of `end`.
#[track_caller]
fn moved(text: &str, end: &str) -> String {
    let line = text.lines().find(|line| line.contains(end)).unwrap_or_else(|| panic!("no {end:?} in {text}"));
    let (before, _) = line.split_once(end).unwrap();
    before.rsplit("; ").next().unwrap().to_owned()
}

/// Two component versions, an archive `ctf`, that share an image, content of their own, and layers of different images.
fn world() -> (Sandbox, TestRegistry) {
    let (sandbox, images) = (Sandbox::new(), TestRegistry::start().unwrap());
    let one = fixtures::image_with(1, 3, 1000);
    let two = fixtures::index(vec![one.clone(), fixtures::image_with(2, 2, 500)]);
    wait(one.push(images.store().repository("team/one").as_ref(), Some("v1"))).unwrap();
    wait(two.push(images.store().repository("team/two").as_ref(), Some("v1"))).unwrap();
    let registry = images.url();
    sandbox.file(
        "all.yaml",
        &format!(
            "components:
- name: acme.org/leaf
  version: 0.1.0
  provider: {{name: acme.org}}
  resources:
  - {{name: text, type: plainText, input: {{type: utf8, text: a text of both}}}}
  - {{name: one, type: ociImage, version: 1.0.0, access: {{type: ociArtifact, imageReference: '{registry}/team/one:v1'}}}}
- name: acme.org/root
  version: 1.0.0
  provider: {{name: acme.org}}
  componentReferences:
  - {{name: leaf, version: 0.1.0, componentName: acme.org/leaf}}
  resources:
  - {{name: text, type: plainText, input: {{type: utf8, text: a text of both}}}}
  - {{name: one, type: ociImage, version: 1.0.0, access: {{type: ociArtifact, imageReference: '{registry}/team/one:v1'}}}}
  - {{name: two, type: ociImage, version: 1.0.0, access: {{type: ociArtifact, imageReference: '{registry}/team/two:v1'}}}}
"
        ),
    );
    sandbox.ok("add cv -c all.yaml -r ctf");
    (sandbox, images)
}

#[test]
fn what_a_dry_run_foresees_is_what_is_moved() {
    let (sandbox, images) = world();
    let (first, second) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let place = first.url();
    for (flags, target) in [
        ("-r".to_owned(), "./local".to_owned()),
        ("-r --copy-resources".to_owned(), "./out".to_owned()),
        ("-r --copy-resources".to_owned(), "./out.tgz".to_owned()),
        ("-r --copy-resources".to_owned(), format!("{place}/t")),
        // What one repository of a registry has is not looked for in the others; in one transfer it is known.
        ("-r --copy-resources -u ociArtifact".to_owned(), format!("{place}/named")),
        // Out of the registry that the images are in, nothing has to be moved but manifests.
        ("-r --copy-resources".to_owned(), format!("{}/t", images.url())),
        (format!("-r --copy-resources --to {}/t", second.url()), "./one-of-two".to_owned()),
        // A part of it is there.
        ("-r".to_owned(), "./grown".to_owned()),
        ("-r --copy-resources".to_owned(), "./grown".to_owned()),
        ("-r --copy-resources".to_owned(), "./grown".to_owned()),
    ] {
        // At the same time, two images may both send a manifest that they share.
        let flags = format!("{flags} --max-concurrency 1");
        let line = format!("transfer cv {flags} ctf//acme.org/root:1.0.0 {target}");
        let foreseen = sandbox.run(&format!("{line} --dry-run")).stderr;
        let done = sandbox.run(&line).stderr;
        assert_eq!(moved(&foreseen, " to move"), moved(&done, " moved"), "{line}: {foreseen}{done}");
    }
}
