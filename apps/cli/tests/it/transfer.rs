use crate::sandbox::{HELLO, Sandbox};

#[test]
fn data_goes_to_stdout_and_talk_to_stderr() {
    let sandbox = Sandbox::hello();
    let ran = sandbox.run("transfer cv ctf//acme.org/hello:1.0.0 ./out");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("1 component version(s) transferred"), "{}", ran.stderr);
    assert!(sandbox.ok("get cv out").contains("acme.org/hello"));
    let report: serde_json::Value =
        serde_json::from_str(&sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out -o json")).unwrap();
    assert_eq!(report["totals"]["versionsPresent"], 1);
}

#[test]
fn a_dry_run_prints_a_document_and_writes_nothing() {
    let sandbox = Sandbox::hello();
    let ran = sandbox.run("transfer cv ctf//acme.org/hello:1.0.0 ./out --dry-run");
    assert!(ran.stdout.starts_with("environment:\n  transformAcmeOrgHello100:\n"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("1 component version(s) to transfer, 0 already there; 1 blob(s) of 11 B to move"),
        "{}",
        ran.stderr
    );
    assert!(!sandbox.path("out").exists());
}

#[test]
fn the_document_of_a_dry_run_can_be_edited_and_carried_out() {
    let sandbox = Sandbox::tree();
    let document = sandbox.ok("transfer cv -r ctf//acme.org/root:1.0.0 ./out --dry-run");
    sandbox
        .file("spec.yaml", &document)
        .file("edited.yaml", &document.replace("filePath: ./out", "filePath: ./elsewhere"));
    assert_eq!(sandbox.ok("transfer cv --transfer-spec spec.yaml --dry-run"), document);
    let json = sandbox.ok("transfer cv --transfer-spec spec.yaml --dry-run -o json");
    sandbox.file("spec.json", &json);
    assert_eq!(sandbox.ok("transfer cv --transfer-spec spec.json --dry-run"), document);
    assert!(!sandbox.path("out").exists());
    sandbox.ok("transfer cv --transfer-spec edited.yaml");
    assert!(sandbox.ok("get cv -r elsewhere//acme.org/root:1.0.0").contains("acme.org/root"));
    assert!(!sandbox.path("out").exists());
    let report: serde_json::Value =
        serde_json::from_str(&sandbox.ok("transfer cv --transfer-spec spec.json -o json")).unwrap();
    assert_eq!((&report["totals"]["versionsMoved"], &report["target"]), (&3.into(), &"./out".into()));
    sandbox.file("other.yaml", &document.replace("provider: acme.org", "provider: other.org"));
    sandbox.fails("transfer cv --transfer-spec other.yaml", 4);
    sandbox.fails("transfer cv --transfer-spec other.yaml --no-update", 4);
    sandbox.ok("transfer cv --transfer-spec other.yaml --overwrite");
}

#[test]
fn a_document_stands_alone_and_errors_name_it() {
    let sandbox = Sandbox::hello();
    let document = sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --dry-run");
    sandbox
        .file("spec.yaml", &document)
        .file("garbage.yaml", "a: [")
        .file("wrong.yaml", &document.replace("CTFAdd", "CTFOdd"));
    let fails = |line: &str, status: i32, text: &str| {
        let ran = sandbox.run(line);
        assert_eq!(ran.status, status, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(text), "{line}: {}", ran.stderr);
    };
    fails(
        "transfer cv --transfer-spec spec.yaml a b",
        2,
        "positional arguments are not allowed when --transfer-spec is set",
    );
    fails(
        "transfer cv --transfer-spec spec.yaml -r --copy-resources -u ociArtifact",
        2,
        "--recursive, --copy-resources, --upload-as cannot be",
    );
    for (flags, text) in [
        ("--upload-name x", "the --dry-run that writes the document"),
        ("--to other", "the --dry-run that writes the document"),
        ("--platform linux/amd64", "transfer by references instead of a document"),
        ("--with referrers", "transfer by references instead of a document"),
        ("--split 1MiB -r", "a document cannot say all of this"),
    ] {
        fails(&format!("transfer cv --transfer-spec spec.yaml {flags}"), 2, text);
    }
    fails("transfer cv --transfer-spec none.yaml", 2, "reading transfer spec file \"none.yaml\"");
    fails("transfer cv --transfer-spec garbage.yaml", 2, "parsing transfer spec: garbage.yaml:1:");
    fails(
        "transfer cv --transfer-spec wrong.yaml",
        2,
        "parsing transfer spec: wrong.yaml:37:3: transformation transformAcmeOrgHello100AddtransformGreeting100 [CTFOddLocalResource/v1alpha1]: the type is unknown",
    );
    fails("transfer cv", 2, "");
    assert!(!sandbox.path("out").exists());
}

#[test]
fn other_content_is_refused_unless_told_to_overwrite() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("hello world", "bye")).ok("add cv -c other.yaml -r other");
    sandbox.ok("transfer ctf ctf out");
    sandbox.fails("transfer ctf other out", 4);
    sandbox.ok("transfer ctf other out -f");
    sandbox.fails("transfer cv ctf//acme.org/hello:9.0.0 out", 3);
}

#[test]
fn the_older_program_reports_on_stdout() {
    let sandbox = Sandbox::tree();
    let steps = sandbox.ok("transfer cv --compat v1 -r ctf//acme.org/root:1.0.0 out");
    assert_eq!(steps.lines().last(), Some("3 versions transferred"));
    let again = sandbox.ok("transfer ctf ctf out");
    assert_eq!(again.matches("already present -> skip transport").count(), 3);
}
