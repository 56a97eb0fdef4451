//! Addresses written anew where a component version lies.

use ocm_oci::{Registry as _, Selector};
use serde_json::{Value, json};

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
    for line in ["repair cv ctf --lookup ./nowhere", "get inventory ctf --lookup ./nowhere"] {
        let ran = sandbox.run(line);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("--lookup has no effect"), "{line}: {}", ran.stderr);
    }
}
