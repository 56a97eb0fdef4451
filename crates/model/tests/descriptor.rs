//! Reading, writing and printing descriptors.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use ocm_model::descriptor::Schema;
use ocm_model::{Descriptor, Label, Provider, yaml};
use serde_json::{Value, json};

const COMPLETE: &str = include_str!("data/complete.yaml");
const PLAIN: &str = include_str!("data/plain.yaml");
const V3: &str = include_str!("data/v3alpha1.yaml");

fn read(text: &str) -> Descriptor {
    Descriptor::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn assert_fault(text: &str, part: &str) {
    let error = Descriptor::read(text.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("component descriptor: ") && error.contains(part), "{error}");
}

#[test]
fn written_yaml_is_the_text_the_older_program_writes() {
    assert_eq!(String::from_utf8(read(PLAIN).write_yaml()).unwrap(), PLAIN);
}

#[test]
fn written_json_is_compact_sorted_and_escaped() {
    let text = String::from_utf8(read(COMPLETE).write_json()).unwrap();
    assert!(
        text.starts_with(r#"{"component":{"componentReferences":[{"componentName":"acme.org/part","labels":[{"#),
        "{text}"
    );
    assert!(text.contains(r#""z":"\u003ca\u0026b\u003e""#), "{text}");
    assert!(text.ends_with(r#""value":"cc"},"name":"release","signature":{"algorithm":"RSASSA-PSS","mediaType":"application/vnd.ocm.signature.rsa.pss","value":"dd"}}]}"#), "{text}");
    assert!(!text.contains('\n'));
    let empty = String::from_utf8(Descriptor::default().write_json()).unwrap();
    assert_eq!(
        empty,
        r#"{"component":{"componentReferences":[],"name":"","provider":"","repositoryContexts":[],"resources":[],"sources":[],"version":""},"meta":{"schemaVersion":"v2"}}"#
    );
}

#[test]
fn both_written_forms_read_back_unchanged() {
    for text in [COMPLETE, PLAIN] {
        let descriptor = read(text);
        assert_eq!(Descriptor::read(&descriptor.write_json()), Ok(descriptor.clone()));
        assert_eq!(Descriptor::read(&descriptor.write_yaml()), Ok(descriptor));
    }
}

#[test]
fn unquoted_numbers_keep_their_text_where_text_is_wanted() {
    let descriptor = read(COMPLETE);
    assert_eq!(descriptor.component.resources[0].version, "1.10");
    // YAML 1.1: octal, and a boolean.
    assert_eq!(descriptor.component.sources[0].access.member("commit"), Some(&json!(83)));
    assert_eq!(descriptor.component.labels[1].value, json!(true));
    assert_eq!(descriptor.component.resources[0].src_refs[0].identity_selector["name"], "code");
}

#[test]
fn numbers_for_text_in_json_are_refused() {
    assert_fault(
        r#"{"meta":{"schemaVersion":"v2"},"component":{"name":"acme.org/x","version":1.0}}"#,
        "expected a string",
    );
    assert_fault(
        "meta: {schemaVersion: v2}\ncomponent: {name: acme.org/x, version: '1', provider: 5}",
        "name in quotes",
    );
}

#[test]
fn members_nobody_knows_survive() {
    let text = r#"{"meta":{"schemaVersion":"v2","m":1},"t":[1],"component":{"name":"acme.org/x","version":"1","c":{"d":null},
        "resources":[{"name":"ab","version":"1","type":"t","relation":"local","access":{"type":"x/v1","deep":{"b":1,"a":2}},"r":true,
        "digest":{"hashAlgorithm":"","normalisationAlgorithm":"","value":"","x":1},
        "labels":[{"name":"l","value":12345678901234567890,"version":"v1","merge":{"algorithm":"simple","config":[1]},"z":0}]}]},
        "signatures":[{"name":"s","timestamp":{"value":"pem","time":"2024-01-01T00:00:00Z"}}],
        "nestedDigests":[{"name":"acme.org/y","version":"1","resourceDigests":[{"name":"r","version":"1","digest":{"value":"a"}}]}]}"#;
    let descriptor = read(text);
    let tree = descriptor.tree();
    assert_eq!(tree["meta"]["m"], 1);
    assert_eq!(tree["t"], json!([1]));
    assert_eq!(tree["component"]["c"], json!({"d": null}));
    let resource = &tree["component"]["resources"][0];
    assert_eq!(resource["r"], true);
    assert_eq!(resource["access"], json!({"type": "x/v1", "deep": {"b": 1, "a": 2}}));
    assert_eq!(resource["digest"]["x"], 1);
    assert_eq!(resource["labels"][0]["merge"], json!({"algorithm": "simple", "config": [1]}));
    assert_eq!(resource["labels"][0]["value"], json!(12_345_678_901_234_567_890_u64));
    assert_eq!(tree["signatures"][0]["timestamp"]["value"], "pem");
    assert_eq!(tree["nestedDigests"][0]["resourceDigests"][0]["name"], "r");
    assert_eq!(Descriptor::read(&descriptor.write_yaml()), Ok(descriptor));
}

#[test]
fn lists_may_be_absent_or_null() {
    let descriptor = read(
        "meta: {schemaVersion: v2}\ncomponent:\n  name: acme.org/x\n  version: '1'\n  provider: acme\n  resources: null\n  labels: ~\n",
    );
    assert!(descriptor.component.resources.is_empty() && descriptor.component.sources.is_empty());
    assert_eq!(descriptor.tree()["component"]["resources"], json!([]));
}

#[test]
fn providers() {
    let provider = |text: &str| {
        read(&format!("meta: {{schemaVersion: v2}}\ncomponent: {{name: acme.org/x, version: '1', provider: {text}}}"))
            .component
            .provider
    };
    assert_eq!(provider("acme"), Provider::named("acme"));
    assert_eq!(provider("null"), Provider::default());
    let labels = vec![Label { name: "l".into(), value: json!(1), ..Label::default() }];
    let object = provider("{name: acme, labels: [{name: l, value: 1}]}");
    assert_eq!((object.name.as_str(), &object.labels, object.is_json), ("acme", &labels, false));
    assert_eq!(serde_json::to_value(&object).unwrap(), json!(r#"{"name":"acme","labels":[{"name":"l","value":1}]}"#));
    assert_eq!(serde_json::to_value(provider("{name: acme}")).unwrap(), json!("acme"));
    let text = provider(r#"'{"name":"acme"}'"#);
    assert!(text.is_json);
    assert_eq!(serde_json::to_value(&text).unwrap(), json!(r#"{"name":"acme"}"#));
    assert_fault(
        "meta: {schemaVersion: v2}\ncomponent: {name: acme.org/x, version: '1', provider: '{broken'}",
        "provider is not the JSON object",
    );
}

#[test]
fn schema_v3alpha1_is_shown_as_v2() {
    let descriptor = read(V3);
    assert_eq!(
        descriptor.schema,
        Schema::V3Alpha1 { api_version: "ocm.software/v3alpha1".into(), kind: "ComponentVersion".into() }
    );
    assert_eq!(descriptor.meta.schema_version, "v2");
    let component = &descriptor.component;
    assert_eq!((component.name.as_str(), component.version.as_str()), ("acme.org/product", "1.10"));
    assert_eq!(component.provider.name, "acme");
    assert_eq!(component.provider.labels.len(), 1);
    assert_eq!(component.repository_contexts[0].base_kind(), "OCIRegistry");
    assert_eq!(component.resources[0].kind, "ociImage");
    assert_eq!(component.sources[0].name, "code");
    assert_eq!(component.component_references[0].component_name, "acme.org/part");
    assert_eq!(descriptor.signatures[0].name, "release");
}

#[test]
fn what_is_no_descriptor_says_why() {
    assert_fault("meta: {schemaVersion: v2}\napiVersion: ocm.software/v3alpha1", "both meta and apiVersion");
    assert_fault("a: 1", "neither meta.schemaVersion nor apiVersion");
    assert_fault("", "neither meta.schemaVersion nor apiVersion");
    assert_fault("meta: {schemaVersion: v7}\ncomponent: {name: acme.org/x, version: '1'}", "schema version \"v7\"");
    assert_fault(
        "apiVersion: ocm.software/v9\nmetadata: {name: acme.org/x, version: '1'}",
        "apiVersion \"ocm.software/v9\"",
    );
    assert_fault("meta: {schemaVersion: v2}\ncomponent: {version: '1'}", "name");
    assert_fault("meta: {schemaVersion: v2}\nmeta: {schemaVersion: v2}", "duplicate");
    assert_fault(r#"{"meta":{"schemaVersion":"v2"},"component":{"name":"a","name":"b"}}"#, "duplicate member \"name\"");
    assert_fault(
        r#"{"meta":{"schemaVersion":"v2"},"component":{"name":"a","version":"1","x":{"y":1,"y":2}}}"#,
        "duplicate member \"y\"",
    );
    assert_fault("meta: {schemaVersion: v2}\n---\nmeta: {}", "document");
    assert!(Descriptor::read(b"\xff\xfe").is_err());
    assert_fault(&format!("{{\"meta\":{}", "[".repeat(100_000)), "recursion limit");
    let deep = format!("meta: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Descriptor::read(format!("# yaml\n{deep}").as_bytes()).is_err());
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let items = format!("*a{},", level - 1).repeat(9);
        let line = format!("a{level}: &a{level} [{items}]\n");
        bomb.push_str(&line);
    }
    assert!(Descriptor::read(bomb.as_bytes()).is_err());
}

#[test]
fn many_resources_are_no_bomb() {
    let mut text =
        String::from("meta: {schemaVersion: v2}\ncomponent:\n  name: acme.org/x\n  version: '1'\n  resources:\n");
    for number in 0..20_000 {
        let name = format!("  - name: r{number}\n");
        text.push_str(&name);
        text.push_str("    version: '1'\n    type: t\n    relation: local\n    access: {type: none}\n");
        text.push_str("    digest: {hashAlgorithm: a, normalisationAlgorithm: b, value: c}\n");
    }
    assert_eq!(read(&text).component.resources.len(), 20_000);
}

#[test]
fn view_of_a_minimal_descriptor() {
    let mut descriptor = read(PLAIN);
    descriptor.component.resources.truncate(1);
    descriptor.component.sources.clear();
    descriptor.component.labels.clear();
    descriptor.component.creation_time = None;
    assert_eq!(
        serde_json::to_string(&descriptor.view()).unwrap(),
        concat!(
            r#"{"meta":{"schemaVersion":"v2"},"component":{"name":"acme.org/plain","version":"1.0.0","repositoryContexts":null,"#,
            r#""provider":"acme.org","resources":[{"name":"greeting","version":"1.0.0","type":"plainText","relation":"local","#,
            r#""access":{"localReference":"sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9","#,
            r#""mediaType":"text/plain; charset=utf-8","type":"localBlob"},"digest":{"hashAlgorithm":"SHA-256","#,
            r#""normalisationAlgorithm":"genericBlobDigest/v1","value":"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"}}],"#,
            r#""sources":null,"componentReferences":[{"name":"part","version":"2.0.0","componentName":"acme.org/part","#,
            r#""digest":{"hashAlgorithm":"","normalisationAlgorithm":"","value":""}}]}}"#
        )
    );
}

/// Descriptors and listings of both older programs, where they are at hand.
#[test]
fn recorded_descriptors() {
    let vectors = std::path::Path::new("../../../shared/vectors");
    let Ok(text) = std::fs::read_to_string(vectors.join("v1/oci-layer/component-descriptor.yaml")) else {
        eprintln!("skipped: {} is not here", vectors.display());
        return;
    };
    assert_eq!(String::from_utf8(read(&text).write_yaml()).unwrap(), text);

    let mut checked = 0;
    for case in std::fs::read_dir(vectors.join("cli-v2")).unwrap() {
        let Ok(text) = std::fs::read_to_string(case.unwrap().path().join("stdout")) else { continue };
        let text = &text;
        if text.starts_with("[\n  {\n    \"meta\"") {
            let list: Vec<Value> = serde_json::from_str(text).unwrap();
            let views: Vec<Value> = list.iter().map(|item| read(&item.to_string()).view()).collect();
            assert_eq!(&format!("{}\n", serde_json::to_string_pretty(&views).unwrap()), text);
            checked += 1;
        } else if text.starts_with("{\"meta\"") {
            for line in text.lines() {
                assert_eq!(serde_json::to_string(&read(line).view()).unwrap(), line);
            }
            checked += 1;
        } else if text.starts_with("- component:") {
            let list: Vec<Value> = yaml::read(text).unwrap();
            let views: Value = list.iter().map(|item| read(&item.to_string()).view()).collect();
            assert_eq!(&yaml::to_string(&views), text);
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} listings");
}
