use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::sign::with_keys;

const HELLO: &str = "ctf//acme.org/hello:1.0.0";
const ROOT: &str = "ctf//acme.org/root:1.0.0";

fn signed() -> Sandbox {
    let sandbox = with_keys(Sandbox::hello());
    sandbox.ok(&format!("sign cv --config c.yaml {HELLO}"));
    sandbox
}

/// Puts another descriptor into an archive, and makes the archive consistent again: what whoever writes to a registry can do.
fn rewrite(sandbox: &Sandbox, edit: impl Fn(&str) -> String) {
    let descriptor = sandbox.ok(&format!("get cv {HELLO} -o json --compat v1"));
    let mut list: Value = serde_json::from_str(&descriptor).unwrap();
    let descriptor = list["items"][0].take();
    let text = edit(&descriptor.to_string());
    // A component archive holds a descriptor as it is.
    sandbox.file("rewritten/component-descriptor.yaml", &text);
    let _ = fs::create_dir(sandbox.path("rewritten/blobs"));
    for blob in fs::read_dir(sandbox.path("ctf/blobs")).unwrap() {
        let blob = blob.unwrap().path();
        fs::copy(&blob, sandbox.path("rewritten/blobs").join(blob.file_name().unwrap())).unwrap();
    }
}

const REWRITTEN: &str = "rewritten//acme.org/hello:1.0.0";

#[test]
fn what_was_signed_verifies_and_says_what_was_looked_at() {
    let sandbox = signed();
    let ran = sandbox.run(&format!("verify cv --config c.yaml {HELLO}"));
    assert!(ran.status == 0 && ran.stdout.is_empty(), "{}", ran.stderr);
    assert!(ran.stderr.contains("content of 1 resources was not read"), "{}", ran.stderr);
    let report: Value =
        serde_json::from_str(&sandbox.ok(&format!("verify cv --resources --config c.yaml {HELLO} -o json"))).unwrap();
    let version = &report["versions"][0];
    assert_eq!((&version["verified"], &version["resources"]), (&Value::Bool(true), &Value::from(1)));
    assert_eq!(version["signatures"][0]["evidence"]["by"], "key");
}

#[test]
fn nothing_that_should_fail_passes() {
    let sandbox = signed();
    sandbox.ok("create rsakeypair other.priv other.pub");
    let fails = |flags: &str, reason: &str| {
        let line =
            ["verify cv", flags, HELLO].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        let problem = sandbox.fails(&line, 5);
        assert!(problem.contains("acme.org/hello:1.0.0") && problem.contains(reason), "{flags}: {problem}");
    };
    fails("", "no key");
    fails("-s default -k other.pub", "not made over this digest");
    fails("--config c.yaml --signature release", "not found; there is default");
    fails("--config c.yaml --require release", "\"release\" not found");
    fails("--config c.yaml --allow-algorithm RSASSA-PKCS1-V1_5", "not allowed");
    fails("--config c.yaml --allow-normalisation jsonNormalisation/v3", "not allowed");
    fails("--config c.yaml --minimum-key-size 3072", "2048 bits");
    sandbox.ok(&format!("verify cv --config c.yaml --require default --minimum-key-size 2048 {HELLO}"));
    // Of several signatures one without a key is a failure, unless the other one is chosen.
    sandbox.ok(&format!("sign cv -s mine -K other.priv {HELLO}"));
    fails("--config c.yaml", "signature \"mine\": no key");
    sandbox.ok(&format!("verify cv --config c.yaml --signature default {HELLO}"));
    sandbox.fails("verify cv --config c.yaml ctf//acme.org/nothing:1.0.0", 3);
    let unsigned = Sandbox::hello();
    assert!(unsigned.fails(&format!("verify cv {HELLO}"), 5).contains("no signature found"));
}

#[test]
fn a_changed_descriptor_is_noticed_and_explained() {
    let sandbox = signed();
    rewrite(&sandbox, str::to_owned);
    sandbox.ok(&format!("verify cv --config c.yaml {REWRITTEN}"));
    rewrite(&sandbox, |text| text.replace("plainText", "plainTexT"));
    let problem = sandbox.fails(&format!("verify cv --config c.yaml {REWRITTEN}"), 5);
    assert!(problem.contains("\"default\"") && problem.contains("is over digest"), "{problem}");
    let problem = sandbox.fails(&format!("verify cv --config c.yaml --lookup ctf {REWRITTEN}"), 5);
    assert!(
        problem.contains("component.resources[0].type is \"plainTexT\", but \"plainText\" was signed"),
        "{problem}"
    );
}

#[test]
fn a_document_that_reads_in_two_ways_is_refused() {
    let sandbox = signed();
    for (from, to, reason) in [
        ("\"relation\":", "\"Relation\":\"external\",\"relation\":", "other programs read"),
        ("\"relation\":", "\"relation\":\"external\",\"relation\":", "relation"),
        ("\"meta\":", "\"COMPONENT\":{},\"meta\":", "other programs read"),
    ] {
        rewrite(&sandbox, |text| {
            assert!(text.contains(from), "{text}");
            text.replacen(from, to, 1)
        });
        let problem = sandbox.run(&format!("verify cv --config c.yaml {REWRITTEN}"));
        assert!(problem.status != 0 && problem.stderr.contains(reason), "{to}: {}", problem.stderr);
    }
}

#[test]
fn content_is_compared_when_asked_for() {
    let sandbox = signed();
    let blob = "ctf/blobs/sha256.b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    fs::write(sandbox.path(blob), "hellO world").unwrap();
    sandbox.ok(&format!("verify cv --config c.yaml {HELLO}"));
    let problem = sandbox.fails(&format!("verify cv --resources --config c.yaml {HELLO}"), 5);
    assert!(problem.contains("b94d27b9934d3e08"), "{problem}");
    fs::remove_file(sandbox.path(blob)).unwrap();
    sandbox.fails(&format!("verify cv --resources --config c.yaml {HELLO}"), 5);
    // Flags of the older program ask for it.
    sandbox.fails(&format!("verify cv -s default -k a.pub {HELLO}"), 5);
    sandbox.ok(&format!("verify cv -s default -k a.pub -L {HELLO}"));
}

#[test]
fn referenced_versions_are_the_ones_that_were_signed_or_it_fails() {
    let sandbox = with_keys(Sandbox::tree());
    sandbox.ok(&format!("sign cv --config c.yaml {ROOT}"));
    let report: Value =
        serde_json::from_str(&sandbox.ok(&format!("verify cv --config c.yaml {ROOT} -o json"))).unwrap();
    assert_eq!(report["versions"][0]["references"], 2);
    sandbox.file("leaf.yaml", "name: acme.org/leaf\nversion: 0.1.0\nprovider: {name: somebody.else}\n");
    sandbox.ok("add cv -c leaf.yaml -r ctf --component-version-conflict-policy replace");
    let problem = sandbox.fails(&format!("verify cv --config c.yaml {ROOT}"), 5);
    assert!(problem.contains("acme.org/leaf:0.1.0") && problem.contains("records digest"), "{problem}");
    // A version that cannot be reached is a failure, too.
    sandbox.ok(&format!("transfer cv {ROOT} alone"));
    let problem = sandbox.fails("verify cv --config c.yaml alone//acme.org/root:1.0.0", 5);
    assert!(problem.contains("refers to acme.org/leaf:0.1.0") && problem.contains("not found"), "{problem}");
    sandbox.ok("verify cv --config c.yaml -L -s default -k a.pub alone//acme.org/root:1.0.0");
}

#[test]
fn nothing_moves_that_does_not_verify() {
    let sandbox = signed();
    sandbox.ok("create rsakeypair other.priv other.pub");
    sandbox.ok(&format!("transfer cv --verify --config c.yaml {HELLO} good"));
    sandbox.fails(&format!("transfer cv --verify --public-key other.pub {HELLO} bad"), 5);
    sandbox.fails(&format!("transfer cv --require release --config c.yaml {HELLO} bad"), 5);
    assert!(!sandbox.path("bad").exists());
    sandbox
        .ok(&format!("download resource --verify --config c.yaml {HELLO} --identity name=greeting --output good.txt"));
    sandbox.fails(&format!("download resource --verify {HELLO} --identity name=greeting --output bad.txt"), 5);
    assert!(sandbox.path("good.txt").exists() && !sandbox.path("bad.txt").exists());
}

/// Component versions that the older programs signed, where their recordings are at hand.
#[test]
fn signatures_of_both_older_programs() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let Ok(vectors) = vectors.canonicalize() else {
        eprintln!("skipped: the recordings are not here");
        return;
    };
    let sandbox = Sandbox::new();
    let place = |path: &str| vectors.join(path).display().to_string();
    let key = place("v1-run/keys/rsa.pub");
    for (archive, version, names) in [
        ("v1-run/tree/ctf", "acme.org/app:1.0.0", "pkcs1 pss"),
        ("v1-run/tree/ctf", "acme.org/mid:1.0.0", "pkcs1"),
        ("v1-run/tree/ctf", "acme.org/lib:1.1.0", ""),
        ("v1-run/tree/ctf", "acme.org/lib:1.0.0", ""),
        ("v1-run/tree/ctf", "acme.org/lib:2.0.0-rc.1", ""),
        ("v1-run/image/ctf.tgz", "acme.org/image:1.0.0", "pkcs1"),
        ("v2-run/all-inputs/ctf", "", ""),
        ("v2-run/recursive/ctf", "acme.org/root:0.0.2", "pkcs1"),
    ] {
        let place = place(archive);
        let reference = if version.is_empty() { place } else { format!("{place}//{version}") };
        let named = names.split_whitespace().fold(String::new(), |named, name| named + " --signature " + name);
        let line = format!("verify cv --resources{named} --public-key {key} {reference} --compat v2");
        let ran = sandbox.run(&line);
        assert_eq!(ran.status, 0, "{reference}: {}", ran.stderr);
    }
    let (archive, tree) = (place("v1-run/archive/dir"), place("v1-run/tree/ctf"));
    sandbox.ok(&format!("verify cv -s pkcs1 -k {key} --lookup {tree} {archive}//acme.org/arch:1.0.0"));
}
