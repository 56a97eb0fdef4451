//! Images in a transfer: some platforms of them, and what is said about them.

use ocm_oci::reference::referrers_tag;
use ocm_oci::{Document, Selector};
use ocm_testkit::{TestRegistry, fixtures};
use serde_json::Value;

use crate::images::{self, repository, wait};
use crate::sandbox::Sandbox;

/// An archive with an image of two variants of linux/amd64, by reference, and the registry that has it.
fn two_platforms() -> (Sandbox, TestRegistry, fixtures::Graph) {
    let (sandbox, (registry, index)) = (Sandbox::new(), images::two_platforms());
    let constructor = images::constructor("acme.org/images", &images::resource("app", &registry));
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    (sandbox, registry, index)
}

fn resource(sandbox: &Sandbox, place: &str) -> Value {
    let printed = sandbox.ok(&format!("get cv {place}//acme.org/images:1.0.0 -o json"));
    serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"][0].take()
}

#[test]
fn some_platforms_keep_the_digest_where_the_target_takes_that() {
    let (sandbox, _registry, index) = two_platforms();
    for transfer in ["transfer cv ctf//acme.org/images:1.0.0 ./from-cv", "transfer ctf ctf ./from-ctf"] {
        let (_, place) = transfer.rsplit_once(' ').unwrap();
        sandbox.ok(&format!("{transfer} --copy-resources --platform linux/amd64/v1"));
        let resource = resource(&sandbox, place);
        assert_eq!(resource["access"]["localReference"], index.root().digest.to_string());
        let is_there = |position: usize| {
            let digest = index.manifests[position].digest();
            sandbox.path(place).join("blobs").join(digest.file_name()).exists()
        };
        assert_eq!([is_there(0), is_there(1), is_there(2)], [false, true, true], "{transfer}");
        // What was left out comes when it is asked for.
        sandbox.ok(&format!("{transfer} --copy-resources --platform linux/amd64/v0"));
        assert!(is_there(0), "{transfer}");
    }
}

#[test]
fn some_platforms_make_another_index_where_it_does_not() {
    let (sandbox, _registry, index) = two_platforms();
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv ctf//acme.org/images:1.0.0 {} -V -u ociArtifact", target.url());
    sandbox.ok(&format!("{line} --platform linux/amd64/v1"));
    let resource = resource(&sandbox, &target.url());
    let (_, digest) = resource["access"]["reference"].as_str().unwrap().split_once('@').unwrap();
    assert_ne!(digest, index.root().digest.to_string());
    assert_eq!(resource["digest"]["value"], digest.trim_start_matches("sha256:"));
    let derived = wait(repository(&target).manifest(&Selector::Digest(digest.parse().unwrap()))).unwrap();
    let Document::Index(derived) = derived.document().unwrap() else { panic!("an index") };
    let [only] = derived.manifests.as_slice() else { panic!("one platform") };
    assert_eq!(only.digest, *index.manifests[1].digest());
    assert_eq!(derived.annotations.unwrap()["software.ocm/derived-from"], index.root().digest.to_string());
}

#[test]
fn no_platform_goes_away_without_a_word() {
    let (sandbox, _registry, _) = two_platforms();
    let target = TestRegistry::start().unwrap();
    // Where a new index takes the place of the original, another one would take the place of that.
    let line = format!("transfer cv ctf//acme.org/images:1.0.0 {} -V", target.url());
    sandbox.ok(&format!("{line} --platform linux/amd64/v1"));
    let refusal = sandbox.fails(&format!("{line} --platform linux/amd64/v0"), 4);
    assert!(refusal.contains("it has images of linux/amd64/v1, which would no longer be there"), "{refusal}");
    let limits = || sandbox.ok(&format!("check cv {}//acme.org/images:1.0.0", target.url()));
    assert!(limits().contains("limited to linux/amd64/v1 "), "{}", limits());
    sandbox.ok(&format!("{line} --platform linux/amd64/v0 --overwrite"));
    assert!(limits().contains("limited to linux/amd64/v0 "), "{}", limits());
    sandbox.ok(&format!("{line} --platform linux/amd64/v0 --platform linux/amd64/v1"));
    assert!(!limits().contains("limited"), "{}", limits());
}

#[test]
fn an_index_that_something_relies_on_is_not_made_anew() {
    let (sandbox, _registry, _) = two_platforms();
    sandbox.ok("create rsakeypair a.priv a.pub");
    sandbox.ok("sign cv --private-key a.priv --public-key a.pub -s release ctf//acme.org/images:1.0.0");
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv ctf//acme.org/images:1.0.0 {} -V -u ociArtifact", target.url());
    let said = sandbox.fails(&format!("{line} --platform linux/amd64/v1"), 4);
    assert!(said.contains("would break the signature release"), "{said}");
    sandbox.fails(&format!("get cv {}//acme.org/images:1.0.0", target.url()), 3);
    // Whole, or where an index may lack platforms, it verifies.
    sandbox.ok(&line);
    sandbox.ok("transfer cv ctf//acme.org/images:1.0.0 ./out -V --platform linux/amd64/v1");
    for place in [target.url().as_str(), "out"] {
        sandbox.ok(&format!(
            "--compat v2 verify cv --public-key a.pub --signature release {place}//acme.org/images:1.0.0"
        ));
    }
}

#[test]
fn a_platform_that_is_not_there_is_an_error_that_says_what_is() {
    let (sandbox, _registry, _) = two_platforms();
    let line = "transfer cv ctf//acme.org/images:1.0.0 ./out --copy-resources --platform";
    let said = sandbox.fails(&format!("{line} linux/s390x"), 3);
    assert!(said.contains("linux/s390x") && said.contains("it is for linux/amd64/v0, linux/amd64/v1"), "{said}");
    assert!(sandbox.fails(&format!("{line} linux"), 2).contains("os/architecture"));
    sandbox.fails(&format!("{line} linux/amd64 --dry-run"), 2);
}

#[test]
fn signatures_and_lists_of_contents_go_along_when_asked() {
    let (sandbox, registry, index) = two_platforms();
    let (root, child) = (index.root(), index.manifests[0].descriptor());
    let source = repository(&registry);
    let sbom = fixtures::referrer(&child, "application/spdx+json", "a list");
    let signature = fixtures::referrer(root, "application/vnd.example.signature", "a signature");
    let cosign = format!("{}.sig", referrers_tag(&root.digest));
    wait(async {
        sbom.push(source.as_ref(), None).await.unwrap();
        signature.push(source.as_ref(), None).await.unwrap();
        fixtures::image_with(9, 1, 10).push(source.as_ref(), Some(&cosign)).await.unwrap();
    });
    let (with, without) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let line = |target: &TestRegistry, more: &str| {
        format!("transfer cv ctf//acme.org/images:1.0.0 {} -V -u ociArtifact{more}", target.url())
    };
    sandbox.ok(&line(&with, " --with referrers"));
    sandbox.ok(&line(&without, ""));
    for (target, count) in [(&with, 1), (&without, 0)] {
        let target = repository(target);
        for (subject, referrer) in [(&root.digest, &signature), (&child.digest, &sbom)] {
            let listed = wait(target.referrers(subject)).unwrap();
            assert_eq!(listed.len(), count);
            assert!(listed.iter().all(|row| row.digest == referrer.root().digest));
        }
        let tagged = wait(target.resolve(&Selector::Tag(cosign.clone()))).unwrap();
        assert_eq!(tagged.is_some(), count == 1);
    }
    assert!(sandbox.fails(&line(&without, " --with everything"), 2).contains("referrers"));
}
