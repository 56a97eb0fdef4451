//! Each flag of `get` and `list` does what it says: left out, the same command line ends differently.

use serde_json::Value;

use crate::sandbox::{HELLO, Sandbox};

/// `acme.org/hello` in versions 1.0.0, 1.1.0 and 2.0.0, and a parent of the first in another archive.
fn versions() -> Sandbox {
    let sandbox = Sandbox::hello();
    for version in ["1.1.0", "2.0.0"] {
        sandbox.file("c.yaml", &HELLO.replace("1.0.0", version)).ok("add cv -c c.yaml -r ctf");
    }
    sandbox.file(
        "parent.yaml",
        "name: acme.org/parent\nversion: 1.0.0\nprovider: {name: acme.org}\ncomponentReferences:\n- {name: hello, version: 1.0.0, componentName: acme.org/hello}\n",
    );
    sandbox.ok("add cv --create --file parents parent.yaml");
    sandbox
}

const COMMANDS: [&str; 5] = ["get cv", "get resources", "get sources", "get references", "list cv"];

#[test]
fn constraint_and_latest_choose_versions() {
    let sandbox = versions();
    let count = |line: &str| sandbox.ok(line).lines().count();
    for flags in ["--latest", "--semver-constraint ^2", "--constraints >1.1.0", "-c 2.x"] {
        let line = |command: &str| format!("{command} ctf//acme.org/hello {flags} -o ndjson");
        assert_eq!((count("get cv ctf//acme.org/hello -o ndjson"), count(&line("get cv"))), (3, 1), "{flags}");
        assert_eq!((count("list cv ctf//acme.org/hello -o ndjson"), count(&line("list cv"))), (3, 1), "{flags}");
        let resources = count(&line("get resources"));
        assert_eq!((count("get resources ctf//acme.org/hello -o ndjson"), resources), (3, 1), "{flags}");
    }
    for command in COMMANDS {
        sandbox.fails(&format!("{command} ctf//acme.org/hello -c >9"), 3);
    }
}

#[test]
fn references_are_relative_to_a_repository() {
    let sandbox = versions();
    assert_eq!(sandbox.ok("list cv --repo ctf acme.org/hello:1.1.0 -o ndjson").lines().count(), 1);
    assert_eq!(sandbox.ok("get resources --repo ctf acme.org/hello:1.1.0 -o ndjson").lines().count(), 1);
    assert_eq!(sandbox.ok("get references --repo parents acme.org/parent -o ndjson").lines().count(), 1);
    for command in COMMANDS {
        sandbox.fails(&format!("{command} acme.org/hello:1.1.0"), 2);
    }
}

#[test]
fn references_are_also_looked_for_elsewhere() {
    let sandbox = versions();
    sandbox.fails("get cv parents//acme.org/parent --recursive", 3);
    assert_eq!(sandbox.ok("get cv parents//acme.org/parent --recursive --lookup ctf -o ndjson").lines().count(), 2);
    sandbox.fails("get resources parents//acme.org/parent -r", 3);
    assert_eq!(sandbox.ok("get resources parents//acme.org/parent -r --lookup ctf -o ndjson").lines().count(), 1);
}

#[test]
fn elements_of_referenced_versions_are_listed_when_asked_for() {
    let sandbox = versions();
    assert_eq!(sandbox.ok("get resources parents//acme.org/parent"), "no elements found\n");
    for flag in ["-r", "--recursive"] {
        assert_eq!(
            sandbox.ok(&format!("get resources parents//acme.org/parent --lookup ctf {flag}")),
            "REFERENCEPATH           NAME     VERSION IDENTITY TYPE      RELATION\nacme.org/parent:1.0.0->acme.org/hello:1.0.0 greeting 1.0.0            plainText local\n"
                .replace("REFERENCEPATH           ", "REFERENCEPATH                               ")
        );
    }
}

#[test]
fn elements_have_every_form() {
    let sandbox = versions();
    let get = |form: &str| sandbox.ok(&format!("get resources ctf//acme.org/hello:1.0.0 -o {form}"));
    assert!(get("table").starts_with("NAME     VERSION IDENTITY TYPE      RELATION\n"));
    assert!(get("wide").contains("ACCESSTYPE"));
    assert!(get("tree").starts_with("COMPONENT"));
    assert!(get("treewide").contains("ACCESS"));
    assert!(get("yaml").starts_with("---\ncontext:"));
    assert!(get("json").starts_with("{\n  \"items\": ["));
    assert!(get("JSON").starts_with("{\"items\":["));
    assert!(get("ndjson").starts_with("{\"context\":"));
    assert!(!get("table").contains("ACCESS") && !get("tree").contains("ACCESS"));
}

#[test]
fn names_have_every_form() {
    let sandbox = versions();
    let list = |form: &str| sandbox.ok(&format!("list cv ctf//acme.org/hello:1.0.0 -o {form}"));
    assert!(list("table").starts_with("COMPONENT      VERSION MESSAGE\n"));
    assert!(list("yaml").starts_with("---\ncomponent: "));
    assert!(list("json").starts_with("{\n  \"items\": ["));
    assert!(list("JSON").starts_with("{\"items\":["));
    assert_eq!(list("ndjson"), "{\"component\":\"acme.org/hello\",\"version\":\"1.0.0\"}\n");
    assert!(sandbox.ok("list cv ctf --compat v2").contains('│'));
}

#[test]
fn a_descriptor_is_shown_in_the_newer_form() {
    let sandbox = versions();
    for flag in ["-S ocm.software/v3alpha1", "--scheme ocm.software/v3alpha1"] {
        let shown: Value =
            serde_json::from_str(&sandbox.ok(&format!("get cv ctf//acme.org/hello:1.0.0 {flag} -o json"))).unwrap();
        let item = &shown["items"][0];
        assert_eq!(item["apiVersion"], "ocm.software/v3alpha1");
        assert_eq!(item["metadata"]["provider"]["name"], "acme.org");
        assert_eq!(item["spec"]["resources"][0]["name"], "greeting");
    }
    assert!(sandbox.ok("get cv ctf//acme.org/hello:1.0.0 -S v2 -o yaml").starts_with("---\ncomponent:\n"));
    sandbox.fails("get cv ctf//acme.org/hello:1.0.0 -S internal", 2);
}

#[test]
fn a_component_archive_of_the_older_program_is_read() {
    let sandbox = Sandbox::new();
    sandbox.file("arch/blobs/sha256.b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "hello world");
    sandbox.file(
        "arch/component-descriptor.yaml",
        r"meta: {schemaVersion: v2}
component:
  name: acme.org/arch
  version: 1.0.0
  provider: acme.org
  repositoryContexts: []
  sources: []
  componentReferences: []
  resources:
  - name: text
    version: 1.0.0
    type: plainText
    relation: local
    access:
      type: localBlob
      localReference: sha256.b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9
      mediaType: text/plain
    digest:
      hashAlgorithm: SHA-256
      normalisationAlgorithm: genericBlobDigest/v1
      value: b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9
",
    );
    assert_eq!(
        sandbox.ok("get cv arch -o wide --compat v1"),
        "COMPONENT     VERSION PROVIDER REPOSITORY\nacme.org/arch 1.0.0   acme.org arch\n"
    );
    for reference in ["arch", "./arch//acme.org/arch:1.0.0", "ca::arch//acme.org/arch"] {
        assert_eq!(sandbox.ok(&format!("get resources {reference} -o ndjson")).lines().count(), 1, "{reference}");
    }
    assert_eq!(sandbox.ok("download resource arch//acme.org/arch text -O -"), "hello world");
    let lines = [
        "transferring version \"acme.org/arch:1.0.0\"...",
        "...resource 0 text[plainText]...",
        "...adding component version...",
        "",
    ];
    assert_eq!(sandbox.ok("transfer componentarchive arch ca"), lines.join("\n"));
    sandbox.ok("transfer ctf arch out");
    for archive in ["ca", "out"] {
        assert_eq!(sandbox.ok(&format!("download resource {archive}//acme.org/arch text -O -")), "hello world");
    }
    let message = sandbox.file("hello.yaml", HELLO).fails("add cv -c hello.yaml -r arch", 1);
    assert!(message.contains("transport archive"), "{message}");
}

#[test]
fn choosing_among_versions_has_no_effect_on_a_version() {
    let sandbox = Sandbox::hello();
    let warning = "has no effect when a version is already specified in the reference";
    for (flags, flag) in [("--latest", "--latest"), ("-c ^2", "--semver-constraint")] {
        for reference in ["ctf//acme.org/hello:1.0.0", "--repo ctf acme.org/hello:1.0.0"] {
            let ran = sandbox.run(&format!("get cv {reference} {flags}"));
            assert_eq!(ran.status, 0, "{}", ran.stderr);
            assert!(ran.stderr.contains(&format!("level=WARN msg=\"{flag} {warning}\"")), "{}", ran.stderr);
        }
    }
    for reference in ["ctf//acme.org/hello", "--repo ctf acme.org/hello", "ctf"] {
        assert_eq!(sandbox.run(&format!("get cv {reference} --latest")).stderr, "", "{reference}");
    }
}
