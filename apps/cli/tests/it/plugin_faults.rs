//! Plugins that misbehave: named and left out, and never left behind.
#![cfg(unix)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::plugin::{ok, run, sandbox};
use crate::sandbox::Sandbox;

const NOTE: &str = "name: acme.org/notes\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
                    - {name: out, type: plainText, version: 1.0.0, access: {type: note, text: outside}}\n";

/// The programs that run out of a sandbox.
fn running(sandbox: &Sandbox) -> Vec<String> {
    let folder = sandbox.path("plugins").canonicalize().unwrap().display().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(&format!("{folder}/"))).collect()
}

#[test]
fn each_one_is_named_and_the_next_does_the_work() {
    let Some(sandbox) = sandbox(&["failing", "forking", "garbled", "wrong", "good"]) else { return };
    sandbox.file("notes.yaml", NOTE);
    let added = ok(&sandbox, "add cv -c notes.yaml -r notes");
    for name in ["failing", "garbled", "wrong"] {
        assert!(added.stderr.contains(&format!("plugins/{name}")), "{name}: {}", added.stderr);
    }
    assert!(running(&sandbox).is_empty(), "{:?}", running(&sandbox));
}

#[test]
fn one_that_breaks_off_fails_the_command_that_needs_it_and_no_other() {
    for name in ["slamming", "short", "rambling", "crashing", "babbling", "silent"] {
        let Some(sandbox) = sandbox(&[name]) else { return };
        sandbox.file("notes.yaml", NOTE);
        let ran = run(&sandbox, "add cv -c notes.yaml -r notes");
        assert!(ran.status == 8 && ran.stderr.contains(&format!("plugins/{name}")), "{} {}", ran.status, ran.stderr);
        assert!(!sandbox.path("notes").exists(), "{name}");
        ok(&sandbox, "get cv ctf");
        assert!(running(&sandbox).is_empty(), "{name}: {:?}", running(&sandbox));
    }
}

#[test]
fn whoever_interrupts_leaves_no_plugin_behind() {
    for (name, line) in [
        // While it is asked what it offers, while it starts, and while it works.
        ("hanging", "plugin list"),
        ("mute", "add cv -c notes.yaml -r notes"),
        ("stuck", "add cv -c notes.yaml -r notes"),
    ] {
        let Some(sandbox) = sandbox(&[name]) else { return };
        if !cfg!(target_os = "linux") {
            println!("skipped: without /proc nobody can see which programs run");
            return;
        }
        sandbox.file("notes.yaml", NOTE);
        let line = format!("{line} --plugin-directory plugins");
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.command(&words);
        command.env("PATH", std::env::var("PATH").unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let begin = Instant::now();
        let runs = || match name {
            "hanging" => !running(&sandbox).is_empty(),
            "mute" => running(&sandbox).iter().any(|line| line.contains("--config")),
            _ => sandbox.path(&format!("plugins/{name}.json")).exists(),
        };
        while !runs() {
            assert!(begin.elapsed() < Duration::from_secs(20), "{name} does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(300));
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "{name} keeps it from ending");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status, Some(130), "{name}");
        assert!(running(&sandbox).is_empty(), "{name}: {:?}", running(&sandbox));
        assert!(!sandbox.path("notes").exists(), "{name}");
    }
}

#[test]
fn a_plugin_makes_other_content_of_what_is_downloaded() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    let line = "download resource ctf//acme.org/hello:1.0.0 --identity name=greeting -O";
    let content = sandbox.read(&{
        ok(&sandbox, &format!("{line} plain.txt"));
        "plain.txt".to_owned()
    });
    ok(&sandbox, &format!("{line} made.txt --transformer {{\"type\":\"note/v1\",\"text\":\"!\"}}"));
    assert_eq!(sandbox.read("made.txt"), format!("{}!/nobody", content.to_uppercase()));
    let refused = run(&sandbox, &format!("{line} none.txt --transformer note/v1"));
    assert!(refused.status != 0 && refused.stderr.contains("text is missing"), "{}", refused.stderr);
    let unknown = run(&sandbox, &format!("{line} none.txt --transformer other/v1"));
    assert!(unknown.status == 2 && unknown.stderr.contains("there is helm and note/v1"), "{}", unknown.stderr);
    assert!(!sandbox.path("none.txt").exists());
    let listed = ok(&sandbox, "describe types blob-transformer").stdout;
    assert!(listed.contains("note/v1") && listed.contains("demo"), "{listed}");
}

#[test]
fn content_that_is_not_the_recorded_one_reaches_no_plugin() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    for entry in std::fs::read_dir(sandbox.path("ctf/blobs")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if !text.starts_with('{') && !text.contains("component") {
            std::fs::write(&path, "x".repeat(text.len())).unwrap();
        }
    }
    let line = "download resource ctf//acme.org/hello:1.0.0 --identity name=greeting -O out.txt --transformer {\"type\":\"note/v1\",\"text\":\"!\"}";
    let refused = run(&sandbox, line);
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(!sandbox.path("out.txt").exists() && !sandbox.path("plugins/demo.json").exists(), "{}", refused.stderr);
}

#[test]
fn credentials_of_a_type_of_their_own_reach_the_plugin_that_has_it() {
    let Some(sandbox) = sandbox(&["demo"]) else { return };
    sandbox.file(
        ".ocmconfig",
        "type: credentials.config.ocm.software\nconsumers:\n- identity: {type: Note, hostname: notes.example}\n  \
         credentials: [{type: NoteToken/v1, token: open-sesame}]\n",
    );
    sandbox.file("notes.yaml", NOTE);
    let added = ok(&sandbox, "add cv -c notes.yaml -r notes --loglevel debug");
    assert!(!added.stderr.contains("sesame") && !added.stderr.contains("are not used"), "{}", added.stderr);
    ok(&sandbox, "download resource notes//acme.org/notes:1.0.0 --identity name=out -O out.txt");
    assert_eq!(sandbox.read("out.txt"), "outside/NoteToken/v1 open-sesame");
}

#[test]
fn a_folder_of_plugins_that_is_not_there_is_told() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.ok("plugin list"), "There are no plugins.\n", "nobody named the usual folder");
    let ran = sandbox.run("plugin list --plugin-directory nowhere");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("nowhere  │ No such file") && ran.stderr.contains("plugin=nowhere"), "{}", ran.stdout);
    let text = "name: acme.org/x\nversion: 1.0.0\nprovider: {name: p}\nresources:\n- {name: note, type: plainText, input: {type: note/v1}}\n";
    let told = sandbox.file("c.yaml", text).fails("add cv -c c.yaml -r ctf --plugin-directory nowhere", 2);
    assert!(told.contains("unknown input type") && told.contains("plugin=nowhere"), "{told}");
}
