//! What a transfer says of targets that fail, and what it leaves behind when it is killed.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ocm_testkit::{Class, Fault, TestRegistry};

use crate::sandbox::{HELLO, Sandbox, json};

/// An archive that has another `acme.org/hello:1.0.0`.
fn with_conflict() -> Sandbox {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("hello world", "hello moon")).ok("add cv -c other.yaml -r other");
    sandbox
}

#[test]
fn every_target_is_in_the_report_with_what_helps() {
    let sandbox = with_conflict();
    let gone = { TestRegistry::start().unwrap().url() };
    let line =
        format!("transfer cv ctf//acme.org/hello:1.0.0 ./good --to {gone}/t --to ./other --report report.json -o json");
    let ran = sandbox.run(&line);
    assert_eq!(ran.status, 7, "{}", ran.stderr);
    let report = json(&sandbox.read("report.json"));
    assert_eq!(json(&ran.stdout), report, "the same is printed");
    let targets = report["targets"].as_array().unwrap();
    assert_eq!(
        targets.iter().map(|target| &target["outcome"]).collect::<Vec<_>>(),
        ["transferred", "failed", "failed"]
    );
    assert!(targets[1]["address"].as_str().unwrap().starts_with(gone.trim_start_matches("http://")), "{report}");
    assert!(targets[1]["hints"][0].as_str().unwrap().contains("check the address"), "{report}");
    assert!(targets[2]["reason"].as_str().unwrap().contains("exists in"), "{report}");
    assert!(targets[2]["hints"][0].as_str().unwrap().contains("--overwrite"), "{report}");
    // The component version is there for each of them.
    let outcomes: Vec<_> = report["versions"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes.len(), 3, "{report}");
    assert_eq!(report["totals"]["versionsFailed"], 2);
    assert!(ran.stderr.contains("hint: check the address"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: --overwrite"), "{}", ran.stderr);
}

#[test]
fn a_dry_run_onto_a_conflict_prints_the_plan_and_ends_as_the_transfer_would() {
    let sandbox = with_conflict();
    for more in ["", " --no-update", " --to ./new"] {
        let line = format!("transfer cv ctf//acme.org/hello:1.0.0 ./other{more}");
        let real = sandbox.fails(&line, if more.contains("--to") { 7 } else { 4 });
        assert!(real.contains("exists in"), "{real}");
        let ran = sandbox.run(&format!("{line} --dry-run"));
        assert_eq!(ran.status, if more.contains("--to") { 7 } else { 4 }, "{more}: {}", ran.stderr);
        assert!(ran.stdout.contains("transformations:"), "{}", ran.stdout);
        assert!(ran.stderr.contains("exists in") && ran.stderr.contains("hint: --overwrite"), "{}", ran.stderr);
    }
    let plan = sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./other --overwrite --dry-run");
    let ran = sandbox.file("plan.yaml", &plan).run("transfer cv --transfer-spec plan.yaml --dry-run");
    assert_eq!(ran.status, 4, "{}", ran.stderr);
    // A registry that does not answer now may do so when it matters.
    let gone = { TestRegistry::start().unwrap().url() };
    sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 {gone} --dry-run"));
}

#[test]
fn a_registry_that_takes_nothing_is_denied_and_said_to_be_one() {
    let sandbox = Sandbox::hello();
    for (status, method, class) in
        [(405, "POST", Class::Upload), (405, "PUT", Class::Manifest), (501, "POST", Class::Upload)]
    {
        let registry = TestRegistry::start().unwrap();
        registry.fault(Fault::status(status).of(method, class));
        let said = sandbox.fails(&format!("transfer cv ctf//acme.org/hello:1.0.0 {}", registry.url()), 6);
        assert!(said.contains(&status.to_string()), "{said}");
        assert!(said.contains("hint: the registry takes no uploads"), "{said}");
    }
}

#[test]
fn damaged_content_names_the_side_and_the_place() {
    let sandbox = Sandbox::hello();
    let access = json(&sandbox.ok("get cv ctf -o json"))[0]["component"]["resources"][0]["access"].clone();
    let digest = access["localReference"].as_str().unwrap().to_owned();
    // Out of a registry.
    let (damaged, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 {}", damaged.url()));
    // The first one is the descriptor of the component version.
    damaged.fault(Fault::corrupt().of("GET", Class::Blob).every(2));
    // Out of an archive.
    let blob = sandbox.path("ctf/blobs").join(digest.replace(':', "."));
    fs::write(&blob, "hello w0rld").unwrap();
    for (source, name) in [("ctf".to_owned(), "ctf".to_owned()), (damaged.url(), damaged.address())] {
        for target in ["./out".to_owned(), format!("{}/t", target.url()), "./one --to ./two".to_owned()] {
            let ran = sandbox.run(&format!("transfer cv {source}//acme.org/hello:1.0.0 {target}"));
            assert!([5, 7].contains(&ran.status), "{}", ran.stderr);
            assert!(ran.stderr.contains(&format!("source {name}")) && ran.stderr.contains(&digest), "{}", ran.stderr);
            assert!(ran.stderr.contains("resource greeting of acme.org/hello:1.0.0"), "{}", ran.stderr);
        }
    }
}

#[test]
fn the_bandwidth_counts_from_archive_to_archive() {
    let sandbox = Sandbox::new();
    let constructor = HELLO.replace("type: utf8", "type: file").replace("text: hello world", "path: data");
    sandbox.file("data", &"0123456789".repeat(20_000)).file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    let begin = Instant::now();
    sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --bandwidth 100kB/s");
    assert!(begin.elapsed() > Duration::from_millis(1500), "{:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn a_report_is_there_as_a_whole_or_not_at_all() {
    let sandbox = Sandbox::hello();
    fs::write(sandbox.path("old.json"), "old").unwrap();
    for name in ["new.json", "old.json"] {
        // A server that accepts and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let target = format!("http://{}", silent.local_addr().unwrap());
        let words = ["transfer", "cv", "ctf//acme.org/hello:1.0.0", &target, "--report", name];
        let mut child = sandbox.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let _connection = silent.accept().unwrap();
        assert!(!sandbox.path("new.json").exists(), "nothing was written yet");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!sandbox.path("new.json").exists());
    assert_eq!(sandbox.read("old.json"), "old");
    let left = fs::read_dir(sandbox.path("")).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(left.iter().all(|name| !name.starts_with(".ocm-")), "{left:?}");

    fs::create_dir(sandbox.path("closed")).unwrap();
    for path in ["closed", "nowhere/report.json"] {
        let said = sandbox.fails(&format!("transfer cv ctf//acme.org/hello:1.0.0 ./out --report {path}"), 1);
        assert!(said.contains("nothing was transferred"), "{said}");
        assert!(!sandbox.path("out").exists());
    }
    // Links and modes stay what they are.
    std::os::unix::fs::symlink("old.json", sandbox.path("link.json")).unwrap();
    sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --report link.json");
    assert!(sandbox.path("link.json").is_symlink());
    assert_eq!(json(&sandbox.read("old.json"))["totals"]["versionsMoved"], 1);
    sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --report /dev/null");
}

#[test]
fn a_target_is_a_repository() {
    let sandbox = Sandbox::hello();
    let hello = "ctf//acme.org/hello:1.0.0";
    for target in ["ghcr.io/acme//acme.org/hello:1.0.0", "./out//acme.org/hello"] {
        let repository = target.split_once("//").unwrap().0;
        for line in
            [format!("{hello} {target}"), format!("{hello} ./out --to {target}"), format!("{hello} {target} --dry-run")]
        {
            let said = sandbox.fails(&format!("transfer cv {line}"), 2);
            assert!(said.contains("names the component acme.org/hello"), "{said}");
            assert!(said.contains(&format!("hint: write the repository alone: {repository}\n")), "{said}");
        }
    }
    assert!(!sandbox.path("out").exists());
    sandbox.ok(&format!("transfer cv {hello} .//out"));
}

/// An interrupted transfer says what it has done, and shows nothing of it.
#[cfg(unix)]
#[test]
fn the_report_of_an_interrupted_transfer_lists_what_was_done() {
    let sandbox = Sandbox::new();
    let constructor = "name: acme.org/two\nversion: 1.0.0\nprovider: {name: p}\nresources:\n\
                       - {name: quick, type: plainText, input: {type: utf8, text: soon there}}\n\
                       - {name: slow, type: blob, input: {type: file, path: slow.bin}}\n";
    std::fs::write(sandbox.path("slow.bin"), vec![7; 16 << 20]).unwrap();
    sandbox.file("c.yaml", constructor).ok("add cv -c c.yaml -r ctf");
    let document = sandbox.ok("transfer cv ctf//acme.org/two:1.0.0 ./planned --dry-run");
    sandbox.file("spec.yaml", &document);
    for (line, target) in
        [("transfer cv ctf//acme.org/two:1.0.0 ./out", "out"), ("transfer cv --transfer-spec spec.yaml", "planned")]
    {
        let words: Vec<&str> = line.split(' ').chain(["--report", "report.json", "--bandwidth", "2MiB/s"]).collect();
        let mut child = sandbox.command(&words).stderr(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(3));
        assert!(child.try_wait().unwrap().is_none());
        let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let begin = std::time::Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{line}");
        assert!(begin.elapsed() < std::time::Duration::from_secs(4), "{line}");
        let report = json(&sandbox.read("report.json"));
        std::fs::remove_file(sandbox.path("report.json")).unwrap();
        assert_eq!(report["targets"][0]["outcome"], "failed", "{report}");
        assert_eq!(report["targets"][0]["reason"], "the transfer was interrupted");
        let element = |number: usize| &report["versions"][0]["elements"][number];
        assert_eq!((&element(0)["outcome"], &element(0)["bytes"]), (&"transferred".into(), &10.into()), "{report}");
        assert_eq!(element(1)["outcome"], "skipped", "{report}");
        sandbox.fails(&format!("get cv {target}//acme.org/two:1.0.0"), 3);
    }
}
