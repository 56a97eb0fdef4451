//! Each flag of `transfer` does what it says: left out, the same command line ends differently.

use std::fs;

use ocm_blob::Digest;
use ocm_oci::{Registry as _, Selector};
use ocm_testkit::{TestRegistry, fixtures};
use serde_json::{Value, json};

use crate::images::{constructor, registry, resource, wait};
use crate::sandbox::{HELLO, Sandbox};
use crate::sign::with_keys;

/// An archive `ctf` with two images of a registry by reference, one of them `local`, and one as a source.
pub(crate) fn images(registry: &TestRegistry) -> Sandbox {
    let image = format!("access: {{type: ociArtifact, imageReference: \"{}/team/app:v1\"}}", registry.url());
    let constructor = format!(
        "name: acme.org/a\nversion: 1.0.0\nprovider: {{name: acme.org}}\n\
         sources:\n- {{name: source, type: ociImage, version: 1.0.0, {image}}}\n\
         resources:\n- {{name: external, type: ociImage, version: 1.0.0, {image}}}\n\
         - {{name: local, type: ociImage, version: 1.0.0, relation: local, {image}}}\n"
    );
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    sandbox
}

/// The types of access that source, external and local image have after a transfer.
fn carried(sandbox: &Sandbox, reference: &str) -> [bool; 3] {
    let list: Value = serde_json::from_str(&sandbox.ok(&format!("get cv {reference} -o json"))).unwrap();
    let component = &list[0]["component"];
    [&component["sources"][0], &component["resources"][0], &component["resources"][1]]
        .map(|element| element["access"]["type"].as_str().unwrap().to_lowercase().starts_with("localblob"))
}

#[test]
fn content_moves_as_far_as_it_was_asked_for() {
    let (registry, _) = registry(1);
    let sandbox = images(&registry);
    for (number, (flags, expected)) in [
        ("", [false, false, false]),
        ("--copy-resources", [false, true, true]),
        ("-V", [false, true, true]),
        ("--copy-local-resources", [false, false, true]),
        ("-L", [false, false, true]),
        ("--copy-sources", [true, false, false]),
        ("-V --copy-sources", [true, true, true]),
        ("-V --omit-access-types ociArtifact", [false, false, false]),
        ("-V -N s3,ociArtifact/v1,ociArtifact", [false, false, false]),
    ]
    .into_iter()
    .enumerate()
    {
        for (command, source) in [("cv", "ctf//acme.org/a:1.0.0"), ("ctf", "ctf")] {
            let target = format!("{command}{number}");
            sandbox.ok(format!("transfer {command} {flags} {source} ./{target}").replace("  ", " ").as_str());
            assert_eq!(carried(&sandbox, &target), expected, "transfer {command} {flags}");
        }
    }
    sandbox.fails("transfer ctf -V -L ctf out", 2);
}

#[test]
fn images_are_stored_as_asked_for() {
    let (registry, digest) = registry(1);
    let sandbox = images(&registry);
    let target = TestRegistry::start().unwrap();
    let access = |name: &str, flags: &str| {
        let place = format!("{}/{name}", target.url());
        sandbox.ok(&format!("transfer ctf -V {flags} ctf {place}").replace("  ", " "));
        let printed = sandbox.ok(&format!("get cv {place}//acme.org/a -o json"));
        serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"][0]["access"].take()
    };
    for (name, flags) in [("a", ""), ("b", "--upload-as localBlob"), ("c", "-u localBlob"), ("d", "--disable-uploads")]
    {
        assert_eq!(access(name, flags)["localReference"], digest, "{flags}");
    }
    let upload = access("e", "--upload-as ociArtifact");
    assert!(upload["reference"].as_str().is_some_and(|reference| reference.starts_with("e/team/app:v1@")), "{upload}");
    sandbox.file(
        "config.yaml",
        "type: generic.config.ocm.software/v1\nconfigurations:\n- {type: transfer.config.ocm.software/v1alpha1, uploadType: ociArtifact}\n",
    );
    assert_eq!(access("f", "--config config.yaml")["type"], "relativeOciReference");
    assert_eq!(access("g", "--config config.yaml --disable-uploads")["localReference"], digest);
    sandbox.fails("transfer ctf --disable-uploads --upload-as ociArtifact ctf out", 2);
}

#[test]
fn content_can_follow_later() {
    let (registry, _) = registry(1);
    let sandbox = images(&registry);
    sandbox.ok("transfer ctf ctf out");
    let said = sandbox.ok("transfer ctf -V ctf out");
    let expected = [
        "transferring component \"acme.org/a\"...",
        "  transferring version \"acme.org/a:1.0.0\"...",
        "    version \"acme.org/a:1.0.0\" already present -> but requires resource transport",
        "  ...resource 0 external[ociImage](team/app:v1) (copy)",
        "  ...resource 1 local[ociImage](team/app:v1) (copy)",
        "  ...adding component version...",
        "",
    ];
    assert_eq!(said, expected.join("\n"));
    assert_eq!(carried(&sandbox, "out"), [false, true, true]);
    // Out of an archive that has it, as across an air gap.
    sandbox.ok("transfer cv ctf ./referring");
    sandbox.ok("transfer cv out ./referring");
    assert_eq!(carried(&sandbox, "referring"), [false; 3], "nobody asked for it");
    drop(registry);
    sandbox.ok("transfer cv --copy-resources out ./referring");
    assert_eq!(carried(&sandbox, "referring"), [false, true, true]);
    let again = sandbox.json("transfer cv --copy-resources out ./referring -o json");
    assert_eq!(again["totals"]["versionsPresent"], 1, "{again:#}");
}

#[test]
fn referenced_versions_move_when_asked_for_and_are_looked_for_elsewhere() {
    let sandbox = Sandbox::tree();
    let count = |archive: &str| sandbox.ok(&format!("get cv {archive} -o ndjson")).lines().count();
    for (number, (flag, expected)) in [("", 1), ("-r", 3), ("--recursive", 3)].into_iter().enumerate() {
        sandbox.ok(&format!("transfer cv {flag} ctf//acme.org/root:1.0.0 ./out{number}").replace("  ", " "));
        assert_eq!(count(&format!("out{number}")), expected, "{flag}");
    }
    sandbox.ok("transfer cv ctf//acme.org/root:1.0.0 ./alone");
    sandbox.fails("transfer ctf -r alone other", 3);
    sandbox.fails("transfer cv -r alone//acme.org/root ./other", 3);
    sandbox.ok("transfer ctf -r --lookup ctf alone other");
    assert_eq!(count("other"), 3);
    sandbox.ok("transfer cv -r --lookup ctf alone//acme.org/root ./another");
    assert_eq!(count("another"), 3);
}

#[test]
fn versions_are_chosen() {
    let sandbox = Sandbox::hello();
    sandbox.file("c.yaml", &HELLO.replace("1.0.0", "1.1.0")).ok("add cv -c c.yaml -r ctf");
    let moved = |flags: &str, target: &str| {
        sandbox.ok(&format!("transfer cv ctf//acme.org/hello {flags} ./{target}").replace("  ", " "));
        sandbox.ok(&format!("list cv {target} -o ndjson")).lines().count()
    };
    assert_eq!(moved("", "a"), 2);
    assert_eq!(moved("--latest", "b"), 1);
    assert_eq!(moved("--semver-constraint <1.1", "c"), 1);
    assert_eq!(moved("-c <1.1", "d"), 1);
    sandbox.ok("transfer cv --repo ctf acme.org/hello:1.0.0 ./e");
    assert!(sandbox.ok("list cv e -o ndjson").contains("1.0.0"));
}

#[test]
fn existing_versions_are_replaced_or_left_alone() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("hello world", "bye")).ok("add cv -c other.yaml -r other");
    let text = || sandbox.ok("download resource out//acme.org/hello greeting -O -");
    sandbox.ok("transfer ctf ctf out");
    for (flag, source, expected) in
        [("--overwrite", "other", "bye"), ("-f", "ctf", "hello world"), ("--enforce", "other", "bye")]
    {
        sandbox.fails(&format!("transfer ctf {source} out"), 4);
        sandbox.fails(&format!("transfer ctf --no-update {source} out"), 4);
        let said = sandbox.ok(&format!("transfer ctf {flag} {source} out"));
        assert_eq!(text(), expected, "{flag}");
        let warning = "  warning:   version \"acme.org/hello:1.0.0\" already present, but differs because some artifact digests are changed (transport enforced by overwrite option)\n";
        assert_eq!(said.contains(warning), flag != "--enforce", "{said}");
    }
}

#[test]
fn enforce_writes_again_what_is_the_same() {
    let sandbox = Sandbox::hello();
    sandbox.ok("transfer ctf ctf out");
    assert!(sandbox.ok("transfer ctf -f ctf out").contains("already present -> skip transport"));
    assert_eq!(
        sandbox.ok("transfer ctf --enforce ctf out"),
        [
            "transferring component \"acme.org/hello\"...",
            "  transferring version \"acme.org/hello:1.0.0\"...",
            "  ...resource 0 greeting[plainText] (already present)",
            "  ...adding component version...",
            "",
        ]
        .join("\n")
    );
    let report: Value = serde_json::from_str(&sandbox.ok("transfer cv --enforce ctf out -o json")).unwrap();
    assert_eq!(
        (&report["versions"][0]["action"], &report["versions"][0]["outcome"]),
        (&"replace".into(), &"transferred".into())
    );
}

#[test]
fn enforce_brings_back_what_is_missing_below_an_image_that_is_there() {
    let (sandbox, (registry, index)) = (Sandbox::new(), crate::images::two_platforms());
    let constructor = constructor("acme.org/images", &resource("app", &registry));
    sandbox.file("images.yaml", &constructor).ok("add cv -c images.yaml -r there");
    sandbox.ok("transfer cv there//acme.org/images:1.0.0 ctf -V");
    let target = TestRegistry::start().unwrap();
    let lost = [Digest::of(index.blobs.last().unwrap()), index.manifests[0].digest().clone()];
    for place in ["./out".to_owned(), target.url()] {
        let again = |flag: &str| sandbox.ok(format!("transfer cv ctf//acme.org/images:1.0.0 {place} {flag}").trim());
        again("");
        if place == "./out" {
            for digest in &lost {
                fs::remove_file(sandbox.path("out/blobs").join(digest.file_name())).unwrap();
            }
        } else {
            let stored = target.store().repository("component-descriptors/acme.org/images");
            assert!(wait(stored.delete_manifest(&lost[1].clone().into())).unwrap());
            assert!(wait(stored.delete_blob(&lost[0])).unwrap());
        }
        let check = format!("check cv {place}//acme.org/images:1.0.0");
        assert_eq!(sandbox.run(&check).status, 7);
        // What is the same is not looked into, which is what the flag is for.
        again("");
        assert_eq!(sandbox.run(&check).status, 7);
        again("--enforce");
        sandbox.ok(&check);
        sandbox.ok(&format!("{check} --content"));
    }
}

#[test]
fn references_may_be_as_deep_in_the_words_of_the_older_program() {
    let component = |number: usize| {
        let head = format!("- name: acme.org/c{number}\n  version: 1.0.0\n  provider: {{name: acme.org}}\n");
        let next = format!("{{name: next, componentName: acme.org/c{}, version: 1.0.0}}", number + 1);
        if number < 204 { format!("{head}  componentReferences:\n  - {next}\n") } else { head }
    };
    let sandbox = Sandbox::new();
    sandbox.file("deep.yaml", &format!("components:\n{}", (0..205).map(component).collect::<String>()));
    sandbox.ok("add cv -c deep.yaml -r ctf");
    let said = sandbox.ok("transfer cv -V -r ctf//acme.org/c0:1.0.0 out");
    let deepest = format!("{}transferring version \"acme.org/c204:1.0.0\"...", "  ".repeat(204));
    assert!(said.contains(&deepest) && said.ends_with("205 versions transferred\n"), "{said}");
}

#[test]
fn the_report_says_what_was_replaced() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("hello world", "bye")).ok("add cv -c other.yaml -r other");
    sandbox.ok("transfer ctf ctf out");
    let report: Value = serde_json::from_str(&sandbox.ok("transfer cv --overwrite other out -o json")).unwrap();
    assert_eq!(report["versions"][0]["action"], "replace");
    assert_eq!(report["versions"][0]["difference"], "resource name=greeting,version=1.0.0 differs");
}

#[test]
fn parts_outside_of_the_digest_are_brought_up_to_date_unless_told_otherwise() {
    let sandbox = Sandbox::hello();
    sandbox.ok("transfer ctf ctf out");
    sandbox.file("labelled.yaml", &HELLO.replace("resources:", "labels: [{name: note, value: new}]\nresources:"));
    sandbox.ok("add cv -c labelled.yaml -r ctf --component-version-conflict-policy replace");
    let labelled = || sandbox.ok("get cv out -o json").contains("\"note\"");
    assert!(sandbox.ok("transfer ctf --no-update ctf out").contains("requires update of volatile data, but skipped"));
    assert!(!labelled());
    assert!(sandbox.ok("transfer ctf ctf out").contains("updating volatile properties"));
    assert!(labelled());
}

#[test]
fn a_new_archive_has_the_form_that_was_asked_for() {
    let sandbox = Sandbox::hello();
    for (flag, magic) in [("--type tgz", 0x1f), ("-t tar", b'a')] {
        let name = flag.replace([' ', '-'], "");
        sandbox.ok(&format!("transfer cv {flag} ctf//acme.org/hello ./{name}"));
        assert_eq!(std::fs::read(sandbox.path(&name)).unwrap()[0], magic, "{flag}");
    }
    sandbox.ok("transfer cv -t directory ctf//acme.org/hello ./folder.tgz");
    assert!(sandbox.path("folder.tgz").is_dir());
    sandbox.ok("transfer ctf -t tgz ctf packed");
    assert!(sandbox.path("packed").is_file());
}

#[test]
fn a_bill_lists_what_was_transferred() {
    let sandbox = Sandbox::tree();
    for flag in ["--bom-file", "-B"] {
        sandbox.ok(&format!("transfer cv -r {flag} bill.json ctf//acme.org/root:1.0.0 ./out"));
        assert!(sandbox.read("bill.json").contains("acme.org/leaf"));
        std::fs::remove_file(sandbox.path("bill.json")).unwrap();
    }
}

#[test]
fn reports_have_every_form() {
    let sandbox = Sandbox::hello();
    for command in ["cv", "ctf"] {
        let said = |form: &str| sandbox.ok(&format!("transfer {command} ctf ./out -o {form}"));
        assert!(said("yaml").starts_with("target: "));
        assert!(said("json").starts_with("{\n  \"target\""));
        assert_eq!(said("ndjson").lines().count(), 1);
    }
    let fresh = sandbox.ok("transfer cv ctf ./fresh -o json");
    let report: Value = serde_json::from_str(&fresh).unwrap();
    assert_eq!(report["versions"][0]["elements"][0]["action"], "copyLocal");
    let (registry, _) = registry(1);
    let sandbox = images(&registry);
    let report: Value = serde_json::from_str(&sandbox.ok("transfer ctf -V ctf out -o json")).unwrap();
    assert_eq!(report["versions"][0]["elements"][0]["referenceName"], "team/app:v1");
}

#[test]
fn a_bill_that_cannot_be_written_is_noticed_before_anything_moves() {
    let sandbox = Sandbox::hello();
    for (flags, status, reason) in [
        ("--bom-file nodir/bill", 1, "nodir/bill"),
        ("--bom-file -", 2, "standard output"),
        ("--dry-run --bom-file bill", 2, "--dry-run"),
    ] {
        let message = sandbox.fails(&format!("transfer cv {flags} ctf ./out"), status);
        assert!(message.contains(reason), "{flags}: {message}");
    }
    let document = sandbox.ok("transfer cv ctf ./out --dry-run");
    sandbox.file("spec.yaml", &document).fails("transfer cv --transfer-spec spec.yaml --bom-file nodir/bill", 1);
    sandbox.fails("transfer cv --bom-file bill ctf//acme.org/none ./out", 3);
    assert!(["out", "-", "bill"].iter().all(|name| !sandbox.path(name).exists()));
    sandbox.file("bill", "something longer than what the list of one component version takes in its place");
    let ran = sandbox.run("transfer cv --bom-file bill ctf ./out");
    assert!(ran.stderr.contains("1 component version(s) transferred"), "{}", ran.stderr);
    assert_eq!(
        sandbox.read("bill"),
        "{\"componentVersions\":[{\"component\":\"acme.org/hello\",\"version\":\"1.0.0\"}]}"
    );
}

#[test]
fn addresses_of_former_places_go_along_or_stay_behind() {
    let contexts = "repositoryContexts: [{type: OCIRegistry, baseUrl: former.example, subPath: x}]";
    let sandbox = with_keys(Sandbox::hello());
    sandbox.ok("sign cv --config c.yaml ctf//acme.org/hello:1.0.0");
    let descriptor = sandbox.ok("get cv ctf -o yaml").replace("repositoryContexts: null", contexts);
    let descriptor = descriptor.trim_start_matches("- ").replace("\n  ", "\n");
    assert!(descriptor.contains(contexts), "{descriptor}");
    sandbox.file("seed/component-descriptor.yaml", &descriptor);
    std::fs::create_dir_all(sandbox.path("seed/blobs")).unwrap();
    for blob in std::fs::read_dir(sandbox.path("ctf/blobs")).unwrap() {
        let blob = blob.unwrap();
        std::fs::copy(blob.path(), sandbox.path("seed/blobs").join(blob.file_name())).unwrap();
    }
    let seed = "seed//acme.org/hello:1.0.0";
    let recorded = |place: &str| {
        let printed = sandbox.ok(&format!("get cv {place} -o json"));
        let list = serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["repositoryContexts"].take();
        list.as_array().map_or(0, Vec::len)
    };
    sandbox.ok(&format!("transfer cv {seed} ./default"));
    sandbox.ok("transfer ctf default keep --repository-contexts keep");
    sandbox.ok("transfer ctf default drop --repository-contexts drop");
    sandbox.ok(&format!("transfer cv {seed} ./chosen --repository-contexts drop"));
    assert_eq!(["default", "keep", "drop", "chosen"].map(recorded), [1, 1, 0, 0]);
    // No digest covers them.
    for place in ["default", "drop"] {
        sandbox.ok(&format!("verify cv --config c.yaml {place}//acme.org/hello:1.0.0"));
        sandbox.ok(&format!("diff {seed} {place}//acme.org/hello:1.0.0 --digest-only"));
    }
    // What is there loses them, too, and then there is nothing left to do.
    let again = || sandbox.run(&format!("transfer cv {seed} ./keep --repository-contexts drop")).stderr;
    assert!(again().contains("1 component version(s) transferred"));
    assert_eq!(recorded("keep"), 0);
    assert!(again().contains("0 component version(s) transferred"), "{}", again());
    let document = sandbox.ok(&format!("transfer cv {seed} ./planned --repository-contexts drop --dry-run"));
    assert!(!document.contains("former.example"), "{document}");
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    assert_eq!(recorded("planned"), 0);
    assert_eq!(sandbox.read("planned/artifact-index.json"), sandbox.read("chosen/artifact-index.json"));
    sandbox.fails("transfer cv --transfer-spec spec.yaml --repository-contexts drop", 2);
}

#[test]
fn addresses_of_the_target_are_written_only_when_asked_for() {
    let sandbox = Sandbox::hello();
    let target = TestRegistry::start().unwrap();
    let place = format!("{}/prod", target.url());
    let hello = "acme.org/hello:1.0.0";
    let recorded = |place: &str| {
        let printed = sandbox.json(&format!("get cv {place}//{hello} -o json"));
        printed[0]["component"]["repositoryContexts"].clone()
    };
    let registry = |base_url: &str, path: &str| json!({"type": "OCIRegistry", "baseUrl": base_url, "componentNameMapping": "urlPath", "subPath": path});
    let here = registry(&target.url(), "prod");
    let line = format!("transfer cv ctf//{hello} {place} --repository-contexts replace");
    sandbox.ok(&line);
    assert_eq!(recorded(&place), json!([here]));
    assert!(sandbox.run(&line).stderr.contains("0 component version(s) transferred"));
    let document = sandbox.ok(&format!("{line} --dry-run"));
    let ran = sandbox.file("spec.yaml", &document).run("transfer cv --transfer-spec spec.yaml");
    assert!(ran.status == 0 && ran.stderr.contains("0 component version(s) transferred"), "{}", ran.stderr);

    // Where others find it is put behind what is there, once.
    let public = registry("ocm.example.com", "public");
    let line = format!("transfer cv {place}//{hello} ./out --advertise https://ocm.example.com/public");
    sandbox.ok(&line);
    assert_eq!(recorded("out"), json!([here, public]));
    assert!(sandbox.run(&line).stderr.contains("0 component version(s) transferred"));
    sandbox.ok(&format!(
        "transfer cv out//{hello} ./again --repository-contexts advertise --advertise ocm.example.com/public"
    ));
    assert_eq!(recorded("again"), json!([here, public]));
    let document =
        sandbox.ok(&format!("transfer cv ctf//{hello} ./planned --advertise ocm.example.com/public --dry-run"));
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    assert_eq!(recorded("planned"), json!([public]));
    // The path of an archive is true nowhere else.
    sandbox.ok(&format!("transfer cv out//{hello} ./archived --repository-contexts replace"));
    assert_eq!(recorded("archived"), Value::Null);

    for (flags, told) in [
        ("--repository-contexts advertise", "needs the address"),
        ("--repository-contexts drop --advertise ocm.example.com", "nothing else"),
        ("--advertise ./ctf", "no registry"),
    ] {
        let message = sandbox.fails(&format!("transfer cv ctf//{hello} ./never {flags}"), 2);
        assert!(message.contains(told), "{message}");
    }
    assert!(!sandbox.path("never").exists());
    let message = sandbox.fails("transfer cv --transfer-spec spec.yaml --advertise ocm.example.com", 2);
    assert!(message.contains("--advertise"), "{message}");
}

/// How images are stored, for whole archives.
#[test]
fn whole_archives_know_the_same_flags() {
    let (registry, digest) = registry(1);
    let sandbox = images(&registry);
    let target = TestRegistry::start().unwrap();
    let access = |name: &str, flags: &str| {
        let place = format!("{}/{name}", target.url());
        sandbox.ok(&format!("transfer ctf -V {flags} ctf {place}"));
        let printed = sandbox.ok(&format!("get cv {place}//acme.org/a -o json"));
        serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"][0]["access"].take()
    };
    let named = access("a", "-u ociArtifact --upload-name x/{{.Name}}:7");
    assert_eq!(named["reference"], format!("a/x/app:7@{digest}"));
    let absolute = access("b", "-u ociArtifact --access-style absolute");
    assert!(absolute["imageReference"].as_str().unwrap().starts_with(&target.url()), "{absolute}");
    assert!(access("c", "--global-access auto")["globalAccess"].is_object());
    assert!(access("d", "--global-access never")["globalAccess"].is_null());
    let document = sandbox.ok("transfer ctf -V ctf dry --dry-run -o json");
    assert!(document.starts_with('{') && !sandbox.path("dry").exists(), "{document}");
    sandbox.ok("transfer ctf ctf out --report report.yaml");
    assert!(sandbox.read("report.yaml").contains("versionsMoved: 1"));
    sandbox.file("s.yaml", "name: acme.org/s\nversion: 1.0.0\nprovider: {name: p}\nresources:\n- {name: odd, type: blob, version: v1, access: {type: strange/v1}}\n");
    sandbox.ok("add cv -c s.yaml -r strange");
    sandbox.ok("transfer ctf --compat v2 --copy-resources strange lenient");
    sandbox.fails("transfer ctf --compat v2 --copy-resources --strict strange strict", 7);
}

#[test]
fn what_is_said_about_an_image_follows_a_whole_archive_too() {
    let (registry, digest) = registry(1);
    let repository = registry.store().repository("team/app");
    wait(async {
        let subject = repository.resolve(&Selector::Tag("v1".into())).await.unwrap().unwrap();
        fixtures::referrer(&subject, "application/x-sbom", "list").push(repository.as_ref(), None).await.unwrap();
    });
    let sandbox = images(&registry);
    for (place, flags, expected) in [("without", "", 0), ("with", "--with referrers", 1)] {
        let target = TestRegistry::start().unwrap();
        sandbox.ok(&format!("transfer ctf -V -u ociArtifact {flags} ctf {}/{place}", target.url()).replace("  ", " "));
        let there = target.store().repository(&format!("{place}/team/app"));
        let found = wait(there.referrers(&digest.parse().unwrap())).unwrap();
        assert_eq!(found.len(), expected, "{flags}");
    }
}

#[test]
fn two_images_with_one_name_are_told_apart_for_a_whole_archive_too() {
    let ((one, _), (two, _)) = (registry(1), registry(2));
    let sandbox = Sandbox::new();
    let resources = resource("one", &one) + &resource("two", &two);
    sandbox.file("c.yaml", &constructor("acme.org/a", &resources)).ok("add cv -c c.yaml -r ctf");
    let target = TestRegistry::start().unwrap();
    sandbox.fails(&format!("transfer ctf -V -u ociArtifact ctf {}/a", target.url()), 4);
    for what in ["suffix-host", "overwrite"] {
        sandbox.ok(&format!("transfer ctf -V -u ociArtifact --on-collision {what} ctf {}/{what}", target.url()));
    }
    let suffixed = sandbox.ok(&format!("get cv {}/suffix-host//acme.org/a -o yaml", target.url()));
    assert!(suffixed.contains("team/app-127-0-0-1-"), "{suffixed}");
}

#[test]
fn policies_say_which_signatures_open_the_way() {
    let sandbox = with_keys(Sandbox::hello());
    sandbox.ok("create rsakeypair other.priv other.pub");
    sandbox.ok("sign cv --config c.yaml ctf//acme.org/hello:1.0.0");
    for (command, source) in [("cv", "ctf//acme.org/hello:1.0.0"), ("ctf", "ctf")] {
        for (flags, status) in [
            ("--verify --config c.yaml", 0),
            ("--require default --config c.yaml", 0),
            ("--verify -k a.pub", 0),
            ("--verify -k default=a.pub --allow-algorithm RSASSA-PSS", 0),
            ("--verify -k a.pub --allow-normalisation jsonNormalisation/v4alpha1", 0),
            ("--verify -k a.pub --minimum-key-size 2048", 0),
            ("--verify", 5),
            ("--verify --public-key other.pub", 5),
            ("--require release --config c.yaml", 5),
            ("--verify -k a.pub --allow-algorithm RSASSA-PKCS1-V1_5", 5),
            ("--verify -k a.pub --allow-normalisation jsonNormalisation/v3", 5),
            ("--verify -k a.pub --minimum-key-size 8192", 5),
            ("--verify -k a.pub --keyless", 5),
            ("-k a.pub", 2),
        ] {
            let ran = sandbox.run(&format!("transfer {command} {flags} {source} ./out"));
            assert_eq!(ran.status, status, "transfer {command} {flags}: {}", ran.stderr);
            assert_eq!(sandbox.path("out").exists(), status == 0, "transfer {command} {flags}");
            let _ = std::fs::remove_dir_all(sandbox.path("out"));
        }
    }
}
