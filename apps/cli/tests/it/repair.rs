//! Addresses written anew where a component version lies.

use ocm_oci::{Registry as _, Selector};
use ocm_testkit::fixtures;
use serde_json::{Value, json};

use crate::images::wait;
use crate::portability::{Moved, PATH};
use crate::sandbox::Sandbox;

/// What the digest of a component version is made from, and what stands beside it.
fn without_places(mut descriptor: Value) -> Value {
    descriptor["component"]["repositoryContexts"].take();
    descriptor["component"]["resources"][0]["access"].take();
    descriptor
}

#[test]
fn accesses_become_relative_and_nothing_else_changes() {
    let moved = Moved::new();
    let (sandbox, version) = (&moved.sandbox, moved.version());
    let before = moved.descriptor();
    let plan: Value = serde_json::from_str(&sandbox.ok(&format!("repair cv {version} --dry-run -o json"))).unwrap();
    assert_eq!((&plan["dryRun"], &plan["items"][0]["outcome"]), (&json!(true), &json!("planned")));
    assert_eq!(moved.descriptor(), before);
    let report: Value = serde_json::from_str(&sandbox.ok(&format!("relocate cv {version} -o json"))).unwrap();
    let item = &report["items"][0];
    assert_eq!((&item["outcome"], &item["changes"]), (&json!("repaired"), &plan["items"][0]["changes"]));
    assert_eq!(item["digest"], plan["items"][0]["digest"]);
    let after = moved.descriptor();
    assert_eq!(
        after["component"]["resources"][0]["access"],
        json!({"type": "relativeOciReference", "reference": format!("{PATH}/library/busybox:1.36.1@{}", moved.digest)})
    );
    assert_eq!(after["component"]["repositoryContexts"], Value::Null);
    assert_eq!(without_places(after), without_places(before));
    // Nothing is left to do, and everything is found.
    let again: Value = serde_json::from_str(&sandbox.ok(&format!("repair cv {version} -o json"))).unwrap();
    assert_eq!(again["items"][0]["outcome"], "unchanged");
    let ran = sandbox.run(&format!("download resource {version} image -O image"));
    assert!(ran.status == 0 && !ran.stderr.contains("rebased"), "{}", ran.stderr);
    sandbox.ok(&format!("check portability {version}"));
    sandbox.ok(&format!("check cv {version} --resources local"));
    moved.former_is_left_alone();
}

#[test]
fn accesses_become_absolute_when_asked_for() {
    let moved = Moved::new();
    moved.sandbox.ok(&format!("repair cv {} --access-style absolute", moved.version()));
    let after = moved.descriptor();
    let here = moved.here.url();
    let image = format!("{here}/{PATH}/library/busybox:1.36.1@{}", moved.digest);
    assert_eq!(after["component"]["resources"][0]["access"], json!({"type": "ociArtifact", "imageReference": image}));
    assert_eq!(after["component"]["repositoryContexts"][0]["baseUrl"], here);
    // And back.
    moved.sandbox.ok(&format!("repair cv {}", moved.version()));
    assert_eq!(moved.descriptor()["component"]["resources"][0]["access"]["type"], "relativeOciReference");
}

#[test]
fn what_cannot_be_found_stays_and_is_listed() {
    let moved = Moved::with("nothing:1@{digest}", "{hex}");
    let before = moved.descriptor();
    let ran = moved.sandbox.run(&format!("repair cv {}", moved.version()));
    assert_eq!(ran.status, 7, "{}", ran.stderr);
    assert!(ran.stderr.contains("library/nothing") && ran.stdout.contains("stays"), "{}{}", ran.stdout, ran.stderr);
    // The context is still needed to find it one day.
    assert_eq!(moved.descriptor(), before);
    moved.former_is_left_alone();
}

#[test]
fn an_image_that_stayed_where_it_was_is_found_under_its_own_path() {
    for recorded in ["{hex}", ""] {
        let moved = Moved::with("busybox:1.36.1", recorded);
        let (sandbox, here) = (&moved.sandbox, moved.here.url());
        // Stored in this registry from the beginning, and transferred to another path of it by reference.
        let seed = sandbox.read("seed/component-descriptor.yaml").replace(&moved.former.url(), &here);
        sandbox.file("seed/component-descriptor.yaml", &seed);
        sandbox.ok(&format!("transfer cv ./seed//acme.org/moved:1.0.0 {here}/prod"));
        // Without a digest nobody knows whether this one is meant.
        let other = moved.here.store().repository("prod/library/busybox");
        wait(fixtures::image_with(9, 1, 10).push(other.as_ref(), Some("1.36.1"))).unwrap();
        sandbox.ok(&format!("repair cv {here}/prod//acme.org/moved:1.0.0"));
        let printed = sandbox.json(&format!("get cv {here}/prod//acme.org/moved:1.0.0 -o json"));
        let access = &printed[0]["component"]["resources"][0]["access"];
        assert_eq!(access["reference"], format!("{PATH}/library/busybox:1.36.1@{}", moved.digest), "{recorded:?}");
    }
}

#[test]
fn what_is_attached_to_the_manifest_of_before_is_told_of() {
    let moved = Moved::new();
    let content = moved.here.store().repository(&format!("{PATH}/component-descriptors/acme.org/moved"));
    let root = wait(content.resolve(&Selector::Tag("1.0.0".into()))).unwrap().unwrap();
    wait(fixtures::referrer(&root, "application/x-signature", "signed").push(content.as_ref(), None)).unwrap();
    let tag = format!("{}.sig", root.digest.to_string().replace(':', "-"));
    wait(fixtures::image(1, 10).push(content.as_ref(), Some(&tag))).unwrap();
    for dry_run in [" --dry-run", ""] {
        let ran = moved.sandbox.run(&format!("repair cv {}{dry_run}", moved.version()));
        let told = format!("2 manifest(s) refer to {}", root.digest);
        assert!(ran.status == 0 && ran.stderr.contains(&told), "{}", ran.stderr);
    }
}

#[test]
fn what_was_repaired_before_a_failure_is_told() {
    let moved = Moved::new();
    // Component archives can only be read.
    let ran = moved.sandbox.run(&format!("repair cv {} ./seed", moved.version()));
    assert!(ran.status == 1 && ran.stderr.contains("component archive"), "{}", ran.stderr);
    assert!(ran.stdout.contains("repaired"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn the_rest_of_the_manifest_stays() {
    let moved = Moved::new();
    let content = moved.here.store().repository(&format!("{PATH}/component-descriptors/acme.org/moved"));
    let read = || -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let manifest = runtime.block_on(content.manifest(&Selector::Tag("1.0.0".into()))).unwrap();
        serde_json::from_slice(manifest.bytes()).unwrap()
    };
    let mut before = read();
    moved.sandbox.ok(&format!("repair cv {}", moved.version()));
    let mut after = read();
    for side in [&mut before, &mut after] {
        for part in ["/layers/0", "/config"] {
            let part = side.pointer_mut(part).unwrap().as_object_mut().unwrap();
            assert!(part.remove("digest").is_some() && part.remove("size").is_some());
        }
    }
    assert_eq!(after, before);
}

#[test]
fn an_archive_loses_addresses_of_other_machines() {
    let moved = Moved::new();
    let sandbox = &moved.sandbox;
    sandbox.ok(&format!("transfer cv --copy-resources {} ./archive", moved.version()));
    sandbox.ok("repair cv archive//acme.org/moved:1.0.0");
    assert!(!sandbox.ok("get cv archive -o yaml").contains(&moved.former.address()));
    sandbox.fails("repair cv archive//acme.org/moved:1.0.0 --access-style absolute", 2);
    sandbox.ok("check cv archive --resources local");
}

#[test]
fn nothing_to_do_writes_nothing() {
    let sandbox = Sandbox::hello();
    let index = sandbox.read("ctf/artifact-index.json");
    assert!(sandbox.ok("repair cv ctf").contains("unchanged"));
    assert_eq!(sandbox.read("ctf/artifact-index.json"), index);
    sandbox.fails("repair cv ctf//acme.org/none:1.0.0", 3);
}

#[test]
fn a_place_to_look_for_references_is_of_no_use_where_none_is_followed() {
    let sandbox = Sandbox::hello();
    for line in
        ["repair cv ctf --lookup ./nowhere", "get inventory ctf --lookup ./nowhere", "list cv ctf --lookup ./nowhere"]
    {
        let ran = sandbox.run(line);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("--lookup has no effect: this"), "{line}: {}", ran.stderr);
    }
    for command in ["get cv ctf", "get resources ctf//acme.org/hello:1.0.0"] {
        let ran = sandbox.run(&format!("{command} --lookup ctf"));
        assert!(ran.status == 0 && ran.stderr.contains("--lookup has no effect without --recursive"), "{}", ran.stderr);
        let ran = sandbox.run(&format!("{command} --lookup ctf --recursive"));
        assert!(ran.status == 0 && !ran.stderr.contains("--lookup"), "{}", ran.stderr);
    }
}
