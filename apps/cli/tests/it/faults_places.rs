//! Places where nothing can be written: every command that writes says so with one number, names the place, and leaves
//! nothing behind. Folders that are missing are made.

use std::fs;
use std::time::{Duration, Instant};

use crate::sandbox::{Ran, Sandbox};

/// Every command that writes, with `@` for the place.
const WRITERS: [&str; 15] = [
    "create ctf @",
    "create ctf @.tar",
    "create ctf @.tgz",
    "add cv -c hello.yaml -r @",
    "add cv -c hello.yaml -r @.tgz",
    "add cv -c hello.yaml --dry-run -O @",
    "transfer cv ctf//acme.org/hello:1.0.0 @",
    "transfer ctf ctf @.tar",
    "transfer ctf ctf --split 1MiB @.tar",
    "transfer cv ctf//acme.org/hello:1.0.0 ./unused --report @",
    "transfer cv ctf//acme.org/hello:1.0.0 ./unused --bom-file @",
    "download resource ctf//acme.org/hello:1.0.0 --identity name=greeting -O @",
    "download cv ctf//acme.org/hello:1.0.0 -O @",
    "hash cv ctf//acme.org/hello:1.0.0 -O @",
    "generate schemas --directory @",
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::hello();
    sandbox.file("file", "content");
    sandbox
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs a command that must not take long: to try again for ever is no answer to a folder that takes no files.
fn run(sandbox: &Sandbox, line: &str) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let mut child = sandbox.command(&words);
    let mut child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("ocm {line}: still running after 30 s");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn what_cannot_be_written_is_one_number_and_names_the_place() {
    let sandbox = sandbox();
    let before = names(&sandbox);
    let mut places = vec!["file/x", "file/deep/x"];
    if cfg!(target_os = "linux") {
        places.extend(["/proc/x", "/proc/deep/x"]);
    }
    for place in places {
        for writer in WRITERS {
            let line = writer.replace('@', place);
            let ran = run(&sandbox, &line);
            assert_eq!(ran.status, 1, "ocm {line}: {}{}", ran.stdout, ran.stderr);
            let error = ran.stderr.split_once("Error: ").map(|(_, error)| error).unwrap_or_default();
            let folder = place.rsplit_once('/').unwrap().0;
            assert!(error.contains(folder), "ocm {line}: {}", ran.stderr);
            assert_eq!(names(&sandbox), before, "ocm {line}");
        }
    }
    assert_eq!(sandbox.read("file"), "content");
}

#[test]
fn folders_that_are_missing_are_made_for_what_is_written_there() {
    let sandbox = sandbox();
    for (at, writer) in WRITERS.into_iter().filter(|writer| !writer.contains("./unused")).enumerate() {
        sandbox.ok(&writer.replace('@', &format!("new{at}/deep/x")));
        assert!(!sandbox.is_empty(std::path::Path::new(&format!("new{at}/deep"))), "ocm {writer}");
    }
    // A report may not make the folder of the archive that it reports about, so it wants one that is there.
    for flag in ["--report", "--bom-file"] {
        let said = sandbox.fails(&format!("transfer cv ctf//acme.org/hello:1.0.0 ./unused {flag} unused/x"), 1);
        assert!(said.contains("nothing was transferred") && !sandbox.path("unused").exists(), "{said}");
    }
}

#[test]
fn the_digests_replace_no_archive() {
    let sandbox = sandbox();
    sandbox.ok("transfer ctf ./ctf ./a.tar");
    let before = fs::read(sandbox.path("a.tar")).unwrap();
    let said = sandbox.fails("hash cv ctf//acme.org/hello:1.0.0 -O a.tar", 2);
    assert!(said.contains("is an archive, which would be replaced"), "{said}");
    assert_eq!(fs::read(sandbox.path("a.tar")).unwrap(), before);
}
