//! A component version that was stored through one address and is read through another.

use ocm_oci::Registry as _;
use ocm_testkit::{TestRegistry, fixtures};
use serde_json::Value;

use crate::images::wait;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "acme.org/moved";
/// Path of the component versions in every registry here.
pub(crate) const PATH: &str = "local/components";

/// A component version in one registry whose descriptor tells the addresses of another one, which has nothing.
pub(crate) struct Moved {
    pub(crate) sandbox: Sandbox,
    /// Where it was stored once.
    pub(crate) former: TestRegistry,
    /// Where it is now.
    pub(crate) here: TestRegistry,
    /// Digest of the image.
    pub(crate) digest: String,
}

impl Moved {
    /// With a pinned image and a recorded digest.
    pub(crate) fn new() -> Self {
        Self::with("busybox:1.36.1@{digest}", "{hex}")
    }

    /// With an image reference below the former address and a recorded digest (none if it is empty). `{digest}` and `{hex}`
    /// stand for the digest of the image with and without its algorithm.
    pub(crate) fn with(image: &str, recorded: &str) -> Self {
        let sandbox = Sandbox::new();
        let [former, here] = [TestRegistry::start().unwrap(), TestRegistry::start().unwrap()];
        let graph = fixtures::image(2, 1000);
        wait(graph.push(here.store().repository(&format!("{PATH}/library/busybox")).as_ref(), Some("1.36.1"))).unwrap();
        let digest = graph.root().digest.to_string();
        let hex = digest.trim_start_matches("sha256:");
        let (image, recorded) = (image.replace("{digest}", &digest), recorded.replace("{hex}", hex));
        let recorded = if recorded.is_empty() {
            String::new()
        } else {
            format!(
                "digest: {{hashAlgorithm: SHA-256, normalisationAlgorithm: ociArtifactDigest/v1, value: \"{recorded}\"}}"
            )
        };
        let former_address = former.url();
        sandbox.file(
            "seed/component-descriptor.yaml",
            &format!(
                "meta: {{schemaVersion: v2}}
component:
  name: {COMPONENT}
  version: 1.0.0
  provider: acme.org
  repositoryContexts:
  - {{baseUrl: \"{former_address}\", componentNameMapping: urlPath, subPath: {PATH}, type: OCIRegistry}}
  resources:
  - name: image
    version: v1.36.1
    type: ociImage
    relation: external
    access: {{type: ociArtifact, imageReference: \"{former_address}/{PATH}/library/{image}\"}}
    {recorded}
  sources: []
  componentReferences: []
"
            ),
        );
        std::fs::create_dir_all(sandbox.path("seed/blobs")).unwrap();
        sandbox.ok(&format!("transfer cv ./seed//{COMPONENT}:1.0.0 {}/{PATH}", here.url()));
        here.forget();
        Self { sandbox, former, here, digest }
    }

    pub(crate) fn version(&self) -> String {
        format!("{}/{PATH}//{COMPONENT}:1.0.0", self.here.url())
    }

    pub(crate) fn descriptor(&self) -> Value {
        let printed = self.sandbox.ok(&format!("get cv {} -o json", self.version()));
        serde_json::from_str::<Value>(&printed).unwrap()[0].take()
    }

    fn note(&self) -> String {
        format!("rebased {} → {}", self.former.address(), self.here.address())
    }

    /// Nobody tried to reach the former address.
    pub(crate) fn former_is_left_alone(&self) {
        assert_eq!(self.former.requests(), []);
    }
}

#[test]
fn an_image_is_found_where_its_component_version_was_opened() {
    let moved = Moved::new();
    let (sandbox, version) = (&moved.sandbox, moved.version());
    let ran = sandbox.run(&format!("download resource {version} image -O image"));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(&moved.note()).count(), 1, "{}", ran.stderr);
    let ran = sandbox.run(&format!("transfer cv --copy-resources {version} ./archive"));
    assert!(ran.status == 0 && ran.stderr.contains(&moved.note()), "{}", ran.stderr);
    let access: Value = serde_json::from_str(&sandbox.ok("get cv archive -o json")).unwrap();
    let access = &access[0]["component"]["resources"][0]["access"];
    assert_eq!(access["localReference"], moved.digest.as_str());
    // The path of the component versions is no part of its name, which would grow with every copy.
    assert_eq!(access["referenceName"], "library/busybox:1.36.1");
    let ran = sandbox.run(&format!("check cv {version}"));
    assert!(ran.status == 0 && ran.stderr.contains(&moved.note()), "{}{}", ran.stdout, ran.stderr);
    moved.former_is_left_alone();
}

#[test]
fn it_is_recognised_by_the_recorded_digest_even_if_the_tag_has_moved() {
    let moved = Moved::with("busybox:1.36.1", "{hex}");
    let other = fixtures::image_with(9, 1, 10);
    let repository = moved.here.store().repository(&format!("{PATH}/library/busybox"));
    wait(other.push(repository.as_ref(), Some("1.36.1"))).unwrap();
    let report = moved.sandbox.ok(&format!("download resource {} image -O image -o json", moved.version()));
    assert!(report.contains(&moved.digest), "{report}");
    moved.former_is_left_alone();
}

#[test]
fn and_by_the_digest_of_the_reference_where_none_is_recorded() {
    let moved = Moved::with("busybox@{digest}", "");
    moved.sandbox.ok(&format!("download resource {} image -O image", moved.version()));
    moved.former_is_left_alone();
}

#[test]
fn without_any_digest_only_the_recorded_address_is_asked() {
    let moved = Moved::with("busybox:1.36.1", "");
    let message = moved.sandbox.fails(&format!("download resource {} image -O image", moved.version()), 3);
    assert!(message.contains("digest to recognise it by") && message.contains("--copy-resources"), "{message}");
    // Which could not recognise it either.
    assert!(!message.contains("ocm repair"), "{message}");
    assert!(!moved.former.requests().is_empty());
    assert!(!moved.sandbox.path("image").exists());
}

#[test]
fn nor_is_it_looked_for_by_one_of_two_digests() {
    let moved = Moved::with(&format!("busybox:1.36.1@sha256:{}", "0".repeat(64)), "{hex}");
    let message = moved.sandbox.fails(&format!("download resource {} image -O image", moved.version()), 3);
    assert!(message.contains("have different digests"), "{message}");
}

#[test]
fn an_image_keeps_its_path_where_its_component_version_alone_has_got_another() {
    let moved = Moved::new();
    let (sandbox, here) = (&moved.sandbox, moved.here.url());
    // By reference, as within a registry.
    sandbox.ok(&format!("transfer cv ./seed//{COMPONENT}:1.0.0 {here}/prod"));
    let version = format!("{here}/prod//{COMPONENT}:1.0.0");
    for line in [format!("download resource {version} image -O image"), format!("check cv {version}")] {
        let ran = sandbox.run(&line);
        assert!(ran.status == 0 && ran.stderr.contains(&moved.note()), "{line}: {}", ran.stderr);
    }
    sandbox.ok(&format!("repair cv {version}"));
    sandbox.ok(&format!("check cv {version} --resources local"));
    moved.former_is_left_alone();
}

#[test]
fn another_image_is_never_taken_for_it() {
    let moved = Moved::with("busybox:1.36.1", &"0".repeat(64));
    let message = moved.sandbox.fails(&format!("download resource {} image -O image", moved.version()), 3);
    assert!(message.contains("it is not there either"), "{message}");
    assert!(!moved.sandbox.path("image").exists());
}

#[test]
fn the_recorded_address_is_asked_where_the_image_did_not_move_along() {
    let moved = Moved::new();
    let there = fixtures::image(2, 1000);
    let name = format!("{PATH}/library/busybox");
    wait(there.push(moved.former.store().repository(&name).as_ref(), None)).unwrap();
    let selector = ocm_oci::Selector::parse(&moved.digest);
    assert!(wait(moved.here.store().repository(&name).delete_manifest(&selector)).unwrap());
    let ran = moved.sandbox.run(&format!("download resource {} image -O image", moved.version()));
    assert!(ran.status == 0 && !ran.stderr.contains("rebased"), "{}", ran.stderr);
}

#[test]
fn rebasing_can_be_switched_off_and_the_failure_says_what_helps() {
    let moved = Moved::new();
    let (version, former) = (moved.version(), moved.former.address());
    let place = format!("{}/{PATH}", moved.here.url());
    let reference = format!("{{name: moved, componentName: {COMPONENT}, version: 1.0.0}}");
    let parent = format!(
        "{{name: acme.org/parent, version: 1.0.0, provider: {{name: acme.org}}, componentReferences: [{reference}]}}"
    );
    moved.sandbox.file("parent.yaml", &parent).ok(&format!("add cv -c parent.yaml -r parent --lookup {place}"));
    for line in [
        format!("download resource {version} image -O image --no-rebase"),
        format!("transfer cv --copy-resources {version} ./archive --no-rebase"),
        format!("transfer ctf -r --copy-resources --lookup {place} parent ./archive --no-rebase"),
    ] {
        let ran = moved.sandbox.run(&line);
        assert_eq!(ran.status, 3, "{line}: {}", ran.stderr);
        for part in [&former, "--no-rebase", &format!("ocm repair cv {version}")] {
            assert!(ran.stderr.contains(part), "{line}: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("rebased "), "{line}: {}", ran.stderr);
    }
    assert!(!moved.former.requests().is_empty());
    moved.sandbox.ok(&format!("transfer ctf -r --copy-resources --lookup {place} parent ./rebased"));
    // It lies with another host then, which is not contacted.
    let report = moved.sandbox.ok(&format!("check cv {version} --no-rebase -o json"));
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["items"][0]["external"][0]["present"], Value::Null);
}

#[test]
fn the_findings_of_a_stale_component_version() {
    let moved = Moved::with("busybox:1.36.1", "{hex}");
    let ran = moved.sandbox.run(&format!("check portability {} -o json", moved.version()));
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["checked"], 1);
    let problems = |position: usize| report["items"][position]["problems"].clone();
    assert_eq!(problems(0), serde_json::json!(["loopback", "httpScheme", "otherHost", "tagOnly"]));
    assert_eq!(problems(1), serde_json::json!(["loopback", "httpScheme"]));
    assert_eq!(report["items"][1]["member"], "repositoryContexts");
    let ran = moved.sandbox.run(&format!("check portability {}", moved.version()));
    assert_eq!(ran.status, 1);
    let row = ran.stdout.lines().nth(2).unwrap();
    assert!(row.contains("resource name=image,version=v1.36.1") && row.contains("tag only"), "{row}");
    assert!(ran.stderr.contains("2 address(es)") && ran.stderr.contains("ocm repair"), "{}", ran.stderr);
    moved.former_is_left_alone();
}

#[test]
fn what_has_no_addresses_is_portable() {
    let sandbox = Sandbox::tree();
    assert_eq!(sandbox.ok("check portability ctf").lines().count(), 2);
    let report: Value =
        serde_json::from_str(&sandbox.ok("check portability -r ctf//acme.org/root:1.0.0 -o json")).unwrap();
    assert_eq!(report["checked"], 3);
    sandbox.fails("check portability ctf//acme.org/none:1.0.0", 3);
}
