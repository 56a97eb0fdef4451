use std::path::Path;

use crate::sandbox::{HELLO, Ran, Sandbox};
use crate::serve::{interrupt, serve};

const PARENT: &str = "\
name: acme.org/parent
version: 1.0.0
provider: {name: acme.org}
componentReferences:
- {name: hello, componentName: acme.org/hello, version: 1.0.0}
";

const HOME: &str = "get cv ctf//acme.org/parent:1.0.0 -o ndjson --recursive";

/// A configuration file with one entry.
fn file(entry: &str) -> String {
    format!("type: generic.config.ocm.software/v1\nconfigurations:\n- {entry}\n")
}

/// Resolvers by pattern, one per pair of a pattern and an archive.
fn patterns(resolvers: &[(&str, &str)]) -> String {
    let list: Vec<_> = resolvers
        .iter()
        .map(|(pattern, path)| {
            format!("{{repository: {{type: CommonTransportFormat/v1, filePath: {path}}}, componentNamePattern: '{pattern}'}}")
        })
        .collect();
    file(&format!("{{type: resolvers.config.ocm.software/v1alpha1, resolvers: [{}]}}", list.join(", ")))
}

/// Resolvers of the deprecated type: an archive and its priority.
fn prefixes(resolvers: &[(&str, i64)]) -> String {
    let list: Vec<_> = resolvers
        .iter()
        .map(|(path, priority)| {
            format!("{{repository: {{type: CommonTransportFormat/v1, filePath: {path}}}, prefix: acme.org, priority: {priority}}}")
        })
        .collect();
    file(&format!("{{type: ocm.config.ocm.software/v1, resolvers: [{}]}}", list.join(", ")))
}

/// `ctf` holds a parent, whose reference is in `other`; `all.yaml` names `other`.
fn two_archives() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .file("hello.yaml", HELLO)
        .file("parent.yaml", PARENT)
        .file("all.yaml", &patterns(&[("*", "other")]))
        .file("empty.yaml", "");
    sandbox.ok("add cv -c hello.yaml -r other");
    sandbox.ok("add cv -c parent.yaml -r ctf --config all.yaml");
    sandbox
}

/// Adds another `acme.org/hello:1.0.0` to an archive. It differs in a label alone, which no digest of a reference covers.
fn namesake(sandbox: &Sandbox, archive: &str, label: &str) {
    let label = format!("labels: [{{name: origin, value: {label}}}]\nresources:");
    sandbox.file("namesake.yaml", &HELLO.replace("resources:", &label));
    sandbox.ok(&format!("add cv -c namesake.yaml -r {archive}"));
}

/// The label of the `acme.org/hello` that was found.
fn origin(ran: &str) -> String {
    let line = ran.lines().find(|line| line.contains("\"name\":\"acme.org/hello\"")).unwrap();
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    value["component"]["labels"][0]["value"].as_str().unwrap_or("none").to_owned()
}

fn run_in(sandbox: &Sandbox, folder: &str, line: &str, environment: &[(&str, &Path)]) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = sandbox.command(&words);
    command.current_dir(sandbox.path(folder)).envs(environment.iter().copied());
    Ran::from(command.output().unwrap())
}

#[test]
fn references_are_found_through_patterns() {
    let sandbox = two_archives();
    assert!(sandbox.fails(HOME, 3).contains("acme.org/hello:1.0.0"));
    assert_eq!(origin(&sandbox.ok(&format!("{HOME} --config all.yaml"))), "none");
    sandbox.file("any.yaml", &patterns(&[("other.org/*", "nowhere"), ("", "other")]));
    assert_eq!(origin(&sandbox.ok(&format!("{HOME} --config any.yaml"))), "none");
    sandbox.ok("transfer cv ctf//acme.org/parent:1.0.0 both --recursive --config all.yaml");
    assert_eq!(origin(&sandbox.ok("get cv both//acme.org/hello:1.0.0 -o ndjson")), "none");
}

#[test]
fn a_pattern_that_fits_decides_and_nothing_else_is_asked() {
    let sandbox = two_archives();
    namesake(&sandbox, "ctf", "attacker");
    assert_eq!(origin(&sandbox.ok(HOME)), "attacker");
    assert_eq!(origin(&sandbox.ok(&format!("{HOME} --config all.yaml"))), "none");
    sandbox.ok("add cv -c parent.yaml -r lonely --config all.yaml");
    sandbox.file("lonely.yaml", &patterns(&[("acme.org/*", "lonely"), ("*", "other")]));
    let message = sandbox.fails(&format!("{HOME} --config lonely.yaml"), 3);
    assert!(message.contains("lonely") && message.contains("lonely.yaml:3:3: resolvers[0]"), "{message}");
    // What is named on the command line is asked all the same.
    assert_eq!(origin(&sandbox.ok(&format!("{HOME} --config lonely.yaml --lookup other"))), "none");
}

#[test]
fn a_registry_may_be_configured() {
    let sandbox = two_archives();
    let (mut child, address) = serve(&sandbox, &["serve", "registry", "--writable"]);
    sandbox.ok(&format!("transfer cv other//acme.org/hello:1.0.0 http://{address}/shop/parts"));
    let repository = format!("{{type: OCIRepository/v1, baseUrl: 'http://{address}/shop', subPath: parts}}");
    let entry = format!("{{type: resolvers.config.ocm.software, resolvers: [{{repository: {repository}}}]}}");
    sandbox.file("registry.yaml", &file(&entry));
    assert_eq!(origin(&sandbox.ok(&format!("{HOME} --config registry.yaml"))), "none");
    assert_eq!(interrupt(&mut child), 0);
}

#[test]
fn roots_come_from_where_they_were_asked_for() {
    let sandbox = two_archives();
    namesake(&sandbox, "mine", "me");
    let line = "get cv mine//acme.org/hello:1.0.0 -o ndjson --recursive --config all.yaml";
    assert_eq!(origin(&sandbox.ok(line)), "me");
}

#[test]
fn older_resolvers_are_asked_one_after_the_other_by_priority() {
    let sandbox = two_archives();
    namesake(&sandbox, "third", "third");
    sandbox.file("f.yaml", &prefixes(&[("nowhere", 30), ("other", 1), ("third", 20)]));
    let ran = sandbox.run(&format!("{HOME} --config f.yaml"));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(origin(&ran.stdout), "third");
    assert!(ran.stderr.contains("deprecated"), "{}", ran.stderr);
    // The repository of the root stands in front of them all.
    namesake(&sandbox, "ctf", "home");
    assert_eq!(origin(&sandbox.ok(&format!("{HOME} --config f.yaml"))), "home");
}

#[test]
fn what_add_refers_to_comes_from_the_configured_repository() {
    let sandbox = two_archives();
    assert!(sandbox.fails("add cv -c parent.yaml -r new", 2).contains("acme.org/hello:1.0.0"));
    sandbox
        .ok("add cv -c parent.yaml -r copied --config all.yaml --external-component-version-copy-policy copy-or-fail");
    assert_eq!(origin(&sandbox.ok("get cv copied//acme.org/hello:1.0.0 -o ndjson")), "none");
    // One of the same name in the target does not count where a pattern decides.
    sandbox.file("namesake.yaml", &HELLO.replace("hello world", "another"));
    sandbox.ok("add cv -c namesake.yaml -r target");
    let digest = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        value["component"]["componentReferences"][0]["digest"].clone()
    };
    sandbox.ok("add cv -c parent.yaml -r target --config all.yaml");
    let expected = digest(&sandbox.ok("get cv copied//acme.org/parent:1.0.0 -o ndjson"));
    assert!(expected.is_object(), "{expected}");
    assert_eq!(digest(&sandbox.ok("get cv target//acme.org/parent:1.0.0 -o ndjson")), expected);
}

#[test]
fn both_kinds_of_resolvers_are_refused_with_both_places() {
    let sandbox = two_archives();
    sandbox.file("f.yaml", &prefixes(&[("other", 1)]));
    let message = sandbox.fails(&format!("{HOME} --config all.yaml --config f.yaml"), 2);
    assert!(message.contains("f.yaml:3:3") && message.contains("all.yaml:3:3"), "{message}");
}

#[test]
fn a_named_file_has_to_be_right() {
    let sandbox = two_archives();
    let get = |config: &str, status| sandbox.fails(&format!("{HOME} --config {config}"), status);
    assert!(get("nofile", 3).contains("nofile"));
    sandbox.file("broken", "a: [\n").file("typeless", "a: b\n").file("list", "[]\n");
    assert!(get("broken", 2).contains("broken:"));
    assert!(get("typeless", 2).contains("typeless: not a configuration: it has no type"));
    assert!(get("list", 2).contains("list:1:1"));
    sandbox.file("pattern", &patterns(&[("*", "other"), ("[", "other")]));
    assert!(get("pattern", 2).contains("pattern:3:3: resolvers[1]"));
    assert!(sandbox.fails(&format!("{HOME} --config all.yaml --config broken"), 2).contains("broken:"));
}

#[test]
fn what_has_no_effect_is_said_once() {
    let sandbox = two_archives();
    let entries = "{type: filesystem.config.ocm.software/v1alpha1}\n- {type: nosuch.org/v1}\n- {type: nosuch.org/v1}\n- {type: logging.config.ocm.software}";
    sandbox.file("c.yaml", &file(entries));
    let line = format!("{HOME} --config c.yaml --config all.yaml");
    let ran = sandbox.run(&line);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("c.yaml:4:3: ignored an entry of the unknown type"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("filesystem.config.ocm.software/v1alpha1, logging.config.ocm.software"),
        "{}",
        ran.stderr
    );
    // The older program refuses what it does not know.
    assert!(sandbox.fails(&format!("{line} --compat v1"), 2).contains("nosuch.org/v1"));
}

#[test]
fn files_in_the_usual_places_are_used() {
    let sandbox = two_archives();
    std::fs::create_dir(sandbox.path("work")).unwrap();
    let other = patterns(&[("*", "../other")]);
    let line = "get cv ../ctf//acme.org/parent:1.0.0 -o ndjson --recursive";
    let home = sandbox.path("");
    for (place, variable, value) in [
        (".ocmconfig", "HOME", home.clone()),
        (".config/ocm/config", "HOME", home.clone()),
        ("xdg/ocm/config", "XDG_CONFIG_HOME", sandbox.path("xdg")),
        ("somewhere.yaml", "OCM_CONFIG", sandbox.path("somewhere.yaml")),
    ] {
        sandbox.file(place, &other);
        let ran = run_in(&sandbox, "work", line, &[("HOME", Path::new("/nonexistent")), (variable, &value)]);
        assert_eq!(ran.status, 0, "{place}: {}", ran.stderr);
        assert_eq!(origin(&ran.stdout), "none", "{place}");
        std::fs::remove_file(sandbox.path(place)).unwrap();
    }
    // A named file replaces them all.
    sandbox.file(".ocmconfig", &other);
    let ran = run_in(&sandbox, "work", &format!("{line} --config ../empty.yaml"), &[]);
    assert_eq!(ran.status, 3, "{}", ran.stderr);
}

#[test]
fn a_broken_file_that_was_only_found_is_left_out_with_a_warning() {
    let sandbox = Sandbox::hello();
    sandbox.file(".ocm/config", "a: [\n");
    let ran = sandbox.run("get cv ctf//acme.org/hello:1.0.0");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("level=WARN") && ran.stderr.contains(".ocm/config:"), "{}", ran.stderr);
    let ran = run_in(&sandbox, "", "get cv ctf//acme.org/hello:1.0.0", &[("OCM_CONFIG", Path::new("missing"))]);
    assert!(ran.status == 0 && ran.stderr.contains("missing"), "{}", ran.stderr);
}

#[test]
fn files_in_the_working_directory_are_not_used() {
    let sandbox = two_archives();
    for place in ["work/.ocmconfig", "work/.ocm/config"] {
        sandbox.file(place, &patterns(&[("*", "../other")]));
        let line = "get cv ../ctf//acme.org/parent:1.0.0 -o ndjson --recursive";
        let ran = run_in(&sandbox, "work", line, &[]);
        assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stderr.matches("in the working directory is not used").count(), 1, "{}", ran.stderr);
        let named = place.strip_prefix("work/").unwrap();
        let ran = run_in(&sandbox, "work", &format!("{line} --config {named}"), &[]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        std::fs::remove_file(sandbox.path(place)).unwrap();
    }
}

#[test]
fn transfers_take_their_defaults_from_the_configuration() {
    let sandbox = Sandbox::tree();
    let config = |name: &str, entry: &str| {
        sandbox.file(name, &file(&format!("{{type: transfer.config.ocm.software/v1alpha1, {entry}}}")));
    };
    config("all.yaml", "recursive: -1");
    sandbox.ok("transfer cv ctf//acme.org/root:1.0.0 all --config all.yaml");
    assert_eq!(sandbox.ok("list cv all -o ndjson").lines().count(), 3);
    sandbox.ok("transfer cv ctf//acme.org/root:1.0.0 one --config all.yaml --recursive=false");
    assert_eq!(sandbox.ok("list cv one -o ndjson").lines().count(), 1);
    config("deep.yaml", "recursive: 2");
    config("mode.yaml", "copyMode: foo");
    for (name, reason) in [("deep.yaml", "depth 2"), ("mode.yaml", "copyMode: \"foo\"")] {
        let message = sandbox.fails(&format!("transfer cv ctf//acme.org/root:1.0.0 out --config {name}"), 2);
        assert!(message.contains(&format!("{name}:3:3")) && message.contains(reason), "{message}");
        assert!(!sandbox.path("out").exists());
        // Commands that transfer nothing do not care.
        sandbox.ok(&format!("get cv ctf//acme.org/root:1.0.0 --config {name}"));
    }
}
