//! Repositories of types that a plugin has, in every command that reads or writes component versions.
#![cfg(unix)]

use serde_json::Value;

use crate::plugin::{ok, run, sandbox};
use crate::sandbox::Sandbox;

const PARTS: &str = "\
components:
- name: acme.org/part
  version: 1.0.0
  provider: {name: acme.org}
  resources:
  - {name: text, type: plainText, input: {type: utf8, text: a part}}
- name: acme.org/whole
  version: 1.0.0
  provider: {name: acme.org}
  componentReferences:
  - {name: part, componentName: acme.org/part, version: 1.0.0}
  resources:
  - {name: text, type: plainText, input: {type: utf8, text: the whole}}
  sources:
  - {name: code, type: plainText, input: {type: utf8, text: its source}}
";

/// The repository in a folder of the sandbox, as a reference without spaces.
fn shelf(sandbox: &Sandbox, folder: &str, more: &str) -> String {
    std::fs::create_dir_all(sandbox.path(folder)).unwrap();
    format!("{{\"type\":\"shelf/v1\",\"folder\":\"{}\"{more}}}", sandbox.path(folder).display())
}

fn descriptor(sandbox: &Sandbox, reference: &str) -> Value {
    let text = ok(sandbox, &format!("get cv {reference} -o json")).stdout;
    let mut list: Value = serde_json::from_str(&text).unwrap();
    list[0].take()
}

#[test]
fn component_versions_are_added_listed_and_downloaded() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let shelf = shelf(&sandbox, "shelf", "");
    sandbox.file("parts.yaml", PARTS);
    ok(&sandbox, &format!("add cv -c parts.yaml -r {shelf}"));
    let stored = sandbox.read("shelf/acme.org%2Fwhole/1.0.0/content-sou-code");
    assert_eq!(stored, "its source");
    let listed = ok(&sandbox, &format!("get cv {shelf}//acme.org/whole")).stdout;
    assert!(listed.contains("acme.org/whole") && listed.contains("1.0.0"), "{listed}");
    let quiet = ok(&sandbox, &format!("get cv {shelf}//acme.org/whole:1.0.0 -o json"));
    assert!(!quiet.stderr.contains("/local-"), "a descriptor needs no content: {}", quiet.stderr);
    ok(&sandbox, &format!("download resource {shelf}//acme.org/whole:1.0.0 --identity name=text -O text"));
    assert_eq!(sandbox.read("text"), "the whole");
    ok(&sandbox, &format!("download sources {shelf}//acme.org/whole:1.0.0 code -O code"));
    assert_eq!(sandbox.read("code"), "its source");
    let everything = ok(&sandbox, &format!("get cv {shelf}")).stdout;
    assert!(everything.contains("acme.org/part") && everything.contains("acme.org/whole"), "{everything}");
    let tree = ok(&sandbox, &format!("get cv {shelf}//acme.org/whole:1.0.0 --recursive -o tree")).stdout;
    assert!(tree.contains("acme.org/part"), "{tree}");
    let absent = run(&sandbox, &format!("get cv {shelf}//acme.org/whole:2.0.0"));
    assert!(absent.status == 3 && absent.stderr.contains("2.0.0"), "{}: {}", absent.status, absent.stderr);
    ok(&sandbox, &format!("check cv {shelf}//acme.org/whole:1.0.0"));
}

#[test]
fn transfers_go_in_and_out_and_signatures_hold() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let [from, to] = ["from", "to"].map(|folder| shelf(&sandbox, folder, ""));
    sandbox.file("parts.yaml", PARTS);
    ok(&sandbox, "add cv -c parts.yaml -r home");
    ok(&sandbox, "create rsakeypair key.priv key.pub");
    ok(&sandbox, "sign cv home//acme.org/whole:1.0.0 --private-key key.priv");
    ok(&sandbox, &format!("transfer cv home//acme.org/whole:1.0.0 {from} --recursive"));
    ok(&sandbox, &format!("verify cv {from}//acme.org/whole:1.0.0 --public-key default=key.pub --resources"));
    ok(&sandbox, &format!("transfer cv {from}//acme.org/whole:1.0.0 {to} --recursive"));
    let written = std::fs::read(sandbox.path("to/acme.org%2Fwhole/1.0.0/descriptor.json")).unwrap();
    assert_eq!(written, std::fs::read(sandbox.path("from/acme.org%2Fwhole/1.0.0/descriptor.json")).unwrap());
    ok(&sandbox, &format!("transfer cv {to}//acme.org/whole:1.0.0 back --recursive"));
    ok(&sandbox, "verify cv back//acme.org/whole:1.0.0 --public-key default=key.pub --resources");
    let again = ok(&sandbox, &format!("transfer cv home//acme.org/whole:1.0.0 {from} --recursive"));
    assert!(!again.stderr.contains("upload"), "what is there is not sent again: {}", again.stderr);

    ok(&sandbox, &format!("sign cv {to}//acme.org/part:1.0.0 --signature mine --private-key key.priv"));
    ok(&sandbox, &format!("verify cv {to}//acme.org/part:1.0.0 --signature mine --public-key key.pub --resources"));
    assert_eq!(sandbox.read("to/acme.org%2Fpart/1.0.0/content-res-text"), "a part");
}

#[test]
fn a_repository_may_name_content_in_its_own_way() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let shelf = shelf(&sandbox, "shelf", ",\"naming\":\"own\"");
    sandbox.file("parts.yaml", PARTS);
    ok(&sandbox, &format!("add cv -c parts.yaml -r {shelf}"));
    let stored: Value = serde_json::from_str(&sandbox.read("shelf/acme.org%2Fwhole/1.0.0/descriptor.json")).unwrap();
    assert_eq!(stored["component"]["resources"][0]["access"]["localReference"], "content-res-text");
    let read = descriptor(&sandbox, &format!("{shelf}//acme.org/whole:1.0.0"));
    let reference = read["component"]["resources"][0]["access"]["localReference"].as_str().unwrap();
    assert!(reference.starts_with("sha256:"), "{reference}");
    ok(&sandbox, &format!("transfer cv {shelf}//acme.org/whole:1.0.0 copy --recursive"));
    ok(&sandbox, "download resource copy//acme.org/whole:1.0.0 --identity name=text -O text");
    assert_eq!(sandbox.read("text"), "the whole");
}

#[test]
fn content_that_is_not_what_the_descriptor_says_is_refused_and_the_program_named() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let shelf = shelf(&sandbox, "shelf", "");
    sandbox.file("parts.yaml", PARTS);
    ok(&sandbox, &format!("add cv -c parts.yaml -r {shelf}"));
    std::fs::rename(sandbox.path("plugins/demo"), sandbox.path("plugins/swapping")).unwrap();
    let ran = run(&sandbox, &format!("download resource {shelf}//acme.org/whole:1.0.0 --identity name=text -O text"));
    assert!(ran.status != 0 && ran.stderr.contains("plugins/swapping"), "{}: {}", ran.status, ran.stderr);
    assert!(!sandbox.path("text").exists());
}

#[test]
fn credentials_of_the_repository_reach_it_and_nothing_else() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let shelf = shelf(&sandbox, "shelf", "");
    sandbox.file("parts.yaml", PARTS);
    sandbox.file(
        ".ocmconfig",
        "\
type: credentials.config.ocm.software
consumers:
- identity: {type: Shelf, hostname: shelf.example}
  credentials: [{type: Credentials/v1, properties: {password: open-sesame}}]
",
    );
    ok(&sandbox, &format!("add cv -c parts.yaml -r {shelf} --config .ocmconfig"));
    let line =
        format!("download resource {shelf}//acme.org/whole:1.0.0 --identity name=text -O text --config .ocmconfig");
    let ran = ok(&sandbox, &line);
    assert!(ran.stderr.contains("who=***") && !ran.stderr.contains("sesame"), "{}", ran.stderr);
}

#[test]
fn a_type_that_nobody_has_is_named() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let ran = run(&sandbox, "get cv {\"type\":\"drawer/v1\"}//acme.org/whole:1.0.0");
    assert!(
        ran.status != 0 && ran.stderr.contains("\"drawer/v1\"") && ran.stderr.contains("no plugin"),
        "{}",
        ran.stderr
    );
    let shelf = "{\"type\":\"shelf/v1\",\"foldr\":\"x\"}";
    let ran = run(&sandbox, &format!("get cv {shelf}//acme.org/whole:1.0.0"));
    assert!(ran.status != 0 && ran.stderr.contains("folder is missing"), "{}", ran.stderr);
    let ran = run(&sandbox, "get cv shelf::x//acme.org/whole:1.0.0");
    assert!(ran.status == 2 && ran.stderr.contains("as JSON"), "{}", ran.stderr);
}

#[test]
fn references_lead_to_a_repository_of_a_plugin() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let shelf = shelf(&sandbox, "shelf", "");
    sandbox.file("parts.yaml", PARTS);
    ok(&sandbox, &format!("add cv -c parts.yaml -r {shelf}"));
    ok(&sandbox, &format!("transfer cv {shelf}//acme.org/whole:1.0.0 alone"));
    sandbox.file(
        ".ocmconfig",
        &format!(
            "type: resolvers.config.ocm.software\nresolvers:\n- {{componentNamePattern: acme.org/part, repository: {shelf}}}\n"
        ),
    );
    let tree = ok(&sandbox, "get cv alone//acme.org/whole:1.0.0 --recursive -o tree --config .ocmconfig").stdout;
    assert!(tree.contains("acme.org/part"), "{tree}");
}
