//! What people are told about transfers: what is left behind, what failed and what helps.

use ocm_testkit::{Quirk, TestRegistry};
use serde_json::Value;

use crate::images;
use crate::sandbox::{Sandbox, json};

/// A resource of an access type that nobody knows.
const STRANGE: &str = "- {name: strange, type: blob, version: 1.0.0, access: {type: strange/v1, where: there}}\n";

/// An archive `ctf` with an image of two platforms by reference, and the registry that has it.
fn by_reference(more: &str) -> (Sandbox, TestRegistry) {
    let (sandbox, (registry, _)) = (Sandbox::new(), images::two_platforms());
    let resources = images::resource("app", &registry) + more;
    sandbox.file("c.yaml", &images::constructor("acme.org/images", &resources)).ok("add cv -c c.yaml -r ctf");
    (sandbox, registry)
}

#[test]
fn what_a_differential_archive_leaves_to_its_base_is_said_so() {
    let sandbox = Sandbox::new();
    let component = |name: &str, version: &str, more: &str| {
        format!(
            "- {{name: acme.org/{name}, version: {version}, provider: {{name: acme.org}}, resources: \
             [{{name: text, type: plainText, input: {{type: utf8, text: shared}}}}]{more}}}\n"
        )
    };
    let refers = ", componentReferences: [{name: leaf, version: 0.1.0, componentName: acme.org/leaf}]";
    let old = component("leaf", "0.1.0", "") + &component("app", "1.0.0", refers);
    sandbox.file("old.yaml", &format!("components:\n{old}")).ok("add cv -c old.yaml -r base");
    sandbox.ok("transfer ctf base full");
    sandbox.file("new.yaml", &format!("components:\n{}", component("app", "1.1.0", refers)));
    sandbox.ok("add cv -c new.yaml -r full --lookup base");
    sandbox.ok("transfer ctf full delta --since base");

    let note = "delta is a differential archive (--since), so that what its base base has is not in it";
    for named in ["delta//acme.org/app:1.0.0", "delta//acme.org/leaf"] {
        let said = sandbox.fails(&format!("transfer cv {named} ./out"), 3);
        assert!(said.contains(&format!("hint: {note}: transfer it from there")), "{said}");
    }
    let said = sandbox.fails("transfer cv delta//acme.org/app:1.1.0 -r ./out", 3);
    assert!(
        said.contains("acme.org/leaf:0.1.0: component version not found in delta; ") && said.contains(note),
        "{said}"
    );
    assert!(said.contains("hint: --lookup REPOSITORY") && said.contains("hint: without --recursive"), "{said}");
    let said = sandbox.run("check cv delta//acme.org/app:1.1.0").stderr;
    assert!(
        said.contains("is not in delta//component-descriptors/acme.org/app; delta is a differential archive"),
        "{said}"
    );
    // Both hints lead somewhere.
    sandbox.ok("transfer ctf base out");
    sandbox.ok("transfer cv delta//acme.org/app:1.1.0 ./out");
    sandbox.ok("transfer cv delta//acme.org/app:1.1.0 -r ./out --lookup ./out");
    sandbox.ok("check cv out//acme.org/app:1.1.0");
    // Who lacks something else is not told of archives that nobody has named.
    let said = sandbox.fails("transfer cv full//acme.org/app:3.0.0 ./out", 3);
    assert!(!said.contains("differential"), "{said}");
}

#[test]
fn a_rate_that_lacks_its_unit_is_doubted() {
    let sandbox = Sandbox::hello();
    for (rate, is_doubted) in [("5", true), ("1023/s", true), ("1024", false), ("5B/s", false), ("5MiB/s", false)] {
        let ran = sandbox.run(&format!("get cv ctf --bandwidth {rate}"));
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("byte(s) per second; with a unit it is"), is_doubted, "{rate}: {}", ran.stderr);
        assert_eq!(ran.stderr.contains("MiB/s"), is_doubted, "{rate}: {}", ran.stderr);
    }
}

#[test]
fn what_stays_behind_is_said_every_time() {
    let (sandbox, _registry) = by_reference(STRANGE);
    let registry = TestRegistry::start().unwrap();
    let warning =
        "resource strange of acme.org/images:1.0.0 stays by reference: access type strange/v1 cannot be copied";
    let left = |report: &Value| -> Vec<Value> {
        let elements = report["versions"][0]["elements"].as_array().unwrap();
        elements.iter().filter(|element| element["outcome"] == "left").cloned().collect()
    };
    for target in ["./out".to_owned(), format!("{}/t", registry.url())] {
        let ways = ["--copy-resources", "--no-rebase", "--copy-resources -u ociArtifact", "--platform linux/amd64/v1"];
        for (number, flags) in ways.iter().enumerate() {
            let transfer = format!("transfer cv ctf//acme.org/images:1.0.0 {target}{number} {flags}");
            let line = format!("{transfer} -o json --report report.json");
            let (first, again) = (sandbox.run(&line), sandbox.run(&line));
            assert_eq!((first.status, again.status), (0, 0), "{line}: {}{}", first.stderr, again.stderr);
            let is_warned = flags.contains("--copy-resources");
            assert_eq!(first.stderr.contains(warning), is_warned, "{line}: {}", first.stderr);
            assert_eq!(again.stderr.contains(warning), is_warned, "{line}: {}", again.stderr);
            let (first, again) = (json(&first.stdout), json(&again.stdout));
            assert_eq!(again["versions"][0]["outcome"], "present", "{line}: {again:#}");
            assert_eq!(left(&first), left(&again), "{line}");
            assert_eq!(first["totals"]["leftByReference"], again["totals"]["leftByReference"], "{line}");
            assert_eq!(again["totals"]["leftByReference"], if is_warned { 1 } else { 2 }, "{line}");
            assert_eq!(again, json(&sandbox.read("report.json")), "{line}");
            let strict = sandbox.run(&format!("{transfer} --strict"));
            assert_eq!(strict.status, if is_warned { 7 } else { 0 }, "{line}: {}", strict.stderr);
        }
    }
    // What has come meanwhile is not left behind any more.
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 ./all --copy-resources");
    let report = sandbox.json("transfer cv ctf//acme.org/images:1.0.0 ./all -o json");
    assert_eq!(report["totals"]["leftByReference"], 1, "{report:#}");
    // A document says it again, too.
    let document = sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 ./planned --copy-resources --dry-run");
    sandbox.file("spec.yaml", &document);
    let [first, again] = [0, 1].map(|_| sandbox.run("transfer cv --transfer-spec spec.yaml -o json"));
    for ran in [&first, &again] {
        assert!(ran.stderr.contains("1 resource(s) or source(s) left by reference"), "{}", ran.stderr);
    }
    let [first, again] = [first, again].map(|ran| json(&ran.stdout));
    assert_eq!(again["versions"][0]["outcome"], "present", "{again:#}");
    assert_eq!(left(&first), left(&again));
}

#[test]
fn of_several_targets_each_item_names_its_own() {
    let sandbox = Sandbox::hello();
    let registry = TestRegistry::start().unwrap();
    let ran = sandbox.run(&format!("transfer cv ctf//acme.org/hello:1.0.0 ./out --to {}/t", registry.url()));
    let place = format!("{}/t", registry.address());
    for step in ["copy: item completed", "transfer: item completed"] {
        for target in ["./out", &place] {
            let is_said = |line: &str| line.contains(step) && line.ends_with(&format!("target_repository={target}"));
            assert!(ran.stderr.lines().any(is_said), "{step} {target}: {}", ran.stderr);
        }
    }
    let ran = sandbox.run("transfer cv ctf//acme.org/hello:1.0.0 ./alone");
    assert!(
        !ran.stderr.lines().any(|line| line.contains("item completed") && line.contains("alone")),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_archive_with_some_platforms_says_which_where_all_are_wanted() {
    let (sandbox, _registry) = by_reference("");
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 ./some --copy-resources --platform linux/amd64/v1");
    let target = TestRegistry::start().unwrap();
    for line in ["transfer cv some//acme.org/images:1.0.0", "transfer ctf some"] {
        let said = sandbox.fails(&format!("{line} {}", target.url()), 3);
        assert!(said.contains("that the index lists (linux/amd64/v0)"), "{said}");
        assert!(said.contains("choose the platforms to copy: --platform linux/amd64/v1"), "{said}");
    }
    let line = format!("transfer cv some//acme.org/images:1.0.0 {}", target.url());
    let said = sandbox.fails(&format!("{line} --platform linux/amd64/v0"), 3);
    assert!(said.contains("linux/amd64/v0 was chosen, but the index is stored here without it"), "{said}");
    sandbox.ok(&format!("{line} --platform linux/amd64/v1"));
}

#[test]
fn a_report_that_was_asked_for_is_printed_after_every_failure() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &crate::sandbox::HELLO.replace("hello world", "hello moon"));
    sandbox.ok("add cv -c other.yaml -r out");
    let gone = { TestRegistry::start().unwrap().url() };
    let document = sandbox.ok("transfer cv ctf//acme.org/hello:1.0.0 ./out --dry-run --overwrite");
    sandbox.file("spec.yaml", &document);
    let lines = [
        ("transfer cv ctf//acme.org/hello:1.0.0 ./out".to_owned(), 4),
        ("transfer cv ctf//acme.org/hello:1.0.0 ./out --no-update".to_owned(), 4),
        ("transfer ctf ctf ./out".to_owned(), 4),
        ("transfer cv --transfer-spec spec.yaml".to_owned(), 4),
        ("transfer cv --transfer-spec spec.yaml --no-update".to_owned(), 4),
        ("transfer cv ctf//acme.org/hello:3.0.0 ./out".to_owned(), 3),
        (format!("transfer cv ctf//acme.org/hello:1.0.0 {gone}/t"), 8),
        (format!("transfer ctf ctf {gone}/t"), 8),
    ];
    for (line, status) in &lines {
        let ran = sandbox.run(&format!("{line} -o json --report report.json"));
        assert_eq!(ran.status, *status, "{line}: {}", ran.stderr);
        let report = json(&ran.stdout);
        assert_eq!(report["targets"][0]["outcome"], "failed", "{line}: {report:#}");
        let reason = report["targets"][0]["reason"].as_str().unwrap();
        assert!(ran.stderr.contains(&format!("Error: {reason}")), "{line}: {}", ran.stderr);
        assert_eq!(report, json(&sandbox.read("report.json")), "{line}");
        let yaml = sandbox.run(&format!("{line} -o yaml"));
        assert!(yaml.status == *status && yaml.stdout.contains("outcome: failed"), "{line}: {}", yaml.stdout);
        // A document is printed where there is one; nothing else takes its place.
        if !line.contains("spec") {
            let dry = sandbox.run(&format!("{line} --dry-run -o json").replace(" --no-update", ""));
            assert!(!dry.stdout.contains("\"outcome\""), "{line}: {}", dry.stdout);
        }
    }
}

#[test]
fn who_leaves_content_behind_is_told_the_other_way() {
    let (sandbox, _registry) = by_reference(STRANGE);
    let line = "transfer cv ctf//acme.org/images:1.0.0 ./out";
    for flags in ["-V", "--copy-resources --strict"] {
        let said = sandbox.fails(&format!("{line} {flags}"), 7);
        assert!(said.contains("hint: without --strict") && said.contains("--compat v2"), "{said}");
    }
    sandbox.ok(&format!("{line} -V --compat v2"));
    sandbox.ok(&format!("{line} -V -N strange/v1"));
    // Whoever leaves out one type has not said so of another one.
    let said = sandbox.fails(&format!("{line} -V -N helm"), 7);
    assert!(said.contains("strange/v1"), "{said}");
    let ran = sandbox.run(&format!("{line} --copy-resources --dry-run"));
    let told = "resource strange of acme.org/images:1.0.0 stays by reference: access type strange/v1 cannot be copied";
    assert!(ran.status == 0 && ran.stderr.contains(told), "{}", ran.stderr);
    // All names of a type mean the type.
    for name in ["OCIImage", "ociArtifact/v1"] {
        let report =
            json(&sandbox.ok(&format!("{line}-{} --copy-resources --omit-access-types {name} -o json", name.len())));
        assert_eq!(report["totals"]["leftByReference"], 2, "{name}: {report}");
    }
    let ran = sandbox.run(&format!("{line} --copy-resources"));
    assert!(ran.status == 0 && ran.stderr.contains("with --strict that is a failure"), "{}", ran.stderr);
    let ran = sandbox.run("transfer cv ctf//acme.org/images:1.0.0 ./little");
    assert!(ran.status == 0 && !ran.stderr.contains("--strict"), "{}", ran.stderr);
}

#[test]
fn a_name_that_leads_to_other_platforms_of_an_image_is_explained() {
    let (sandbox, registry) = by_reference("");
    let constructor = images::constructor("acme.org/more", &images::resource("app", &registry));
    sandbox.file("more.yaml", &constructor).ok("add cv -c more.yaml -r ctf");
    let target = TestRegistry::start().unwrap();
    let line = |component: &str, flags: &str| {
        let to = format!("{}/t --copy-resources --upload-as ociArtifact", target.url());
        format!("transfer cv ctf//acme.org/{component}:1.0.0 {to} {flags}")
    };
    sandbox.ok(&line("images", "--platform linux/amd64/v1"));
    for flags in ["", "--platform linux/amd64/v0"] {
        let said = sandbox.fails(line("more", flags).trim(), 4);
        assert!(said.contains("/t/team/app:v1: is this image for linux/amd64/v1 only (sha256:"), "{said}");
        assert!(said.contains("--platform linux/amd64/v1 takes it as it is"), "{said}");
        assert!(said.contains("hint: --overwrite") && said.contains("--upload-name"), "{said}");
    }
    let said = sandbox.fails(&line("images", "--platform linux/amd64/v0"), 4);
    assert!(said.contains("it has images of linux/amd64/v1, which would no longer be there"), "{said}");
    // The same platforms are the same image.
    sandbox.ok(&line("more", "--platform linux/amd64/v1"));
    sandbox.ok(&line("more", "--platform linux/amd64/v0 --upload-name {{.Repository}}-v0 --overwrite"));
    for component in ["images", "more"] {
        sandbox.ok(&format!("check cv {}/t//acme.org/{component}:1.0.0", target.url()));
    }
    // Where an index may lack something, there is nothing to explain.
    let lenient = TestRegistry::start().unwrap();
    lenient.set(Quirk::SparseIndexes);
    for platform in ["v1", "v0"] {
        let to = format!("{} --copy-resources --upload-as ociArtifact", lenient.url());
        sandbox.ok(&format!("transfer cv ctf//acme.org/images:1.0.0 {to} --platform linux/amd64/{platform}"));
    }
}

#[test]
fn a_place_that_is_not_there_is_named_with_its_flag() {
    let sandbox = Sandbox::hello();
    let transfer = "transfer cv ctf//acme.org/hello:1.0.0 ./out";
    for (line, flag) in [
        (format!("{transfer} --lookup nowhere"), "--lookup"),
        (format!("{transfer} --since nowhere"), "--since"),
        ("check cv acme.org/hello:1.0.0 --repo nowhere".to_owned(), "--repo"),
    ] {
        let said = sandbox.fails(&line, 3);
        assert!(said.contains(&format!("Error: {flag}: nowhere: there is no transport archive")), "{said}");
    }
    let ran = sandbox.run(&format!("{transfer} --omit-access-types npm"));
    assert!(ran.status == 0 && ran.stderr.contains("--omit-access-types has no effect"), "{}", ran.stderr);
    let ran = sandbox.run(&format!("{transfer} --omit-access-types npm --copy-resources"));
    assert!(ran.status == 0 && !ran.stderr.contains("no effect"), "{}", ran.stderr);
}

#[test]
fn a_report_of_a_target_that_is_refused_has_no_password() {
    let sandbox = Sandbox::hello();
    for target in [
        "http://user:secret@127.0.0.1:1/t",
        "user:secret@127.0.0.1:1/t",
        "user:sec/secret@127.0.0.1:1/t",
        "oci::http://user:secret@127.0.0.1:1/t",
    ] {
        for to in [String::new(), " --to ./out".to_owned()] {
            let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {target}{to} -o json --report report.json");
            let ran = sandbox.run(&line);
            assert_ne!(ran.status, 0, "{line}");
            for said in [&ran.stdout, &ran.stderr, &sandbox.read("report.json")] {
                assert!(!said.contains("secret"), "{line}: {said}");
            }
            assert!(json(&ran.stdout)["target"].as_str().unwrap().contains("127.0.0.1:1/t"), "{line}: {}", ran.stdout);
        }
    }
}
