//! The flags that choose component versions do so with every command that has them.

use serde_json::Value;

use crate::sandbox::{HELLO, Sandbox};
use crate::sign::with_keys;

/// An archive `ctf` with two versions of a component, and `parents` with one that refers to the older of them.
fn two_versions() -> Sandbox {
    let sandbox = Sandbox::hello();
    sandbox.file("c.yaml", &HELLO.replace("1.0.0", "1.1.0")).ok("add cv -c c.yaml -r ctf");
    sandbox.file(
        "parent.yaml",
        "name: acme.org/parent\nversion: 1.0.0\nprovider: {name: acme.org}\n\
         componentReferences:\n- {name: hello, version: 1.0.0, componentName: acme.org/hello}\n",
    );
    sandbox.ok("add cv --create --file parents parent.yaml");
    sandbox
}

/// How many component versions a report speaks of.
fn count(report: &Value) -> usize {
    for list in ["items", "versions", "componentVersions"] {
        if let Some(items) = report[list].as_array() {
            return items.len();
        }
    }
    panic!("{report:#}")
}

#[test]
fn every_command_takes_the_versions_that_were_chosen() {
    let sandbox = two_versions();
    for (command, flags) in [("check cv", "-o json"), ("repair cv", "--dry-run -o json"), ("get inventory", "-o json")]
    {
        let counted = |selection: &str| {
            let ran = sandbox.run(&format!("{command} {selection} {flags}"));
            assert_eq!(ran.status, 0, "{command} {selection}: {}", ran.stderr);
            count(&serde_json::from_str(&ran.stdout).unwrap())
        };
        for (selection, expected) in [
            ("ctf//acme.org/hello", 2),
            ("ctf//acme.org/hello --latest", 1),
            ("ctf//acme.org/hello -c <1.1", 1),
            ("ctf//acme.org/hello --semver-constraint >=1.0", 2),
            ("--repo ctf acme.org/hello:1.0.0", 1),
        ] {
            assert_eq!(counted(selection), expected, "{command} {selection}");
        }
        sandbox.fails(&format!("{command} ctf//acme.org/hello -c >2 {flags}"), 3);
        sandbox.fails(&format!("{command} --repo parents acme.org/hello:1.0.0 {flags}"), 3);
    }
    let checked = |selection: &str| -> Value {
        let report: Value =
            serde_json::from_str(&sandbox.ok(&format!("check portability {selection} -o json"))).unwrap();
        report["checked"].clone()
    };
    for (selection, expected) in [
        ("ctf//acme.org/hello", 2),
        ("ctf//acme.org/hello --latest", 1),
        ("ctf//acme.org/hello -c <1.1", 1),
        ("--repo ctf acme.org/hello:1.0.0", 1),
        ("parents//acme.org/parent:1.0.0", 1),
        ("-r --lookup ctf parents//acme.org/parent:1.0.0", 2),
        ("--recursive --lookup ctf parents//acme.org/parent:1.0.0", 2),
    ] {
        assert_eq!(checked(selection), expected, "check portability {selection}");
    }
    sandbox.fails("check portability -r parents//acme.org/parent:1.0.0", 3);
}

#[test]
fn references_are_looked_for_in_other_places_when_told() {
    let sandbox = two_versions();
    let without = sandbox.run("check cv parents//acme.org/parent:1.0.0 -o json");
    assert_eq!(without.status, 7, "{}", without.stderr);
    sandbox.ok("check cv parents//acme.org/parent:1.0.0 --lookup ctf");
}

#[test]
fn sources_have_to_be_where_it_is_said() {
    let sandbox = Sandbox::new();
    let text = "name: acme.org/x\nversion: 1.0.0\nprovider: {name: p}\nsources:\n- {name: src, type: git, version: 1.0.0, access: {type: git, repository: 'https://host.example/x', ref: main}}\n";
    sandbox.file("c.yaml", text).ok("add cv -c c.yaml -r ctf");
    sandbox.ok("check cv ctf");
    sandbox.ok("check cv ctf --sources anywhere");
    for flag in ["--sources local", "-S --fail-on-error", "--local-sources --fail-on-error"] {
        let ran = sandbox.run(&format!("check cv ctf {flag}"));
        assert!(ran.status != 0, "{flag}: {}", ran.stdout);
    }
    sandbox.ok("check cv ctf --resources local");
}

#[test]
fn saved_versions_are_chosen_and_verified() {
    let sandbox = with_keys(two_versions());
    sandbox.ok("create rsakeypair other.priv other.pub");
    sandbox.ok("sign cv --config c.yaml ctf//acme.org/hello:1.0.0");
    let saved = |flags: &str| {
        let printed = sandbox.ok(&format!("download cv {flags} -O saved -o json"));
        std::fs::remove_dir_all(sandbox.path("saved"))
            .or_else(|_| std::fs::remove_file(sandbox.path("saved")))
            .unwrap();
        serde_json::from_str::<Value>(&printed).unwrap()["totals"]["versionsMoved"].clone()
    };
    for (flags, expected) in [
        ("ctf//acme.org/hello", 2),
        ("ctf//acme.org/hello --latest", 1),
        ("ctf//acme.org/hello -c <1.1", 1),
        ("--repo ctf acme.org/hello:1.0.0", 1),
        ("--verify --config c.yaml ctf//acme.org/hello:1.0.0", 1),
        ("--require default --config c.yaml ctf//acme.org/hello:1.0.0", 1),
        ("--verify -k a.pub --allow-algorithm RSASSA-PSS ctf//acme.org/hello:1.0.0", 1),
    ] {
        assert_eq!(saved(flags), expected, "download cv {flags}");
    }
    for flags in [
        "--verify",
        "--verify --public-key other.pub",
        "--require release --config c.yaml",
        "--verify -k a.pub --allow-algorithm RSASSA-PKCS1-V1_5",
        "--verify -k a.pub --allow-normalisation jsonNormalisation/v3",
        "--verify -k a.pub --minimum-key-size 8192",
        "--verify -k a.pub --keyless",
    ] {
        sandbox.fails(&format!("download cv {flags} ctf//acme.org/hello:1.0.0 -O saved"), 5);
        sandbox.fails(
            &format!("download resource {flags} ctf//acme.org/hello:1.0.0 --identity name=greeting --output x"),
            5,
        );
        assert!(!sandbox.path("saved").exists() && !sandbox.path("x").exists(), "{flags}");
    }
}

#[test]
fn sources_are_chosen_written_and_verified_like_resources() {
    let sandbox = with_keys(Sandbox::new());
    sandbox.file("tree/inner/a.txt", "packed");
    let constructor = |version: &str| {
        format!(
            "name: acme.org/code\nversion: {version}\nprovider: {{name: p}}\nsources:\n\
             - {{name: tree, type: directoryTree, version: 1.0.0, input: {{type: dir, path: tree}}}}\n\
             - {{name: text, type: plainText, version: 1.0.0, input: {{type: utf8, text: 'of {version}'}}}}\n"
        )
    };
    for version in ["1.0.0", "1.1.0"] {
        sandbox.file("code.yaml", &constructor(version)).ok("add cv -c code.yaml -r ctf");
    }
    sandbox.ok("sign cv --config c.yaml ctf//acme.org/code:1.0.0");
    sandbox.file(
        "parent.yaml",
        "name: acme.org/parent\nversion: 1.0.0\nprovider: {name: p}\n\
         componentReferences:\n- {name: code, version: 1.1.0, componentName: acme.org/code}\n",
    );
    sandbox.ok("add cv --create --file parents parent.yaml");
    let text = |flags: &str| {
        sandbox.ok(&format!("download sources {flags} text -O text"));
        let text = sandbox.read("text");
        std::fs::remove_file(sandbox.path("text")).unwrap();
        text
    };
    for (flags, expected) in [
        ("ctf//acme.org/code --latest", "of 1.1.0"),
        ("ctf//acme.org/code -c <1.1", "of 1.0.0"),
        ("--repo ctf acme.org/code:1.0.0", "of 1.0.0"),
        ("-r --lookup ctf parents//acme.org/parent:1.0.0", "of 1.1.0"),
        ("--verify --config c.yaml ctf//acme.org/code:1.0.0", "of 1.0.0"),
        ("--verify -k a.pub --no-rebase ctf//acme.org/code:1.0.0", "of 1.0.0"),
    ] {
        assert_eq!(text(flags), expected, "download sources {flags}");
    }
    sandbox.ok("create rsakeypair other.priv other.pub");
    sandbox.fails("download sources --verify -k other.pub ctf//acme.org/code:1.0.0 text -O text", 5);
    sandbox.fails("download sources --require release --config c.yaml ctf//acme.org/code:1.0.0 text -O text", 5);
    sandbox.fails("download sources -r parents//acme.org/parent:1.0.0 text -O text", 3);
    let tree = "download sources ctf//acme.org/code:1.0.0 tree";
    sandbox.ok(&format!("{tree} -O packed --extraction-policy disable"));
    sandbox.ok(&format!("{tree} -O unpacked --extraction-policy auto"));
    assert!(sandbox.path("packed").is_file());
    assert_eq!(sandbox.read("unpacked/inner/a.txt"), "packed");
    let report: Value = serde_json::from_str(&sandbox.ok(&format!("{tree} -O again --report json"))).unwrap();
    assert_eq!(report["items"][0]["identity"]["name"], "tree");
    assert_eq!(sandbox.ok("download sources ctf//acme.org/code:1.0.0 -t plainText -O only").lines().count(), 1);
}
