//! What a newcomer met who tried every flag of `transfer` and its neighbours with wrong input.

use crate::sandbox::Sandbox;

#[test]
fn a_document_is_not_carried_out_unverified_where_verification_was_asked_for() {
    let sandbox = Sandbox::hello();
    let document = sandbox.ok("transfer cv ctf ./out --dry-run");
    sandbox.file("spec.yaml", &document);
    for flags in ["--verify", "--require release", "--public-key key.pem"] {
        let message = sandbox.fails(&format!("transfer cv --transfer-spec spec.yaml {flags}"), 2);
        assert!(message.contains("cannot be used together with --transfer-spec"), "{flags}: {message}");
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn keys_and_policies_without_verification_are_refused() {
    let sandbox = Sandbox::hello();
    for flags in [
        "--public-key key.pem",
        "--tsa-cert roots.pem",
        "--issuer acme",
        "--allow-algorithm RSASSA-PSS",
        "--allow-normalisation jsonNormalisation/v4alpha1",
        "--minimum-key-size 3072",
        "--at 2026-01-01T00:00:00Z",
        "--certificate-oidc-issuer https://issuer.example",
        "--trusted-root root.json",
        "--keyless",
    ] {
        let message = sandbox.fails(&format!("transfer cv ctf ./out {flags}"), 2);
        assert!(message.contains("nothing is verified") && message.contains("add --verify"), "{flags}: {message}");
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn flags_that_change_nothing_are_named() {
    let sandbox = Sandbox::hello();
    for (number, (flags, flag)) in [
        ("--upload-name x", "--upload-name"),
        ("--on-collision suffix-host", "--on-collision"),
        ("--access-style absolute", "--access-style"),
        ("--global-access auto", "--global-access"),
    ]
    .into_iter()
    .enumerate()
    {
        let ran = sandbox.run(&format!("transfer cv ctf ./out{number} {flags}"));
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("{flag} has no effect: ")), "{flags}: {}", ran.stderr);
    }
    // An archive has no names for images, whoever asks for them.
    let ran = sandbox.run("transfer cv ctf ./plain --upload-as ociArtifact --upload-name x --type tar");
    assert_eq!(ran.stderr.matches("has no effect: in an archive").count(), 2, "{}", ran.stderr);
    let registry = ocm_testkit::TestRegistry::start().unwrap();
    let target = registry.url();
    let ran = sandbox
        .run(&format!("transfer cv ctf {target} --to ./both --upload-as ociArtifact --upload-name x --type tar"));
    assert!(ran.status == 0 && !ran.stderr.contains("has no effect"), "{}", ran.stderr);
    // What lies in its component version stays there.
    assert_eq!(ran.stderr.matches("--copy-resources is missing").count(), 1, "{}", ran.stderr);
    let ran = sandbox.run(&format!("transfer cv ctf {target}/all --copy-resources --upload-as ociArtifact"));
    assert!(ran.status == 0 && !ran.stderr.contains("is missing"), "{}", ran.stderr);
    for (template, reason) in [
        ("{{.Name", "is not closed"),
        ("a}}", "is missing before it"),
        ("{{.Nme}}", "there are .Host"),
        ("", "is empty"),
    ] {
        let said = sandbox.fails(&format!("transfer cv ctf {target} -u ociArtifact --upload-name {template}"), 2);
        assert!(said.contains("--upload-name: template") && said.contains(reason), "{said}");
    }
}

#[test]
fn a_base_is_a_list_of_either_form() {
    let sandbox = Sandbox::hello();
    let list = sandbox.ok("get inventory ctf -o yaml");
    sandbox.file("list.yaml", &list).file("wrong.json", "[]").file("wrong.yaml", "hello");
    let ran = sandbox.run("transfer cv ctf ./out.tar --since list.yaml");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing new to carry: no archive is written"), "{}", ran.stderr);
    assert!(!sandbox.path("out.tar").exists());
    for (list, reason) in
        [("wrong.json", "is no inventory"), ("wrong.yaml", "is no inventory"), ("no.json", "no such file")]
    {
        let message = sandbox.fails(&format!("transfer cv ctf ./out.tar --since {list}"), 2);
        assert!(message.contains(reason) && message.contains("get inventory"), "{list}: {message}");
    }
}

#[test]
fn the_list_and_the_report_do_not_overwrite_each_other() {
    let sandbox = Sandbox::hello();
    let message = sandbox.fails("transfer cv ctf ./out --bom-file same.json --report same.json", 2);
    assert!(message.contains("--bom-file and --report both name same.json"), "{message}");
    assert!(!sandbox.path("out").exists() && !sandbox.path("same.json").exists());
}

#[test]
fn neither_the_list_nor_the_report_replaces_an_archive() {
    let sandbox = Sandbox::hello();
    for (words, reason) in [
        ("./out.tar --report out.tar", "names the target"),
        ("ctf::./out.tar --report ./out.tar", "names the target"),
        ("./first --to ./out.tar --bom-file out.tar", "names the target"),
        ("./out.tar --split 1MiB --report out.tar.001", "is an archive by now"),
    ] {
        let message = sandbox.fails(&format!("transfer cv ctf {words}"), if words.contains("--split") { 1 } else { 2 });
        assert!(message.contains(reason), "{words}: {message}");
        assert_eq!(sandbox.path("out.tar.001").exists(), words.contains("--split"), "{words}");
    }
    sandbox.ok("list cv out.tar");
    sandbox.ok("transfer cv ctf ./source.tgz");
    let message = sandbox.fails("transfer cv source.tgz//acme.org/hello:1.0.0 ./out --report source.tgz", 2);
    assert!(message.contains("--report source.tgz: is an archive"), "{message}");
    sandbox.ok("list cv source.tgz");
    let blob = std::fs::read_dir(sandbox.path("ctf/blobs")).unwrap().next().unwrap().unwrap().file_name();
    for file in ["ctf/artifact-index.json".to_owned(), format!("ctf/blobs/{}", blob.display())] {
        let message = sandbox.fails(&format!("transfer cv ctf//acme.org/hello:1.0.0 ./out --report {file}"), 2);
        assert!(message.contains("is a file of an archive"), "{message}");
    }
    assert!(!sandbox.path("out").exists());
    sandbox.ok("check cv ctf --content");
}

#[test]
fn what_is_said_twice_in_different_words_is_refused() {
    let sandbox = Sandbox::hello();
    for line in ["check cv ctf -R --resources anywhere", "check cv ctf -S --sources anywhere"] {
        let message = sandbox.fails(line, 2);
        assert!(message.contains("cannot be used with"), "{line}: {message}");
    }
}

#[test]
fn a_wrong_value_leads_to_the_help_of_its_command() {
    let sandbox = Sandbox::new();
    for (line, command) in [
        ("transfer cv a b --on-collision x", "ocm transfer component-version"),
        ("check cv a --resources x", "ocm check component-version"),
        ("get inventory a -o table", "ocm get inventory"),
    ] {
        let message = sandbox.fails(line, 2);
        assert!(message.contains(&format!("\"{command} --help\" shows the usage")), "{line}: {message}");
    }
    for number in ["0", "x", "99999999999999999999"] {
        let message = sandbox.fails(&format!("transfer cv a b --max-concurrency {number}"), 2);
        assert!(message.contains("a whole number from 1 to"), "{message}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_larger_than_the_shell_allows_is_a_failure_and_no_crash() {
    let sandbox = Sandbox::new();
    let large = sandbox.path("large.bin");
    std::fs::File::create(&large).unwrap().set_len(300_000).unwrap();
    let constructor = "name: acme.org/large\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
                       - {name: large, type: blob, input: {type: file, path: large.bin}}\n";
    sandbox.file("large.yaml", constructor).ok("add cv -c large.yaml -r ctf");
    for target in ["./out", "./out.tar"] {
        let program = env!("CARGO_BIN_EXE_ocm");
        let line = format!("ulimit -f 100; exec {program} transfer cv ctf {target}");
        let ran =
            std::process::Command::new("bash").args(["-c", &line]).current_dir(sandbox.path(".")).output().unwrap();
        let message = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{message}");
        assert!(message.contains("File too large"), "{message}");
        let left: Vec<_> =
            std::fs::read_dir(sandbox.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("staging")), "{left:?}");
    }
}

#[test]
fn a_source_that_does_not_answer_is_called_the_source() {
    let sandbox = Sandbox::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for what in ["//acme.org/hello:1.0.0", "//acme.org/hello"] {
        for flags in ["", " --dry-run"] {
            let said = sandbox.fails(&format!("transfer cv http://{closed}{what} ./out{flags}"), 8);
            assert!(said.contains(&format!("Error: source {closed}/")) && said.contains("hint: "), "{said}");
        }
    }
}
