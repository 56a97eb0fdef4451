//! Large content and sudden ends: memory stays small, and what was begun and not finished is not there.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ocm_testkit::{Class, Fault, TestRegistry};

use crate::sandbox::{HELLO, Sandbox};

const MIB: u64 = 1 << 20;

/// Runs the program to its end and returns its largest resident memory in bytes; `None` where the system does not tell.
fn largest_memory(child: &mut Child) -> Option<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut largest = None;
    // The system keeps the maximum itself: all that is needed is a look shortly before the end.
    while child.try_wait().unwrap().is_none() {
        let kilobytes = fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        });
        largest = kilobytes.map(|number| number * 1024).max(largest);
        std::thread::sleep(Duration::from_millis(2));
    }
    largest
}

#[test]
fn a_file_of_256_mib_needs_less_than_64_mib_of_memory() {
    let sandbox = Sandbox::new();
    fs::File::create(sandbox.path("large.bin")).unwrap().set_len(256 * MIB).unwrap();
    sandbox.file("c.yaml", &HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: large.bin"));
    let registry = TestRegistry::start().unwrap();
    for line in [
        "add cv -c c.yaml -r ctf".to_owned(),
        "transfer cv ctf//acme.org/hello:1.0.0 ./out".to_owned(),
        "transfer cv ctf//acme.org/hello:1.0.0 ./out.tar".to_owned(),
        format!("transfer cv ctf//acme.org/hello:1.0.0 {}", registry.url()),
        "download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --output got".to_owned(),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut child = sandbox.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let largest = largest_memory(&mut child);
        assert!(child.wait().unwrap().success(), "ocm {line}");
        let Some(largest) = largest else {
            println!("skipped: the memory of a process cannot be measured on this system");
            continue;
        };
        assert!(largest < 64 * MIB, "ocm {line}: {} MiB", largest / MIB);
    }
    assert_eq!(fs::metadata(sandbox.path("got")).unwrap().len(), 256 * MIB);
}

#[test]
fn a_descriptor_of_thousands_of_resources_is_held_a_few_times_only() {
    let sandbox = Sandbox::new();
    let (head, _) = HELLO.split_once("resources:").unwrap();
    let resource = |number: usize| {
        let label = format!("{{name: l, value: {}}}", "x".repeat(100));
        format!("- {{name: r{number:04}, type: text, labels: [{label}], input: {{type: utf8, text: hello}}}}\n")
    };
    let resources: String = (0..4000).map(resource).collect();
    sandbox.file("c.yaml", &format!("{head}resources:\n{resources}")).ok("add cv -c c.yaml -r ctf");
    fs::create_dir(sandbox.path("tmp")).unwrap();
    for (line, most) in [
        ("transfer cv ctf//acme.org/hello:1.0.0 ./none --dry-run", 110 * MIB),
        ("transfer cv ctf//acme.org/hello:1.0.0 ./out", 100 * MIB),
        ("get cv ctf//acme.org/hello:1.0.0 -o yaml", 80 * MIB),
        ("diff ctf//acme.org/hello:1.0.0 out//acme.org/hello:1.0.0", 90 * MIB),
    ] {
        let mut child = start(&sandbox, line);
        let largest = largest_memory(&mut child);
        assert!(child.wait().unwrap().success(), "ocm {line}");
        let Some(largest) = largest else {
            println!("skipped: the memory of a process cannot be measured on this system");
            continue;
        };
        assert!(largest < most, "ocm {line}: {} MiB", largest / MIB);
    }
}

#[test]
fn what_is_shown_for_every_way_that_leads_to_it_has_an_end() {
    let sandbox = Sandbox::new();
    let head = |name: usize| format!("- name: acme.org/c{name}\n  version: 1.0.0\n  provider: {{name: acme.org}}\n");
    let mut components = String::from("components:\n");
    for level in 0..11 {
        let below = |name: &str| format!("{{name: {name}, componentName: acme.org/c{}, version: 1.0.0}}", level + 1);
        let references = format!("  componentReferences: [{}, {}]\n", below("one"), below("two"));
        components = components + &head(level) + &references;
    }
    components = components + &head(11) + "  resources:\n";
    components.extend(
        (0..150)
            .map(|number| format!("  - {{name: r{number:03}, type: text, version: 1.0.0, access: {{type: none}}}}\n")),
    );
    sandbox.file("c.yaml", &components).ok("add cv -c c.yaml -r ctf");
    // 2,048 ways to 150 resources.
    for line in ["get cv ctf//acme.org/c0:1.0.0 -r", "get resources ctf//acme.org/c0:1.0.0 -r"] {
        let said = sandbox.fails(line, 1);
        assert!(
            said.contains("acme.org/c0:1.0.0: the tree of its references repeats more than 200000"),
            "{line}: {said}"
        );
    }
    sandbox.ok("get cv ctf//acme.org/c4:1.0.0 -r");
    sandbox.ok("transfer cv ctf//acme.org/c0:1.0.0 ./out -r");
}

/// Sends Ctrl-C, and returns how the program ended.
#[cfg(unix)]
pub(crate) fn interrupt(child: &mut Child) -> i32 {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(20) {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("still running 20 s after Ctrl-C");
}

/// Waits for something, and fails when it does not come.
pub(crate) fn until(what: &str, mut is_there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_there() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A sandbox with an archive that holds 8 MiB of content, and an empty folder for temporary files.
fn with_content() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("large.bin"), ocm_testkit::fixtures::bytes(1, 8 * MIB as usize)).unwrap();
    sandbox.file("c.yaml", &HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: large.bin"));
    sandbox.ok("add cv -c c.yaml -r ctf");
    fs::create_dir(sandbox.path("tmp")).unwrap();
    sandbox
}

pub(crate) fn start(sandbox: &Sandbox, line: &str) -> Child {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = sandbox.command(&words);
    command.env("TMPDIR", sandbox.path("tmp")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn names(folder: std::path::PathBuf) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_content_comes_in_leaves_nothing_half_written() {
    let sandbox = with_content();
    let registry = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer ctf ctf {}", registry.url()));
    sandbox.file("other.yaml", &HELLO.replace("acme.org/hello", "acme.org/other")).ok("add cv -c other.yaml -r there");
    let before =
        (names(sandbox.path("")), names(sandbox.path("there/blobs")), sandbox.read("there/artifact-index.json"));
    registry.fault(Fault::slow(Duration::from_millis(50)).of("GET", Class::Blob));
    for line in [
        "transfer cv {}//acme.org/hello:1.0.0 ./out",
        "transfer cv {}//acme.org/hello:1.0.0 ./out.tgz",
        "transfer cv {}//acme.org/hello:1.0.0 ./there",
        "download resource {}//acme.org/hello:1.0.0 --identity name=greeting --output out",
        "download cv {}//acme.org/hello:1.0.0 -O out",
    ] {
        registry.forget();
        let mut child = start(&sandbox, &line.replace("{}", &registry.url()));
        until("content", || {
            registry.requests().iter().any(|request| request.class == Class::Blob && request.sent > 100_000)
        });
        assert_eq!(interrupt(&mut child), 130, "{line}");
        assert_eq!(names(sandbox.path("")), before.0, "{line}");
        assert_eq!(names(sandbox.path("there/blobs")), before.1, "{line}");
        assert_eq!(sandbox.read("there/artifact-index.json"), before.2, "{line}");
        assert!(sandbox.is_empty(std::path::Path::new("tmp")), "{line}");
    }
    // Later it works.
    registry.reset();
    sandbox.ok(&format!("transfer cv {}//acme.org/hello:1.0.0 ./there", registry.url()));
    assert_eq!(sandbox.ok("get cv there -o ndjson").lines().count(), 2);
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_content_goes_out_leaves_nothing_visible() {
    let sandbox = with_content();
    let registry = TestRegistry::start().unwrap();
    // The registry takes the content and then does not answer.
    registry.fault(Fault::stall(0).of("PUT", Class::Upload));
    let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {}", registry.url());
    let mut child = start(&sandbox, &line);
    until("an upload", || registry.count("PUT", Class::Upload) > 0);
    assert_eq!(interrupt(&mut child), 130);
    assert_eq!(registry.count("PUT", Class::Manifest), 0);
    assert!(sandbox.is_empty(std::path::Path::new("tmp")));
    registry.reset();
    sandbox.fails(&format!("get cv {}//acme.org/hello:1.0.0", registry.url()), 3);
    sandbox.ok(&line);
    assert!(sandbox.ok(&format!("get cv {}//acme.org/hello:1.0.0", registry.url())).contains("acme.org/hello"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_adding_leaves_nothing() {
    let sandbox = Sandbox::new();
    // A registry that accepts and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let reference = format!("http://{}/team/app:v1", silent.local_addr().unwrap());
    sandbox.file("c.yaml", &format!("{HELLO}{}", crate::images::named("image", &reference)));
    fs::create_dir(sandbox.path("tmp")).unwrap();
    let before = names(sandbox.path(""));
    for target in ["ctf", "ctf.tgz"] {
        let mut child = start(&sandbox, &format!("add cv -c c.yaml -r ./{target}"));
        let _connection = silent.accept().unwrap();
        assert_eq!(interrupt(&mut child), 130);
        assert_eq!(names(sandbox.path("")), before, "{target}");
        assert!(sandbox.is_empty(std::path::Path::new("tmp")), "{target}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_a_file_is_copied_leaves_the_archive_as_it_was() {
    let sandbox = Sandbox::hello();
    // So much that there is time to interrupt; nearly none of it is ever written.
    fs::File::create(sandbox.path("endless.bin")).unwrap().set_len(64 << 30).unwrap();
    let endless = HELLO.replace("1.0.0", "2.0.0");
    sandbox.file("c.yaml", &endless.replace("type: utf8\n    text: hello world", "type: file\n    path: endless.bin"));
    fs::create_dir(sandbox.path("tmp")).unwrap();
    let everything = || {
        let mut all = [names(sandbox.path("")), names(sandbox.path("ctf")), names(sandbox.path("ctf/blobs"))].concat();
        all.push(sandbox.read("ctf/artifact-index.json"));
        all
    };
    let before = everything();
    for target in ["ctf", "new"] {
        let mut child = start(&sandbox, &format!("add cv -c c.yaml -r ./{target}"));
        until("a new file", || everything() != before);
        assert_eq!(interrupt(&mut child), 130, "{target}");
        assert_eq!(everything(), before, "{target}");
        assert!(sandbox.is_empty(std::path::Path::new("tmp")), "{target}");
    }
}

/// What moves is never put down anywhere but in its place.
#[test]
fn no_temporary_folder_is_needed() {
    let sandbox = with_content();
    let target = ocm_testkit::TestRegistry::start().unwrap();
    let cv = "acme.org/hello:1.0.0";
    for line in [
        "add cv -c c.yaml -r other".to_owned(),
        format!("transfer cv ctf//{cv} {}", target.url()),
        format!("transfer cv {}//{cv} {}/copy", target.url(), target.url()),
        format!("transfer cv {}//{cv} ./plain", target.url()),
        format!("transfer cv {}//{cv} ./packed.tar", target.url()),
        format!("transfer cv packed.tar//{cv} ./packed.tgz"),
        format!("transfer cv packed.tgz//{cv} {}/back", target.url()),
        format!("transfer cv packed.tgz//{cv} ./parts.tar --split 1MiB"),
        format!("transfer cv parts.tar.001//{cv} ./whole"),
        format!("download resource whole//{cv} --identity name=greeting --output got"),
        format!("check cv --content whole//{cv} packed.tgz//{cv}"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.command(&words);
        let output = command.env("TMPDIR", "/nonexistent").output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(fs::read(sandbox.path("got")).unwrap(), fs::read(sandbox.path("large.bin")).unwrap());
}
