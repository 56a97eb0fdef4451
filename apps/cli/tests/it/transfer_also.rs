//! `--also-tag`: one more name for images that are stored inside of their component version.

use ocm_oci::{Registry as _, Selector};
use ocm_testkit::{Class, TestRegistry, fixtures};
use serde_json::Value;

use crate::images::{constructor, registry, resource, wait};
use crate::sandbox::Sandbox;

/// An archive with one image by reference, and the digest of that.
fn one() -> (TestRegistry, Sandbox, String) {
    let (registry, digest) = registry(1);
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &constructor("acme.org/a", &resource("web", &registry))).ok("add cv -c c.yaml -r ctf");
    (registry, sandbox, digest)
}

/// What a name leads to.
fn named(registry: &TestRegistry, repository: &str, tag: &str) -> Option<String> {
    let repository = registry.store().repository(repository);
    wait(repository.resolve(&Selector::Tag(tag.into()))).unwrap().map(|found| found.digest.to_string())
}

fn report(sandbox: &Sandbox, line: &str) -> Value {
    serde_json::from_str(&sandbox.ok(&format!("{line} -o json"))).unwrap()
}

/// Bodies of blobs that were received: an upload ends with a PUT, a mount has none.
fn received(registry: &TestRegistry) -> usize {
    registry.count("PUT", Class::Upload)
}

const NAME: &str = "--also-tag images/{{.Name}}";

#[test]
fn the_image_has_a_name_and_the_component_version_does_not_say_so() {
    let (_source, sandbox, digest) = one();
    let (plain, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    sandbox.ok(&format!("transfer cv -V ctf//acme.org/a:1.0.0 {}/prod", plain.url()));
    let place = format!("{}/prod", target.url());
    let report = report(&sandbox, &format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 {place}"));
    assert_eq!(named(&target, "prod/images/app", "v1"), Some(digest.clone()));
    // No blob is sent twice: the second repository takes it over from the first.
    assert_eq!(received(&target), received(&plain));
    let stored = |place: &str| sandbox.ok(&format!("get cv {place}//acme.org/a:1.0.0 -o json"));
    let version = stored(&place);
    assert_eq!(version, stored(&format!("{}/prod", plain.url())));
    assert!(version.contains("LocalBlob/v1") && !version.contains("images/app"), "{version}");
    let name = &report["names"][0];
    assert_eq!(name["name"], format!("{place}/images/app:v1"), "{report}");
    assert_eq!(name["digest"], digest);
    assert_eq!((&name["componentVersion"], &name["resource"]), (&"acme.org/a:1.0.0".into(), &"web".into()));
    assert_eq!(name["outcome"], "transferred");
}

#[test]
fn a_name_that_is_missing_is_given_from_what_is_there() {
    let (source, sandbox, digest) = one();
    let target = TestRegistry::start().unwrap();
    let place = format!("{}/prod", target.url());
    sandbox.ok(&format!("transfer cv -V ctf//acme.org/a:1.0.0 {place}"));
    let before = sandbox.ok(&format!("get cv {place}//acme.org/a:1.0.0 -o json"));
    target.forget();
    sandbox.ok(&format!("transfer cv -V ctf//acme.org/a:1.0.0 {place}"));
    let plain = target.count("GET", Class::Blob);
    source.forget();
    target.forget();
    let line = format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 {place}");
    let added = report(&sandbox, &line);
    assert_eq!(named(&target, "prod/images/app", "v1"), Some(digest.clone()));
    assert_eq!(received(&target), 0);
    assert_eq!(source.count("GET", Class::Blob), 0);
    assert_eq!(target.count("GET", Class::Blob), plain);
    assert_eq!(target.count("PUT", Class::Manifest), 1);
    assert_eq!(added["totals"]["versionsMoved"], 0, "{added}");
    assert_eq!(
        (&added["names"][0]["outcome"], &added["targets"][0]["outcome"]),
        (&"transferred".into(), &"transferred".into())
    );
    assert_eq!(sandbox.ok(&format!("get cv {place}//acme.org/a:1.0.0 -o json")), before);

    // Where it is there, one look tells.
    target.forget();
    let again = report(&sandbox, &line);
    assert_eq!(
        (&again["names"][0]["outcome"], &again["targets"][0]["outcome"]),
        (&"present".into(), &"present".into())
    );
    let requests = target.requests();
    let named_requests = requests.iter().filter(|request| request.path.contains("images/app")).count();
    assert_eq!(named_requests, 1, "{requests:?}");
    assert!(requests.iter().all(|request| ["GET", "HEAD"].contains(&request.method.as_str())), "{requests:?}");

    // Whoever leaves versions alone gives no names.
    sandbox.ok(&format!("transfer cv -V --no-update --also-tag more/{{{{.Name}}}} ctf//acme.org/a:1.0.0 {place}"));
    assert_eq!(named(&target, "prod/more/app", "v1"), None);
}

#[test]
fn images_that_lie_in_an_archive_get_names_without_more_flags() {
    let (_source, sandbox, digest) = one();
    sandbox.ok("transfer cv -V ctf//acme.org/a:1.0.0 ./carried");
    let target = TestRegistry::start().unwrap();
    let template = "x/{{.Component}}-{{.Resource}}:{{.ComponentVersion}}";
    let ran = sandbox.run(&format!("transfer ctf --also-tag {template} carried {}", target.url()));
    assert!(ran.stderr.contains("; 1 name(s) given, 0 already there"), "{}", ran.stderr);
    assert_eq!(named(&target, "x/acme.org/a-web", "1.0.0"), Some(digest.clone()));
    // Archives beside a registry are left alone.
    let line =
        format!("transfer cv --also-tag y/{{{{.Name}}}} carried//acme.org/a:1.0.0 {} --to ./other", target.url());
    assert_eq!(report(&sandbox, &line)["names"].as_array().unwrap().len(), 1);
    assert_eq!(named(&target, "y/app", "v1"), Some(digest));
}

#[test]
fn two_images_with_one_more_name_are_refused_before_anything_is_moved() {
    let ((one, first), (two, second)) = (registry(1), registry(2));
    let sandbox = Sandbox::new();
    let resources = resource("one", &one) + &resource("two", &two);
    sandbox.file("c.yaml", &constructor("acme.org/a", &resources)).ok("add cv -c c.yaml -r ctf");
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 {}", target.url());
    let message = sandbox.fails(&line, 4);
    assert!(message.contains("images/app:v1") && message.contains(&one.address()), "{message}");
    assert_eq!(target.count("POST", Class::Upload) + target.count("PUT", Class::Manifest), 0);
    sandbox.ok(&format!("{line} --on-collision suffix-host"));
    let suffixed = |registry: &TestRegistry| format!("images/app-{}", registry.address().replace(['.', ':'], "-"));
    assert_eq!(named(&target, &suffixed(&one), "v1"), Some(first));
    assert_eq!(named(&target, &suffixed(&two), "v1"), Some(second));
}

#[test]
fn a_name_of_somebody_else_is_not_moved() {
    let (_source, sandbox, digest) = one();
    let target = TestRegistry::start().unwrap();
    let other = fixtures::image_with(7, 1, 100);
    wait(other.push(target.store().repository("images/app").as_ref(), Some("v1"))).unwrap();
    let theirs = other.root().digest.to_string();
    let line = format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 {}", target.url());
    for is_there in [false, true] {
        let message = sandbox.fails(&line, 4);
        assert!(message.contains(&theirs) && message.contains("--also-tag"), "{message}");
        assert_eq!(named(&target, "images/app", "v1"), Some(theirs.clone()), "{is_there}");
        assert_eq!(named(&target, "component-descriptors/acme.org/a", "1.0.0").is_some(), is_there);
        sandbox.ok(&format!("transfer cv -V ctf//acme.org/a:1.0.0 {}", target.url()));
    }
    sandbox.ok(&format!("{line} --overwrite"));
    assert_eq!(named(&target, "images/app", "v1"), Some(digest));
}

#[test]
fn an_image_with_a_name_of_its_own_gets_no_other() {
    let (_source, sandbox, digest) = one();
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv -V -u ociArtifact {NAME} ctf//acme.org/a:1.0.0 {}", target.url());
    for _ in 0..2 {
        assert!(report(&sandbox, &line)["names"].is_null());
        assert_eq!(named(&target, "team/app", "v1"), Some(digest.clone()));
        assert_eq!(named(&target, "images/app", "v1"), None);
    }
    // Nor does one that the target has beside the component version already.
    assert!(report(&sandbox, &line.replace("-u ociArtifact ", ""))["names"].is_null());
}

#[test]
fn all_platforms_of_an_image_or_the_chosen_ones_get_the_name() {
    let (source, index) = crate::images::two_platforms();
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &constructor("acme.org/a", &resource("web", &source))).ok("add cv -c c.yaml -r ctf");
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0");
    sandbox.ok(&format!("{line} {}/all", target.url()));
    assert_eq!(named(&target, "all/images/app", "v1"), Some(index.root().digest.to_string()));
    for _ in 0..2 {
        let some = report(&sandbox, &format!("{line} {}/some --platform linux/amd64", target.url()));
        assert_eq!(named(&target, "some/images/app", "v1"), some["names"][0]["digest"].as_str().map(str::to_owned));
    }
}

#[test]
fn what_cannot_have_a_name_is_refused() {
    let (_source, sandbox, _) = one();
    let target = TestRegistry::start().unwrap();
    let message = sandbox.fails(&format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 ./out"), 2);
    assert!(message.contains("no target is a registry"), "{message}");
    assert!(!sandbox.path("out").exists());
    let line = format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 {}", target.url());
    let message = sandbox.fails(&format!("{line} --dry-run"), 2);
    assert!(message.contains("--also-tag") && message.contains("document"), "{message}");
    sandbox.file("spec.yaml", &sandbox.ok(&format!("{} --dry-run", line.replace(&format!("{NAME} "), ""))));
    let message = sandbox.fails(&format!("transfer cv --transfer-spec spec.yaml {NAME}"), 2);
    assert!(message.contains("--also-tag cannot be used together with --transfer-spec"), "{message}");
    for template in ["{{.Nothing}}", "{{.Name", "Images/{{.Name}}", "component-descriptors/{{.Component}}"] {
        let line = format!("transfer cv -V --also-tag {template} ctf//acme.org/a:1.0.0 {}", target.url());
        let message = sandbox.fails(&line, 2);
        assert!(message.contains("--also-tag"), "{message}");
    }
    assert_eq!(target.count("POST", Class::Upload) + target.count("PUT", Class::Manifest), 0);
}

#[test]
fn an_image_that_is_another_one_by_now_does_not_get_the_name() {
    let ((source, _), sandbox) = (registry(1), Sandbox::new());
    let constructor = constructor("acme.org/a", &resource("web", &source));
    // No digest is recorded for it, so that the tag may be moved.
    sandbox.file("c.yaml", &constructor).ok("add cv --skip-reference-digest-processing -c c.yaml -r ctf");
    let target = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer cv -V ctf//acme.org/a:1.0.0 {}", target.url()));
    let moved = fixtures::image_with(9, 1, 100);
    wait(moved.push(crate::images::repository(&source).as_ref(), Some("v1"))).unwrap();
    let ran = sandbox.run(&format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 {}", target.url()));
    assert_eq!(named(&target, "images/app", "v1"), None, "{}", ran.stderr);
    assert!(ran.status == 0 && ran.stderr.contains("gets no other name"), "{}", ran.stderr);
}

#[test]
fn a_target_whose_name_is_taken_fails_alone() {
    let (_source, sandbox, digest) = one();
    let (taken, free) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let other = fixtures::image_with(7, 1, 100);
    wait(other.push(taken.store().repository("images/app").as_ref(), Some("v1"))).unwrap();
    let line = format!("transfer cv -V {NAME} ctf//acme.org/a:1.0.0 {} --to {}", taken.url(), free.url());
    assert_eq!(sandbox.run(&line).status, 7);
    assert_eq!(named(&taken, "component-descriptors/acme.org/a", "1.0.0"), None);
    assert_eq!(named(&taken, "images/app", "v1"), Some(other.root().digest.to_string()));
    assert_eq!(named(&free, "images/app", "v1"), Some(digest));
}
