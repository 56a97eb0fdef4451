//! Content of GitHub, S3, npm and Maven in a transfer: it comes to lie with its component version under the digest it had, or
//! the reason why not is told; where it was not asked for, it stays where it is.

use serde_json::Value;

use crate::accesses::Web;
use crate::sandbox::Sandbox;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The name of a kind, its access, what else a server of it answers, and where the content is.
type Kind = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

/// What a server of each kind has, and the access that leads to it. `{}` is the address of the server.
const KINDS: [Kind; 4] = [
    (
        "commit",
        "type: gitHub, repoUrl: '{}/acme/app', commit: 0123456789abcdef0123456789abcdef01234567",
        &[("/api/v3/repos/acme/app/tarball/0123456789abcdef0123456789abcdef01234567", "{}/archive")],
        "/archive",
    ),
    ("object", "type: s3/v1, bucket: data, key: a/b, endpoint: '{}'", &[], "/data/a/b"),
    (
        "package",
        "type: npm, registry: '{}/npm', package: '@acme/pkg', version: 1.0.0",
        &[(
            "/npm/@acme%2Fpkg/1.0.0",
            r#"{"name": "@acme/pkg", "version": "1.0.0", "dist": {"tarball": "{}/npm/pkg.tgz"}}"#,
        )],
        "/npm/pkg.tgz",
    ),
    (
        "jar",
        "type: maven, repoUrl: '{}/maven', groupId: org.acme, artifactId: app, version: '1.0', classifier: all, extension: jar",
        &[],
        "/maven/org/acme/app/1.0/app-1.0-all.jar",
    ),
];

/// An archive `ctf` with one resource of this kind, and the server that has its content.
fn referring(access: &str, answers: &[(&str, &str)], content: &str) -> (Sandbox, Web, String) {
    let (sandbox, (web, address)) = (Sandbox::new(), Web::start());
    for (path, answer) in answers {
        web.put(path, answer.replace("{}", &address));
    }
    web.put(content, "the content");
    let access = access.replace("{}", &address);
    sandbox.file(
        "c.yaml",
        &format!(
            "name: acme.org/x\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n\
             - {{name: res, type: blob, version: 1.0.0, access: {{{access}}}}}\n"
        ),
    );
    sandbox.ok("add cv -c c.yaml -r ctf");
    (sandbox, web, address)
}

fn resource(sandbox: &Sandbox, place: &str) -> Value {
    let printed = sandbox.ok(&format!("get cv {place}//acme.org/x:1.0.0 -o json"));
    serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"][0].take()
}

#[test]
fn content_comes_along_under_its_digest() {
    for (name, access, answers, content) in KINDS {
        let (sandbox, web, address) = referring(access, answers, content);
        let before = resource(&sandbox, "ctf");
        let digest = before["digest"]["value"].as_str().unwrap();
        sandbox.ok("transfer cv --copy-resources ctf//acme.org/x:1.0.0 ./out");
        let after = resource(&sandbox, "out");
        assert_eq!(after["digest"], before["digest"], "{name}");
        assert!(after["access"]["type"].as_str().unwrap().starts_with("LocalBlob"), "{name}: {after}");
        assert_eq!(after["access"]["localReference"], format!("sha256:{digest}"), "{name}");
        assert!(!after.to_string().contains(&address), "{name}: {after}");
        // Whoever has it needs its origin no more.
        web.remove(content);
        sandbox.ok("check cv out//acme.org/x:1.0.0 --resources local");
        sandbox.ok("transfer cv out//acme.org/x:1.0.0 ./further");
        sandbox.ok("download resource further//acme.org/x:1.0.0 --identity name=res --extraction-policy disable --output content");
        assert_eq!(sandbox.read("content"), "the content", "{name}");
    }
    assert!(KINDS[0].1.contains(COMMIT));
}

#[test]
fn content_that_has_changed_is_refused() {
    for (name, access, answers, content) in KINDS {
        let (sandbox, web, _) = referring(access, answers, content);
        web.put(content, "something else");
        for line in [
            "transfer cv --copy-resources ctf//acme.org/x:1.0.0 ./out",
            "transfer cv --copy-resources ctf//acme.org/x:1.0.0 ./other --to ./out",
        ] {
            let status = if line.contains("--to") { 7 } else { 5 };
            let message = sandbox.fails(line, status);
            let digest = resource(&sandbox, "ctf")["digest"]["value"].as_str().unwrap().to_owned();
            assert!(message.contains("res") && message.contains(&digest), "{name}: {message}");
            sandbox.fails("get cv out//acme.org/x:1.0.0", 3);
        }
    }
}

#[test]
fn content_that_is_gone_is_named() {
    for (name, access, answers, content) in KINDS {
        let (sandbox, web, address) = referring(access, answers, content);
        web.remove(content);
        let message = sandbox.fails("transfer cv --copy-resources ctf//acme.org/x:1.0.0 ./out --report report.json", 3);
        let host = address.trim_start_matches("http://");
        assert!(message.contains("res") && message.contains("404") && message.contains(host), "{name}: {message}");
        assert!(sandbox.read("report.json").contains("404"), "{name}");
        sandbox.fails("get cv out//acme.org/x:1.0.0", 3);
    }
}

#[test]
fn a_server_that_does_not_answer_is_named() {
    let gone = { ocm_testkit::TestRegistry::start().unwrap().url() };
    for (name, access, answers, content) in KINDS {
        let (sandbox, _web, address) = referring(access, answers, content);
        // The same component version, recorded with the address of nobody.
        let text = sandbox.read("c.yaml").replace(&address, &gone);
        let digest = resource(&sandbox, "ctf")["digest"].to_string();
        let text = text.replace("version: 1.0.0, access", &format!("version: 1.0.0, digest: {digest}, access"));
        sandbox.file("gone.yaml", &text).ok("add cv -c gone.yaml -r gone --skip-reference-digest-processing");
        let message = sandbox.fails("transfer cv --copy-resources gone//acme.org/x:1.0.0 ./out", 8);
        let host = gone.trim_start_matches("http://");
        assert!(message.contains("res") && message.contains(host), "{name}: {message}");
    }
}

#[test]
fn content_that_was_not_asked_for_is_listed() {
    for (name, access, answers, content) in KINDS {
        let (sandbox, _web, address) = referring(access, answers, content);
        let kind = access.trim_start_matches("type: ").split(',').next().unwrap();
        for (flags, reason) in [
            (String::new(), "content of resources was not asked for"),
            (format!("--copy-resources --omit-access-types {kind}"), "its access type is to be left out"),
        ] {
            let line = format!("transfer cv {flags} ctf//acme.org/x:1.0.0 ./out -o json").replace("  ", " ");
            let report: Value = serde_json::from_str(&sandbox.ok(&line)).unwrap();
            let element = &report["versions"][0]["elements"][0];
            assert_eq!((&element["outcome"], &element["reason"]), (&"left".into(), &reason.into()), "{name} {flags}");
            assert_eq!(report["totals"]["leftByReference"], 1, "{name} {flags}");
            assert_eq!(resource(&sandbox, "out"), resource(&sandbox, "ctf"), "{name} {flags}");
            std::fs::remove_dir_all(sandbox.path("out")).unwrap();
        }
        assert!(resource(&sandbox, "ctf").to_string().contains(&address), "{name}");
    }
}

#[test]
fn sources_come_along_when_asked_for() {
    for (name, access, answers, content) in KINDS {
        let (sandbox, _web, address) = referring(access, answers, content);
        let text = sandbox.read("c.yaml").replace("resources:", "sources:").replace("type: blob", "type: git");
        sandbox.file("s.yaml", &text).ok("add cv -c s.yaml -r sources");
        let source = |place: &str| sandbox.ok(&format!("get cv {place}//acme.org/x:1.0.0 -o yaml"));
        sandbox.ok("transfer cv --copy-resources sources//acme.org/x:1.0.0 ./left");
        assert!(source("left").contains(&address), "{name}");
        sandbox.ok("transfer cv --copy-sources sources//acme.org/x:1.0.0 ./copied");
        let copied = source("copied");
        assert!(!copied.contains(&address) && copied.contains("localReference: sha256:"), "{name}: {copied}");
        sandbox.ok("check cv copied//acme.org/x:1.0.0 --sources local");
    }
}
