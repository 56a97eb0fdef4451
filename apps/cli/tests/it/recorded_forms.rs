//! What scripts read: the forms of `add` and `get`, and which component versions they show.

use serde_json::{Value, json};

use crate::sandbox::{HELLO, Sandbox};

/// A pipeline, a chart and two tools, one of which is used by both of the others.
const DELIVERY: &str = "\
components:
- {name: acme.org/tool/scan, version: 2.1.0, provider: {name: tools.example}}
- {name: acme.org/tool/pack, version: 0.9.0, provider: {name: tools.example}}
- name: acme.org/chart
  version: 1.4.2
  provider: {name: acme.org}
  componentReferences:
  - {name: packer, version: 0.9.0, componentName: acme.org/tool/pack}
- name: acme.org/pipeline
  version: 3.0.0
  provider: {name: acme.org}
  componentReferences:
  - {name: chart, version: 1.4.2, componentName: acme.org/chart}
  - {name: packer, version: 0.9.0, componentName: acme.org/tool/pack}
  - {name: scanner, version: 2.1.0, componentName: acme.org/tool/scan}
";

fn delivery() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", DELIVERY).ok("add cv -c c.yaml -r ctf");
    sandbox
}

/// A sandbox with several versions of one component.
fn versions() -> Sandbox {
    let sandbox = Sandbox::new();
    for version in ["1.0.0", "1.2.0-rc.1", "1.2.0", "1.10.0", "2.0.0-alpha", "0.9.1"] {
        sandbox.file("c.yaml", &HELLO.replace("1.0.0", version)).ok("add cv -c c.yaml -r ctf");
    }
    sandbox
}

fn shown(sandbox: &Sandbox, line: &str) -> Vec<String> {
    let lines = sandbox.ok(&format!("{line} -o ndjson"));
    let version = |line: &str| serde_json::from_str::<Value>(line).unwrap()["component"]["version"].clone();
    lines.lines().map(|line| version(line).as_str().unwrap().to_owned()).collect()
}

#[test]
fn add_and_get_print_the_same() {
    for form in ["table", "tree", "yaml", "json", "ndjson"] {
        let sandbox = Sandbox::new();
        let added = sandbox.file("hello.yaml", HELLO).ok(&format!("add cv -c hello.yaml -r ctf -o {form}"));
        assert_eq!(added, sandbox.ok(&format!("get cv ctf//acme.org/hello:1.0.0 -o {form}")), "{form}");
        let sandbox = Sandbox::new();
        let added = sandbox.file("c.yaml", DELIVERY).ok(&format!("add cv -c c.yaml -r ctf -o {form}"));
        assert_eq!(added, sandbox.ok(&format!("get cv ctf//acme.org/pipeline:3.0.0 --recursive -o {form}")), "{form}");
    }
}

#[test]
fn a_table_leaves_out_what_the_row_above_has() {
    assert_eq!(
        delivery().ok("get cv ctf//acme.org/pipeline:3.0.0 --recursive"),
        [
            " COMPONENT          │ VERSION │ PROVIDER      ",
            "────────────────────┼─────────┼───────────────",
            " acme.org/pipeline  │ 3.0.0   │ acme.org      ",
            " acme.org/chart     │ 1.4.2   │               ",
            " acme.org/tool/pack │ 0.9.0   │ tools.example ",
            "                    │ 0.9.0   │               ",
            " acme.org/tool/scan │ 2.1.0   │               ",
            "",
        ]
        .join("\n")
    );
    assert_eq!(
        versions().ok("get cv ctf//acme.org/hello --semver-constraint >=1.0"),
        [
            " COMPONENT      │ VERSION │ PROVIDER ",
            "────────────────┼─────────┼──────────",
            " acme.org/hello │ 1.10.0  │ acme.org ",
            "                │ 1.2.0   │          ",
            "                │ 1.0.0   │          ",
            "",
        ]
        .join("\n")
    );
}

#[test]
fn a_tree_shows_who_refers_to_whom() {
    let sandbox = delivery();
    assert_eq!(
        sandbox.ok("get cv ctf//acme.org/pipeline:3.0.0 --recursive -o tree"),
        [
            " NESTING   COMPONENT           VERSION  PROVIDER       IDENTITY                              ",
            " └─ ●      acme.org/pipeline   3.0.0    acme.org       name=acme.org/pipeline,version=3.0.0  ",
            "    ├─ ●   acme.org/chart      1.4.2    acme.org       name=acme.org/chart,version=1.4.2     ",
            "    │  └─  acme.org/tool/pack  0.9.0    tools.example  name=acme.org/tool/pack,version=0.9.0 ",
            "    ├─     acme.org/tool/pack  0.9.0    tools.example  name=acme.org/tool/pack,version=0.9.0 ",
            "    └─     acme.org/tool/scan  2.1.0    tools.example  name=acme.org/tool/scan,version=2.1.0 ",
            "",
        ]
        .join("\n")
    );
    let all = sandbox.ok("get cv ctf -o tree");
    assert_eq!(all.lines().filter(|line| line.contains("─ ")).count(), 4);
    assert!(!all.contains('●'), "{all}");
}

#[test]
fn descriptors_have_their_members_in_order_and_empty_lists_as_null() {
    let sandbox = Sandbox::hello();
    let line = sandbox.ok("get cv ctf//acme.org/hello:1.0.0 -o ndjson");
    let digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    assert_eq!(
        line,
        format!(
            concat!(
                r#"{{"meta":{{"schemaVersion":"v2"}},"component":{{"name":"acme.org/hello","version":"1.0.0","#,
                r#""repositoryContexts":null,"provider":"acme.org","resources":[{{"name":"greeting","#,
                r#""version":"1.0.0","type":"plainText","relation":"local","access":{{"#,
                r#""localReference":"sha256:{0}","mediaType":"text/plain","type":"LocalBlob/v1"}},"#,
                r#""digest":{{"hashAlgorithm":"SHA-256","normalisationAlgorithm":"genericBlobDigest/v1","#,
                r#""value":"{0}"}}}}],"sources":null,"componentReferences":null}}}}"#,
                "\n"
            ),
            digest
        )
    );
    // The same in one indented array, and on one line.
    let json: Value = serde_json::from_str(&sandbox.ok("get cv ctf//acme.org/hello:1.0.0 -o json")).unwrap();
    assert_eq!(json, json!([serde_json::from_str::<Value>(&line).unwrap()]));
    let yaml = sandbox.ok("get cv ctf//acme.org/hello:1.0.0 -o yaml");
    assert!(yaml.starts_with("- component:\n    componentReferences: null\n    name: acme.org/hello\n"), "{yaml}");
    assert!(yaml.ends_with("  meta:\n    schemaVersion: v2\n"), "{yaml}");
}

#[test]
fn versions_come_newest_first_and_can_be_chosen() {
    let sandbox = versions();
    let all = ["2.0.0-alpha", "1.10.0", "1.2.0", "1.2.0-rc.1", "1.0.0", "0.9.1"];
    let cases: [(&str, &[&str]); 10] = [
        ("get cv ctf", &all),
        ("get cv ctf//acme.org/hello", &all),
        ("get cv ctf//acme.org/hello --latest", &["2.0.0-alpha"]),
        ("get cv ctf//acme.org/hello --semver-constraint <1.10.0", &["1.2.0", "1.0.0", "0.9.1"]),
        ("get cv ctf//acme.org/hello --semver-constraint >=1.0.0,<1.10.0", &["1.2.0", "1.0.0"]),
        ("get cv ctf//acme.org/hello --semver-constraint ~1.2 --latest", &["1.2.0"]),
        ("get cv ctf//acme.org/hello --semver-constraint ^0.9||^1.10", &["1.10.0", "0.9.1"]),
        ("get cv ctf//acme.org/hello --semver-constraint >=1.2.0-0,<1.2.1", &["1.2.0", "1.2.0-rc.1"]),
        ("get cv ctf//acme.org/hello:1.2.0", &["1.2.0"]),
        ("get cv ctf//acme.org/hello:1.2.0 ctf//acme.org/hello:1.0.0", &["1.2.0", "1.0.0"]),
    ];
    for (line, expected) in cases {
        assert_eq!(shown(&sandbox, line), expected, "{line}");
    }
    for (line, count) in [
        ("transfer cv ctf//acme.org/hello ./all", 6),
        ("transfer cv ctf//acme.org/hello --latest ./newest", 1),
        ("transfer cv ctf//acme.org/hello --semver-constraint ^1 ./some", 3),
    ] {
        sandbox.ok(line);
        let target = line.rsplit(' ').next().unwrap();
        assert_eq!(shown(&sandbox, &format!("get cv {target}")).len(), count, "{line}");
    }
}

#[test]
fn recursion_is_off_or_goes_all_the_way() {
    let sandbox = delivery();
    let count =
        |flag: &str| sandbox.ok(&format!("get cv ctf//acme.org/pipeline:3.0.0{flag} -o ndjson")).lines().count();
    for (flag, expected) in [("", 1), (" --recursive=0", 1), (" --recursive=-1", 5), (" --recursive", 5), (" -r", 5)] {
        assert_eq!(count(flag), expected, "{flag}");
    }
    for depth in ["1", "-2", "all"] {
        sandbox.fails(&format!("get cv ctf//acme.org/pipeline:3.0.0 --recursive={depth}"), 2);
    }
    for (flag, expected) in [("", 1), (" --recursive", 4)] {
        sandbox.ok(&format!("transfer cv ctf//acme.org/pipeline:3.0.0 ./out{flag}"));
        assert_eq!(shown(&sandbox, "get cv ./out").len(), expected, "{flag}");
    }
}

#[test]
fn one_archive_has_many_spellings() {
    let sandbox = Sandbox::hello();
    sandbox.ok("transfer ctf ctf ./packed.tgz");
    sandbox.ok("transfer ctf ctf ./plain.tar");
    let absolute = sandbox.path("ctf").display().to_string();
    let places = [
        "ctf".to_owned(),
        "./ctf".into(),
        "ctf::ctf".into(),
        "CommonTransportFormat::./ctf".into(),
        absolute.clone(),
        format!("file://{absolute}"),
        "packed.tgz".into(),
        "./plain.tar".into(),
        "ctf::plain.tar".into(),
    ];
    for place in places {
        assert_eq!(shown(&sandbox, &format!("get cv {place}//acme.org/hello:1.0.0")), ["1.0.0"], "{place}");
        assert_eq!(shown(&sandbox, &format!("get cv {place}//acme.org/hello")), ["1.0.0"], "{place}");
        let inner = format!("get cv {place}/component-descriptors/acme.org/hello:1.0.0");
        assert_eq!(shown(&sandbox, &inner), ["1.0.0"], "{place}");
    }
    for place in ["ctf", "packed.tgz", "./plain.tar"] {
        assert_eq!(shown(&sandbox, &format!("get cv {place}")), ["1.0.0"], "{place}");
    }
}

#[test]
fn one_registry_has_many_spellings() {
    let sandbox = Sandbox::hello();
    let registry = ocm_testkit::TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer ctf ctf {}/team/store", registry.url()));
    let (url, address) = (registry.url(), registry.address());
    for place in [
        format!("{url}/team/store"),
        format!("OCIRegistry::{url}/team/store"),
        format!("oci::{url}/team/store"),
        format!("oci::http://{address}/team/store"),
    ] {
        assert_eq!(shown(&sandbox, &format!("get cv {place}//acme.org/hello:1.0.0")), ["1.0.0"], "{place}");
        assert_eq!(shown(&sandbox, &format!("get cv {place}//acme.org/hello")), ["1.0.0"], "{place}");
    }
    // Components of a registry cannot be listed, and that is said.
    sandbox.fails(&format!("get cv {url}/team/store"), 2);
    sandbox.fails(&format!("get cv {url}/team/store//acme.org/other"), 3);
    sandbox.fails(&format!("get cv {url}/team/store//acme.org/hello:2.0.0"), 3);
    drop(registry);
    sandbox.fails(&format!("get cv {url}/team/store//acme.org/hello:1.0.0"), 8);
}
