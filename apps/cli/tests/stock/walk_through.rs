//! The walk-through of the announcement of OCM v2: add, sign, transfer into an archive, import, verify; its command lines word
//! for word but for the names of hosts. And what must not come through.

use std::fs;
use std::path::Path;

use ocm_blob::Digest;

use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

/// A constructor of a product with the image in the folder `layout` and further resources, and of a part of it.
pub(crate) fn constructor(version: &str, more: &str) -> String {
    format!(
        "components:
- name: acme.org/part
  version: 1.0.0
  provider: {{name: acme.org}}
  resources:
  - name: settings
    type: blob
    input: {{type: utf8, text: 'level: info'}}
- name: acme.org/product
  version: {version}
  provider: {{name: acme.org}}
  componentReferences:
  - {{name: part, componentName: acme.org/part, version: 1.0.0}}
  resources:
  - name: image
    type: ociImage
    input: {{type: dir, path: layout, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}
{more}"
    )
}

const NOTE: &str = "  - name: note
    type: plainText
    input: {type: utf8, text: made for a test}
";

const CONFIGURATION: &str = "type: generic.config.ocm.software/v1
configurations:
- type: credentials.config.ocm.software/v1
  consumers:
  - identity: {type: RSA/v1alpha1, algorithm: RSASSA-PSS, signature: release}
    credentials: [{type: RSACredentials/v1, privateKeyPEMFile: release.priv, publicKeyPEMFile: release.pub}]
";

/// The walk-through from one registry into another.
fn walk(sandbox: &Sandbox, source: &str, target: &str) {
    sandbox.ocm("create rsakeypair release.priv release.pub");
    sandbox.file(".ocmconfig", CONFIGURATION);
    // Create a component version from a constructor file
    sandbox.ocm("add cv --file ./transport-archive component-constructor.yaml");
    // The announcement does not say how it came into the registry.
    sandbox
        .ocm(&format!("transfer cv --copy-resources --recursive ./transport-archive//acme.org/product:1.0.0 {source}"));
    // Sign it
    sandbox.ocm(&format!("sign cv --signature release {source}/acme.org/product:1.0.0"));
    // Transfer to a CTF archive for air-gapped delivery
    sandbox.ocm(&format!(
        "transfer cv --copy-resources --recursive {source}/acme.org/product:1.0.0 ctf::./airgap-transport.ctf"
    ));
    // Import into the target registry on the other side
    sandbox.ocm(&format!(
        "transfer cv --copy-resources --recursive ctf::./airgap-transport.ctf//acme.org/product:1.0.0 {target}"
    ));
    // Verify signatures survived the journey
    sandbox.ocm(&format!("verify cv --signature release {target}//acme.org/product:1.0.0"));
}

#[test]
fn a_signature_survives_the_journey() {
    for (from, to) in
        [("docker-registry", "referrers-registry"), ("referrers-registry", "ocm"), ("ocm", "docker-registry")]
    {
        let (Some(here), Some(there)) = (Registry::start(from), Registry::start(to)) else { continue };
        let sandbox = Sandbox::new();
        Layout::image(&sandbox, "layout", 1);
        sandbox.file("component-constructor.yaml", constructor("1.0.0", NOTE));
        let (source, target) = (format!("http://{}", here.address), format!("http://{}", there.address));
        walk(&sandbox, &source, &target);
        let place = format!("{target}//acme.org/product:1.0.0");
        sandbox.ocm(&format!("verify cv --resources {place}"));
        let form = |place: &str| sandbox.ocm(&format!("hash cv -r -o norm {place}//acme.org/product:1.0.0"));
        let signed = form(&source);
        assert_eq!(form("./transport-archive"), signed, "{from} → {to}");
        assert_eq!(form("ctf::./airgap-transport.ctf"), signed, "{from} → {to}");
        assert_eq!(form(&target), signed, "{from} → {to}");
        // Whoever does not trust the key does not import either.
        sandbox.ocm("create rsakeypair other.priv other.pub");
        sandbox.ocm_fails(&format!("verify cv --signature release --public-key other.pub {place}"), 5);
    }
}

#[test]
fn what_was_tampered_with_does_not_come_through() {
    for name in ["docker-registry", "ocm"] {
        let (Some(here), Some(there)) = (Registry::start(name), Registry::start(name)) else { continue };
        let sandbox = Sandbox::new();
        Layout::image(&sandbox, "layout", 1);
        sandbox.file("component-constructor.yaml", constructor("1.0.0", NOTE));
        let (source, target) = (format!("http://{}", here.address), format!("http://{}", there.address));
        walk(&sandbox, &source, &target);
        let product = "airgap-transport.ctf//acme.org/product:1.0.0";

        change_every_blob_in_turn(&sandbox.path("airgap-transport.ctf/blobs"), |file| {
            // Another target each time: what is there already need not be read again.
            let empty = Registry::start(name).unwrap();
            let place = format!("http://{}", empty.address);
            let line = format!("transfer cv --copy-resources --recursive ctf::./{product} {place}");
            let ran = sandbox.run(Path::new(env!("CARGO_BIN_EXE_ocm")), &line);
            if fs::read_to_string(file).is_ok_and(|text| text.contains("omponentDescriptorLayer")) {
                // Where the descriptor is, is written anew for every place and never read: what arrives is right.
                sandbox.ocm(&format!("verify cv --signature release --resources {place}//acme.org/product:1.0.0"));
                return;
            }
            assert_eq!(ran.status.code(), Some(5), "{}: {}", file.display(), String::from_utf8_lossy(&ran.stderr));
            sandbox.ocm_fails(&format!("get cv {place}//acme.org/product:1.0.0"), 3);
            sandbox.ocm_fails(&format!("verify cv --signature release --resources ctf::./{product}"), 5);
        });

        // A descriptor that was changed together with everything that leads to it: whoever may write can do that.
        let Some(empty) = Registry::start(name) else { continue };
        let fresh = format!("http://{}", empty.address);
        let archive = sandbox.path("airgap-transport.ctf");
        let descriptor = blobs(&archive).into_iter().find(|(_, text)| text.contains("\"plainText\"")).unwrap().0;
        substitute(&archive, &descriptor, "\"plainText\"", "\"wrongText\"");
        let place = format!("{fresh}//acme.org/product:1.0.0");
        let lookup = format!("--lookup {target}");
        sandbox.ocm_fails(&format!("transfer cv --verify {lookup} ctf::./{product} {fresh}"), 5);
        sandbox.ocm_fails(&format!("get cv {place}"), 3);
        // Without a look at signatures it is a version like any other.
        sandbox.ocm(&format!("transfer cv --copy-resources ctf::./{product} {fresh}"));
        let message = sandbox.ocm_fails(&format!("verify cv --signature release {lookup} {place}"), 5);
        assert!(message.contains("component.resources[1].type is \"wrongText\""), "{message}");
    }
}

/// Changes one byte in each of the files of a folder, one file at a time.
fn change_every_blob_in_turn(folder: &Path, check: impl Fn(&Path)) {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 5);
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&file, changed).unwrap();
        check(&file);
        fs::write(&file, bytes).unwrap();
    }
}

/// The names of all blobs of an archive that are text, with what they hold.
fn blobs(archive: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(archive.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter_map(|file| {
        let hex = file.extension().unwrap().to_str().unwrap().to_owned();
        Some((hex, fs::read_to_string(&file).ok()?))
    });
    texts.collect()
}

/// Changes a document of an archive, and everything that leads to it; the length stays.
fn substitute(archive: &Path, hex: &str, from: &str, to: &str) {
    let path = |hex: &str| archive.join(format!("blobs/sha256.{hex}"));
    let text = fs::read_to_string(path(hex)).unwrap().replace(from, to);
    let new = Digest::of(text.as_bytes()).hex();
    fs::remove_file(path(hex)).unwrap();
    fs::write(path(&new), text).unwrap();
    let index = archive.join("artifact-index.json");
    fs::write(&index, fs::read_to_string(&index).unwrap().replace(hex, &new)).unwrap();
    // One after the other: what leads here may have been changed for another reason in between.
    while let Some((other, _)) = blobs(archive).into_iter().find(|(_, text)| text.contains(hex)) {
        substitute(archive, &other, hex, &new);
    }
}
