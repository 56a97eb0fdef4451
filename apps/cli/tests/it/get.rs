use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[test]
fn one_version_in_every_form() {
    let sandbox = Sandbox::hello();
    let get = |form: &str| sandbox.ok(&format!("get cv ctf//acme.org/hello:1.0.0 -o {form}"));
    assert_eq!(
        get("table"),
        " COMPONENT      │ VERSION │ PROVIDER \n────────────────┼─────────┼──────────\n acme.org/hello │ 1.0.0   │ acme.org \n"
    );
    assert_eq!(
        get("tree"),
        " NESTING  COMPONENT       VERSION  PROVIDER  IDENTITY                          \n \
         └─       acme.org/hello  1.0.0    acme.org  name=acme.org/hello,version=1.0.0 \n"
    );
    assert_snapshot!(get("yaml"), @r"
    - component:
        componentReferences: null
        name: acme.org/hello
        provider: acme.org
        repositoryContexts: null
        resources:
        - access:
            localReference: sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9
            mediaType: text/plain
            type: LocalBlob/v1
          digest:
            hashAlgorithm: SHA-256
            normalisationAlgorithm: genericBlobDigest/v1
            value: b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9
          name: greeting
          relation: local
          type: plainText
          version: 1.0.0
        sources: null
        version: 1.0.0
      meta:
        schemaVersion: v2
    ");
    assert!(
        get("json")
            .starts_with("[\n  {\n    \"meta\": {\n      \"schemaVersion\": \"v2\"\n    },\n    \"component\": {")
    );
    assert_eq!(get("ndjson").lines().count(), 1);
}

#[test]
fn references_are_followed_when_asked_for() {
    let sandbox = Sandbox::tree();
    assert_eq!(
        sandbox.ok("get cv ctf//acme.org/root:1.0.0 --recursive -o tree"),
        [
            " NESTING   COMPONENT      VERSION  PROVIDER   IDENTITY                         ",
            " └─ ●      acme.org/root  1.0.0    acme.org   name=acme.org/root,version=1.0.0 ",
            "    ├─     acme.org/leaf  0.1.0    acme.org   name=acme.org/leaf,version=0.1.0 ",
            "    └─ ●   acme.org/mid   0.1.0    other.org  name=acme.org/mid,version=0.1.0  ",
            "       └─  acme.org/leaf  0.1.0    acme.org   name=acme.org/leaf,version=0.1.0 ",
            "",
        ]
        .join("\n")
    );
    assert_eq!(sandbox.ok("get cv ctf//acme.org/root:1.0.0 -o ndjson").lines().count(), 1);
    assert_eq!(sandbox.ok("get cv ctf//acme.org/root:1.0.0 --recursive -o ndjson").lines().count(), 4);
}

#[test]
fn a_whole_archive_and_its_newest_versions() {
    let sandbox = Sandbox::hello();
    sandbox
        .file("newer.yaml", &crate::sandbox::HELLO.replace("version: 1.0.0", "version: 1.10.0"))
        .ok("add cv -c newer.yaml -r ctf");
    let versions = |line: &str| {
        let list: serde_json::Value = serde_json::from_str(&sandbox.ok(line)).unwrap();
        list.as_array()
            .unwrap()
            .iter()
            .map(|item| item["component"]["version"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(versions("get cv ctf -o json"), ["1.10.0", "1.0.0"]);
    assert_eq!(versions("get cv ctf//acme.org/hello --latest -o json"), ["1.10.0"]);
    assert_eq!(versions("get cv ctf//acme.org/hello --semver-constraint <1.5.0 -o json"), ["1.0.0"]);
}

#[test]
fn what_is_not_there_has_its_own_exit_code() {
    let sandbox = Sandbox::hello();
    sandbox.fails("get cv ctf//acme.org/hello:9.0.0", 3);
    sandbox.fails("get cv ctf//acme.org/none", 3);
    sandbox.fails("get cv nowhere//acme.org/hello:1.0.0", 3);
    sandbox.fails("get cv nowhere.tgz//acme.org/hello:1.0.0", 3);
    sandbox.fails("get cv ctf//acme.org/hello --semver-constraint >9", 3);
    sandbox.fails("get cv ctf//acme.org/hello --semver-constraint foo", 2);
    sandbox.fails("get cv unknown::ctf//acme.org/hello:1.0.0", 2);
    sandbox.fails("get resources ctf//acme.org/hello:1.0.0 nosuch", 3);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let sandbox = Sandbox::hello();
    for (line, hint) in [
        ("get cv ctf//acme.org/hello:9.0.0", "ctf//acme.org/hello has 1.0.0"),
        ("transfer cv ctf//acme.org/hello:9.0.0 other", "ctf//acme.org/hello has 1.0.0"),
        ("list cv ctf//acme.org/helo:1.0.0", "did you mean ctf//acme.org/hello?"),
        ("check cv ctf//acme.org/helo", "did you mean ctf//acme.org/hello?"),
        ("verify cv ctf//other.example/x:1.0.0", "ctf has acme.org/hello; `ocm list cv ctf` lists all versions"),
        ("get cv ctf//acme.org/hello -c >9", "`ocm list cv ctf//acme.org/hello` lists them"),
        ("get cv ./ctg//acme.org/hello:1.0.0", "did you mean ./ctf?"),
        ("show versions ./elsewhere//acme.org/hello", "archives in .: ctf"),
        (
            "get cv --repo none/elsewhere acme.org/hello",
            "`ocm add cv` and `ocm transfer cv` make archives; a registry is written oci://HOST/PATH",
        ),
    ] {
        let told = sandbox.fails(line, 3);
        assert!(told.contains(&format!("hint: {hint}")), "{line}: {told}");
    }
    let told = sandbox.fails("get resources ctf//acme.org/hello:1.0.0 nosuch", 3);
    assert!(told.contains("hint: there is name=greeting,version=1.0.0"), "{told}");
    sandbox.ok("create ctf empty");
    assert!(sandbox.fails("get cv empty//acme.org/x", 3).contains("hint: empty has no other component"));
}

#[test]
fn a_name_with_an_escape_sequence_does_not_reach_the_terminal() {
    let sandbox = Sandbox::new();
    sandbox.file("evil.yaml", &crate::sandbox::HELLO.replace("type: plainText", "type: \"a\\e[2Jb\""));
    sandbox.ok("add cv -c evil.yaml -r ctf");
    for form in ["table", "wide", "tree", "yaml", "json", "JSON"] {
        let text = sandbox.ok(&format!("get resources ctf//acme.org/hello:1.0.0 -o {form}"));
        assert!(!text.contains('\u{1b}'), "{form}: {text:?}");
    }
}
