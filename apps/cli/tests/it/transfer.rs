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
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let sandbox = Sandbox::hello();
    assert!(sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --dry-run").contains("versions:"));
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
