//! Whether everything that belongs to a component version is there.

use std::fs;

use ocm_testkit::{Class, Fault, TestRegistry};
use serde_json::{Value, json};

use crate::images;
use crate::sandbox::Sandbox;

/// Refers to a component version that is nowhere, and to an image elsewhere.
const INCOMPLETE: &str = "\
name: acme.org/a
version: 1.0.0
provider: {name: acme.org}
resources:
- {name: image, type: ociImage, version: v1, relation: external, access: {type: ociArtifact, imageReference: \"127.0.0.1:1/app:v1\"}}
componentReferences:
- {name: lib, componentName: acme.org/none, version: 1.0.0}
";

fn incomplete() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", INCOMPLETE).ok("add cv --create --skip-digest-generation --file ctf c.yaml");
    sandbox
}

fn report(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_whole_tree_is_complete() {
    let sandbox = Sandbox::tree();
    let report = report(&sandbox.ok("check cv ctf//acme.org/root:1.0.0 --resources local -o json"));
    assert_eq!((&report["complete"], &report["items"][0]["checked"]), (&json!(true), &json!(3)));
    // Each has its own version and status, whatever stands above.
    assert_eq!(sandbox.ok("check cv ctf").matches("│ complete │").count(), 3);
    sandbox.fails("check cv ctf//acme.org/none:1.0.0", 3);
}

#[test]
fn a_component_version_without_its_descriptor_is_damaged_and_not_absent() {
    let sandbox = Sandbox::hello();
    let index = report(&sandbox.read("ctf/artifact-index.json"));
    let blob = |digest: &Value| format!("ctf/blobs/{}", digest.as_str().unwrap().replace(':', "."));
    let manifest = report(&sandbox.read(&blob(&index["artifacts"][0]["digest"])));
    fs::remove_file(sandbox.path(&blob(&manifest["layers"][0]["digest"]))).unwrap();
    for command in ["get cv", "check cv", "download cv -O out"] {
        let message = sandbox.fails(&format!("{command} ctf//acme.org/hello:1.0.0"), 5);
        assert!(message.contains("component descriptor is missing"), "{command}: {message}");
    }
}

#[test]
fn a_missing_reference_is_listed_with_the_way_to_it() {
    let sandbox = incomplete();
    let ran = sandbox.run("check cv ctf//acme.org/a:1.0.0 -o json");
    assert_eq!(ran.status, 7, "{}", ran.stderr);
    let report = report(&ran.stdout);
    let problem = &report["items"][0]["problems"][0];
    assert_eq!(problem["kind"], "missingReference");
    assert_eq!((&problem["missing"], &problem["path"]), (&json!("acme.org/none:1.0.0"), &json!(["acme.org/a:1.0.0"])));
    assert!(ran.stderr.contains("acme.org/a:1.0.0 reference name=lib,version=1.0.0"), "{}", ran.stderr);
    // The image is listed and nobody is asked for it.
    let external = &report["items"][0]["external"][0];
    assert_eq!((&external["access"], &external["present"]), (&json!("127.0.0.1:1/app:v1"), &Value::Null));
}

#[test]
fn content_that_is_gone_or_has_another_size_is_found() {
    let sandbox = Sandbox::hello();
    let digest =
        report(&sandbox.ok("get cv ctf -o json"))[0]["component"]["resources"][0]["access"]["localReference"].clone();
    let blob = sandbox.path("ctf/blobs").join(digest.as_str().unwrap().replace(':', "."));
    let content = fs::read(&blob).unwrap();
    fs::write(&blob, "hello").unwrap();
    let ran = sandbox.run("check cv ctf -o json");
    assert_eq!(
        (ran.status, &report(&ran.stdout)["items"][0]["problems"][0]["kind"]),
        (7, &json!("wrongSize")),
        "{}",
        ran.stdout
    );
    fs::remove_file(&blob).unwrap();
    let ran = sandbox.run("check cv ctf -o json");
    assert_eq!(
        (ran.status, &report(&ran.stdout)["items"][0]["problems"][0]["kind"]),
        (7, &json!("missingContent")),
        "{}",
        ran.stdout
    );
    fs::write(&blob, content).unwrap();
    sandbox.ok("check cv ctf");
}

#[test]
fn what_is_whole_in_one_place_may_be_damaged_in_another() {
    let sandbox = Sandbox::hello();
    sandbox.file(
        "parent.yaml",
        "name: acme.org/parent\nversion: 1.0.0\nprovider: {name: acme.org}\n\
         componentReferences:\n- {name: hello, version: 1.0.0, componentName: acme.org/hello}\n",
    );
    sandbox.ok("add cv -c parent.yaml -r ctf");
    sandbox.ok("transfer ctf ctf other");
    let digest = report(&sandbox.ok("get cv ctf//acme.org/hello -o json"))[0]["component"]["resources"][0]["access"]
        ["localReference"]
        .clone();
    fs::remove_file(sandbox.path("other/blobs").join(digest.as_str().unwrap().replace(':', "."))).unwrap();
    for component in ["acme.org/hello:1.0.0", "acme.org/parent:1.0.0"] {
        for [first, second] in [["ctf", "other"], ["other", "ctf"]] {
            let ran = sandbox.run(&format!("check cv {first}//{component} {second}//{component} -o json"));
            let complete = |position: usize| report(&ran.stdout)["items"][position]["complete"] == json!(true);
            assert_eq!((ran.status, complete(0), complete(1)), (7, first == "ctf", second == "ctf"), "{}", ran.stderr);
        }
    }
}

#[test]
fn what_is_portable_in_one_place_may_not_be_in_another() {
    let sandbox = Sandbox::hello();
    let elsewhere = "name: acme.org/hello\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n- {name: app, type: ociImage, \
                     version: 1.0.0, access: {type: ociArtifact, imageReference: 'localhost:5000/app:v1'}}\n";
    sandbox.file("c.yaml", elsewhere).ok("add cv --create --skip-digest-generation --file other c.yaml");
    for [first, second] in [["ctf", "other"], ["other", "ctf"]] {
        for recursive in ["", "-r "] {
            let places = format!("{first}//acme.org/hello {second}//acme.org/hello");
            let ran = sandbox.run(&format!("check portability {recursive}{places} -o json"));
            assert_eq!((ran.status, &report(&ran.stdout)["checked"]), (1, &json!(2)), "{places}: {}", ran.stdout);
        }
    }
}

#[test]
fn what_is_named_twice_is_one() {
    let sandbox = Sandbox::hello();
    let places = "ctf ./ctf ctf//acme.org/hello ./ctf//acme.org/hello:1.0.0";
    assert_eq!(report(&sandbox.ok(&format!("check cv {places} -o json")))["items"].as_array().unwrap().len(), 1);
    assert_eq!(sandbox.ok(&format!("list cv {places}")).matches("1.0.0").count(), 1);
    assert_eq!(report(&sandbox.ok(&format!("get cv {places} -o json"))).as_array().unwrap().len(), 1);
    // A digest that is asked for counts, wherever it stands.
    let wrong = format!("ctf//acme.org/hello:1.0.0@sha256:{}", "0".repeat(64));
    sandbox.fails(&format!("get cv {places} {wrong}"), 5);
    sandbox.fails(&format!("get cv {wrong} {places}"), 5);
}

#[test]
fn a_reference_with_the_digest_of_another_version_is_found() {
    let sandbox = Sandbox::tree();
    sandbox.file("leaf.yaml", "name: acme.org/leaf\nversion: 0.1.0\nprovider: {name: somebody.else}\n");
    sandbox.ok("add cv -c leaf.yaml -r ctf --component-version-conflict-policy replace");
    let ran = sandbox.run("check cv ctf//acme.org/root:1.0.0 -o json");
    assert_eq!(ran.status, 7, "{}", ran.stdout);
    let report = report(&ran.stdout);
    let paths: Vec<_> =
        report["items"][0]["problems"].as_array().unwrap().iter().map(|problem| &problem["path"]).collect();
    assert_eq!(paths, [&json!(["acme.org/root:1.0.0"]), &json!(["acme.org/root:1.0.0", "acme.org/mid:0.1.0"])]);
    assert_eq!(report["items"][0]["problems"][0]["kind"], "wrongDigest");
}

#[test]
fn content_elsewhere_is_a_fault_only_when_it_has_to_be_local() {
    let sandbox = Sandbox::new();
    let alone = INCOMPLETE.split("componentReferences").next().unwrap();
    sandbox.file("c.yaml", alone).ok("add cv --create --skip-digest-generation --file ctf c.yaml");
    assert!(sandbox.ok("check cv ctf").contains("elsewhere: ociArtifact 127.0.0.1:1/app:v1"));
    let ran = sandbox.run("check cv ctf --resources local");
    assert_eq!(ran.status, 7);
    assert!(
        ran.stdout.contains("not local") && ran.stderr.contains("resource name=image,version=v1"),
        "{}",
        ran.stderr
    );
    sandbox.ok("check cv ctf --sources local");
}

#[test]
fn the_older_program_tells_it_in_a_table() {
    let sandbox = incomplete();
    assert_eq!(
        sandbox.ok("check cv ctf -o wide"),
        "COMPONENT  VERSION STATUS     ERROR MISSING                               NON-LOCAL\n\
         acme.org/a 1.0.0   Incomplete       acme.org/none:1.0.0[acme.org/a:1.0.0] \n"
    );
    assert_eq!(
        sandbox.ok("check cv ctf --local-resources -o wide"),
        "COMPONENT  VERSION STATUS               ERROR MISSING                               NON-LOCAL\n\
         acme.org/a 1.0.0   Incomplete,Resources       acme.org/none:1.0.0[acme.org/a:1.0.0] RSC(\"name\"=\"image\")\n"
    );
    assert_eq!(
        report(&sandbox.ok("check cv ctf --local-resources -o json")),
        json!({"items": [{
            "componentVersion": "acme.org/a:1.0.0",
            "missing": {"acme.org/none:1.0.0": ["acme.org/a:1.0.0", "acme.org/none:1.0.0"]},
            "resources": [{"name": "image"}],
            "status": "Incomplete,Resources",
        }]})
    );
    let ran = sandbox.run("check cv ctf --fail-on-error");
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (1, "COMPONENT  VERSION STATUS     ERROR\nacme.org/a 1.0.0   Incomplete \n")
    );
    assert!(ran.stderr.contains("Error: incomplete component version acme.org/a:1.0.0"), "{}", ran.stderr);
}

#[test]
fn a_complete_tree_looks_the_same_in_both_programs() {
    let sandbox = Sandbox::tree();
    assert_eq!(
        sandbox.ok("check cv ctf --compat v1"),
        "COMPONENT     VERSION STATUS ERROR\n\
         acme.org/leaf 0.1.0   OK     \n\
         acme.org/mid  0.1.0   OK     \n\
         acme.org/root 1.0.0   OK     \n"
    );
    assert_eq!(sandbox.ok("componentversions check ctf"), sandbox.ok("check cv ctf --compat v1"));
}

#[test]
fn content_that_was_damaged_and_kept_its_size_is_found_by_reading_it() {
    let sandbox = Sandbox::hello();
    let digest = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    let blob = format!("ctf/blobs/{}", digest.replace(':', "."));
    let sound = sandbox.read(&blob);
    fs::write(sandbox.path(&blob), sound.replace("world", "wurst")).unwrap();
    sandbox.ok("check cv ctf//acme.org/hello:1.0.0");
    let ran = sandbox.run("check cv ctf//acme.org/hello:1.0.0 --content -o json");
    assert_eq!(ran.status, 7, "{}", ran.stderr);
    assert!(ran.stderr.contains("the archive is damaged here") && ran.stderr.contains(digest), "{}", ran.stderr);
    assert_eq!(report(&ran.stdout)["items"][0]["problems"][0]["kind"], "wrongDigest", "{}", ran.stdout);
    // Without the damaged blob, the transfer from a sound place brings it again.
    fs::remove_file(sandbox.path(&blob)).unwrap();
    sandbox.file("hello.yaml", crate::sandbox::HELLO).ok("add cv -c hello.yaml -r sound");
    sandbox.ok("transfer cv sound//acme.org/hello:1.0.0 ./ctf --enforce");
    sandbox.ok("check cv ctf//acme.org/hello:1.0.0 --content");
    assert_eq!(sandbox.read(&blob), sound);
}

#[test]
fn content_of_a_registry_is_read_once_for_all_that_have_it() {
    let (sandbox, (images, _)) = (Sandbox::new(), images::registry(1));
    let resources = images::resource("one", &images) + &images::resource("two", &images);
    sandbox.file("c.yaml", &images::constructor("acme.org/images", &resources)).ok("add cv -c c.yaml -r ctf");
    let registry = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer cv ctf//acme.org/images:1.0.0 {} --copy-resources", registry.url()));
    let line = format!("check cv {}//acme.org/images:1.0.0", registry.url());
    let read = |line: &str| {
        let before = registry.count("GET", Class::Blob);
        sandbox.ok(line);
        registry.count("GET", Class::Blob) - before
    };
    let looked = read(&line);
    assert_eq!(read(&format!("{line} --content")) - looked, 3, "a configuration and two layers");
    registry.fault(Fault::corrupt().of("GET", Class::Blob).every(2));
    let said = sandbox.run(&format!("{line} --content"));
    assert!(said.status != 0 && said.stderr.contains("sha256:"), "{}", said.stderr);
}
