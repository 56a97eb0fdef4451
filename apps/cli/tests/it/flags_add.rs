//! Each flag of `add` does what it says: left out, the same command line ends differently.

use serde_json::Value;

use crate::images::registry;
use crate::sandbox::{HELLO, Sandbox};

fn descriptor(sandbox: &Sandbox, reference: &str) -> Value {
    serde_json::from_str::<Value>(&sandbox.ok(&format!("get cv {reference} -o json"))).unwrap()[0].take()
}

#[test]
fn output_has_every_form() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", HELLO);
    let added = |form: &str| sandbox.ok(&format!("add cv -c c.yaml -r ./{form}.out -o {form}"));
    assert!(added("table").contains("│ 1.0.0   │"));
    assert!(added("wide").contains("REPOSITORY") && sandbox.path("wide.out").exists());
    assert!(added("tree").contains("NESTING"));
    assert!(added("yaml").starts_with("- component:"));
    assert!(added("json").starts_with("[\n  {\n    \"meta\""));
    assert!(added("JSON").starts_with("[{\"meta\""));
    assert_eq!(added("ndjson").lines().count(), 1);
}

#[test]
fn external_versions_are_left_where_they_are_or_copied() {
    let sandbox = Sandbox::tree();
    sandbox.file(
        "top.yaml",
        "name: acme.org/top\nversion: 1.0.0\nprovider: {name: acme.org}\ncomponentReferences:\n- {name: mid, version: 0.1.0, componentName: acme.org/mid}\n",
    );
    sandbox.fails("add cv -c top.yaml -r out", 2);
    sandbox.ok("add cv -c top.yaml -r skipped --lookup ctf --external-component-version-copy-policy skip");
    assert_eq!(sandbox.ok("get cv skipped -o ndjson").lines().count(), 1);
    sandbox.ok("add cv -c top.yaml -r copied --lookup ctf --external-component-version-copy-policy copy-or-fail");
    assert_eq!(sandbox.ok("get cv copied -o ndjson").lines().count(), 3);
    let said = sandbox.ok("add cv --create --complete --lookup ctf --file completed top.yaml");
    let steps = [
        "completing acme.org/top:1.0.0...",
        "  transferring version \"acme.org/mid:0.1.0\"...",
        "    transferring version \"acme.org/leaf:0.1.0\"...",
        "    ...adding component version...",
        "  ...adding component version...",
        "",
    ];
    assert!(said.ends_with(&steps.join("\n")), "{said}");
    assert_eq!(sandbox.ok("get cv completed -o ndjson").lines().count(), 3);
}

#[test]
fn digests_of_images_have_the_name_that_was_asked_for_or_none() {
    let (registry, _) = registry(1);
    let sandbox = Sandbox::new();
    let constructor = format!(
        "name: acme.org/a\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- name: image\n  type: ociImage\n  version: 1.0.0\n  access: {{type: ociArtifact, imageReference: \"{}/team/app:v1\"}}\n",
        registry.url()
    );
    sandbox.file("c.yaml", &constructor);
    let resource = |folder: &str, flags: &str| {
        sandbox.ok(&format!("add cv -c c.yaml -r {folder}{flags}"));
        descriptor(&sandbox, folder)["component"]["resources"][0].take()
    };
    assert_eq!(resource("a", "")["digest"]["normalisationAlgorithm"], "genericBlobDigest/v1");
    let older = resource("b", " --oci-artifact-digest ociArtifactDigest/v1");
    assert_eq!(older["digest"]["normalisationAlgorithm"], "ociArtifactDigest/v1");
    sandbox.fails("add cv -c c.yaml -r c --oci-artifact-digest sha256", 2);
    for (folder, flag) in [("d", " --skip-reference-digest-processing"), ("e", " --skip-digest-generation")] {
        let asked = registry.requests().len();
        let unseen = resource(folder, flag);
        assert_eq!(unseen["access"]["imageReference"], format!("{}/team/app:v1", registry.url()));
        assert!(unseen["digest"].is_null(), "{unseen}");
        assert_eq!(registry.requests().len(), asked);
    }
}

#[test]
fn a_time_is_recorded_only_when_given() {
    let sandbox = Sandbox::hello();
    assert!(descriptor(&sandbox, "ctf")["component"]["creationTime"].is_null());
    sandbox.ok("add cv -c hello.yaml -r timed --creation-time 2024-05-06T07:08:09Z");
    assert_eq!(descriptor(&sandbox, "timed")["component"]["creationTime"], "2024-05-06T07:08:09Z");
    sandbox.fails("add cv -c hello.yaml -r wrong --creation-time yesterday", 2);
}

#[test]
fn concurrency_is_a_number() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", HELLO);
    for (number, limit) in ["0", "1", "16", "-1"].into_iter().enumerate() {
        sandbox.ok(&format!("add cv -c c.yaml -r out{number} --concurrency-limit {limit}"));
    }
    sandbox.fails("add cv -c c.yaml -r out --concurrency-limit many", 2);
}

#[test]
fn a_working_directory_is_where_paths_begin() {
    let sandbox = Sandbox::new();
    sandbox
        .file("c.yaml", &HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: text.txt"))
        .file("elsewhere/text.txt", "from elsewhere");
    sandbox.fails("add cv -c c.yaml -r ctf", 2);
    sandbox.ok("add cv -c c.yaml -r ctf --working-directory elsewhere");
    assert_eq!(sandbox.ok("download resource ctf//acme.org/hello:1.0.0 greeting -O -"), "from elsewhere");
}

#[test]
fn an_older_archive_is_made_kept_or_thrown_away() {
    let sandbox = Sandbox::new();
    sandbox.file("a.yaml", HELLO).file("b.yaml", &HELLO.replace("acme.org/hello", "acme.org/other"));
    let count = || sandbox.ok("get cv ctf -o ndjson").lines().count();
    sandbox.fails("add cv --file ctf a.yaml", 3);
    sandbox.ok("add cv --create --file ctf a.yaml");
    sandbox.ok("add cv --create -F ctf b.yaml");
    assert_eq!(count(), 2);
    for flag in ["--force", "-f"] {
        sandbox.ok(&format!("add cv --create --file ctf a.yaml b.yaml {flag}"));
        sandbox.ok(&format!("add cv {flag} --file ctf b.yaml"));
        assert_eq!(count(), 1);
    }
}

#[test]
fn a_new_archive_has_the_form_that_was_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.file("a.yaml", HELLO);
    for (flag, magic) in [("--type tgz", Some(0x1f)), ("-t tar", Some(b'a')), ("--type directory", None)] {
        let name = flag.replace([' ', '-'], "");
        sandbox.ok(&format!("add cv --create {flag} --file {name} a.yaml"));
        let first = std::fs::read(sandbox.path(&name)).ok().map(|bytes| bytes[0]);
        assert_eq!((first, sandbox.path(&name).is_dir()), (magic, magic.is_none()), "{flag}");
    }
    sandbox.fails("add cv --create --type zip --file x a.yaml", 2);
}

#[test]
fn variables_come_from_the_environment_only_when_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &HELLO.replace("hello world", "${TEXT}")).file("s.yaml", "TEXT: from settings\n");
    let run = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let output = sandbox.command(&words).env("TEXT", "from outside").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(run("add cv --dry-run c.yaml").0, Some(2));
    assert!(run("add cv --dry-run --addenv c.yaml").1.contains("text: from outside"));
    for flag in ["--settings", "-s"] {
        assert!(run(&format!("add cv --dry-run --addenv {flag} s.yaml c.yaml")).1.contains("text: from settings"));
    }
    // The current program always has the environment.
    assert_eq!(run("add cv -c c.yaml -r ctf").0, Some(0));
    assert_eq!(sandbox.ok("download resource ctf//acme.org/hello:1.0.0 greeting -O -"), "from outside");
}

#[test]
fn the_template_engine_can_be_chosen() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &HELLO.replace("hello world", "${TEXT} {{ .TEXT }}"));
    let text = |engine: &str| {
        let printed = sandbox.ok(&format!("add cv --dry-run --templater {engine} c.yaml TEXT=words"));
        printed.lines().find_map(|line| line.trim().strip_prefix("text: ")).unwrap_or_default().replace('\'', "")
    };
    assert_eq!(text("go"), "${TEXT} words");
    assert_eq!(text("none"), "${TEXT} {{ .TEXT }}");
    assert!(sandbox.fails("add cv --dry-run --templater spiff c.yaml", 2).contains("--templater go"));
    sandbox.fails("add cv --dry-run --templater other c.yaml", 2);
}

#[test]
fn a_version_is_given_to_components_without_one() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &HELLO.replace("version: 1.0.0\n", ""));
    sandbox.fails("add cv --create --file ctf c.yaml", 2);
    for (flag, version) in [("-v", "1.2.3"), ("--version", "2.0.0")] {
        sandbox.ok(&format!("add cv --create --file ctf {flag} {version} c.yaml"));
        assert_eq!(descriptor(&sandbox, "ctf")["component"]["version"], version);
    }
}

#[test]
fn replace_replaces() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("hello world", "bye"));
    sandbox.fails("add cv --file ctf other.yaml", 4);
    for (flag, file, text) in [("--replace", "other.yaml", "bye"), ("-R", "hello.yaml", "hello world")] {
        sandbox.ok(&format!("add cv --file ctf {flag} {file}"));
        assert_eq!(sandbox.ok("download resource ctf//acme.org/hello:1.0.0 greeting -O -"), text);
    }
}

#[test]
fn an_image_of_a_registry_can_be_an_input() {
    let (registry, digest) = registry(1);
    let sandbox = Sandbox::new();
    for (kind, repository, name) in [
        ("ociArtifact", "", "acme.org/a/image:v1"),
        ("ociImage", ", repository: other/name", "acme.org/a/other/name:v1"),
        ("ociRegistry", ", repository: /other/name", "other/name:v1"),
    ] {
        let constructor = format!(
            "name: acme.org/a\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- name: image\n  type: ociImage\n  input: {{type: {kind}, path: \"{}/team/app:v1\"{repository}}}\n",
            registry.url()
        );
        sandbox.file("c.yaml", &constructor).ok("add cv --create --force --file ctf c.yaml");
        let resource = descriptor(&sandbox, "ctf")["component"]["resources"][0].take();
        assert_eq!(resource["access"]["referenceName"], name);
        assert_eq!(resource["access"]["localReference"], digest);
        assert_eq!(resource["access"]["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    }
    let constructor = sandbox.read("c.yaml").replace("app:v1", "app:none");
    let message = sandbox.file("c.yaml", &constructor).fails("add cv --create --force --file ctf c.yaml", 3);
    assert!(message.contains("c.yaml:5:3") && message.contains("team/app:none"), "{message}");
}

#[test]
fn a_dash_is_no_file() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", HELLO);
    let printed = sandbox.ok("add cv --dry-run c.yaml");
    assert_eq!(sandbox.ok("add cv --dry-run -O - c.yaml"), printed);
    let message = sandbox.fails("add cv --constructor - -r ctf", 2);
    assert!(message.contains("standard input"), "{message}");
    assert!(!sandbox.path("-").exists() && !sandbox.path("ctf").exists());
}
