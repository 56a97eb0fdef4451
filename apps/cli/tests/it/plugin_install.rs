//! What of a component version gets into the plugin folder, and what never does.
#![cfg(unix)]

use std::fmt::Write as _;
use std::path::Path;

use crate::plugin::{ok, run, sandbox};
use crate::sandbox::Sandbox;

/// A component version of a plugin for two platforms.
fn component(sandbox: &Sandbox, archive: &str, name: &str, paths: [&str; 2]) {
    let mut text = format!("name: {name}\nversion: 1.2.0\nprovider: {{name: acme.org}}\nresources:\n");
    for (path, (os, architecture)) in paths.iter().zip([("linux", "amd64"), ("darwin", "arm64")]) {
        writeln!(
            text,
            "- {{name: tool, type: ocmPlugin, extraIdentity: {{os: {os}, architecture: {architecture}}}, input: {path}}}"
        )
        .unwrap();
    }
    sandbox.file("plugin.yaml", &text).ok(&format!("add cv -c plugin.yaml -r {archive}"));
}

const OURS: &str = "--extra-identity os=linux,architecture=amd64 -O installed";

fn is_clean(sandbox: &Sandbox) -> bool {
    !sandbox.path("installed").exists() || sandbox.is_empty(Path::new("installed"))
}

#[test]
fn the_resource_for_the_platform_is_installed() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let text = "{type: utf8, text: for another machine}";
    component(&sandbox, "good", "acme.org/plugins/tool", ["{type: file, path: plugins/demo}", text]);
    let reference = "good//acme.org/plugins/tool:1.2.0";
    ok(&sandbox, &format!("plugin install {reference} {OURS}"));
    assert_eq!(sandbox.read("installed/tool"), sandbox.read("plugins/demo"));
    let other = "--extra-identity os=darwin,architecture=arm64 -O other";
    let refused = run(&sandbox, &format!("plugin install {reference} {other}"));
    assert!(refused.status == 2 && !sandbox.path("other/tool").exists(), "{}", refused.stderr);
    ok(&sandbox, &format!("plugin install {reference} {other} --skip-validation"));
    assert_eq!(sandbox.read("other/tool"), "for another machine");
}

#[test]
fn content_with_another_digest_is_neither_installed_nor_run() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let file = "{type: file, path: plugins/demo}";
    component(&sandbox, "good", "acme.org/plugins/tool", [file, "{type: utf8, text: x}"]);
    let program = sandbox.read("plugins/demo");
    let mut changed = 0;
    for entry in std::fs::read_dir(sandbox.path("good/blobs")).unwrap() {
        let path = entry.unwrap().path();
        if std::fs::read_to_string(&path).is_ok_and(|content| content == program) {
            let run = sandbox.path("it-ran");
            std::fs::write(&path, format!("#!/bin/sh\ntouch {}\n{:>8192}", run.display(), "")).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
    let refused = run(&sandbox, &format!("plugin install good//acme.org/plugins/tool:1.2.0 {OURS}"));
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(is_clean(&sandbox) && !sandbox.path("it-ran").exists());
}

#[test]
fn signatures_are_verified_before_anything_is_run() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    sandbox.file("spy", "#!/bin/sh\ntouch \"$HOME/it-ran\" it-ran\necho '{}'\n");
    component(&sandbox, "bad", "acme.org/plugins/tool", ["{type: file, path: spy}", "{type: utf8, text: x}"]);
    let file = "{type: file, path: plugins/demo}";
    component(&sandbox, "good", "acme.org/plugins/tool", [file, "{type: utf8, text: x}"]);
    sandbox.ok("create rsakeypair key.priv key.pub");
    sandbox.ok("sign cv good//acme.org/plugins/tool:1.2.0 --signature acme --private-key key.priv");
    let install = |archive: &str, flags: &str| {
        run(&sandbox, &format!("plugin install {archive}//acme.org/plugins/tool:1.2.0 {OURS} {flags}"))
    };
    let refused = install("bad", "--verify --public-key key.pub");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(is_clean(&sandbox) && !sandbox.path("it-ran").exists());
    let unused = install("good", "--public-key key.pub");
    assert!(unused.status == 2 && is_clean(&sandbox), "a key without --verify: {}", unused.stderr);
    let missing = install("good", "--verify --public-key key.pub --require release");
    assert!(missing.status == 5 && is_clean(&sandbox), "{}", missing.stderr);
    let installed = install("good", "--verify --public-key key.pub --require acme");
    assert_eq!(installed.status, 0, "{}", installed.stderr);
    assert_eq!(sandbox.read("installed/tool"), sandbox.read("plugins/demo"));
    let by_download = format!("download plugin bad//acme.org/plugins/tool:1.2.0 {OURS} --verify --public-key key.pub");
    assert_eq!(run(&sandbox, &by_download).status, 5);
}

#[test]
fn names_and_content_stay_in_the_folder() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    // The name of a resource is no path: the file is called like the component.
    let text = "name: acme.org/plugins/tool\nversion: 1.2.0\nprovider: {name: acme.org}\nresources:\n\
                - {name: ../../outside, type: ocmPlugin, extraIdentity: {os: linux, architecture: amd64}, \
                input: {type: file, path: plugins/demo}}\n";
    sandbox.file("tricky.yaml", text);
    let added = sandbox.run("add cv -c tricky.yaml -r tricky");
    if added.status == 0 {
        ok(&sandbox, &format!("plugin install tricky//acme.org/plugins/tool:1.2.0 {OURS}"));
        assert_eq!(sandbox.read("installed/tool"), sandbox.read("plugins/demo"));
    }
    assert!(!sandbox.path("outside").exists() && !sandbox.path("../outside").exists());
    for component in ["acme.org/..", "acme.org/plugins/..", "acme.org/../../tool", "/tool"] {
        let refused = run(&sandbox, &format!("plugin install tricky//{component}:1.2.0 -O folder/installed"));
        assert_ne!(refused.status, 0, "{component}");
        assert!(!sandbox.path("folder").exists(), "{component}");
    }
    // A link in the place of the plugin is replaced, and what it leads to stays.
    let file = "{type: file, path: plugins/demo}";
    component(&sandbox, "good", "acme.org/plugins/tool", [file, "{type: utf8, text: x}"]);
    sandbox.file("precious", "mine");
    std::fs::create_dir_all(sandbox.path("linked")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("precious"), sandbox.path("linked/tool")).unwrap();
    let linked = OURS.replace("installed", "linked");
    ok(&sandbox, &format!("plugin install good//acme.org/plugins/tool:1.2.0 {linked}"));
    assert_eq!(sandbox.read("precious"), "mine");
    assert!(!sandbox.path("linked/tool").is_symlink());
}

#[test]
fn a_namesake_from_another_component_does_not_replace_a_plugin() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let file = "{type: file, path: plugins/demo}";
    component(&sandbox, "mine", "acme.org/plugins/tool", [file, "{type: utf8, text: x}"]);
    sandbox.file("other", &format!("{}\n# another\n", sandbox.read("plugins/demo")));
    component(&sandbox, "theirs", "other.org/tool", ["{type: file, path: other}", "{type: utf8, text: x}"]);
    let install = |reference: &str| run(&sandbox, &format!("plugin install {reference}:1.2.0 {OURS}"));
    assert_eq!(install("mine//acme.org/plugins/tool").status, 0);
    let refused = install("theirs//other.org/tool");
    assert!(
        refused.status == 4 && refused.stderr.contains("another component, acme.org/plugins/tool"),
        "{}",
        refused.stderr
    );
    assert_eq!(sandbox.read("installed/tool"), sandbox.read("plugins/demo"));
    let again = install("mine//acme.org/plugins/tool");
    assert!(again.status == 0 && !again.stderr.contains("not known"), "the same one may be replaced: {}", again.stderr);
    std::fs::remove_file(sandbox.path("installed/tool")).unwrap();
    assert_eq!(install("theirs//other.org/tool").status, 0);
    assert_eq!(sandbox.read("installed/tool"), sandbox.read("other"));
    // One that was put there by hand is replaced, and that is said.
    std::fs::create_dir(sandbox.path("hand")).unwrap();
    sandbox.file("hand/tool", "mine");
    let line = format!("plugin install theirs//other.org/tool:1.2.0 {}", OURS.replace("installed", "hand"));
    let replaced = ok(&sandbox, &line);
    assert!(replaced.stderr.contains("not known where it is from"), "{}", replaced.stderr);
}

#[test]
fn a_plugin_with_a_dot_in_its_name_is_found() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let file = "{type: file, path: plugins/demo}";
    component(&sandbox, "good", "acme.org/plugins/tool.io", [file, "{type: utf8, text: x}"]);
    ok(&sandbox, &format!("plugin install good//acme.org/plugins/tool.io:1.2.0 {OURS}"));
    let list = sandbox.command(&["plugin", "list", "--plugin-directory", "installed"]);
    let list = {
        let mut list = list;
        list.env("PATH", std::env::var("PATH").unwrap()).output().unwrap()
    };
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("installed/tool-io") && !list.contains("LEFT OUT"), "{list}");
}
