//! Each flag of `download` does what it says: left out, the same command line ends differently.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::images::registry;
use crate::sandbox::{HELLO, Sandbox};

/// An archive `ctf` with texts, an archive and a chart.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .file("tree/inner/a.txt", "packed")
        .file("chart/Chart.yaml", "apiVersion: v2\nname: mychart\nversion: 0.1.0\n")
        .file("chart/values.yaml", "a: 1\n")
        .file(
            "c.yaml",
            r"name: acme.org/many
version: 1.0.0
provider: {name: acme.org}
sources:
- {name: code, type: text, version: 1.0.0, input: {type: utf8, text: source}}
resources:
- {name: one, type: text, input: {type: utf8, text: first}}
- {name: two, type: other, extraIdentity: {arch: amd64}, input: {type: utf8, text: amd}}
- {name: two, type: other, extraIdentity: {arch: arm64}, input: {type: utf8, text: arm}}
- {name: tree, type: directoryTree, input: {type: dir, path: tree}}
- {name: chart, type: helmChart, input: {type: helm, path: chart}}
",
        )
        .ok("add cv -c c.yaml -r ctf");
    sandbox
}

const MANY: &str = "ctf//acme.org/many:1.0.0";

#[test]
fn elements_are_chosen_by_identity_and_type() {
    let sandbox = sandbox();
    assert_eq!(sandbox.ok(&format!("download resource {MANY} --identity name=two,arch=arm64 --output two")), "");
    assert_eq!(sandbox.read("two"), "arm");
    sandbox.fails(&format!("download resource {MANY} --identity name=two"), 2);
    assert_eq!(sandbox.ok(&format!("download resources {MANY} two arch=amd64 -O two")), "two: 3 byte(s) written\n");
    assert_eq!(sandbox.read("two"), "amd");
    assert_eq!(sandbox.ok(&format!("download sources {MANY} code -O -")), "source");
    assert_eq!(sandbox.ok(&format!("download resources {MANY} -O all")).lines().count(), 5);
    for flag in ["--type other", "-t other", "-t text -t none -t other two"] {
        fs::remove_dir_all(sandbox.path("all")).unwrap();
        assert_eq!(sandbox.ok(&format!("download resources {MANY} {flag} -O all")).lines().count(), 2, "{flag}");
    }
    sandbox.fails(&format!("download resources {MANY} --type none -O none"), 3);
}

#[test]
fn archives_are_unpacked_or_not() {
    let sandbox = sandbox();
    let get = |flags: &str| sandbox.ok(&format!("download resource {MANY} --identity name=tree {flags}"));
    get("--output auto --extraction-policy auto");
    get("--output default");
    get("--output off --extraction-policy disable");
    assert_eq!(sandbox.read("auto/inner/a.txt"), "packed");
    assert_eq!(sandbox.read("default/inner/a.txt"), "packed");
    assert!(sandbox.path("off").is_file());
    sandbox.ok(&format!("download resource {MANY} tree -O older"));
    assert!(sandbox.path("older").is_file());
    sandbox.ok(&format!("download resource {MANY} tree -O older-auto --extraction-policy auto"));
    assert!(sandbox.path("older-auto").is_dir());
}

#[test]
fn charts_become_what_helm_takes() {
    let sandbox = sandbox();
    sandbox.ok(&format!("download resource {MANY} --identity name=chart --output layout"));
    assert!(sandbox.path("layout/oci-layout").is_file());
    sandbox.ok(&format!("download resource {MANY} --identity name=chart --output charts --transformer helm"));
    let chart = fs::read(sandbox.path("charts/mychart-0.1.0.tgz")).unwrap();
    for flag in ["-d", "--download-handlers"] {
        sandbox.ok(&format!("download resource {flag} {MANY} chart -O chart.tgz"));
        assert_eq!(fs::read(sandbox.path("chart.tgz")).unwrap(), chart);
        fs::remove_file(sandbox.path("chart.tgz")).unwrap();
    }
    sandbox.fails(&format!("download resource {MANY} --identity name=one --transformer helm"), 2);
    assert_eq!(sandbox.ok(&format!("download resource -d {MANY} one -O -")), "first");
}

#[test]
fn a_layout_is_announced_as_the_older_program_does() {
    let sandbox = sandbox();
    let said = sandbox.ok(&format!("download resource {MANY} chart -O a.tgz"));
    assert_eq!(said, format!("a.tgz: {} byte(s) written\n", fs::metadata(sandbox.path("a.tgz")).unwrap().len()));
    assert_eq!(
        sandbox.ok(&format!("download resource --oci-layout {MANY} chart -O b.tgz")),
        "Resource 'chart' (type: helmChart, version: 1.0.0) saved to: b.tgz with tag: 1.0.0\n"
    );
    assert_eq!(fs::read(sandbox.path("a.tgz")).unwrap(), fs::read(sandbox.path("b.tgz")).unwrap());
    assert_eq!(
        sandbox.ok(&format!("--compat v1 download resource --oci-layout --verify {MANY} one -O c")),
        "c: 5 byte(s) written\n"
    );
}

#[test]
fn versions_and_references_are_chosen() {
    let sandbox = sandbox();
    sandbox.file(
        "parent.yaml",
        "name: acme.org/parent\nversion: 1.0.0\nprovider: {name: acme.org}\ncomponentReferences:\n- {name: many, version: 1.0.0, componentName: acme.org/many}\n",
    );
    sandbox.ok("add cv --create --file parents parent.yaml");
    sandbox.fails("download resources parents//acme.org/parent one -O x", 3);
    sandbox.fails("download resources -r parents//acme.org/parent one -O x", 3);
    for flag in ["-r", "--recursive"] {
        sandbox.ok(&format!("download resources {flag} --lookup ctf parents//acme.org/parent one -O x"));
        assert_eq!(sandbox.read("x"), "first");
        fs::remove_file(sandbox.path("x")).unwrap();
    }
    sandbox.file("c.yaml", HELLO).ok("add cv -c c.yaml -r hellos");
    sandbox.file("c.yaml", &HELLO.replace("1.0.0", "1.1.0")).ok("add cv -c c.yaml -r hellos");
    let written = |flags: &str| {
        let lines = sandbox.ok(&format!("download resource --repo hellos acme.org/hello greeting {flags} -O y"));
        fs::remove_file(sandbox.path("y")).or_else(|_| fs::remove_dir_all(sandbox.path("y"))).unwrap();
        lines.lines().count()
    };
    assert_eq!(written("--latest"), 1);
    assert_eq!(written("--semver-constraint <1.1"), 1);
    assert_eq!(written("-c >1.0"), 1);
}

#[test]
fn reports_have_every_form() {
    let sandbox = sandbox();
    let said = |form: &str| sandbox.ok(&format!("download resource {MANY} chart -O chart.tgz -o {form}"));
    let report: Value = serde_json::from_str(&said("json")).unwrap();
    let item = &report["items"][0];
    assert_eq!(
        (&item["type"], &item["version"], &item["tag"]),
        (&"helmChart".into(), &"1.0.0".into(), &"1.0.0".into())
    );
    assert_eq!(item["identity"]["name"], "chart");
    assert!(said("yaml").starts_with("items:\n"));
    assert_eq!(said("ndjson").lines().count(), 1);
    let said = sandbox.ok(&format!("download cv {MANY} -O saved -o json"));
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["totals"]["versionsMoved"], 1);
}

#[test]
fn component_versions_are_saved_where_and_how_it_was_asked_for() {
    let sandbox = sandbox();
    sandbox.ok(&format!("download cv {MANY}"));
    assert!(sandbox.path("many-1.0.0.ctf").is_dir());
    assert_eq!(sandbox.ok(&format!("download cv {MANY} -O ./saved")), "./saved: downloaded\n");
    sandbox.ok(&format!("download cv {MANY} --output packed --type tgz"));
    assert!(sandbox.path("packed").is_file());
    sandbox.ok("download componentversion --repo ctf acme.org/many 1.0.0 -O two-words");
    assert_eq!(sandbox.ok("download resource two-words//acme.org/many one -O -"), "first");
    let message = sandbox.fails("download componentversion acme.org/many 1.0.0", 2);
    assert!(message.contains("--repo"), "{message}");
    sandbox.file(
        "config.yaml",
        "type: generic.config.ocm.software/v1\nconfigurations:\n- type: resolvers.config.ocm.software/v1alpha1\n  resolvers:\n  - {repository: {type: CommonTransportFormat/v1, filePath: ctf}, componentNamePattern: acme.org/*}\n",
    );
    sandbox.ok("download componentversion --config config.yaml acme.org/many 1.0.0 -O configured");
    assert!(sandbox.path("configured").is_dir());
}

#[test]
fn an_artifact_is_saved_where_and_how_it_was_asked_for() {
    let (registry, _) = registry(1);
    let sandbox = Sandbox::new();
    let image = format!("{}/team/app:v1", registry.url());
    let is_layout = |path: &Path| path.join("oci-layout").is_file();
    assert_eq!(sandbox.ok(&format!("download artifact {image}")), "app: downloaded\n");
    assert!(is_layout(&sandbox.path("app")));
    sandbox.ok(&format!("download artifact --oci-layout {image} -O named"));
    assert!(is_layout(&sandbox.path("named")));
    for (form, magic) in [("tar", b'i'), ("tgz", 0x1f)] {
        sandbox.ok(&format!("download artifact {image} -t {form} -O {form}"));
        assert_eq!(fs::read(sandbox.path(form)).unwrap()[0], magic);
    }
    let report: Value =
        serde_json::from_str(&sandbox.ok(&format!("download artifact {image} -O again -o json"))).unwrap();
    assert_eq!(report["items"][0]["path"], "again");
}

#[test]
fn temporary_files_lie_where_it_was_asked_for() {
    let sandbox = sandbox();
    let message = sandbox.fails(&format!("download resource {MANY} one -O - --temp-folder nowhere"), 1);
    assert!(message.contains("nowhere"), "{message}");
    fs::create_dir(sandbox.path("somewhere")).unwrap();
    assert_eq!(sandbox.ok(&format!("download resource {MANY} one -O - --temp-folder somewhere")), "first");
    assert!(sandbox.is_empty(Path::new("somewhere")));
}

#[test]
fn the_standard_output_takes_the_content_of_one_file_and_nothing_else() {
    let sandbox = sandbox();
    let message = sandbox.fails(&format!("download resources {MANY} -O -"), 2);
    assert!(message.contains("5 ") && message.contains("name=one"), "{message}");
    sandbox.fails(&format!("download resources {MANY} two -O -"), 2);
    let message = sandbox.fails(&format!("download resources {MANY} one tree -O -"), 2);
    assert!(message.contains("2 elements") && message.contains("name=tree"), "{message}");
    for folder in ["--identity name=tree", "--identity name=chart", "--identity name=chart --transformer helm"] {
        let message = sandbox.fails(&format!("download resource {MANY} {folder} --output -"), 2);
        assert!(message.contains("is a folder"), "{folder}: {message}");
    }
    for packed in ["tree", "chart"] {
        let words = format!("download resource {MANY} --identity name={packed} --extraction-policy disable -O -");
        let output = sandbox.command(&words.split(' ').collect::<Vec<_>>()).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{packed}");
    }
    sandbox.fails(&format!("download resource {MANY} one -O - -o json"), 2);
    sandbox.fails(&format!("download cv {MANY} -O -"), 2);
    sandbox.fails("download artifact localhost:1/team/app:v1 -O -", 2);
    assert!(!sandbox.path("-").exists());
}

#[test]
fn an_identity_has_each_attribute_once() {
    let message = sandbox().fails(&format!("download resource {MANY} --identity name=note,name=one"), 2);
    assert!(message.contains("\"name\" twice"), "{message}");
}
