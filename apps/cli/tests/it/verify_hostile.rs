//! Signed documents in the hands of somebody who may write everything, but has not the key.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::sign::with_keys;

const HELLO: &str = "ctf//acme.org/hello:1.0.0";
const CHANGED: &str = "changed//acme.org/hello:1.0.0";

/// A sandbox with a signed version.
fn signed() -> Sandbox {
    let sandbox = with_keys(Sandbox::hello());
    sandbox.ok(&format!("sign cv --config c.yaml {HELLO}"));
    sandbox
}

/// The signed descriptor.
fn descriptor(sandbox: &Sandbox) -> Value {
    let printed = sandbox.ok(&format!("get cv {HELLO} -o json --compat v1"));
    serde_json::from_str::<Value>(&printed).unwrap()["items"][0].take()
}

/// Puts a document into an archive of the form that holds one as it is, with the content that belongs to it.
fn put(sandbox: &Sandbox, text: &str) {
    sandbox.file("changed/component-descriptor.yaml", text);
    let _ = fs::create_dir(sandbox.path("changed/blobs"));
    for blob in fs::read_dir(sandbox.path("ctf/blobs")).unwrap() {
        let blob = blob.unwrap().path();
        fs::copy(&blob, sandbox.path("changed/blobs").join(blob.file_name().unwrap())).unwrap();
    }
}

/// Nobody takes it: not who verifies, not who moves it on or downloads from it, and nothing is there afterwards.
fn refused_everywhere(sandbox: &Sandbox, what: &str) {
    for line in [
        format!("verify cv --config c.yaml {CHANGED}"),
        format!("verify cv --config c.yaml --signature default {CHANGED}"),
        format!("verify cv -s default -k a.pub {CHANGED}"),
        format!("transfer cv --verify --config c.yaml {CHANGED} moved"),
        format!("transfer cv --require default --config c.yaml {CHANGED} moved.tgz"),
        format!("download resource --verify --config c.yaml {CHANGED} --identity name=greeting --output moved.txt"),
    ] {
        let ran = sandbox.run(&line);
        assert!(ran.status != 0 && ran.stdout.is_empty(), "{what}: ocm {line}: {}{}", ran.stdout, ran.stderr);
    }
    for name in ["moved", "moved.tgz", "moved.txt"] {
        assert!(!sandbox.path(name).exists(), "{what}: {name}");
    }
}

#[test]
fn the_unchanged_document_is_taken() {
    let sandbox = signed();
    put(&sandbox, &descriptor(&sandbox).to_string());
    sandbox.ok(&format!("verify cv --config c.yaml {CHANGED}"));
    sandbox.ok(&format!("transfer cv --require default --config c.yaml {CHANGED} moved"));
    sandbox.ok("verify cv --config c.yaml moved//acme.org/hello:1.0.0");
}

#[test]
fn one_copy_says_nothing_about_another() {
    let sandbox = signed();
    let mut changed = descriptor(&sandbox);
    changed["component"]["provider"] = "evil.example".into();
    put(&sandbox, &changed.to_string());
    for places in [format!("{HELLO} {CHANGED}"), format!("{CHANGED} {HELLO}")] {
        let said = sandbox.fails(&format!("verify cv --config c.yaml {places}"), 5);
        assert!(!said.contains("SUCCESSFUL"), "{said}");
    }
}

#[test]
fn references_that_are_nested_too_deeply_are_refused() {
    let sandbox = with_keys(Sandbox::new());
    let version = |number: usize| {
        let reference =
            format!("componentReferences: [{{name: next, version: 1.0.0, componentName: acme.org/c{}}}]", number + 1);
        let reference = if number < 250 { reference } else { String::new() };
        format!("- {{name: acme.org/c{number}, version: 1.0.0, provider: {{name: acme.org}}, {reference}}}\n")
    };
    let components: String = (0..=250).rev().map(version).collect();
    sandbox.file("deep.yaml", &format!("components:\n{components}"));
    sandbox.ok("add cv -c deep.yaml -r deep");
    let said = sandbox.fails("sign cv --config c.yaml deep//acme.org/c0:1.0.0", 5);
    assert!(said.contains("nested more than 200 deep"), "{said}");
}

#[test]
fn documents_that_programs_read_differently() {
    let sandbox = signed();
    let text = descriptor(&sandbox).to_string();
    // A label that is not signed, which everybody may add.
    let labelled = |value: &str| {
        let labels = format!("\"component\":{{\"labels\":[{{\"name\":\"x\",\"value\":{value}}}],");
        text.replacen("\"component\":{", &labels, 1)
    };
    put(&sandbox, &labelled(r#"{"a": 1, "A": [{"b": 1}, {"b": 1}]}"#));
    sandbox.ok(&format!("verify cv --config c.yaml {CHANGED}"));
    for (what, changed) in [
        ("duplicate key in the value of a label", labelled(r#"{"a": 1, "a": 2}"#)),
        ("duplicate key deep in the value of a label", labelled(r#"{"a": [{"b": {"c": 1, "c": 1}}]}"#)),
        ("duplicate key in another spelling", labelled(r#"{"a": 1, "\u0061": 2}"#)),
        ("case variant in a label", labelled(r#"1, "Value": 2"#)),
        ("merge key after its member", labelled(r#"{"a": 1, <<: {"a": 2}}"#)),
        ("number beside its text as key", labelled(r#"{1: 1, "1": 2}"#)),
        ("aliases that multiply", {
            let levels = |from: char| format!("[{}]", vec![format!("*{from}"); 30].join(","));
            labelled(&format!(
                "[&a [1,1,1], &b {}, &c {}, &d {}, &e {}]",
                levels('a'),
                levels('b'),
                levels('c'),
                levels('d')
            ))
        }),
        ("duplicate key", text.replacen("\"version\":", "\"version\":\"6.6.6\",\"version\":", 1)),
        ("case variant", text.replacen("\"version\":", "\"Version\":\"6.6.6\",\"version\":", 1)),
        ("case variant at the top", text.replacen("\"component\":", "\"Component\":{},\"component\":", 1)),
        ("duplicate at the top", text.replacen("\"component\":", "\"component\":{},\"component\":", 1)),
        ("case variant of signatures", text.replacen("\"signatures\":", "\"Signatures\":[],\"signatures\":", 1)),
        ("trailing object", format!("{text}{{}}")),
        ("trailing word", format!("{text} x")),
        ("second document", format!("{text}\n---\n{text}")),
        ("cut off", text[..text.len() - 1].to_owned()),
        ("merge key", text.replacen("\"component\":{", "\"component\":{\"x\":1,<<: {\"creationTime\":\"x\"},", 1)),
    ] {
        assert_ne!(changed, text, "{what}");
        put(&sandbox, &changed);
        refused_everywhere(&sandbox, what);
        let written = sandbox.read("changed/component-descriptor.yaml");
        for line in ["sign cv -s more -K a.priv", "sign cv --config c.yaml --force", "hash cv"] {
            let ran = sandbox.run(&format!("{line} {CHANGED}"));
            assert!(ran.status != 0 && ran.stdout.is_empty(), "{what}: {line}: {}{}", ran.stdout, ran.stderr);
        }
        assert_eq!(sandbox.read("changed/component-descriptor.yaml"), written, "{what}");
    }
}

#[test]
fn signatures_that_were_taken_away_or_exchanged() {
    let sandbox = signed();
    let right = descriptor(&sandbox);
    sandbox.ok("create rsakeypair other.priv other.pub");
    sandbox.ok(&format!("sign cv -s mine -K other.priv {HELLO}"));
    let foreign = descriptor(&sandbox)["signatures"][1].take();
    for (what, signatures) in [
        ("stripped", json!([])),
        ("null", Value::Null),
        (
            "of somebody else",
            json!([{"name": "default", "digest": foreign["digest"], "signature": foreign["signature"]}]),
        ),
        ("twice", json!([right["signatures"][0], right["signatures"][0]])),
        ("beside another of its name", json!([foreign, right["signatures"][0], {"name": "default"}])),
        ("empty", json!([{"name": "default"}])),
    ] {
        let mut changed = right.clone();
        changed["signatures"] = signatures;
        put(&sandbox, &changed.to_string());
        refused_everywhere(&sandbox, what);
    }
    let mut missing = right.clone();
    missing.as_object_mut().unwrap().remove("signatures");
    put(&sandbox, &missing.to_string());
    refused_everywhere(&sandbox, "removed");
}

#[test]
fn what_a_signature_says_of_itself() {
    let sandbox = signed();
    let right = descriptor(&sandbox);
    let value = right["signatures"][0]["signature"]["value"].as_str().unwrap().to_owned();
    let digest = right["signatures"][0]["digest"]["value"].as_str().unwrap().to_owned();
    let (half, longer) = (value[..value.len() / 2].to_owned(), format!("{value}00"));
    let zeros = "0".repeat(value.len());
    for (path, other) in [
        ("digest/normalisationAlgorithm", json!("jsonNormalisation/v1")),
        ("digest/normalisationAlgorithm", json!("jsonNormalisation/v5")),
        ("digest/normalisationAlgorithm", json!("")),
        ("digest/hashAlgorithm", json!("SHA-512")),
        ("digest/hashAlgorithm", json!("MD5")),
        ("digest/hashAlgorithm", json!("NO-DIGEST")),
        ("digest/value", json!("")),
        ("digest/value", json!(digest[..62])),
        ("digest/value", json!("0".repeat(64))),
        (
            "digest",
            json!({"hashAlgorithm": "NO-DIGEST", "normalisationAlgorithm": "EXCLUDE-FROM-SIGNATURE", "value": "NO-DIGEST"}),
        ),
        ("digest", Value::Null),
        ("signature/value", json!("")),
        ("signature/value", json!(half)),
        ("signature/value", json!(longer)),
        ("signature/value", json!(zeros)),
        ("signature/value", json!("no hexadecimal digits")),
        ("signature/mediaType", json!("")),
        ("signature/mediaType", json!("text/plain")),
        ("signature/mediaType", json!("application/x-pem-file")),
        ("signature/mediaType", json!("application/vnd.dev.sigstore.bundle.v0.3+json")),
        ("signature/mediaType", json!("application/vnd.ocm.signature.gpg")),
        ("signature/algorithm", json!("none")),
        ("signature", Value::Null),
        ("timestamp", json!({"value": "", "time": "2026-01-01T00:00:00Z"})),
        ("timestamp", json!({"value": "-----BEGIN TIMESTAMP INFO-----\nMAA=\n-----END TIMESTAMP INFO-----\n"})),
    ] {
        let mut changed = right.clone();
        match path.split_once('/') {
            Some((outer, inner)) => changed["signatures"][0][outer][inner] = other.clone(),
            None => changed["signatures"][0][path] = other.clone(),
        }
        put(&sandbox, &changed.to_string());
        refused_everywhere(&sandbox, &format!("{path} {other}"));
    }
}

#[test]
fn certificates_that_vouch_for_themselves() {
    let sandbox = Sandbox::hello();
    sandbox.file("c.yaml", "type: generic.config.ocm.software/v1\nconfigurations: []\n");
    for (name, root) in [("root", "root"), ("evil", "evilroot")] {
        // The same names on both sides.
        sandbox.ok(&format!("create rsakeypair --ca {root}.priv {root}.cert CN=root O=Acme"));
        sandbox.ok(&format!(
            "create rsakeypair --ca-key {root}.priv --ca-cert {root}.cert {name}-leaf.priv {name}-leaf.cert CN=default O=Acme"
        ));
    }
    sandbox.ok(&format!("sign cv -s default -K evil-leaf.priv -k evil-leaf.cert {HELLO}"));
    let mut changed = descriptor(&sandbox);
    let value = changed["signatures"][0]["signature"]["value"].as_str().unwrap().to_owned();
    for chain in [
        value.clone(),
        format!("{value}{}", sandbox.read("evilroot.cert")),
        format!("{value}{}", sandbox.read("root.cert")),
    ] {
        changed["signatures"][0]["signature"]["value"] = json!(chain);
        put(&sandbox, &changed.to_string());
        sandbox.ok(&format!("verify cv -s default --ca-cert evilroot.cert {CHANGED}"));
        let problem = sandbox.fails(&format!("verify cv -s default --ca-cert root.cert {CHANGED}"), 5);
        assert!(problem.contains("leads to none of the trusted roots"), "{problem}");
        sandbox.fails(&format!("verify cv -s default {CHANGED}"), 5);
        sandbox.fails(&format!("transfer cv --verify --ca-cert root.cert {CHANGED} moved"), 5);
        refused_everywhere_without_key(&sandbox);
    }
}

fn refused_everywhere_without_key(sandbox: &Sandbox) {
    sandbox.fails(&format!("verify cv --config c.yaml {CHANGED}"), 5);
    sandbox.fails(&format!("transfer cv --verify --config c.yaml {CHANGED} moved"), 5);
    assert!(!sandbox.path("moved").exists());
}
