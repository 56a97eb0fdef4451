//! A component version is consumed under another address than the one it was pushed through: a registry behind a
//! port-forward, a mirror on another host, a copy below another path.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::client::Client;
use crate::layout::Layout;
use crate::older_registries::archive;
use crate::registry::Registry;
use crate::sandbox::{Sandbox, succeeded};

const COMPONENT: &str = "example.com/component-1";
const PATH: &str = "local/components";
const IMAGE: &str = "library/busybox:1.36.1";

/// Exit status of the program when nobody answers.
const UNAVAILABLE: i32 = 8;

/// The descriptor of the issue that asked for this, as an older program left it behind after a push through a port-forward;
/// only the digest of the image is another one.
const DESCRIPTOR: &str = "\
meta:
  schemaVersion: v2
component:
  componentReferences: []
  creationTime: \"2025-04-07T13:01:16Z\"
  name: example.com/component-1
  provider: example.com
  repositoryContexts:
  - baseUrl: http://localhost:9999
    componentNameMapping: urlPath
    subPath: local/components
    type: OCIRegistry
  resources:
  - access:
      imageReference: http://localhost:9999/local/components/library/busybox:1.36.1@{digest}
      type: ociArtifact
    digest:
      hashAlgorithm: SHA-256
      normalisationAlgorithm: ociArtifactDigest/v1
      value: {hex}
    name: image--busybox
    relation: external
    type: ociImage
    version: v1.36.1
  sources: []
  version: 0.1.0
";

/// A registry that is reached as `localhost` by those who push and as `127.0.0.1` by those who consume.
struct Cluster {
    registry: Registry,
    sandbox: Sandbox,
    crane: Client,
    layout: Layout,
}

impl Cluster {
    fn start() -> Option<Self> {
        let crane = Client::find("crane")?;
        let registry = Registry::start("docker-registry")?;
        let sandbox = Sandbox::new();
        let layout = Layout::image(&sandbox, "layout", 7);
        Some(Self { registry, sandbox, crane, layout })
    }

    /// The address through which the pusher reaches the registry.
    fn forwarded(&self) -> String {
        self.registry.address.replace("127.0.0.1", "localhost")
    }

    fn pushed(&self) -> String {
        format!("http://{}/{PATH}//{COMPONENT}:0.1.0", self.forwarded())
    }

    fn consumed(&self) -> String {
        format!("http://{}/{PATH}//{COMPONENT}:0.1.0", self.registry.address)
    }

    /// An archive `component-1` whose component refers to an image in another registry, as in step 1.
    fn component(&self, origin: &Registry) {
        self.crane.run(&self.sandbox, &format!("push {} {}/{IMAGE}", self.layout.folder, origin.address));
        let image = format!("http://{}/{IMAGE}", origin.address);
        self.sandbox.file(
            "component-constructor.yaml",
            format!(
                "name: {COMPONENT}
version: 0.1.0
provider: {{name: example.com}}
resources:
- name: image--busybox
  version: v1.36.1
  type: ociImage
  relation: external
  access: {{type: ociArtifact, imageReference: \"{image}\"}}
- name: note
  type: plainText
  input: {{type: utf8, text: made for a test}}
"
            ),
        );
        self.sandbox.ocm("add cv -r component-1");
    }

    /// The descriptor of the issue with its image, as the older program would have pushed them.
    fn load(&self) {
        let hex = self.layout.digest.trim_start_matches("sha256:");
        let descriptor = DESCRIPTOR.replace("{digest}", &self.layout.digest).replace("{hex}", hex);
        self.sandbox.file("seed/component-descriptor.yaml", descriptor);
        std::fs::create_dir(self.sandbox.path("seed/blobs")).unwrap();
        self.crane.run(&self.sandbox, &format!("push {} {}/{PATH}/{IMAGE}", self.layout.folder, self.registry.address));
        self.sandbox.ocm(&format!("transfer cv ./seed//{COMPONENT}:0.1.0 http://{}/{PATH}", self.registry.address));
    }

    fn run(&self, line: &str) -> Output {
        self.sandbox.run(Path::new(env!("CARGO_BIN_EXE_ocm")), line)
    }

    /// Downloads the image, which has to work, and compares it. Returns what was said.
    fn download(&self, version: &str) -> String {
        let out = self.sandbox.free_name();
        let output = self.run(&format!("download resources {version} image--busybox -O {out}.tar.gz"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{version}: {said}");
        std::fs::create_dir(self.sandbox.path(&out)).unwrap();
        let line = format!("-xzf {out}.tar.gz -C {out}");
        succeeded("tar", &line, self.sandbox.run(Path::new("tar"), &line));
        let layout = Layout::read(&self.sandbox, &out);
        assert_eq!(layout.digest, self.layout.digest, "{version}");
        assert_eq!(layout.blobs(&self.sandbox), self.layout.blobs(&self.sandbox), "{version}");
        said
    }

    /// Copies everything below the path to another registry and below another path, knowing nothing of components.
    fn replicate(&self, target: &Registry, prefix: &str) {
        let origin = &self.registry.address;
        let repositories = self.crane.run(&self.sandbox, &format!("catalog {origin}"));
        for repository in repositories.lines() {
            let tags = self.crane.run(&self.sandbox, &format!("ls {origin}/{repository}"));
            for tag in tags.lines() {
                let to = format!("{}/{prefix}{repository}:{tag}", target.address);
                self.crane.run(&self.sandbox, &format!("copy {origin}/{repository}:{tag} {to}"));
            }
        }
    }
}

/// The port of the former address, closed to everybody but this test: whoever connects is seen.
struct Former(Option<TcpListener>);

impl Former {
    fn watch() -> Self {
        let listener = TcpListener::bind("127.0.0.1:9999").ok();
        if listener.is_none() {
            println!("skipped: port 9999 is in use, so connections to it cannot be noticed");
        }
        if let Some(listener) = &listener {
            listener.set_nonblocking(true).unwrap();
        }
        Self(listener)
    }

    fn is_left_alone(&self) {
        let Some(listener) = &self.0 else { return };
        assert_eq!(listener.accept().err().map(|error| error.kind()), Some(ErrorKind::WouldBlock));
    }
}

#[test]
fn no_address_of_the_push_is_stored_and_any_other_will_do() {
    let Some(cluster) = Cluster::start() else { return };
    let Some(origin) = Registry::start("registry") else { return };
    cluster.component(&origin);
    let sandbox = &cluster.sandbox;
    sandbox.ocm(&format!("transfer ctf --copy-resources component-1/ http://{}/{PATH}", cluster.forwarded()));
    let stored = sandbox.ocm(&format!("get cv {} -o yaml", cluster.pushed()));
    assert!(!stored.contains("localhost") && !stored.contains(&cluster.registry.address), "{stored}");
    drop(origin);
    cluster.download(&cluster.consumed());
    sandbox.ocm(&format!("check portability {}", cluster.consumed()));
    sandbox.ocm(&format!("check cv {} --resources local", cluster.consumed()));
}

#[test]
fn images_with_names_of_their_own_are_referred_to_without_a_host() {
    let Some(cluster) = Cluster::start() else { return };
    let Some(origin) = Registry::start("registry") else { return };
    cluster.component(&origin);
    let sandbox = &cluster.sandbox;
    let target = format!("http://{}/{PATH}", cluster.forwarded());
    sandbox.ocm(&format!("transfer ctf --copy-resources --upload-as ociArtifact component-1/ {target}"));
    let descriptor = sandbox.descriptor(&cluster.consumed());
    assert!(!descriptor.to_string().contains("localhost"), "{descriptor}");
    let access = &descriptor["component"]["resources"][0]["access"];
    let reference = format!("{PATH}/{IMAGE}@{}", cluster.layout.digest);
    assert_eq!(access, &json!({"type": "relativeOciReference", "reference": reference}));
    drop(origin);
    cluster.download(&cluster.consumed());
    sandbox.ocm(&format!("check cv {} --resources local", cluster.consumed()));
}

// One test for everything that watches the port of the issue.
#[test]
fn what_an_older_program_pushed_through_a_port_forward_can_be_consumed_and_repaired() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.load();
    let (sandbox, version) = (&cluster.sandbox, cluster.consumed());
    let stored = sandbox.descriptor(&version);
    assert_eq!(stored["component"]["repositoryContexts"][0]["baseUrl"], "http://localhost:9999");

    let former = Former::watch();
    let note = format!("rebased localhost:9999 → {}", cluster.registry.address);
    let said = cluster.download(&version);
    assert_eq!(said.matches(&note).count(), 1, "{said}");
    former.is_left_alone();
    for line in [format!("transfer cv --copy-resources {version} archive"), format!("check cv {version}")] {
        let output = cluster.run(&line);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.contains(&note), "{line}: {said}");
    }
    former.is_left_alone();
    cluster.download(&format!("archive//{COMPONENT}:0.1.0"));

    // Nobody answers there any more.
    drop(former);
    let message =
        sandbox.ocm_fails(&format!("download resources {version} image--busybox -O out --no-rebase"), UNAVAILABLE);
    for part in ["localhost:9999", "--no-rebase", &format!("ocm repair cv {version}")] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let findings = cluster.run(&format!("check portability {version}"));
    let table = String::from_utf8(findings.stdout).unwrap();
    assert!(
        findings.status.code() == Some(1) && table.contains("loopback, http scheme, host ≠ opened host"),
        "{table}"
    );

    let digest = |version: &str| {
        let report = sandbox.ocm(&format!("repair cv --dry-run {version} -o json"));
        serde_json::from_str::<Value>(&report).unwrap()["items"][0]["digest"].take()
    };
    let before = digest(&version);
    sandbox.ocm(&format!("repair cv {version} --access-style relative"));
    assert_eq!(digest(&version), before);
    let repaired = sandbox.descriptor(&version);
    assert!(!repaired.to_string().contains("localhost"), "{repaired}");
    let said = cluster.download(&version);
    assert!(!said.contains("rebased"), "{said}");
    assert_eq!(without_places(repaired), without_places(stored));
}

/// What a component version is, apart from where its parts are.
fn without_places(mut descriptor: Value) -> Value {
    descriptor["component"]["repositoryContexts"].take();
    descriptor["component"]["resources"][0]["access"].take();
    descriptor
}

#[test]
fn a_dumb_copy_is_whole_on_another_host_and_below_another_path() {
    let Some(cluster) = Cluster::start() else { return };
    let (Some(origin), Some(mirror)) = (Registry::start("registry"), Registry::start("docker-registry")) else {
        return;
    };
    cluster.component(&origin);
    let sandbox = &cluster.sandbox;
    let target = format!("http://{}/{PATH}", cluster.forwarded());
    sandbox.ocm(&format!("transfer ctf --copy-resources component-1/ {target}"));
    drop(origin);
    let before = sandbox.descriptor(&cluster.pushed());
    for prefix in ["", "copy/of/"] {
        cluster.replicate(&mirror, prefix);
        let version = format!("http://{}/{prefix}{PATH}//{COMPONENT}:0.1.0", mirror.address);
        assert_eq!(sandbox.descriptor(&version), before);
        cluster.download(&version);
        sandbox.ocm(&format!("check cv {version} --resources local"));
        sandbox.ocm(&format!("check portability {version}"));
        let diff = sandbox.ocm(&format!("diff {} {version}", cluster.pushed()));
        assert!(diff.contains("digest equal"), "{diff}");
    }
}

#[test]
fn relative_references_survive_another_host_and_are_repaired_below_another_path() {
    let Some(cluster) = Cluster::start() else { return };
    let (Some(origin), Some(mirror)) = (Registry::start("registry"), Registry::start("docker-registry")) else {
        return;
    };
    cluster.component(&origin);
    let sandbox = &cluster.sandbox;
    let target = format!("http://{}/{PATH}", cluster.forwarded());
    sandbox.ocm(&format!("transfer ctf --copy-resources --upload-as ociArtifact component-1/ {target}"));
    drop(origin);

    cluster.replicate(&mirror, "");
    let version = format!("http://{}/{PATH}//{COMPONENT}:0.1.0", mirror.address);
    cluster.download(&version);
    sandbox.ocm(&format!("check cv {version} --resources local"));
    drop(mirror);

    let Some(mirror) = Registry::start("docker-registry") else { return };
    cluster.replicate(&mirror, "copy/of/");
    let version = format!("http://{}/copy/of/{PATH}//{COMPONENT}:0.1.0", mirror.address);
    let output = cluster.run(&format!("download resources {version} image--busybox -O out"));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains(&format!("ocm repair cv {version}")), "{message}");
    let output = cluster.run(&format!("check cv {version}"));
    assert_eq!(output.status.code(), Some(7));
    sandbox.ocm(&format!("repair cv {version}"));
    cluster.download(&version);
    sandbox.ocm(&format!("check cv {version} --resources local"));
}

/// What the older program itself pushed through `localhost:9999`, signed, in each of its ways: with an absolute reference,
/// with a relative one, inside of the component version with a global access, and without.
#[test]
fn every_form_that_the_older_program_pushed_is_consumed_and_repaired() {
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/v1-run/seed-001/registry");
    if !record.exists() {
        println!("skipped: {} is not there", record.display());
        return;
    }
    let (Some(crane), Some(registry)) = (Client::find("crane"), Registry::start("docker-registry")) else { return };
    let sandbox = Sandbox::new();
    let repositories = archive(&sandbox, &record, "recorded");
    let origin = Registry::read_only(&sandbox.path("recorded"));
    for repository in &repositories {
        crane.run(&sandbox, &format!("copy -a {}/{repository} {}/{repository}", origin.address, registry.address));
    }
    for form in ["local", "relative", "kept", "blob"] {
        let version = format!("http://{}/{form}/components//{COMPONENT}:0.1.0", registry.address);
        let before = sandbox.descriptor(&version);
        assert!(before.to_string().contains("localhost:9999") && !before["signatures"].is_null(), "{before}");
        let download = || {
            let line = format!("download resources {version} image--busybox -O {}.tgz -o json", sandbox.free_name());
            let output = sandbox.run(Path::new(env!("CARGO_BIN_EXE_ocm")), &line);
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{line}: {said}");
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            (report["items"][0]["digest"].as_str().unwrap().to_owned(), said.contains("rebased"))
        };
        let image = download();
        assert_eq!(image.1, form == "local", "{form}");
        sandbox.ocm(&format!("check cv {version}"));
        sandbox.ocm(&format!("repair cv {version}"));
        let after = sandbox.descriptor(&version);
        assert!(!after.to_string().contains("localhost:9999"), "{form}: {after}");
        assert_eq!(without_places(after), without_places(before), "{form}");
        assert_eq!(download(), (image.0, false), "{form}");
        sandbox.ocm(&format!("check cv {version} --resources local"));
        sandbox.ocm(&format!("check portability {version}"));
    }
}
