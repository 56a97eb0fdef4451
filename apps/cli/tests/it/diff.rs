//! How component versions differ.

use serde_json::{Value, json};

use crate::sandbox::{HELLO, Sandbox};

fn report(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A sandbox whose archives `ctf` and `other` hold `acme.org/hello:1.0.0`, the second one after some replacements.
fn pair(replacements: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::hello();
    let text = replacements.iter().fold(HELLO.to_owned(), |text, (from, to)| text.replace(from, to));
    sandbox.file("other.yaml", &text).ok("add cv -c other.yaml -r other");
    sandbox
}

#[test]
fn the_same_is_told_by_the_exit_code() {
    let sandbox = pair(&[]);
    let (one, other) = ("ctf//acme.org/hello:1.0.0", "other//acme.org/hello:1.0.0");
    assert!(sandbox.ok(&format!("diff {one} {other}")).starts_with("acme.org/hello:1.0.0: digest equal ("));
    assert_eq!(sandbox.ok("diff ctf other"), "");
    assert_eq!(report(&sandbox.ok("diff ctf other -o json"))["same"], 1);
}

#[test]
fn other_content_is_a_difference_inside_the_digest() {
    let sandbox = pair(&[("hello world", "bye")]);
    let ran = sandbox.run("diff ctf//acme.org/hello:1.0.0 other//acme.org/hello:1.0.0 -o json");
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    let report = report(&ran.stdout);
    let version = &report["versions"][0];
    assert_eq!((&report["equal"], &version["digestEqual"]), (&json!(false), &json!(false)));
    assert_ne!(version["left"]["digest"]["value"], version["right"]["digest"]["value"]);
    let change = &version["changes"][0];
    assert_eq!((&change["kind"], &change["covered"]), (&json!("resource"), &json!(true)));
    assert_eq!(change["identity"]["name"], "greeting");
    let members: Vec<_> = change["members"].as_array().unwrap().iter().map(|m| (&m["member"], &m["covered"])).collect();
    assert_eq!(members, [(&json!("access.localReference"), &json!(false)), (&json!("digest.value"), &json!(true))]);
    let table = sandbox.run("diff ctf other");
    assert!(
        table.status == 1 && table.stdout.contains("digest differs") && table.stdout.contains("outside"),
        "{}",
        table.stdout
    );
}

#[test]
fn what_the_digest_does_not_cover_can_be_left_out() {
    let sandbox = pair(&[("  type: plainText\n", "  type: plainText\n  labels: [{name: note, value: text}]\n")]);
    let line = "diff ctf//acme.org/hello:1.0.0 other//acme.org/hello:1.0.0";
    let ran = sandbox.run(line);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("label note") && ran.stdout.contains("digest equal"), "{}", ran.stdout);
    sandbox.ok(&format!("{line} --digest-only"));
}

#[test]
fn archives_are_compared_version_by_version() {
    let sandbox = Sandbox::tree();
    sandbox.ok("transfer cv ctf//acme.org/leaf:0.1.0 other");
    sandbox.file("new.yaml", HELLO).ok("add cv -c new.yaml -r other");
    let ran = sandbox.run("diff ctf other -o json");
    assert_eq!(ran.status, 1);
    let report = report(&ran.stdout);
    let told = report["versions"].as_array().unwrap().iter().map(|version| {
        let side = if version["left"].is_null() { &version["right"] } else { &version["left"] };
        format!("{} {}", version["change"].as_str().unwrap(), side["component"].as_str().unwrap())
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, ["added acme.org/hello", "removed acme.org/mid", "removed acme.org/root"]);
    assert_eq!(report["same"], 1);
}

#[test]
fn two_versions_are_compared_with_each_other() {
    let sandbox = pair(&[("version: 1.0.0", "version: 2.0.0")]);
    let ran = sandbox.run("diff ctf//acme.org/hello:1.0.0 other//acme.org/hello:2.0.0");
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("acme.org/hello:1.0.0 → acme.org/hello:2.0.0"), "{}", ran.stdout);
}

#[test]
fn trouble_is_never_the_code_of_a_difference() {
    let sandbox = Sandbox::hello();
    sandbox.fails("diff ctf//acme.org/hello:1.0.0 ctf//acme.org/hello:9.0.0", 3);
    sandbox.fails("diff ctf nowhere", 3);
    sandbox.fails("diff ctf", 2);
    // A failure without a number of its own.
    sandbox.file("broken/artifact-index.json", "{").fails("diff ctf broken", 5);
}
