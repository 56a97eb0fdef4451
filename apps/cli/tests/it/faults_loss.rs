//! Nothing gets lost on the way without a word: not while adding, not while listing, not while transferring.

use ocm_blob::{Digest, MemoryBlob};
use ocm_oci::{Descriptor, Manifest, Registry as _, media_type};
use ocm_testkit::TestRegistry;
use serde_json::{Value, json};

use crate::images::wait;
use crate::sandbox::{HELLO, Sandbox};

/// The descriptors of a reference.
fn descriptors(sandbox: &Sandbox, reference: &str) -> Value {
    serde_json::from_str(&sandbox.ok(&format!("get cv {reference} -o json"))).unwrap()
}

/// The versions of a reference, in the order of the output.
fn versions(sandbox: &Sandbox, reference: &str) -> Vec<String> {
    let list = descriptors(sandbox, reference);
    list.as_array().unwrap().iter().map(|item| item["component"]["version"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn versions_equal_for_semver_stay_apart() {
    const SPELLINGS: [&str; 5] = ["1.0", "1.0.0", "1.0.0+a", "1.0.0+b", "v1.0.0"];
    let sandbox = Sandbox::new();
    let components = SPELLINGS.map(|version| {
        format!(
            "- {{name: acme.org/same, version: \"{version}\", provider: {{name: acme.org}}, \
             resources: [{{name: text, type: plainText, input: {{type: utf8, text: \"it is {version}\"}}}}]}}\n"
        )
    });
    sandbox.file("c.yaml", &format!("components:\n{}", components.concat())).ok("add cv -c c.yaml -r ctf");
    sandbox.ok("transfer cv ctf//acme.org/same ./out");
    for archive in ["ctf", "out"] {
        let mut listed = versions(&sandbox, &format!("{archive}//acme.org/same"));
        listed.sort();
        assert_eq!(listed, SPELLINGS, "{archive}");
        for version in SPELLINGS {
            let text = sandbox.ok(&format!("download resource {archive}//acme.org/same:{version} text -O -"));
            assert_eq!(text, format!("it is {version}"), "{archive}");
        }
    }
}

#[test]
fn one_version_twice_is_refused_within_a_file_and_across_files() {
    let sandbox = Sandbox::new();
    let (first, second) = (HELLO.to_owned(), HELLO.replace("hello world", "other words"));
    let indented = |text: &str| format!("- {}\n", text.trim_end().replace('\n', "\n  "));
    sandbox.file("both.yaml", &format!("components:\n{}{}", indented(&first), indented(&second)));
    let message = sandbox.fails("add cv -c both.yaml -r ctf", 2);
    assert!(message.contains("both.yaml:12:3: ") && message.contains("both.yaml:2:3"), "{message}");
    sandbox.file("first.yaml", &first).file("second.yaml", &second);
    let message = sandbox.fails("add cv --create --file ctf first.yaml second.yaml", 2);
    assert!(message.contains("first.yaml:1:1") && message.contains("second.yaml:1:1"), "{message}");
    assert!(!sandbox.path("ctf").exists());
}

#[test]
fn two_versions_with_one_tag_do_not_replace_each_other() {
    let sandbox = Sandbox::new();
    // A `+` cannot stand in a tag and is written as `.build-`, which a version may have in its own right.
    let [plus, word] = ["1.0.0-a+b", "1.0.0-a.build-b"];
    let component =
        |version: &str| format!("- {{name: acme.org/tag, version: {version}, provider: {{name: acme.org}}}}\n");
    sandbox.file("both.yaml", &format!("components:\n{}{}", component(plus), component(word)));
    let message = sandbox.fails("add cv -c both.yaml -r ctf", 4);
    assert!(message.contains(plus) && message.contains(word), "{message}");
    assert!(!sandbox.path("ctf").exists());
    for (archive, version) in [("one", plus), ("two", word)] {
        sandbox.file("c.yaml", &format!("components:\n{}", component(version)));
        sandbox.ok(&format!("add cv -c c.yaml -r {archive}"));
        assert_eq!(versions(&sandbox, archive), [version]);
    }
    assert_ne!(sandbox.run("add cv -c c.yaml -r one").status, 0);
    assert_ne!(sandbox.run("transfer ctf two one --overwrite").status, 0);
    assert_eq!(versions(&sandbox, "one"), [plus]);
    sandbox.fails(&format!("transfer cv one//acme.org/tag:{plus} two//acme.org/tag:{word} ./out"), 4);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn one_version_from_two_sources_is_not_chosen_between() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("hello world", "other words")).ok("add cv -c other.yaml -r other");
    let line = "transfer cv ctf//acme.org/hello:1.0.0 other//acme.org/hello:1.0.0 ./out";
    let message = sandbox.fails(line, 4);
    assert!(message.contains("acme.org/hello:1.0.0"), "{message}");
    assert!(!sandbox.path("out").exists());
    sandbox.ok("transfer ctf ctf ./copy");
    sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 copy//acme.org/hello:1.0.0 ./out");
    assert_eq!(versions(&sandbox, "out"), ["1.0.0"]);
}

#[test]
fn eight_programs_add_to_one_archive() {
    let sandbox = Sandbox::new();
    let numbers = 0..8;
    for number in numbers.clone() {
        sandbox.file(&format!("c{number}.yaml"), &HELLO.replace("acme.org/hello", &format!("acme.org/hello{number}")));
    }
    let add = |number| {
        let constructor = format!("c{number}.yaml");
        let mut command = sandbox.command(&["add", "cv", "-c", &constructor, "-r", "ctf", "--loglevel", "error"]);
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = numbers.clone().map(add).collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let found = descriptors(&sandbox, "ctf");
    let names: Vec<&str> =
        found.as_array().unwrap().iter().map(|item| item["component"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, numbers.map(|number| format!("acme.org/hello{number}")).collect::<Vec<_>>());
    let mut left: Vec<_> =
        std::fs::read_dir(sandbox.path("ctf")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["artifact-index.json", "blobs"]);
}

/// Everything that a rewritten descriptor is known to lose.
const RICH: &str = r#"
name: acme.org/rich
version: 1.2.3+build.7
creationTime: "2024-05-06T07:08:09Z"
provider:
  name: acme.org
  labels:
  - {name: acme.org/team, value: {members: [n, y], on: 7}, version: v3}
labels:
- name: acme.org/flags
  value: {n: 1, y: no, on: off, yes: maybe, 0x1: hex}
  version: v2
  signing: true
  merge: {algorithm: simpleMapMerge, config: {overwrite: inbound}}
sources:
- {name: code, type: plainText, version: 1.0.0, input: {type: utf8, text: the source}}
- name: upstream
  type: git
  version: 1.0.0
  access: {type: gitHub, repoUrl: github.com/acme/rich, commit: 1234567890123456789012345678901234567890}
resources:
- {name: with_underscore, type: plainText, version: 1.0.0, input: {type: utf8, text: one}}
- {name: with-underscore, type: plainText, version: 1.0.0, input: {type: utf8, text: two}}
- {name: with+plus, type: plainText, version: 1.10.0, input: {type: utf8, text: three}}
- {name: with+plus, type: plainText, version: "11.0", input: {type: utf8, text: four}}
- {name: object, type: plainText, input: {type: utf8, text: "{}"}}
- {name: same-bytes, type: json, input: {type: file, path: object.json, mediaType: application/json}}
"#;

#[test]
fn a_descriptor_arrives_as_it_was_sent() {
    let sandbox = Sandbox::new();
    sandbox.file("object.json", "{}").file("rich.yaml", RICH).ok("add cv -c rich.yaml -r ctf");
    let sent = sandbox.ok("get cv ctf//acme.org/rich:1.2.3+build.7 -o json");
    let component = &descriptors(&sandbox, "ctf")[0]["component"];
    assert_eq!(component["creationTime"], "2024-05-06T07:08:09Z");
    assert_eq!(
        component["labels"],
        json!([{
            "name": "acme.org/flags",
            "value": {"n": 1, "y": "no", "on": "off", "yes": "maybe", "0x1": "hex"},
            "version": "v2",
            "signing": true,
            "merge": {"algorithm": "simpleMapMerge", "config": {"overwrite": "inbound"}},
        }])
    );
    let provider: Value = serde_json::from_str(component["provider"].as_str().unwrap()).unwrap();
    assert_eq!(provider["labels"][0]["value"], json!({"members": ["n", "y"], "on": 7}));
    assert_eq!(provider["labels"][0]["version"], "v3");
    assert_eq!(component["sources"][1]["access"]["commit"], "1234567890123456789012345678901234567890");
    assert_eq!(component["resources"][4]["access"]["mediaType"], "text/plain");
    assert_eq!(component["resources"][5]["access"]["mediaType"], "application/json");

    let registry = ocm_testkit::TestRegistry::start().unwrap();
    let place = format!("{}/team", registry.url());
    sandbox.ok("transfer cv ctf//acme.org/rich:1.2.3+build.7 ./copied --copy-resources");
    sandbox.ok(&format!("transfer ctf copied {place}"));
    sandbox.ok(&format!("transfer cv {place}//acme.org/rich:1.2.3+build.7 ./back.tgz"));
    for reference in ["copied", &place, "./back.tgz"] {
        let reference = format!("{reference}//acme.org/rich:1.2.3+build.7");
        assert_eq!(sandbox.ok(&format!("get cv {reference} -o json")), sent, "{reference}");
        assert_eq!(sandbox.ok(&format!("download sources {reference} code -O -")), "the source");
        let text = |identity: &str| sandbox.ok(&format!("download resource {reference} {identity} -O -"));
        assert_eq!(text("with_underscore"), "one");
        assert_eq!(text("with-underscore"), "two");
        assert_eq!(text("with+plus version=1.10.0"), "three");
        assert_eq!(text("with+plus version=11.0"), "four");
    }
}

#[test]
fn yaml_read_back_by_an_older_reader_means_the_same() {
    let sandbox = Sandbox::new();
    sandbox.file("object.json", "{}").file("rich.yaml", RICH).ok("add cv -c rich.yaml -r ctf");
    let yaml = sandbox.ok("get cv ctf -o yaml");
    // Words and numbers that YAML 1.1 takes for something else are quoted, as keys and as values.
    for quoted in ["\"n\": 1", "\"on\": \"off\"", "\"y\": \"no\"", "\"yes\": maybe"] {
        assert!(yaml.replace('\'', "\"").contains(quoted), "{quoted}: {yaml}");
    }
    assert!(yaml.replace('\'', "\"").contains("commit: \"1234567890123456789012345678901234567890\""), "{yaml}");
}

#[test]
fn what_cannot_be_read_is_said_and_not_left_out() {
    let sandbox = Sandbox::hello();
    let descriptor = descriptors(&sandbox, "ctf")[0]["component"].clone();
    assert_eq!(descriptor["name"], "acme.org/hello");
    // The manifest is there, but what it names is not.
    let index: Value = serde_json::from_str(&sandbox.read("ctf/artifact-index.json")).unwrap();
    let digest = index["artifacts"][0]["digest"].as_str().unwrap().replace(':', ".");
    std::fs::remove_file(sandbox.path("ctf/blobs").join(digest)).unwrap();
    let ran = sandbox.run("get cv ctf");
    assert!(ran.status != 0 && ran.stderr.contains("acme.org/hello"), "{} {}", ran.status, ran.stderr);
    assert_ne!(sandbox.run("transfer ctf ctf ./out").status, 0);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_dollar_stays_a_dollar_and_a_value_stays_one_text() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &HELLO.replace("hello world", "'$5, $$6, ^a$, $PLAIN, $${NAME} and ${NAME}'"));
    let value = "x'\n  extraIdentity: {smuggled: in}";
    let words = ["add", "cv", "-c", "c.yaml", "-r", "ctf"];
    assert!(sandbox.command(&words).env("NAME", value).env("PLAIN", "p").output().unwrap().status.success());
    let text = sandbox.ok("download resource ctf//acme.org/hello:1.0.0 greeting -O -");
    assert_eq!(text, format!("$5, $$6, ^a$, $PLAIN, ${{NAME}} and {value}"));
    assert!(!sandbox.ok("get cv ctf -o json").contains("extraIdentity"));
    sandbox.file("c.yaml", &HELLO.replace("hello world", "'$PLAIN ${NAME:-otherwise}'"));
    let output = sandbox.command(&words).env("PLAIN", "p").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a half variable hides behind a dollar that only earns a notice");
}

#[test]
fn a_layer_is_missed_although_its_manifest_gives_an_address_for_it() {
    let sandbox = Sandbox::new();
    let registry = TestRegistry::start().unwrap();
    let store = registry.store().repository("app");
    let layer = |media_type: &str, content: &'static str| {
        wait(store.push_blob(&MemoryBlob::new(content.as_bytes()))).unwrap();
        Descriptor::new(media_type, Digest::of(content), content.len() as u64)
    };
    let mut elsewhere = layer("application/vnd.oci.image.layer.v1.tar", "there and elsewhere");
    elsewhere.urls = Some(vec!["https://elsewhere.invalid/layer".to_owned()]);
    let image = json!({"schemaVersion": 2, "config": layer(media_type::CONFIG, "{}"), "layers": [elsewhere]});
    let manifest = Manifest::write(&image, media_type::MANIFEST).unwrap();
    wait(store.push_manifest(&manifest, Some("1"))).unwrap();
    sandbox.file(
        "c.yaml",
        &format!(
            "{{name: acme.org/app, version: 1.0.0, provider: {{name: p}}, resources: [{{name: image, type: ociImage, version: 1.0.0, \
             relation: external, access: {{type: ociArtifact, imageReference: \"{}/app:1\"}}}}]}}",
            registry.url()
        ),
    );
    sandbox.ok("add cv -c c.yaml -r ctf");
    sandbox.ok("transfer cv --copy-resources ctf//acme.org/app:1.0.0 ./out");
    sandbox.ok("check cv out");
    std::fs::remove_file(sandbox.path("out/blobs").join(elsewhere.digest.file_name())).unwrap();
    let ran = sandbox.run("check cv out");
    assert!(ran.status == 7 && ran.stderr.contains(&elsewhere.digest.to_string()), "{}", ran.stderr);
}
