//! Resolvers of both forms together, for every command that follows references.

use serde_json::Value;

use crate::sandbox::Sandbox;

/// A product that refers to a library and to an older part, each in an archive of its own, and archives with namesakes.
fn product() -> Sandbox {
    let sandbox = Sandbox::hello();
    let part = |name: &str, version: &str, text: &str| {
        format!(
            "name: {name}\nversion: {version}\nprovider: {{name: acme.org}}\nresources:\n\
             - {{name: content, type: plainText, input: {{type: utf8, text: {text}}}}}\n"
        )
    };
    for (archive, name, version, text) in [
        ("libs", "acme.org/lib", "1.0.0", "library"),
        ("libs", "acme.org/lib", "2.0.0", "next library"),
        ("older", "acme.org/old/part", "1.0.0", "part"),
        // Whoever asks the wrong place finds something else.
        ("decoy", "acme.org/lib", "1.0.0", "another library"),
        ("decoy", "acme.org/lib", "3.0.0", "last library"),
        ("decoy", "acme.org/old/part", "1.0.0", "another part"),
    ] {
        sandbox.file("part.yaml", &part(name, version, text)).ok(&format!("add cv -c part.yaml -r {archive}"));
    }
    let repository = |archive: &str| format!("repository: {{type: CommonTransportFormat/v1, filePath: {archive}}}");
    let (libs, older, decoy) = (repository("libs"), repository("older"), repository("decoy"));
    let config = format!(
        "\
type: generic.config.ocm.software/v1
configurations:
- type: ocm.config.ocm.software/v1
  resolvers:
  - {{{decoy}, prefix: acme.org, priority: 5}}
  - {{{older}, prefix: acme.org/old, priority: 20}}
- type: resolvers.config.ocm.software/v1alpha1
  resolvers:
  - {{{decoy}, componentNamePattern: 'acme.org/l?b', versionConstraint: '>=3.0.0'}}
  - {{{libs}, componentNamePattern: 'acme.org/{{lib,bib}}', versionConstraint: '>=1.0.0 <2.0.0'}}
  - {{{decoy}, componentNamePattern: 'acme.org/lib'}}
"
    );
    sandbox.file("resolvers.yaml", &config);
    sandbox.file("product.yaml", &referring("product", "1.0.0"));
    sandbox
}

fn referring(name: &str, library: &str) -> String {
    format!(
        "name: acme.org/{name}\nversion: 1.0.0\nprovider: {{name: acme.org}}\ncomponentReferences:\n\
         - {{name: lib, componentName: acme.org/lib, version: {library}}}\n\
         - {{name: part, componentName: acme.org/old/part, version: 1.0.0}}\n"
    )
}

const WITH: &str = "--config resolvers.yaml";
const ROOT: &str = "product//acme.org/product:1.0.0";

fn added() -> Sandbox {
    let sandbox = product();
    sandbox.ok(&format!("add cv -c product.yaml -r product {WITH}"));
    sandbox
}

fn descriptor(sandbox: &Sandbox, reference: &str) -> Value {
    let text = sandbox.ok(&format!("get cv {reference} -o json"));
    serde_json::from_str::<Value>(&text).unwrap()[0].clone()
}

/// The digest of a component version, as references have it.
fn digest(sandbox: &Sandbox, reference: &str) -> Value {
    let report = sandbox.ok(&format!("hash cv {reference} -o json"));
    let report: Value = serde_json::from_str(&report).unwrap();
    report.pointer("/0/digest/value").or_else(|| report.pointer("/0/digest")).unwrap_or(&report).clone()
}

#[test]
fn add_takes_digests_from_where_references_lead() {
    let sandbox = product();
    sandbox.fails("add cv -c product.yaml -r without", 2);
    sandbox.ok(&format!("add cv -c product.yaml -r product {WITH}"));
    let references = &descriptor(&sandbox, ROOT)["component"]["componentReferences"];
    let digests = digest(&sandbox, "libs//acme.org/lib:1.0.0").to_string();
    let recorded = references[0]["digest"]["value"].as_str().unwrap();
    assert!(digests.contains(recorded), "{references} {digests}");
    let other = digest(&sandbox, "decoy//acme.org/lib:1.0.0").to_string();
    assert!(!other.contains(recorded), "the decoy is another one");
    let part = references[1]["digest"]["value"].as_str().unwrap();
    assert!(digest(&sandbox, "older//acme.org/old/part:1.0.0").to_string().contains(part), "{references}");
}

#[test]
fn a_constraint_decides_before_the_next_resolver_does() {
    let sandbox = product();
    // 2.0.0 is in `libs`, which is named for versions below it only: the next pattern that fits decides, and its archive lacks it.
    sandbox.file("next.yaml", &referring("next", "2.0.0"));
    let error = sandbox.fails(&format!("add cv -c next.yaml -r next {WITH}"), 2);
    assert!(error.contains("acme.org/lib:2.0.0"), "{error}");
    sandbox.file("last.yaml", &referring("last", "3.0.0"));
    sandbox.ok(&format!("add cv -c last.yaml -r last {WITH}"));
}

#[test]
fn get_and_check_follow_references_through_resolvers() {
    let sandbox = added();
    let line = format!("get cv {ROOT} --recursive=-1 -o json");
    sandbox.fails(&line, 3);
    let found = sandbox.ok(&format!("{line} {WITH}"));
    assert!(found.contains("acme.org/lib") && found.contains("acme.org/old/part"), "{found}");
    let explained = sandbox.ok(&format!("config explain acme.org/lib:1.0.0 {WITH}"));
    assert!(explained.contains("libs") && explained.contains("resolvers.yaml"), "{explained}");
    assert_ne!(sandbox.run(&format!("check cv {ROOT}")).status, 0);
    sandbox.ok(&format!("check cv {ROOT} {WITH}"));
}

#[test]
fn transfer_takes_references_from_where_resolvers_lead() {
    let sandbox = added();
    assert_ne!(sandbox.run(&format!("transfer cv {ROOT} copy -r")).status, 0);
    sandbox.ok(&format!("transfer cv {ROOT} copy -r {WITH}"));
    for (component, text) in [("acme.org/lib", "library"), ("acme.org/old/part", "part")] {
        sandbox.ok(&format!("download resource copy//{component}:1.0.0 --identity name=content -O content.txt"));
        assert_eq!(sandbox.read("content.txt"), text);
    }
    let document = sandbox.ok(&format!("transfer cv {ROOT} other -r --dry-run -o yaml {WITH}"));
    assert!(document.contains("libs") && document.contains("older") && !document.contains("decoy"), "{document}");
}

#[test]
fn sign_and_verify_follow_references_through_resolvers() {
    let sandbox = added();
    sandbox.ok("create rsakeypair key.priv key.pub");
    let sign = format!("sign cv {ROOT} --signature acme --private-key key.priv");
    assert_ne!(sandbox.run(&sign).status, 0);
    sandbox.ok(&format!("{sign} {WITH}"));
    let verify = format!("verify cv {ROOT} --signature acme --public-key key.pub");
    assert_ne!(sandbox.run(&verify).status, 0);
    sandbox.ok(&format!("{verify} {WITH}"));
    // A namesake in the place of the library is not what was signed.
    let swapped = sandbox.read("resolvers.yaml").replace("filePath: libs", "filePath: decoy");
    sandbox.file("swapped.yaml", &swapped);
    sandbox.fails(&format!("{verify} --config swapped.yaml"), 5);
}

#[test]
fn download_follows_references_through_resolvers() {
    let sandbox = added();
    let line = format!("download resources {ROOT} content --recursive -O all");
    assert_ne!(sandbox.run(&line).status, 0);
    sandbox.ok(&format!("{line} {WITH}"));
    let mut found = Vec::new();
    let mut folders = vec![sandbox.path("all")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(std::fs::read_to_string(path).unwrap()) }
        }
    }
    found.sort();
    assert_eq!(found, ["library", "part"]);
}
