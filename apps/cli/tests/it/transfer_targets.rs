//! Several targets, the report file, and transfers that must carry everything.

use ocm_testkit::{Class, Fault, TestRegistry};
use serde_json::Value;

use crate::accesses::Web;
use crate::images::{constructor, registry, resource};
use crate::sandbox::{HELLO, Sandbox, json};

#[test]
fn several_references_go_to_several_targets() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("acme.org/hello", "acme.org/other")).ok("add cv -c other.yaml -r ctf");
    let report = json(&sandbox.ok(
        "transfer cv ctf//acme.org/hello:1.0.0 ctf//acme.org/other:1.0.0 ./one --to ./two --to ctf::three -o json",
    ));
    assert_eq!(report["targets"].as_array().unwrap().len(), 3);
    assert_eq!(report["totals"]["versionsMoved"], 6);
    for archive in ["one", "two", "three"] {
        assert_eq!(sandbox.ok(&format!("get cv {archive} -o ndjson")).lines().count(), 2, "{archive}");
    }
}

#[test]
fn the_document_for_several_targets_numbers_them() {
    let sandbox = Sandbox::hello();
    let document = sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./one --to ./two --dry-run");
    assert!(document.contains("id: transformAcmeOrgHello100T0Upload"), "{document}");
    assert!(document.contains("id: transformAcmeOrgHello100T1Upload"), "{document}");
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    for archive in ["one", "two"] {
        assert!(sandbox.ok(&format!("get cv {archive}")).contains("acme.org/hello"));
    }
    sandbox.fails("transfer cv --transfer-spec spec.yaml --to ./three", 2);
}

#[test]
fn a_target_that_fails_is_named_and_keeps_nobody() {
    let sandbox = Sandbox::hello();
    let (good, bad) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    bad.fault(Fault::status(403).of("PUT", Class::Upload));
    let line = format!(
        "transfer cv ctf//acme.org/hello:1.0.0 {}/t --to {}/t --to ./archive --report report.json",
        bad.url(),
        good.url()
    );
    let said = sandbox.fails(&line, 7);
    assert!(said.contains(&bad.address()), "{said}");
    assert!(sandbox.ok("get cv archive").contains("acme.org/hello"));
    assert!(sandbox.ok(&format!("get cv {}/t//acme.org/hello:1.0.0", good.url())).contains("acme.org/hello"));
    sandbox.fails(&format!("get cv {}/t//acme.org/hello:1.0.0", bad.url()), 3);

    let report = json(&sandbox.read("report.json"));
    let outcomes: Vec<_> = report["targets"].as_array().unwrap().iter().map(|target| &target["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "transferred", "transferred"]);
    assert!(report["targets"][0]["reason"].as_str().unwrap().contains("403"), "{report}");
    assert_eq!((&report["totals"]["versionsMoved"], &report["totals"]["versionsFailed"]), (&2.into(), &1.into()));
}

#[test]
fn a_target_that_does_not_answer_keeps_nobody() {
    let sandbox = Sandbox::hello();
    let gone = { TestRegistry::start().unwrap().url() };
    let said = sandbox.fails(&format!("transfer cv ctf//acme.org/hello:1.0.0 ./archive --to {gone}/t"), 7);
    assert!(said.contains(gone.trim_start_matches("http://")), "{said}");
    assert!(sandbox.ok("get cv archive").contains("acme.org/hello"));
    sandbox.fails(&format!("transfer cv ctf//acme.org/hello:1.0.0 {gone}/t"), 8);
}

#[test]
fn a_target_of_a_document_that_cannot_be_reached_keeps_nobody() {
    let sandbox = Sandbox::hello();
    let gone = { TestRegistry::start().unwrap().url() };
    sandbox.file("broken/artifact-index.json", "{}").file("no-folder", "text");
    for (number, bad) in [format!("{gone}/t"), "./broken".to_owned(), "./no-folder".to_owned()].iter().enumerate() {
        let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {bad} --to ./good{number} --dry-run");
        sandbox.file("spec.yaml", &sandbox.run(&line).stdout);
        let said = sandbox.fails("transfer cv --transfer-spec spec.yaml --report report.json", 7);
        let name = bad.trim_start_matches("http://").trim_start_matches("./");
        assert!(said.contains("1 of 2 targets did not get everything") && said.contains(name), "{said}");
        assert!(sandbox.ok(&format!("get cv good{number}")).contains("acme.org/hello"), "{bad}");
        let report = json(&sandbox.read("report.json"));
        let outcomes: Vec<_> = report["targets"].as_array().unwrap().iter().map(|target| &target["outcome"]).collect();
        assert_eq!(outcomes, ["failed", "transferred"], "{report}");
        assert!(report["targets"][0]["address"].as_str().unwrap().contains(name), "{report}");
        assert_eq!((&report["totals"]["versionsMoved"], &report["totals"]["versionsFailed"]), (&1.into(), &1.into()));

        // Alone, it is the failure.
        let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {bad} --dry-run");
        sandbox.file("one.yaml", &sandbox.run(&line).stdout);
        let alone = sandbox.run("transfer cv --transfer-spec one.yaml");
        assert!(alone.status != 0 && alone.status != 7 && alone.stderr.contains(name), "{}", alone.stderr);
    }
}

#[test]
fn a_report_that_would_replace_a_target_is_refused_before_anything_happens() {
    let sandbox = Sandbox::hello();
    for target in ["out.tgz", "./out"] {
        let document = sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 {target} --dry-run"));
        sandbox.file("spec.yaml", &document);
        let direct = format!("transfer cv ctf//acme.org/hello:1.0.0 {target}");
        for line in [direct.as_str(), "transfer cv --transfer-spec spec.yaml"] {
            for flag in ["--report", "--bom-file"] {
                let said = sandbox.fails(&format!("{line} {flag} {target}"), 2);
                assert!(said.contains(&format!("{flag} names the target")), "{said}");
                assert!(!sandbox.path(target).exists(), "{line}");
            }
        }
    }
    // Neither may it take the place of a part of one.
    sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out");
    let index = sandbox.read("out/artifact-index.json");
    for line in ["transfer cv ctf//acme.org/hello:1.0.0 ./out", "transfer cv --transfer-spec spec.yaml"] {
        let said = sandbox.fails(&format!("{line} --report out/artifact-index.json"), 2);
        assert!(said.contains("--report out/artifact-index.json: lies in the target"), "{said}");
    }
    assert_eq!(sandbox.read("out/artifact-index.json"), index);
}

#[test]
fn the_report_lists_every_item_and_is_written_on_failure() {
    let sandbox = Sandbox::hello();
    sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --report report.json");
    let report = json(&sandbox.read("report.json"));
    let element = &report["versions"][0]["elements"][0];
    assert_eq!(
        (&element["outcome"], &element["blobs"], &element["bytes"]),
        (&"transferred".into(), &1.into(), &11.into())
    );
    assert_eq!(report["versions"][0]["outcome"], "transferred");

    sandbox.ok("transfer ctf ctf out --report again.yaml");
    assert!(sandbox.read("again.yaml").contains("versionsPresent: 1"), "{}", sandbox.read("again.yaml"));

    sandbox.file("c.yaml", &HELLO.replace("hello world", "hello moon")).ok("add cv -c c.yaml -r changed");
    sandbox.fails("transfer cv changed//acme.org/hello:1.0.0 ./out --report failed.json", 4);
    let failed = json(&sandbox.read("failed.json"));
    assert_eq!(failed["targets"][0]["outcome"], "failed");
    assert!(failed["targets"][0]["reason"].as_str().unwrap().contains("exists"), "{failed}");
    let skipped = &failed["versions"][0];
    assert_eq!((&skipped["component"], &skipped["outcome"]), (&"acme.org/hello".into(), &"skipped".into()), "{failed}");
    assert_eq!(failed["totals"]["versionsFailed"], 1);

    sandbox.fails("transfer ctf ctf elsewhere --report nowhere/report.json", 1);
    assert!(!sandbox.path("elsewhere").exists());
}

/// An archive with a resource of an access type that nobody knows, and an image by reference.
fn unknown() -> (TestRegistry, Sandbox) {
    let (registry, _) = registry(1);
    let sandbox = Sandbox::new();
    let strange = "- {name: strange, type: blob, version: 1.0.0, access: {type: strange/v1, where: there}}\n";
    let resources = format!("{strange}{}", resource("image", &registry));
    sandbox.file("c.yaml", &constructor("acme.org/a", &resources)).ok("add cv -c c.yaml -r ctf");
    (registry, sandbox)
}

#[test]
fn strict_refuses_to_leave_content_behind_before_anything_is_written() {
    let (_registry, sandbox) = unknown();
    let said = sandbox.fails("transfer cv -V --strict ctf//acme.org/a:1.0.0 ./strict", 7);
    assert!(said.contains("resource strange of acme.org/a:1.0.0: access type strange/v1"), "{said}");
    assert!(sandbox.fails("get cv strict//acme.org/a:1.0.0", 3).contains("strict"));
    let said = sandbox.fails("transfer cv -V --strict --dry-run ctf//acme.org/a:1.0.0 ./strict", 7);
    assert!(said.contains("resource strange"), "{said}");

    let ran = sandbox.run("transfer cv --copy-resources ctf//acme.org/a:1.0.0 ./out");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("resource strange of acme.org/a:1.0.0 stays by reference"), "{}", ran.stderr);
    // What is there already is no excuse.
    sandbox.fails("transfer cv -V --strict ctf//acme.org/a:1.0.0 ./out", 7);
    // What was not asked for is not left behind.
    sandbox.ok("transfer cv --strict ctf//acme.org/a:1.0.0 ./plain");
    let document = sandbox.ok("transfer cv ctf//acme.org/a:1.0.0 ./lenient --dry-run");
    sandbox.file("lenient.yaml", &document);
    let said = sandbox.fails("transfer cv --transfer-spec lenient.yaml --strict", 7);
    assert!(said.contains("the document leaves it where it is"), "{said}");
    sandbox.ok("transfer cv --transfer-spec lenient.yaml");
    let said = sandbox.fails("transfer cv -V --strict -N ociArtifact ctf//acme.org/a:1.0.0 ./omitted", 7);
    assert!(said.contains("resource image"), "{said}");
}

#[test]
fn what_others_can_find_in_spite_of_a_failure_is_reported_so() {
    let sandbox = Sandbox::tree();
    let target = TestRegistry::start().unwrap();
    // The leaf comes first, then what refers to it.
    target.fault(Fault::status(403).of("PUT", Class::Manifest).every(2).once());
    let line = format!("transfer cv -r ctf//acme.org/root:1.0.0 {} --report report.json", target.url());
    let ran = sandbox.run(&line);
    assert_eq!(ran.status, 6, "{}", ran.stderr);
    let report = json(&sandbox.read("report.json"));
    let versions = report["versions"].as_array().unwrap();
    let outcomes: Vec<_> = versions.iter().map(|version| (&version["component"], &version["outcome"])).collect();
    let expected = [("leaf", "transferred"), ("mid", "failed"), ("root", "skipped")];
    let expected = expected.map(|(name, outcome)| (Value::from(format!("acme.org/{name}")), Value::from(outcome)));
    assert_eq!(outcomes, expected.iter().map(|(name, outcome)| (name, outcome)).collect::<Vec<_>>(), "{report}");
    assert_eq!((&report["totals"]["versionsMoved"], &report["totals"]["versionsFailed"]), (&1.into(), &2.into()));
    sandbox.ok(&format!("get cv {}//acme.org/leaf:0.1.0", target.url()));
    for (name, outcome) in [("leaf:0.1.0", "completed"), ("mid:0.1.0", "failed"), ("root:1.0.0", "failed")] {
        let told = format!("transfer: item {outcome}\" item=acme.org/{name}");
        assert!(ran.stderr.contains(&told), "{told}: {}", ran.stderr);
    }
}

#[test]
fn the_report_counts_attempts() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("big"), ocm_testkit::fixtures::bytes(1, 200_000)).unwrap();
    let big = HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: big");
    sandbox.file("c.yaml", &big).ok("add cv -c c.yaml -r ctf");
    let (web, address) = Web::start();
    web.put("/big", ocm_testkit::fixtures::bytes(2, 200_000).to_vec());
    let remote = format!("access: {{type: wget, url: '{address}/big'}}");
    let remote = HELLO.replace("input:\n    type: utf8\n    text: hello world", &format!("version: 1.0.0\n  {remote}"));
    sandbox.file("c.yaml", &remote).ok("add cv -c c.yaml -r remote");
    for (source, broken) in [("ctf", 0), ("ctf", 2), ("remote", 0), ("remote", 2)] {
        let target = TestRegistry::start().unwrap();
        for method in ["PUT", "PATCH"] {
            target.fault(Fault::cut(100_000).of(method, Class::Upload).times(broken));
        }
        sandbox.ok(&format!(
            "transfer cv --copy-resources {source}//acme.org/hello:1.0.0 {}/t --report report.json",
            target.url()
        ));
        let report = json(&sandbox.read("report.json"));
        assert_eq!(report["versions"][0]["elements"][0]["attempts"], 1 + broken, "{source}: {report:#}");
    }
    // So are those of content that did not arrive at all, and of several targets that are fed from one reading.
    let attempts =
        |report: &Value, at: usize| report["versions"][at]["elements"][0]["attempts"].as_u64().unwrap_or_default();
    let (broken, sound) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    for method in ["PUT", "PATCH"] {
        broken.fault(Fault::cut(100_000).of(method, Class::Upload).times(2));
    }
    let both = format!("{}/t --to {}/t", broken.url(), sound.url());
    sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 {both} --report both.json"));
    let report = json(&sandbox.read("both.json"));
    assert_eq!([0, 1].map(|at| attempts(&report, at)), [3, 1], "{report:#}");
    let broken = TestRegistry::start().unwrap();
    for method in ["PUT", "PATCH"] {
        broken.fault(Fault::cut(0).of(method, Class::Upload).times(100));
    }
    let target = format!("{}/t", broken.url());
    for source in ["ctf", "remote"] {
        sandbox.fails(
            &format!("transfer cv --copy-resources {source}//acme.org/hello:1.0.0 {target} --report lost.json"),
            8,
        );
        let report = json(&sandbox.read("lost.json"));
        assert_eq!(report["versions"][0]["elements"][0]["outcome"], "failed", "{report:#}");
        assert!(attempts(&report, 0) > 1, "{source}: {report:#}");
    }
    sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out");
    let again = json(&sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --overwrite -o json"));
    assert_eq!(again["totals"]["versionsPresent"], 1, "{again:#}");
}
