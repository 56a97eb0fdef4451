use ocm_oci::Registry as _;
use ocm_testkit::{TestRegistry, fixtures};

use crate::images::wait;
use crate::sandbox::{HELLO, Sandbox};

#[test]
fn an_archive_alone_shows_everything_in_the_older_form() {
    let sandbox = Sandbox::tree();
    let expected = "COMPONENT     VERSION PROVIDER\nacme.org/leaf 0.1.0   acme.org\nacme.org/mid  0.1.0   other.org\nacme.org/root 1.0.0   acme.org\n";
    assert_eq!(sandbox.ok("get componentversions ctf --compat v1"), expected);
    assert_eq!(sandbox.ok("ocm componentversions get ctf"), expected);
    assert_eq!(sandbox.ok("cv get ctf"), expected);
}

#[test]
fn repo_asks_for_the_envelope() {
    let sandbox = Sandbox::hello();
    let envelope: serde_json::Value =
        serde_json::from_str(&sandbox.ok("get cv --repo ctf acme.org/hello -o json")).unwrap();
    assert_eq!(envelope["items"][0]["component"]["version"], "1.0.0");
    assert_eq!(envelope["items"][0]["component"]["sources"], serde_json::json!([]));
    let list: serde_json::Value = serde_json::from_str(&sandbox.ok("get cv ctf//acme.org/hello -o json")).unwrap();
    assert_eq!(list[0]["component"]["sources"], serde_json::Value::Null);
    assert!(sandbox.ok("get cv --repo ctf acme.org/hello -o yaml").starts_with("---\ncomponent:\n"));
    assert!(!sandbox.ok("get cv --repo ctf acme.org/hello -o JSON").ends_with('\n'));
}

#[test]
fn elements_are_listed() {
    let sandbox = Sandbox::tree();
    sandbox.file("hello.yaml", crate::sandbox::HELLO).ok("add cv -c hello.yaml -r ctf");
    assert_eq!(
        sandbox.ok("get resources ctf//acme.org/hello:1.0.0"),
        "NAME     VERSION IDENTITY TYPE      RELATION\ngreeting 1.0.0            plainText local\n"
    );
    assert_eq!(
        sandbox.ok("get references -r -o tree ctf//acme.org/root:1.0.0"),
        [
            "COMPONENTVERSION       NAME COMPONENT     VERSION IDENTITY",
            "└─ acme.org/root:1.0.0                            ",
            "   ├─                  leaf acme.org/leaf 0.1.0   \"name\"=\"leaf\"",
            "   └─ ⊗                mid  acme.org/mid  0.1.0   \"name\"=\"mid\"",
            "      └─               leaf acme.org/leaf 0.1.0   \"name\"=\"leaf\"",
            "",
        ]
        .join("\n")
    );
    assert_eq!(sandbox.ok("get sources ctf//acme.org/root:1.0.0"), "no elements found\n");
}

#[test]
fn names_and_versions_are_listed() {
    let sandbox = Sandbox::hello();
    assert_eq!(sandbox.ok("list cv ctf//acme.org/hello"), "COMPONENT      VERSION MESSAGE\nacme.org/hello 1.0.0   \n");
    assert_eq!(sandbox.ok("list cv ctf -o yaml"), "---\ncomponent: acme.org/hello\nversion: 1.0.0\n");
}

#[test]
fn its_name_for_component_versions_asks_for_its_forms() {
    let sandbox = Sandbox::hello();
    assert!(sandbox.ok("get componentversions -o yaml ctf").starts_with("---\ncomponent:\n"));
    assert!(sandbox.ok("get componentversions ctf -o json").starts_with("{\n  \"items\""));
    assert!(sandbox.ok("get component-versions ctf -o json").starts_with('['));
    assert!(sandbox.ok("get componentversions ctf -o json --compat v2").starts_with('['));
}

#[test]
fn versions_are_shown_one_per_line() {
    let sandbox = Sandbox::new();
    let component =
        |version: &str| format!("- {{name: acme.org/a, version: {version}, provider: {{name: acme.org}}}}\n");
    let all = ["v1.2", "1.0.0", "2.0.0-rc.1"].map(component).concat();
    sandbox.file("c.yaml", &format!("components:\n{all}")).ok("add cv -c c.yaml -r ctf");
    let checked = sandbox.ok("check componentversions ctf");
    let versions: Vec<&str> = checked.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(versions, ["1.0.0", "v1.2", "2.0.0-rc.1"]);
    assert_eq!(sandbox.ok("show versions ctf//acme.org/a"), "1.0.0\nv1.2\n2.0.0-rc.1\n");
    assert_eq!(sandbox.ok("show versions --semantic ctf//acme.org/a"), "1.0.0\n1.2.0\n2.0.0-rc.1\n");
    assert_eq!(sandbox.ok("show versions -l --repo ctf acme.org/a"), "2.0.0-rc.1\n");
    assert_eq!(sandbox.ok("show versions --repo ctf acme.org/a ~1.2 <1.1"), "1.0.0\nv1.2\n");
    assert_eq!(sandbox.ok("show versions --repo ctf acme.org/none"), "");
    let structured = sandbox.json("show versions -o json -l ctf//acme.org/a");
    assert_eq!(structured, serde_json::json!({"items": ["2.0.0-rc.1"]}));
    assert_eq!(sandbox.ok("show versions --output yaml --repo ctf acme.org/none"), "items: []\n");
    sandbox.fails("show versions ctf", 2);
    sandbox.fails("show versions ctf//acme.org/a >abc", 2);
    sandbox.fails("show versions nowhere//acme.org/a", 3);
}

#[test]
fn tags_are_shown_as_they_are_or_as_versions() {
    let registry = TestRegistry::start().unwrap();
    let image = fixtures::image(1, 10);
    for tag in ["v1.0.0", "v1.10.0", "v1.9.0", "latest"] {
        wait(image.push(registry.store().repository("team/app").as_ref(), Some(tag))).unwrap();
    }
    let sandbox = Sandbox::new();
    let tags = |flags: &str| sandbox.ok(&format!("show tags{flags} {}/team/app", registry.url()));
    assert_eq!(tags(""), "latest\nv1.0.0\nv1.10.0\nv1.9.0\n");
    assert_eq!(tags(" -s"), "v1.0.0\nv1.9.0\nv1.10.0\n");
    assert_eq!(tags(" -o"), "1.0.0\n1.9.0\n1.10.0\n");
    assert_eq!(tags(" -s -l"), "v1.10.0\n");
    assert_eq!(tags(" -s -l --output ndjson"), "{\"items\":[\"v1.10.0\"]}\n");
    let ran = sandbox.run(&format!("show tags -l {}/team/app", registry.url()));
    assert!(ran.stdout.starts_with("latest\nv1.0.0\n") && ran.stderr.contains("need --semver"), "{}", ran.stderr);
    sandbox.fails(&format!("show tags {}/team/other", registry.url()), 3);
}

#[test]
fn an_empty_archive_is_created_and_none_thrown_away_by_accident() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.ok("create ctf a"), "");
    assert_eq!(sandbox.read("a/artifact-index.json"), r#"{"schemaVersion":1,"artifacts":null}"#);
    sandbox.file("c.yaml", HELLO).ok("add cv --file a c.yaml");
    sandbox.fails("create ctf a", 4);
    sandbox.ok("get cv a//acme.org/hello:1.0.0");
    sandbox.ok("create ctf -f a");
    sandbox.fails("get cv a//acme.org/hello:1.0.0", 3);
    assert_eq!(sandbox.json("create ctf --type tgz b.file -o json"), serde_json::json!({"path": "b.file"}));
    sandbox.ok("add cv --file ./b.file c.yaml");
    sandbox.ok("get cv ./b.file//acme.org/hello:1.0.0");
    sandbox.file("note", "mine").fails("create ctf -f note", 1);
    assert_eq!(sandbox.read("note"), "mine");
}

#[test]
fn attributes_say_how_images_are_stored() {
    let (registry, _) = crate::images::registry(1);
    let image = format!("access: {{type: ociArtifact, imageReference: \"{}/team/app:v1\"}}", registry.url());
    let constructor = format!(
        "name: acme.org/a\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- {{name: image, type: ociImage, version: 1.0.0, {image}}}\n"
    );
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    for (attribute, expected) in [("preferrelativeaccess", "relativeOciReference"), ("keeplocalblob", "LocalBlob/v1")] {
        let target = format!("{}/{attribute}", registry.url());
        let said = sandbox.ok(&format!("-X {attribute}=true transfer cv -V ctf//acme.org/a:1.0.0 {target}"));
        assert!(said.ends_with("1 versions transferred\n"), "{said}");
        let list = sandbox.ok(&format!("get cv {target}//acme.org/a:1.0.0 -o json"));
        assert!(list.contains(&format!("\"type\": \"{expected}\"")), "{list}");
    }
    let said = sandbox.ok("transfer cv -V --disable-uploads ctf//acme.org/a:1.0.0 ./kept");
    assert!(said.starts_with("standard blob upload handlers are disabled.\ntransferring version "), "{said}");
    assert!(said.contains("\n...resource 0 image[ociImage](team/app:v1)...\n"), "{said}");
    let message = sandbox.fails("-X compat=true transfer ctf ctf out", 2);
    assert!(message.contains("only transfer takes attributes"), "{message}");
}

#[test]
fn content_that_cannot_be_copied_is_an_error_as_it_was() {
    let sandbox = Sandbox::new();
    let constructor = "name: acme.org/a\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n- {name: rr, type: blob, version: 1.0.0, access: {type: nosuch/v1}}\n";
    sandbox.file("c.yaml", constructor).ok("add cv -c c.yaml -r ctf");
    for line in ["transfer ctf -V ctf out", "transfer cv -V ctf//acme.org/a:1.0.0 ./out"] {
        assert!(sandbox.fails(line, 7).contains("nosuch/v1"), "{line}");
        assert!(!sandbox.path("out").exists(), "{line}");
    }
    assert!(sandbox.ok("transfer ctf -V -N nosuch ctf out").contains("adding component version"));
    sandbox.ok("transfer cv --copy-resources ctf//acme.org/a:1.0.0 ./other");
}

#[test]
fn artifacts_are_listed_and_copied_as_such() {
    let (registry, digest) = crate::images::registry(1);
    let (sandbox, from) = (Sandbox::new(), format!("{}/team/app", registry.url()));
    let host = registry.url();
    let table = sandbox.ok(&format!("get artifacts {from}"));
    let cells: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(cells, [host.as_str(), "team/app", "manifest", "v1", &digest]);
    let yaml = sandbox.ok(&format!("get artifact {from}:v1 -o yaml"));
    assert!(yaml.starts_with(&format!("---\nDigest: {digest}\nManifest:\n  config:\n")), "{yaml}");
    assert!(yaml.contains("Spec:\n  host: ") && yaml.ends_with("  scheme: http\n  tag: v1\n"), "{yaml}");
    assert_eq!(
        sandbox.ok(&format!("transfer artifact {from}:v1 {host}/copy/app:v2")),
        format!("copying {from}:v1 to {host}/copy/app:v2...\ncopied 1 from 1 artifact(s) and 1 repositories\n")
    );
    assert!(sandbox.ok(&format!("transfer artifact {from} ctf::out")).contains(" to ctf::out//team/app:v1..."));
    let index = sandbox.read("out/artifact-index.json");
    assert!(index.contains(&format!(r#""repository":"team/app","tag":"v1","digest":"{digest}""#)), "{index}");
    sandbox.ok(&format!("transfer artifact -R out//team/app {host}/mirror"));
    assert_eq!(sandbox.ok(&format!("show tags {host}/mirror/team/app")), "v1\n");
    assert!(sandbox.ok(&format!("get artifacts {host}/copy/app:v2 out//team/app -o ndjson")).lines().count() == 2);
    for (line, status) in [
        (format!("get artifacts {host}/team/none"), 3),
        (format!("transfer artifact {from}:v9 {host}/copy/app"), 3),
        ("transfer artifact ./nofile ./into".to_owned(), 2),
        (format!("transfer artifact {from}:v1 {host}/copy/app:v2 {host}/all:x"), 2),
        (format!("transfer artifact {from}:v1"), 2),
    ] {
        sandbox.fails(&line, status);
    }
}
