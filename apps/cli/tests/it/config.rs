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
fn patterns_come_before_prefixes() {
    let sandbox = two_archives();
    namesake(&sandbox, "third", "third");
    sandbox.file("f.yaml", &prefixes(&[("third", 1)])).file("acme.yaml", &patterns(&[("other.org/*", "nowhere")]));
    let both = |patterns: &str| origin(&sandbox.ok(&format!("{HOME} --config {patterns} --config f.yaml")));
    assert_eq!(both("all.yaml"), "none");
    assert_eq!(both("acme.yaml"), "third");
}

#[test]
fn references_resolve_in_every_command() {
    let sandbox = two_archives();
    sandbox.ok("create rsakeypair key");
    let root = "ctf//acme.org/parent:1.0.0";
    for line in [
        format!("check cv {root}"),
        format!("sign cv --private-key key {root}"),
        format!("verify cv --public-key default=key.pub {root}"),
        format!("transfer cv -r {root} out"),
        "download resource acme.org/hello:1.0.0 --identity name=greeting --output got".to_owned(),
    ] {
        // Signing says no by itself where a reference has no digest; all others miss what is referred to.
        if !line.starts_with("sign") && !line.starts_with("verify") {
            assert_ne!(sandbox.run(&line).status, 0, "{line}");
        }
        sandbox.ok(&format!("{line} --config all.yaml"));
    }
    assert_eq!(sandbox.read("got"), "hello world");
}

#[test]
fn a_named_file_has_to_be_right() {
    let sandbox = two_archives();
    let get = |config: &str, status| sandbox.fails(&format!("{HOME} --config {config}"), status);
    assert!(get("nofile", 2).contains("nofile"));
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
    let entries = "{type: merge.config.ocm.software/v1}\n- {type: nosuch.org/v1}\n- {type: nosuch.org/v1}\n- {type: logging.config.ocm.software}";
    sandbox.file("c.yaml", &file(entries));
    let line = format!("{HOME} --config c.yaml --config all.yaml");
    let ran = sandbox.run(&line);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("c.yaml:4:3: ignored an entry of the unknown type"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("c.yaml:3:3: entries of type merge.config.ocm.software/v1 have no effect: "),
        "{}",
        ran.stderr
    );
    // A number without a unit is nanoseconds, as for the Go program.
    sandbox.file("short.yaml", &file("{type: http.config.ocm.software, timeout: 5}"));
    let ran = sandbox.run("get cv ctf//acme.org/parent:1.0.0 --config short.yaml");
    assert!(ran.status == 0 && ran.stderr.contains("short.yaml:3:45: timeout: 5 is 5 ns"), "{}", ran.stderr);
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
    assert!(ran.status == 0 && ran.stderr.contains("configuration missing: No such file"), "{}", ran.stderr);
}

#[test]
fn files_in_the_working_directory_are_not_used() {
    let sandbox = two_archives();
    for place in ["work/.ocmconfig", "work/.ocm/config"] {
        sandbox.file(place, &patterns(&[("*", "../other")]));
        let line = "get cv ../ctf//acme.org/parent:1.0.0 -o ndjson --recursive";
        let ran = run_in(&sandbox, "work", line, &[]);
        assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stderr.matches("in the working directory is not trusted").count(), 1, "{}", ran.stderr);
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

#[test]
fn defaults_of_the_older_program_count_too() {
    let sandbox = Sandbox::tree();
    sandbox.file("older.yaml", &file("{type: transport.ocm.config.ocm.software, recursive: true, overwrite: true}"));
    sandbox.ok("transfer cv ctf//acme.org/root:1.0.0 all --config older.yaml");
    assert_eq!(sandbox.ok("list cv all -o ndjson").lines().count(), 3);
    let changed = sandbox.read("tree.yaml").replace("other.org", "new.org");
    sandbox.file("changed.yaml", &changed).ok("add cv -c changed.yaml -r changed");
    sandbox.fails("transfer cv changed//acme.org/mid:0.1.0 all", 4);
    sandbox.ok("transfer cv changed//acme.org/mid:0.1.0 all --config older.yaml");
}

#[test]
fn short_names_of_repositories_lead_to_them() {
    let sandbox = Sandbox::hello();
    sandbox.file(
        "a.yaml",
        &file("{type: ocm.config.ocm.software/v1, aliases: {shop: {type: CommonTransportFormat/v1, filePath: ctf}}}"),
    );
    sandbox.fails("get cv shop//acme.org/hello:1.0.0", 3);
    assert!(sandbox.ok("get cv shop//acme.org/hello:1.0.0 --config a.yaml").contains("acme.org/hello"));
    // A folder of that name comes first.
    sandbox.file("other.yaml", &HELLO.replace("1.0.0", "2.0.0")).ok("add cv -c other.yaml -r shop");
    sandbox.fails("get cv shop//acme.org/hello:1.0.0 --config a.yaml", 3);
}

#[test]
fn keys_of_the_older_program_sign_and_verify() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair key");
    let keys =
        "{type: keys.config.ocm.software, privateKeys: {release: {path: key}}, publicKeys: {release: {path: key.pub}}}";
    sandbox.file("settings/k.yaml", &file(keys));
    for name in ["key", "key.pub"] {
        std::fs::rename(sandbox.path(name), sandbox.path("settings").join(name)).unwrap();
    }
    sandbox.ok("sign cv --signature release ctf//acme.org/hello:1.0.0 --config settings/k.yaml");
    sandbox.ok("verify cv --signature release ctf//acme.org/hello:1.0.0 --config settings/k.yaml");
    assert_ne!(sandbox.run("verify cv --signature release ctf//acme.org/hello:1.0.0").status, 0);
}

#[test]
fn folders_come_from_the_configuration_unless_flags_name_them() {
    let sandbox = Sandbox::new();
    sandbox
        .file("in/text", "content")
        .file("c/cv.yaml", &HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: text"));
    sandbox.file("f.yaml", &file("{type: filesystem.config.ocm.software, workingDirectory: in, tempFolder: tmp}"));
    sandbox.fails("add cv -c c/cv.yaml -r ctf", 2);
    sandbox.ok("add cv -c c/cv.yaml -r ctf --config f.yaml");
    let shown = sandbox.ok("get config --config f.yaml --temp-folder other");
    assert!(shown.contains("tempFolder: other") && shown.contains("workingDirectory: in"), "{shown}");
}

#[test]
fn the_whole_configuration_is_shown_without_secrets() {
    let sandbox = Sandbox::new();
    let credentials = "\
configurations:
- type: credentials.config.ocm.software
  repositories: [{repository: {type: DockerConfig/v1, dockerConfigFile: d.json}}]
  consumers:
  - identity: {type: OCIRegistry, hostname: ghcr.io}
    credentials: [{type: Credentials/v1, properties: {username: me, password: canary}}]
- {type: http.config.ocm.software/v1alpha1, timeout: 60s, hosts: {'r.example:5000': {clientCertificateData: Yw==, clientKeyData: Y2FuYXJ5}}}
- {type: signing.config.ocm.software/v1alpha1, signer: {type: GPGSigningConfiguration/v1alpha1}}
";
    sandbox.file("c.yaml", credentials).file("d.json", "{}");
    for form in ["yaml", "json", "ndjson"] {
        let shown = sandbox.ok(&format!("get config --config c.yaml -o {form}"));
        for part in ["ghcr.io", "me", "***", "1m0s", "d.json", "GPGSigningConfiguration"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
    }
    let shown = sandbox.ok("get cfg --config c.yaml");
    assert_eq!(shown, sandbox.ok("get configuration --config c.yaml -o yaml"));
    // The form of the older program: what stands in the files, one entry after the other, and nothing that is secret.
    sandbox.file("v1.yaml", &file("{type: attributes.config.ocm.software, attributes: {compat: true}}"));
    let expected = "---\nconfigurations:\n- attributes:\n    compat: true\n  type: attributes.config.ocm.software\n\
                    - logging: {}\n  signing: {}\n  type: cli.ocm.config.ocm.software/v1\ntype: generic.config.ocm.software/v1\n";
    assert_eq!(sandbox.ok("get config --config v1.yaml -o yaml --compat v1"), expected);
    assert!(!sandbox.ok("get config --config c.yaml --compat v1").contains("canary"));
    // What is shown is a configuration again.
    sandbox.file("again.yaml", &shown.replace("'***'", "Y2FuYXJ5"));
    assert!(sandbox.ok("get config --config again.yaml").contains("1m0s"));
    let explained = sandbox.ok("config explain ghcr.io --config c.yaml");
    assert!(explained.contains("c.yaml:7:") && explained.contains("1m0s") || explained.contains("60s"), "{explained}");
    assert!(explained.contains("c.yaml:6:") && !explained.contains("canary"), "{explained}");
    sandbox.file("all.yaml", &patterns(&[("acme.org/*", "other")]));
    let explained = sandbox.ok("config explain acme.org/hello:1.0.0 --config all.yaml -o json");
    assert!(explained.contains("all.yaml:3:3: resolvers[0]"), "{explained}");
}

#[test]
fn what_is_said_and_hashed_comes_from_entries_of_the_older_program_unless_flags_name_it() {
    let sandbox = Sandbox::hello();
    sandbox.file("c.yaml", &file("{type: logging.config.ocm.software, settings: {defaultLevel: Error}}\n- {type: hasher.config.ocm.software, hashAlgorithm: sha512}"));
    // Something that is worth a warning.
    sandbox.file("warned.yaml", &file("{type: http.config.ocm.software, insecureSkipVerify: true}"));
    let line = "get cv ctf//acme.org/hello:1.0.0 --config warned.yaml";
    assert!(sandbox.run(line).stderr.contains("level=WARN"));
    let quiet = sandbox.run(&format!("{line} --config c.yaml"));
    assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""));
    assert!(sandbox.run(&format!("{line} --config c.yaml --loglevel info")).stderr.contains("level=WARN"));
    let digest = |more: &str| sandbox.ok(&format!("hash cv ctf//acme.org/hello:1.0.0 -o yaml{more}"));
    assert_ne!(digest(""), digest(" --hash SHA-512"));
    assert_eq!(digest(" --config c.yaml"), digest(" --hash SHA-512"));
    assert_eq!(digest(" --config c.yaml --hash SHA-256"), digest(""));
    sandbox.file("wrong.yaml", &file("{type: logging.config.ocm.software, settings: {defaultLevel: loud}}"));
    let message = sandbox.fails(&format!("{HOME} --config wrong.yaml"), 2);
    assert!(message.contains("wrong.yaml:3:64"), "{message}");
}

#[test]
fn attributes_name_folders() {
    let sandbox = Sandbox::hello();
    let entry = "{type: attributes.config.ocm.software, attributes: {tempblobcache: scratch, compat: true}}";
    sandbox.file("c.yaml", &file(entry));
    let ran = sandbox.run("get config --config c.yaml");
    assert!(ran.stdout.contains("tempFolder: scratch"), "{}", ran.stdout);
    assert_eq!(ran.stderr.matches("the attribute compat has no effect").count(), 1, "{}", ran.stderr);
}

/// Every form of a file in the order of its lists, and depth that ends.
#[test]
fn files_of_every_form_count_in_their_order() {
    let sandbox = Sandbox::new();
    let folder = |config: &str| {
        let ran = sandbox.run(&format!("get config {config}"));
        assert_eq!(ran.status, 0, "{config}: {}", ran.stderr);
        let line = ran.stdout.lines().find_map(|line| line.trim_start_matches("- ").strip_prefix("tempFolder: "));
        line.unwrap().to_owned()
    };
    let entry =
        |name: &str| format!("{{\"type\": \"filesystem.config.ocm.software/v1alpha1\", \"tempFolder\": \"{name}\"}}");
    sandbox.file(
        "a.json",
        &format!("{{\"type\": \"generic.config.ocm.software/v1\", \"configurations\": [{}]}}", entry("a")),
    );
    sandbox.file("b.yaml", &format!("---\ntype: generic.config.ocm.software\nconfigurations:\n- {}\n", entry("b")));
    sandbox.file("single.yaml", &entry("single"));
    sandbox.file("bom.yaml", &format!("\u{feff}{}", entry("bom")));
    assert_eq!(folder("--config a.json"), "a");
    assert_eq!(folder("--config a.json --config b.yaml"), "b");
    assert_eq!(folder("--config b.yaml --config a.json"), "a");
    assert_eq!(folder("--config single.yaml"), "single");
    assert_eq!(folder("--config bom.yaml"), "bom");
    // Entries of an inner list come after those of the outer one, wherever the list stands.
    let nested = |depth: usize| {
        let open = "{type: generic.config.ocm.software/v1, configurations: [".repeat(depth);
        format!("{open}{}{}", entry("inner"), "]}".repeat(depth))
    };
    let outer = format!("configurations:\n- {}\n- {}\n", nested(3), entry("outer"));
    sandbox.file("nested.yaml", &outer);
    assert_eq!(folder("--config nested.yaml"), "inner");
    sandbox.file("deep.yaml", &nested(5000));
    assert!(sandbox.fails("get config --config deep.yaml", 2).contains("deep.yaml:1:"));
    // A second document would be dropped without a word by others.
    sandbox.file("two.yaml", &format!("{}\n---\n{}\n", entry("one"), entry("two")));
    let message = sandbox.fails("get config --config two.yaml", 2);
    assert!(message.contains("two.yaml"), "{message}");
    // What was named must be right.
    sandbox.fails("get config --config .", 2);
}
