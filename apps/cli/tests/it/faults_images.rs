//! Images of registries: which one is meant stays what is meant, wherever it goes.

use ocm_oci::{Registry as _, Selector};
use ocm_testkit::{Class, Fault, TestRegistry, fixtures};
use serde_json::Value;

use crate::images::{self, registry, wait};
use crate::sandbox::Sandbox;

/// A constructor with images by reference, named `image0`, `image1` and so on.
fn constructor(references: &[String]) -> String {
    let resources =
        references.iter().enumerate().map(|(number, reference)| images::named(&format!("image{number}"), reference));
    images::constructor("acme.org/images", &resources.collect::<String>())
}

fn resources(sandbox: &Sandbox, reference: &str) -> Value {
    let printed = sandbox.ok(&format!("get cv {reference} -o json"));
    serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"].take()
}

/// What a registry holds under the image reference of a resource: host, repository, tag and digest.
fn stored(target: &TestRegistry, resource: &Value) -> String {
    let access = &resource["access"];
    let reference = access["reference"].as_str().or(access["imageReference"].as_str()).unwrap();
    let host = format!("{}/", target.address());
    let rest = reference.trim_start_matches("http://").trim_start_matches(&host);
    let (name, pinned) = rest.split_once('@').unwrap();
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    let selector = Selector::Digest(pinned.parse().unwrap());
    let found = wait(target.store().repository(name).resolve(&selector)).unwrap();
    found.unwrap_or_else(|| panic!("{reference} is not there")).digest.to_string()
}

#[test]
fn images_of_two_registries_with_one_path_and_tag_stay_two() {
    let sandbox = Sandbox::new();
    let ((one, first), (two, second)) = (registry(1), registry(2));
    let references = [format!("{}/team/app:v1", one.url()), format!("{}/team/app:v1", two.url())];
    sandbox.file("c.yaml", &constructor(&references)).ok("add cv -c c.yaml -r ctf");
    for (number, digest) in [&first, &second].into_iter().enumerate() {
        assert_eq!(resources(&sandbox, "ctf")[number]["digest"]["value"], digest.trim_start_matches("sha256:"));
    }
    // By value, in an archive and beside the component version in a registry.
    let target = TestRegistry::start().unwrap();
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 ./out --copy-resources");
    sandbox.ok(&format!("transfer cv ctf//acme.org/images:1.0.0 {}/local --copy-resources", target.url()));
    // As artifacts of their own they would need one name: refused before anything is there.
    let before = target.count("", Class::Upload);
    let line = format!("{}/own --copy-resources --upload-as ociArtifact", target.url());
    let message = sandbox.fails(&format!("transfer cv ctf//acme.org/images:1.0.0 {line}"), 4);
    assert!(
        message.contains("team/app:v1") && message.contains(&one.url()) && message.contains(&two.url()),
        "{message}"
    );
    assert_eq!(target.count("", Class::Upload), before);
    drop((one, two));
    let places = ["out".to_owned(), format!("{}/local", target.url())];
    for (place, number, digest) in
        places.iter().flat_map(|place| [(place, 0, first.clone()), (place, 1, second.clone())])
    {
        sandbox.ok(&format!(
            "download resource {place}//acme.org/images:1.0.0 --identity name=image{number} --output layout \
             --extraction-policy auto"
        ));
        let index: Value = serde_json::from_str(&sandbox.read("layout/index.json")).unwrap();
        assert_eq!(index["manifests"][0]["digest"], *digest, "{place} {number}");
        std::fs::remove_dir_all(sandbox.path("layout")).unwrap();
    }
}

#[test]
fn a_pinned_image_stays_pinned() {
    let sandbox = Sandbox::new();
    let (source, digest) = registry(3);
    let target = TestRegistry::start().unwrap();
    let references = [format!("{}/team/app:v1@{digest}", source.url()), format!("{}/team/app@{digest}", source.url())];
    sandbox.file("c.yaml", &constructor(&references)).ok("add cv -c c.yaml -r ctf");
    // Somebody moves the tag.
    let other = fixtures::image_with(4, 1, 10);
    wait(other.push(source.store().repository("team/app").as_ref(), Some("v1"))).unwrap();
    sandbox.ok(&format!(
        "transfer cv ctf//acme.org/images:1.0.0 {} --copy-resources --upload-as ociArtifact",
        target.url()
    ));
    let moved = resources(&sandbox, &format!("{}//acme.org/images:1.0.0", target.url()));
    for number in 0..2 {
        assert_eq!(stored(&target, &moved[number]), digest, "{}", moved[number]);
        assert_eq!(moved[number]["digest"]["value"], digest.trim_start_matches("sha256:"));
    }
}

#[test]
fn a_tag_is_pinned_when_it_is_added_and_a_moved_one_is_noticed() {
    let sandbox = Sandbox::new();
    let (source, digest) = registry(5);
    sandbox.file("c.yaml", &constructor(&[format!("{}/team/app:v1", source.url())])).ok("add cv -c c.yaml -r ctf");
    let other = fixtures::image_with(6, 1, 10);
    wait(other.push(source.store().repository("team/app").as_ref(), Some("v1"))).unwrap();
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 ./out --copy-resources");
    let moved = &resources(&sandbox, "out")[0];
    assert_eq!(moved["access"]["localReference"], digest.as_str());
    // Without a pin the digest of the descriptor still decides.
    sandbox.ok("add cv -c c.yaml -r loose --skip-reference-digest-processing");
    assert_eq!(resources(&sandbox, "loose")[0]["digest"], Value::Null);
}

/// As the older of the programs records it: the tag without the digest in the reference, and the digest beside it.
#[test]
fn a_moved_tag_that_no_longer_fits_the_recorded_digest_is_an_error() {
    let sandbox = Sandbox::new();
    let (source, digest) = registry(8);
    let recorded = format!(
        "digest: {{hashAlgorithm: SHA-256, normalisationAlgorithm: ociArtifactDigest/v1, value: {}}}, access:",
        digest.trim_start_matches("sha256:")
    );
    let text = constructor(&[format!("{}/team/app:v1", source.url())]);
    sandbox
        .file("c.yaml", &text.replace("access:", &recorded))
        .ok("add cv -c c.yaml -r ctf --skip-reference-digest-processing");
    assert!(!resources(&sandbox, "ctf")[0]["access"].to_string().contains(&digest));
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 ./before --copy-resources");
    let other = fixtures::image_with(9, 1, 10);
    wait(other.push(source.store().repository("team/app").as_ref(), Some("v1"))).unwrap();
    let target = TestRegistry::start().unwrap();
    for flags in [
        "./out --copy-resources".to_owned(),
        format!("{}/t --copy-resources", target.url()),
        format!("{}/t --copy-resources -u ociArtifact", target.url()),
        format!("{}/t --copy-resources -u ociArtifact --overwrite --enforce", target.url()),
    ] {
        let message = sandbox.fails(&format!("transfer cv ctf//acme.org/images:1.0.0 {flags}"), 5);
        let found = other.root().digest.hex();
        assert!(message.contains(digest.trim_start_matches("sha256:")) && message.contains(&found), "{message}");
        assert!(message.contains("hint: what is there was changed since it was recorded, by a moved tag"), "{message}");
    }
    assert!(!sandbox.path("out").exists());
    assert!(wait(target.store().repositories()).unwrap().is_empty());
    // What was taken along before stays what it was.
    sandbox.ok("check cv ./before//acme.org/images:1.0.0 --resources local");
}

#[test]
fn an_image_that_is_not_there_is_no_success() {
    let sandbox = Sandbox::new();
    let (source, digest) = registry(7);
    let unknown = digest.replace(&digest[10..20], "0000000000");
    for (reference, status) in [
        (format!("{}/team/app:v9", source.url()), 3),
        (format!("{}/team/nothing:v1", source.url()), 3),
        (format!("{}/team/app:v1@{unknown}", source.url()), 3),
        (format!("{}/team/app@{unknown}", source.url()), 3),
    ] {
        sandbox.file("c.yaml", &constructor(std::slice::from_ref(&reference)));
        let message = sandbox.fails("add cv -c c.yaml -r ctf", status);
        assert!(message.contains("image0") && message.contains("team/"), "{reference}: {message}");
        assert!(!sandbox.path("ctf").exists(), "{reference}");
    }
    // One that vanishes after it was added cannot be copied.
    sandbox.file("c.yaml", &constructor(&[format!("{}/team/app:v1", source.url())])).ok("add cv -c c.yaml -r ctf");
    drop(source);
    let ran = sandbox.run("transfer cv ctf//acme.org/images:1.0.0 ./out --copy-resources");
    assert!(ran.status != 0 && ran.stderr.contains("image0"), "{} {}", ran.status, ran.stderr);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_transfer_replaces_nothing_without_being_told() {
    let sandbox = Sandbox::hello();
    let target = TestRegistry::start().unwrap();
    sandbox
        .file("other.yaml", &crate::sandbox::HELLO.replace("hello world", "bye"))
        .ok("add cv -c other.yaml -r other");
    sandbox.ok(&format!("transfer ctf ctf {}", target.url()));
    for line in ["transfer ctf other {}", "transfer cv other//acme.org/hello:1.0.0 {}"] {
        let message = sandbox.fails(&line.replace("{}", &target.url()), 4);
        assert!(message.contains("acme.org/hello:1.0.0") && message.contains("--overwrite"), "{message}");
    }
    let text = || sandbox.ok(&format!("download resource {}//acme.org/hello:1.0.0 greeting -O -", target.url()));
    assert_eq!(text(), "hello world");
    sandbox.ok(&format!("transfer ctf other {} --overwrite", target.url()));
    assert_eq!(text(), "bye");
}

#[test]
fn what_a_registry_changes_on_the_way_is_noticed() {
    let sandbox = Sandbox::new();
    let (source, _) = registry(8);
    sandbox.file("c.yaml", &constructor(&[format!("{}/team/app:v1", source.url())])).ok("add cv -c c.yaml -r ctf");
    sandbox.file("hello.yaml", crate::sandbox::HELLO).ok("add cv -c hello.yaml -r ctf");
    sandbox.ok(&format!("transfer ctf ctf {}/store", source.url()));
    let store = format!("{}/store", source.url());
    for fault in [Fault::corrupt(), Fault::short(1)] {
        for class in [Class::Blob, Class::Manifest] {
            source.reset();
            source.fault(fault.clone().of("GET", class));
            for line in [
                "transfer cv ctf//acme.org/images:1.0.0 ./out --copy-resources".to_owned(),
                format!("transfer cv {store}//acme.org/hello:1.0.0 ./out"),
                format!("get cv {store}//acme.org/hello:1.0.0"),
                format!("download resource {store}//acme.org/hello:1.0.0 --identity name=greeting --output out"),
                "download resource ctf//acme.org/images:1.0.0 --identity name=image0 --output out".to_owned(),
            ] {
                let ran = sandbox.run(&line);
                assert_eq!((ran.status, ran.stdout.as_str()), (5, ""), "{class:?} {fault:?} {line}: {}", ran.stderr);
                assert!(!sandbox.path("out").exists(), "{class:?} {line}");
            }
        }
    }
}

/// Whoever may push component versions may also have pushed images under tags that read like versions.
#[test]
fn images_beside_the_versions_of_a_component_are_left_out() {
    let sandbox = Sandbox::hello();
    let registry = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 {}/acme", registry.url()));
    let components = registry.store().repository("acme/component-descriptors/acme.org/hello");
    wait(fixtures::image(1, 10).push(components.as_ref(), Some("2.0.0"))).unwrap();
    let index = fixtures::index(vec![fixtures::image_with(7, 1, 10)]);
    wait(index.push(components.as_ref(), Some("3.0.0"))).unwrap();
    let listed = format!("{}/acme//acme.org/hello", registry.url());
    let before = registry.count("GET", Class::Manifest);
    let ran = sandbox.run(&format!("get cv {listed} -o ndjson"));
    assert_eq!((ran.status, ran.stdout.lines().count()), (0, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("count=2") && ran.stderr.contains("example=3.0.0"), "{}", ran.stderr);
    // Each tag once, and the one image of the index: what was looked into is not read again.
    assert_eq!(registry.count("GET", Class::Manifest) - before, 4);
    for command in ["get cv --latest", "list cv", "list cv --latest"] {
        let ran = sandbox.run(&format!("{command} {listed} -o ndjson"));
        assert_eq!((ran.status, ran.stdout.contains("1.0.0")), (0, true), "{command}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains("2.0.0") && !ran.stdout.contains("3.0.0"), "{command}: {}", ran.stdout);
    }
    sandbox.ok(&format!("transfer cv {listed} copy"));
    // Whoever names one is told what it is.
    assert!(sandbox.fails(&format!("get cv {listed}:2.0.0"), 5).contains("is not a component version"));
    let none = format!("{}/acme//acme.org/none", registry.url());
    let components = registry.store().repository("acme/component-descriptors/acme.org/none");
    wait(fixtures::image(1, 10).push(components.as_ref(), Some("2.0.0"))).unwrap();
    assert!(sandbox.fails(&format!("get cv {none}"), 3).contains("none of the 1 tags"));
}

/// Docker Hub counts each `GET` of a manifest, and Amazon's tags that cannot be moved refuse to be written again.
#[test]
fn a_manifest_is_read_once_and_a_tag_that_is_right_is_not_written() {
    let (source, digest) = registry(1);
    let (sandbox, target) = (Sandbox::new(), TestRegistry::start().unwrap());
    let selector = Selector::Digest(digest.parse().unwrap());
    let app = source.store().repository("team/app");
    let manifest = wait(app.manifest(&selector)).unwrap();
    wait(app.push_manifest(&manifest, Some("again"))).unwrap();
    let line = format!("transfer artifact {}/team/app {}/copy", source.url(), target.url());
    sandbox.ok(&line);
    assert_eq!((source.count("GET", Class::Manifest), target.count("PUT", Class::Manifest)), (1, 2));
    assert_eq!(sandbox.ok(&format!("show tags {}/copy", target.url())), "again\nv1\n");
    let before = target.count("", Class::Manifest);
    sandbox.ok(&line);
    assert_eq!((source.count("GET", Class::Manifest), target.count("PUT", Class::Manifest)), (1, 2));
    assert_eq!(target.count("", Class::Manifest) - before, 3);
    // The same in an archive that is not finished yet.
    sandbox.ok(&format!("transfer artifact {}/team/app out", source.url()));
    assert_eq!(sandbox.ok("get artifacts out//team/app -o ndjson").lines().count(), 2);
}
