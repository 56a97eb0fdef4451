//! External programs with types of their own, through whole command lines.
#![cfg(unix)]
#![allow(clippy::print_stdout)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox};

const PROGRAM: &str = include_str!("../../../../crates/plugin/tests/program.py");

/// A sandbox with plugins under some names; `None` where there is no Python to run them.
pub(crate) fn sandbox(names: &[&str]) -> Option<Sandbox> {
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: there is no python3 to run the plugin of this test");
        return None;
    }
    let sandbox = Sandbox::hello();
    for name in names {
        let path = format!("plugins/{name}");
        sandbox.file(&path, PROGRAM);
        std::fs::set_permissions(sandbox.path(&path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    Some(sandbox)
}

pub(crate) fn run(sandbox: &Sandbox, line: &str) -> Ran {
    let line = format!("{line} --plugin-directory plugins");
    let words: Vec<&str> = line.split(' ').collect();
    let path = std::env::var("PATH").unwrap();
    Ran::from(sandbox.command(&words).env("PATH", path).output().unwrap())
}

pub(crate) fn ok(sandbox: &Sandbox, line: &str) -> Ran {
    let ran = run(sandbox, line);
    assert_eq!(ran.status, 0, "ocm {line}: {}", ran.stderr);
    ran
}

const NOTES: &str = "\
name: acme.org/notes
version: 1.0.0
provider: {name: acme.org}
resources:
- {name: in, type: plainText, input: {type: note/v1, text: inside}}
- {name: out, type: plainText, version: 1.0.0, access: {type: note, text: outside}}
sources:
- {name: src, type: plainText, input: {type: note, text: code}}
";

#[test]
fn inputs_accesses_and_digests_come_from_a_plugin() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    sandbox.file("notes.yaml", NOTES);
    let refused = sandbox.fails("add cv -c notes.yaml -r notes", 2);
    assert!(refused.contains("notes.yaml:5") && refused.contains("unknown input type \"note/v1\""), "{refused}");
    let added = ok(&sandbox, "add cv -c notes.yaml -r notes");
    assert!(added.stderr.contains("level=WARN msg=\"asked /resource/process\" plugin=demo"), "{}", added.stderr);
    let descriptor = ok(&sandbox, "get cv notes//acme.org/notes:1.0.0 -o json").stdout;
    let descriptor: Value = serde_json::from_str(&descriptor).unwrap();
    let component = &descriptor[0]["component"];
    assert_eq!(component["resources"][0]["access"]["mediaType"], "text/x-note");
    assert_eq!(component["resources"][1]["access"]["type"], "note");
    assert_eq!(component["resources"][1]["digest"]["value"].as_str().unwrap().len(), 64);
    for (kind, name, content) in
        [("resource", "in", "inside"), ("resource", "out", "outside/nobody"), ("sources", "src", "source code")]
    {
        let attributes = if kind == "resource" { format!("--identity name={name}") } else { name.to_owned() };
        ok(&sandbox, &format!("download {kind} notes//acme.org/notes:1.0.0 {attributes} -O {name}.txt"));
        assert_eq!(sandbox.read(&format!("{name}.txt")), content);
    }
    let all = ok(&sandbox, "transfer cv --copy-resources notes//acme.org/notes:1.0.0 copy");
    assert_eq!(all.status, 0);
    ok(&sandbox, "download resource copy//acme.org/notes:1.0.0 --identity name=out -O copied.txt");
    assert_eq!(sandbox.read("copied.txt"), "outside/nobody");
}

#[test]
fn credentials_come_from_a_plugin_and_go_to_one() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    sandbox.file(
        ".ocmconfig",
        "\
type: generic.config.ocm.software/v1
configurations:
- type: credentials.config.ocm.software
  repositories:
  - {repository: {type: note, text: open-canary}}
  consumers:
  - identity: {type: Note, hostname: vault.example}
    credentials: [{type: Credentials/v1, properties: {password: open-sesame}}]
",
    );
    sandbox.file("notes.yaml", NOTES);
    let added = ok(&sandbox, "add cv -c notes.yaml -r notes --loglevel debug");
    assert!(!added.stderr.contains("sesame") && added.stderr.contains("secret=***"), "{}", added.stderr);
    // What the configuration says about a store may open it.
    let told = ok(&sandbox, "get credentials ghcr.io");
    assert!(told.stderr.contains("told ") && !told.stderr.contains("canary"), "{}", told.stderr);
    let shown = ok(&sandbox, "get config");
    assert!(shown.stdout.contains("text: '***'"), "{}", shown.stdout);
    ok(&sandbox, "download resource notes//acme.org/notes:1.0.0 --identity name=out -O out.txt");
    assert_eq!(sandbox.read("out.txt"), "outside/open-sesame");
}

#[test]
fn a_plugin_signs() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    sandbox.file("signer.yaml", "{type: note/v1, text: signed}");
    ok(&sandbox, "sign cv ctf//acme.org/hello:1.0.0 --signature mine --signer-spec signer.yaml");
    let descriptor = ok(&sandbox, "get cv ctf//acme.org/hello:1.0.0 -o json").stdout;
    let descriptor: Value = serde_json::from_str(&descriptor).unwrap();
    let signature = &descriptor[0]["signatures"][0];
    let digest: String = signature["digest"]["value"].as_str().unwrap().chars().rev().collect();
    assert_eq!(signature["signature"]["value"], format!("{digest}signed"));
    ok(&sandbox, "verify cv ctf//acme.org/hello:1.0.0 --signature mine --verifier-spec signer.yaml");
    let report = ok(&sandbox, "verify cv ctf//acme.org/hello:1.0.0 --verifier-spec signer.yaml -o json").stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let evidence = &report["versions"][0]["signatures"][0]["evidence"];
    assert_eq!((&evidence["by"], &evidence["type"]), (&"plugin".into(), &"note/v1".into()), "{report}");
    sandbox.file("other.yaml", "{type: note/v1, text: otherwise}");
    let ran = run(&sandbox, "verify cv ctf//acme.org/hello:1.0.0 --verifier-spec other.yaml");
    assert!(ran.status == 5 && ran.stderr.contains("the signature is wrong"), "{}: {}", ran.status, ran.stderr);
    let ran = run(&sandbox, "verify cv ctf//acme.org/hello:1.0.0");
    assert!(ran.status == 5, "without the plugin, nobody vouches for it: {}", ran.stderr);
    sandbox.file("signer.yaml", "{type: other/v1}");
    let ran = run(&sandbox, "sign cv ctf//acme.org/hello:1.0.0 --signature other --signer-spec signer.yaml");
    assert!(ran.status == 2 && ran.stderr.contains("no plugin offers"), "{}", ran.stderr);
}

#[test]
fn what_misbehaves_is_named_and_disturbs_nobody() {
    let Some(sandbox) = sandbox(&["demo", "garbled", "sick"]) else { return };
    let quiet = ok(&sandbox, "get cv ctf");
    assert_eq!(quiet.stderr, "", "no program is run for what is built in");
    let list = ok(&sandbox, "plugin list -o json");
    assert!(list.stderr.contains("plugins/garbled") && list.stderr.contains("level=WARN"), "{}", list.stderr);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list["plugins"][0]["name"], "demo");
    assert_eq!(list["plugins"][0]["capabilities"][2]["capability"], "resourceRepository");
    let left_out = list["leftOut"].as_array().unwrap();
    assert!(left_out.iter().any(|one| one["path"].as_str().unwrap().ends_with("garbled")), "{left_out:?}");
    let table = ok(&sandbox, "plugin list").stdout;
    assert!(table.contains(" PLUGIN ") && table.contains(" LEFT OUT "), "{table}");

    std::fs::remove_file(sandbox.path("plugins/demo")).unwrap();
    let one = NOTES.lines().take(5).collect::<Vec<_>>().join("\n");
    sandbox.file("notes.yaml", &one);
    let ran = run(&sandbox, "add cv -c notes.yaml -r notes");
    assert!(
        ran.status == 8 && ran.stderr.contains("plugins/sick") && ran.stderr.contains("not ready"),
        "{}",
        ran.stderr
    );
}

#[test]
fn types_of_plugins_are_described_with_their_schema() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let table = ok(&sandbox, "describe types input").stdout;
    assert!(
        table.contains("| TYPE    | ALIAS   | PLUGIN |") && table.contains("| note/v1 | note    | demo   |"),
        "{table}"
    );
    let type_of = ok(&sandbox, "get types access note").stdout;
    assert!(
        type_of.contains("| Note (note)") && type_of.contains("| text       | [string] | yes      | The text."),
        "{type_of}"
    );
    let schema: Value =
        serde_json::from_str(&ok(&sandbox, "describe types input note/v1 -o jsonschema").stdout).unwrap();
    assert_eq!(schema["title"], "Note");
    for (subsystem, line) in
        [("consumer-identity", "| Note "), ("credentials", "| NoteToken/v1 "), ("blob-transformer", "| note/v1 ")]
    {
        let table = ok(&sandbox, &format!("describe types {subsystem}")).stdout;
        assert!(table.lines().any(|row| row.starts_with(line) && row.contains("demo")), "{table}");
    }
    let all = ok(&sandbox, "describe types access --all").stdout;
    assert!(all.contains("S3Bucket/v1") && all.contains("npm/v1"), "{all}");
}

#[test]
fn a_plugin_is_installed_only_when_it_is_one() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let platform = |path: &str| {
        let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        format!(
            "name: acme.org/plugins/tool\nversion: 1.2.0\nprovider: {{name: acme.org}}\nresources:\n- {{name: tool, type: ocmPlugin, \
             extraIdentity: {{os: {os}, architecture: {architecture}}}, input: {{type: file, path: {path}}}}}\n"
        )
    };
    sandbox.file("good.yaml", &platform("plugins/demo")).ok("add cv -c good.yaml -r good");
    sandbox.file("text", "no program").file("bad.yaml", &platform("text")).ok("add cv -c bad.yaml -r bad");
    let report = ok(&sandbox, "plugin install good//acme.org/plugins/tool:1.2.0 -O installed -f json").stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["location"], &report["version"]), (&"installed/tool".into(), &"1.2.0".into()));
    let program = sandbox.read("installed/tool");
    assert_eq!(program, PROGRAM);
    let refused = run(&sandbox, "plugin install bad//acme.org/plugins/tool -O installed");
    assert!(refused.status == 2 && refused.stderr.contains("is no plugin"), "{}", refused.stderr);
    assert_eq!(sandbox.read("installed/tool"), program, "what was there stays");
    let mut names: Vec<_> =
        std::fs::read_dir(sandbox.path("installed")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".ocm-tool.json", "tool"]);
    let other = run(&sandbox, "plugin install good//acme.org/plugins/tool --extra-identity os=plan9 -O installed");
    assert!(other.status == 3 && other.stderr.contains("it has: "), "{}", other.stderr);
}

#[test]
fn an_input_may_be_content_that_stays_elsewhere() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let file = |text: &str| {
        format!(
            "name: acme.org/notes\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n\
             - {{name: in, type: plainText, input: {{type: note/v1, text: {text}}}}}\n"
        )
    };
    sandbox.file("notes.yaml", &file("at note there"));
    ok(&sandbox, "add cv -c notes.yaml -r notes");
    let descriptor: Value =
        serde_json::from_str(&ok(&sandbox, "get cv notes//acme.org/notes:1.0.0 -o json").stdout).unwrap();
    let resource = &descriptor[0]["component"]["resources"][0];
    assert_eq!((&resource["access"]["type"], &resource["access"]["text"]), (&"note".into(), &"there".into()));
    assert_eq!(resource["digest"]["value"].as_str().unwrap().len(), 64);
    ok(&sandbox, "download resource notes//acme.org/notes:1.0.0 --identity name=in -O in.txt");
    assert!(sandbox.read("in.txt").starts_with("there/"));
    sandbox.file("local.yaml", &file("at localBlob sha256:00"));
    let refused = run(&sandbox, "add cv -c local.yaml -r none");
    assert!(refused.status != 0 && refused.stderr.contains("no content for it"), "{}", refused.stderr);
}

#[test]
fn documents_carry_what_plugins_can_fetch() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    sandbox.file("notes.yaml", NOTES);
    ok(&sandbox, "add cv -c notes.yaml -r notes");
    let line = "transfer cv --copy-resources notes//acme.org/notes:1.0.0 copy --dry-run -o yaml";
    let document = ok(&sandbox, line).stdout;
    assert!(document.contains("GetRemoteResource"), "{document}");
    sandbox.file("document.yaml", &document);
    ok(&sandbox, "transfer cv --transfer-spec document.yaml");
    let descriptor: Value =
        serde_json::from_str(&ok(&sandbox, "get cv copy//acme.org/notes:1.0.0 -o json").stdout).unwrap();
    assert_eq!(descriptor[0]["component"]["resources"][1]["access"]["type"], "LocalBlob/v1");
    sandbox.ok("download resource copy//acme.org/notes:1.0.0 --identity name=out -O copied.txt");
    assert_eq!(sandbox.read("copied.txt"), "outside/nobody");
    let without = sandbox.run(&line.replace(" copy ", " other "));
    assert!(without.status == 0 && !without.stdout.contains("GetRemoteResource"), "{}", without.stderr);
}

#[test]
fn a_configuration_entry_for_a_plugin_is_not_warned_of() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let entries = |kinds: &[&str]| {
        let entries = kinds.iter().map(|kind| format!("- {{type: {kind}}}\n")).collect::<Vec<_>>().concat();
        format!("type: generic.config.ocm.software/v1\nconfigurations:\n{entries}")
    };
    sandbox.file("c.yaml", &entries(&["note.config/v1"]));
    let ran = ok(&sandbox, "get cv ctf --config c.yaml");
    assert!(!ran.stderr.contains("unknown type"), "{}", ran.stderr);
    let alone = sandbox.run("get cv ctf --config c.yaml");
    assert!(alone.stderr.contains("c.yaml:3:3: ignored an entry of the unknown type"), "{}", alone.stderr);
    // No plugin gets these, whatever it wants.
    sandbox.file("c.yaml", &entries(&["note.config/v2", "credentials.config.ocm.software/v9"]));
    let ran = ok(&sandbox, "get cv ctf --config c.yaml");
    assert_eq!(ran.stderr.matches("ignored an entry of the unknown type").count(), 2, "{}", ran.stderr);
    let explained = ok(&sandbox, "config explain ghcr.io --config c.yaml");
    assert_eq!(explained.stderr.matches("ignored an entry of the unknown type").count(), 2, "{}", explained.stderr);
}
