use std::process::Stdio;

use crate::sandbox::{Ran, Sandbox};

#[test]
fn without_words_and_with_a_group_alone_the_help_is_printed() {
    let sandbox = Sandbox::new();
    assert!(sandbox.ok("help").contains("transfer"));
    let ran = Ran::from(sandbox.command(&[]).output().unwrap());
    assert_eq!((ran.status, ran.stdout.contains("Usage:\n")), (0, true));
    for group in ["add", "get", "list", "transfer", "download", "generate", "completion"] {
        assert!(sandbox.ok(group).contains(&format!("\nUsage:\n  ocm {group}")), "{group}");
    }
    assert!(sandbox.ok("get").starts_with("Get anything from OCM\n\nUsage:\n"));
}

#[test]
fn what_does_not_exist_is_an_error_and_not_the_help() {
    let sandbox = Sandbox::new();
    assert!(sandbox.fails("foo", 2).contains("unknown command \"foo\" for \"ocm\""));
    assert!(sandbox.fails("gte cv", 2).contains("hint: did you mean \"ocm get\"?"));
    assert!(sandbox.fails("get foo", 2).contains("unknown command \"foo\" for \"ocm get\""));
    assert!(sandbox.fails("get version", 2).contains("unknown command"));
    assert!(sandbox.fails("version --loglevel foo", 2).contains("foo"));
    assert!(sandbox.fails("version -f yaml", 2).contains("legacyjson"));
    assert!(sandbox.fails("get cv x -o xml", 2).contains("ndjson"));
    assert!(sandbox.fails("get cv", 2).contains("REFERENCE"));
    assert!(sandbox.fails("get cv x --config nofile", 2).contains("nofile"));
    for line in ["version", "completion bash", "create rsakeypair", "generate docs", "config trust"] {
        assert!(sandbox.fails(&format!("{line} --config nofile"), 2).contains("configuration nofile"), "{line}");
    }
    sandbox.file("garbage", ": [");
    assert!(sandbox.fails("get cv x --config garbage", 2).contains("garbage"));
}

#[test]
fn version_prints_the_object_of_the_older_programs() {
    let sandbox = Sandbox::new();
    let version: serde_json::Value = serde_json::from_str(&sandbox.ok("version")).unwrap();
    let keys: Vec<&str> = version.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["major", "minor", "patch", "gitVersion", "goVersion", "compiler", "platform"]);
    let older: serde_json::Value = serde_json::from_str(&sandbox.ok("version --compat v1")).unwrap();
    assert_eq!(older.as_object().unwrap().len(), 12);
    assert_eq!(sandbox.ok("version -f short"), format!("ocm {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn there_are_completions_for_four_shells() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "fish", "powershell", "zsh"] {
        assert!(sandbox.ok(&format!("completion {shell}")).contains("component-version"), "{shell}");
    }
    let described = sandbox.ok("completion zsh");
    assert!(described.contains("Get anything from OCM"));
    assert!(!sandbox.ok("completion zsh --no-descriptions").contains("Get anything from OCM"));
}

#[test]
fn the_reference_and_the_schemas_are_generated() {
    let sandbox = Sandbox::new();
    sandbox.ok("generate docs -d md");
    assert!(sandbox.read("md/ocm_get_component-version.md").contains("--semver-constraint"));
    assert!(sandbox.read("md/ocm_transfer_component-version.md").contains("| `-r, --recursive[=BOOL]` |"));
    sandbox.ok("generate docs -d man --mode man");
    assert!(sandbox.read("man/ocm-transfer-component-version.1").contains("overwrite"));
    sandbox.ok("generate schemas -d schemas");
    let schema: serde_json::Value = serde_json::from_str(&sandbox.read("schemas/transfer.schema.json")).unwrap();
    assert!(schema["properties"]["totals"].is_object());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut child =
        sandbox.command(&["completion", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}

#[test]
fn log_lines_have_the_form_that_was_asked_for() {
    let sandbox = Sandbox::hello();
    let ran = sandbox.run("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting");
    assert!(ran.stdout.is_empty());
    assert!(
        ran.stderr.contains("Z level=INFO msg=\"resource downloaded successfully\" output=greeting"),
        "{}",
        ran.stderr
    );
    let json = sandbox
        .ok("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --logformat json --logoutput stdout");
    let last: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!((&last["level"], &last["output"]), (&"INFO".into(), &"greeting".into()));
    let quiet = sandbox.run("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --loglevel error");
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_password_in_an_address_is_not_repeated() {
    let sandbox = Sandbox::hello();
    let address = "http://user:hunter2@127.0.0.1:1/a//acme.org/b:1.0.0";
    for line in [
        "get cv",
        "get artifacts",
        "show tags",
        "add cv -c",
        "version",
        "get types",
        "config trust",
        "serve",
        "diff ctf",
    ] {
        let words: Vec<&str> = line.split(' ').chain([address]).collect();
        let ran = Ran::from(sandbox.command(&words).output().unwrap());
        assert!(ran.status != 0 && ran.stderr.contains("Error: "), "{line}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{line}: {}", ran.stderr);
    }
}

#[test]
fn a_path_is_not_taken_for_a_registry() {
    let sandbox = Sandbox::hello();
    for line in ["show tags ./ctf", "show tags ../ctf"] {
        assert!(sandbox.fails(line, 2).contains("not a host name"), "{line}");
    }
    for place in ["http://127.0.0.1:1/x", "oci::ghcr.io/x"] {
        assert!(sandbox.fails(&format!("create ctf {place}"), 2).contains("no place for an archive"), "{place}");
    }
    assert!(!sandbox.path("http:").exists() && !sandbox.path("oci::ghcr.io").exists());
}

#[test]
fn a_constructor_without_end_is_refused() {
    let sandbox = Sandbox::new();
    assert!(sandbox.fails("add cv -c /dev/zero", 2).contains("limit of 16777216 bytes"));
    let ran = Ran::from(sandbox.command(&["add", "cv", ""]).output().unwrap());
    assert!(ran.status == 2 && ran.stderr.contains("is empty"), "{}", ran.stderr);
}

#[test]
fn key_files_that_cannot_be_written_are_named() {
    let sandbox = Sandbox::new();
    assert!(sandbox.fails("create rsakeypair no/where/a.priv", 3).contains("no/where: there is no such folder"));
    let ran = Ran::from(sandbox.command(&["create", "rsakeypair", ""]).output().unwrap());
    assert!(ran.status == 2 && ran.stderr.contains("name of a key file"), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn files_that_cannot_be_read_end_alike_everywhere() {
    let sandbox = Sandbox::hello();
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    std::os::unix::fs::symlink("loop", sandbox.path("loop")).unwrap();
    sandbox.ok("create rsakeypair a.priv a.pub");
    for line in [
        "get cv ctf --config @",
        "config trust @",
        "add cv -r out -c @",
        "add cv --create --file out hello.yaml -s @",
        "sign cv -K @ ctf//acme.org/hello:1.0.0",
        "sign cv -K a.priv --passphrase-file @ ctf//acme.org/hello:1.0.0",
        "sign cv -K a.priv --signer-spec @ ctf//acme.org/hello:1.0.0",
        "verify cv --ca-cert @ ctf//acme.org/hello:1.0.0",
        "verify cv --trusted-root @ ctf//acme.org/hello:1.0.0",
        "verify cv -s x -k x=@ ctf//acme.org/hello:1.0.0",
        "create rsakeypair -e @ x.priv x.pub",
        "transfer cv --transfer-spec @",
    ] {
        for (file, status) in [("nowhere", 2), ("folder", 2), ("loop", 1)] {
            let told = sandbox.fails(&line.replace('@', file), status);
            assert!(told.contains(file), "{line} with {file}: {told}");
        }
    }
}
