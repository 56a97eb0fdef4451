//! Each flag of `transfer --transfer-spec` does what it says, or is refused, because the document says it.

use ocm_testkit::{TestRegistry, fixtures};

use crate::flags_transfer::images;
use crate::images::registry;
use crate::sandbox::{HELLO, Sandbox, json};

#[test]
fn documents_are_carried_out_with_the_flags_that_say_how() {
    let (registry, _) = registry(1);
    let sandbox = images(&registry);
    let line = "transfer cv --transfer-spec spec.yaml";
    let document = sandbox.ok("transfer cv --copy-resources ctf//acme.org/a:1.0.0 ./out --dry-run");
    sandbox.file("spec.yaml", &document);
    let report = sandbox.json(&format!("{line} --report report.json -B bill.json -o json"));
    assert_eq!(report["totals"]["versionsMoved"], 1);
    assert_eq!(json(&sandbox.read("report.json")), report);
    assert!(sandbox.read("bill.json").contains("acme.org/a"));
    assert!(sandbox.ok(&format!("{line} -o yaml")).contains("versionsPresent: 1"));
    assert_eq!(sandbox.ok(&format!("{line} -o ndjson")).lines().count(), 1);
    // A transfer that fails says so in its report, too.
    sandbox.file("spec.yaml", &document.replace("provider: acme.org", "provider: other.org"));
    sandbox.fails(&format!("{line} --report failed.yaml"), 4);
    assert!(sandbox.read("failed.yaml").contains("outcome: failed"), "{}", sandbox.read("failed.yaml"));
    sandbox.fails(&format!("{line} --no-update"), 4);
    let replaced = |flag: &str| sandbox.json(&format!("{line} {flag} -o json"));
    assert_eq!(replaced("--overwrite")["versions"][0]["difference"], "the provider differs");
    sandbox.file("spec.yaml", &document);
    assert_eq!(replaced("--enforce")["versions"][0]["action"], "replace");
    assert_eq!(replaced("--enforce")["versions"][0]["action"], "replace", "what is the same is written again, too");
}

#[test]
fn documents_go_no_faster_than_others() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("big"), fixtures::bytes(1, 1_000_000)).unwrap();
    let big = HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: big");
    sandbox.file("c.yaml", &big).ok("add cv -c c.yaml -r ctf");
    let target = TestRegistry::start().unwrap();
    let document = sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 {}/t --dry-run", target.url()));
    sandbox.file("spec.yaml", &document);
    let begin = std::time::Instant::now();
    sandbox.ok("transfer cv --transfer-spec spec.yaml --bandwidth 500kB/s");
    assert!(begin.elapsed().as_secs_f64() > 1.8, "{:?}", begin.elapsed());
}

#[test]
fn documents_say_themselves_what_is_transferred() {
    let sandbox = Sandbox::hello();
    let document = sandbox.ok("transfer cv ctf ./out --dry-run");
    sandbox.file("spec.yaml", &document);
    for flag in [
        "-r",
        "-V",
        "-V=false",
        "-L",
        "--copy-sources",
        "-u localBlob",
        "--disable-uploads",
        "--upload-name x",
        "--on-collision suffix-host",
        "--access-style absolute",
        "--global-access auto",
        "--repository-contexts drop",
        "--platform linux/amd64",
        "--with referrers",
        "-N s3",
        "-t tar",
        "--split 1MiB",
        "--since x",
        "--verify",
        "--require x",
        "-k a.pub",
        "--ca-cert x",
        "--tsa-cert x",
        "-I x",
        "--allow-algorithm x",
        "--allow-normalisation x",
        "--minimum-key-size 4096",
        "--at 2026-01-01T00:00:00Z",
        "--certificate-identity x",
        "--certificate-identity-regexp x",
        "--certificate-oidc-issuer x",
        "--certificate-oidc-issuer-regexp x",
        "--trusted-root x",
        "--keyless",
        "--to ./other",
        "-c 1.0.0",
        "--latest",
        "--repo x",
        "--lookup x",
    ] {
        let message = sandbox.fails(&format!("transfer cv --transfer-spec spec.yaml {flag}"), 2);
        assert!(message.contains("cannot be used together with --transfer-spec"), "{flag}: {message}");
    }
    assert!(!sandbox.path("out").exists());
}
