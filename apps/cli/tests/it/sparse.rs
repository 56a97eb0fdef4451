//! Component versions of whose images a place has some platforms only.

use std::fs;

use ocm_testkit::{Quirk, TestRegistry, fixtures};
use serde_json::Value;

use crate::images;
use crate::sandbox::Sandbox;
use crate::sign::with_keys;

/// An archive with a signed version that has an image of two variants of linux/amd64, with it.
fn two_platforms() -> (Sandbox, fixtures::Graph) {
    let (sandbox, (registry, index)) = (with_keys(Sandbox::new()), images::two_platforms());
    let constructor = images::constructor("acme.org/images", &images::resource("app", &registry));
    sandbox.file("images.yaml", &constructor).ok("add cv -c images.yaml -r there");
    sandbox.ok("transfer cv there//acme.org/images:1.0.0 ctf -V");
    sandbox.ok("sign cv ctf//acme.org/images:1.0.0 --config c.yaml");
    (sandbox, index)
}

#[test]
fn a_platform_that_an_image_is_not_for_is_refused_although_all_of_it_is_there() {
    let (sandbox, _index) = two_platforms();
    let target = TestRegistry::start().unwrap();
    for target in ["./out".to_owned(), target.url()] {
        let line = format!("transfer cv ctf//acme.org/images:1.0.0 {target}");
        let first = sandbox.fails(&format!("{line} --platform linux/s390x"), 3);
        assert!(first.contains("is not there for linux/s390x; it is for linux/amd64/v0"), "{first}");
        sandbox.ok(&line);
        assert_eq!(sandbox.fails(&format!("{line} --platform linux/s390x"), 3), first, "{target}");
        sandbox.ok(&format!("{line} --platform linux/amd64/v1"));
    }
}

#[test]
fn a_sparse_image_is_called_so_and_told_from_a_damaged_one() {
    let (sandbox, index) = two_platforms();
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::SparseIndexes);
    for target in ["out".to_owned(), registry.url()] {
        let transfer = format!("transfer cv ctf//acme.org/images:1.0.0 {target}");
        sandbox.ok(&format!("{transfer} --platform linux/amd64/v1"));
        let cv = format!("{target}//acme.org/images:1.0.0");

        let ran = sandbox.run(&format!("check cv {cv} -o json"));
        assert_eq!(ran.status, 7, "{}", ran.stderr);
        let item = &serde_json::from_str::<Value>(&ran.stdout).unwrap()["items"][0];
        assert_eq!(item["platforms"], serde_json::json!(["linux/amd64/v1"]));
        assert_eq!(item["problems"].as_array().unwrap().len(), 1, "{item}");
        assert_eq!(item["problems"][0]["kind"], "sparse");
        assert!(ran.stderr.contains("sparse: platforms linux/amd64/v1; linux/amd64/v0 "), "{}", ran.stderr);
        assert!(ran.stderr.contains("without --platform"), "{}", ran.stderr);

        sandbox.ok(&format!("verify cv {cv} --config c.yaml"));
        let said = sandbox.fails(&format!("verify cv {cv} --config c.yaml --resources"), 7);
        assert!(said.contains("resource name=app") && said.contains("sparse: platforms linux/amd64/v1;"), "{said}");
    }
    // A platform that was chosen and is gone is damage.
    let chosen = index.manifests[1].digest();
    fs::remove_file(sandbox.path("out/blobs").join(chosen.file_name())).unwrap();
    let ran = sandbox.run("check cv out//acme.org/images:1.0.0 -o json");
    let kinds = serde_json::from_str::<Value>(&ran.stdout).unwrap();
    let kinds: Vec<_> =
        kinds["items"][0]["problems"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert!(kinds.iter().any(|kind| kind != "sparse"), "{kinds:?}: {}", ran.stderr);
    assert_eq!(ran.status, 7);
    // And the way out is one.
    sandbox.ok(&format!("transfer cv ctf//acme.org/images:1.0.0 {}", registry.url()));
    sandbox.ok(&format!("check cv {}//acme.org/images:1.0.0", registry.url()));
}

#[test]
fn a_sparse_place_is_a_base_that_lacks_what_was_left_out() {
    let (sandbox, index) = two_platforms();
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::SparseIndexes);
    let all: Vec<String> = index.manifests.iter().map(|manifest| manifest.digest().to_string()).collect();
    let (left_out, chosen, root) = (&all[0], &all[1], &all[2]);
    for (number, target) in ["./out".to_owned(), registry.url()].iter().enumerate() {
        sandbox.ok(&format!("transfer cv ctf//acme.org/images:1.0.0 {target} --platform linux/amd64/v1"));
        let listed = format!("{target}//acme.org/images");
        let inventory = sandbox.json(&format!("get inventory {listed} -o json"));
        let has = |digest: &String| inventory["content"][digest].is_object();
        assert!(has(chosen) && !has(left_out) && !has(root), "{inventory}");

        sandbox.file("base.json", &inventory.to_string());
        for (position, base) in ["base.json", &listed].iter().enumerate() {
            let archive = format!("rest{number}{position}");
            sandbox.ok(&format!("transfer cv ctf//acme.org/images:1.0.0 {archive} --since {base}"));
            assert!(sandbox.path(&archive).join("blobs").join(left_out.replace(':', ".")).exists(), "{archive}");
            assert!(!sandbox.path(&archive).join("blobs").join(chosen.replace(':', ".")).exists(), "{archive}");
        }
        // The same platform once more: there is nothing to carry, and what is carried does not ask for the others.
        sandbox.ok(&format!(
            "transfer cv ctf//acme.org/images:1.0.0 again{number} --platform linux/amd64/v1 --since base.json --enforce"
        ));
        sandbox.ok(&format!("transfer ctf rest{number}0 {target}"));
        sandbox.ok(&format!("check cv {target}//acme.org/images:1.0.0"));
        sandbox.ok(&format!("verify cv {target}//acme.org/images:1.0.0 --config c.yaml --resources"));
    }
    // A platform that is gone and not left out is a fault of the place.
    fs::remove_file(sandbox.path("ctf/blobs").join(left_out.replace(':', "."))).unwrap();
    assert!(sandbox.fails("get inventory ctf -o json", 5).contains(left_out));
}

#[test]
fn what_a_source_lacks_though_nobody_left_it_out_is_told() {
    let (sandbox, index) = two_platforms();
    let mut listed: Value = serde_json::from_str(&sandbox.read("ctf/artifact-index.json")).unwrap();
    let lost = index.manifests[0].digest().to_string();
    listed["artifacts"].as_array_mut().unwrap().retain(|artifact| artifact["digest"] != lost.as_str());
    sandbox.file("ctf/artifact-index.json", &listed.to_string());
    let ran = sandbox.run("transfer cv ctf//acme.org/images:1.0.0 ./out");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("acme.org/images:1.0.0: the source lacks some of what its images list"),
        "{}",
        ran.stderr
    );
    assert_eq!(sandbox.run("check cv ./out//acme.org/images:1.0.0").status, 7);
    // Whoever chooses knows.
    let ran = sandbox.run("transfer cv ctf//acme.org/images:1.0.0 ./chosen --platform linux/amd64/v1");
    assert!(ran.status == 0 && !ran.stderr.contains("the source lacks"), "{}", ran.stderr);
}

#[test]
fn a_differential_archive_of_some_platforms_is_carried_on() {
    let (sandbox, _index) = two_platforms();
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::SparseIndexes);
    sandbox.file("other.yaml", "name: acme.org/other\nversion: 1.0.0\nprovider: {name: p}\n");
    sandbox.ok("add cv -c other.yaml -r base");
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 part --platform linux/amd64/v1 --since base");
    for target in ["./out".to_owned(), registry.url()] {
        sandbox.ok(&format!("transfer ctf base {target}"));
        sandbox.ok(&format!("transfer ctf part {target}"));
        let ran = sandbox.run(&format!("check cv {target}//acme.org/images:1.0.0"));
        assert!(ran.status == 7 && ran.stderr.contains("sparse: platforms linux/amd64/v1"), "{}", ran.stderr);
    }
}

#[test]
fn what_a_source_has_of_an_image_is_written_again() {
    let (sandbox, _index) = two_platforms();
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::SparseIndexes);
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 part --platform linux/amd64/v1");
    for target in ["./out".to_owned(), registry.url()] {
        for _ in 0..2 {
            sandbox.ok(&format!("transfer ctf part {target} --enforce"));
            let ran = sandbox.run(&format!("check cv {target}//acme.org/images:1.0.0"));
            assert!(ran.status == 7 && ran.stderr.contains("sparse: platforms linux/amd64/v1"), "{}", ran.stderr);
        }
    }
}
