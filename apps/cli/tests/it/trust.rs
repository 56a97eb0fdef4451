//! What a signature stands for: everything below it, and nothing that its owner did not name.

use std::fs;

use ocm_testkit::TestRegistry;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::sign::{signatures, with_keys};

pub(crate) const ROOT: &str = "acme.org/root:1.0.0";
pub(crate) const LEAF: &str = "acme.org/leaf:1.0.0";

/// A root and a leaf, each with a resource.
const FAMILY: &str = "\
components:
- name: acme.org/leaf
  version: 1.0.0
  provider: {name: acme.org}
  labels: [{name: sealed, value: a, signing: true}, {name: loose, value: a}]
  resources: [{name: leaf, type: plainText, input: {type: utf8, text: leaf content}}]
- name: acme.org/root
  version: 1.0.0
  provider: {name: acme.org}
  labels: [{name: sealed, value: a, signing: true}, {name: loose, value: a}]
  resources: [{name: root, type: plainText, input: {type: utf8, text: root content}}]
  componentReferences: [{name: leaf, version: 1.0.0, componentName: acme.org/leaf}]
";

pub(crate) fn family() -> Sandbox {
    let sandbox = with_keys(Sandbox::new());
    sandbox.file("family.yaml", FAMILY).ok("add cv -c family.yaml -r ctf");
    sandbox
}

pub(crate) fn descriptor(sandbox: &Sandbox, reference: &str) -> Value {
    let printed = sandbox.ok(&format!("get cv {reference} -o json --compat v1"));
    serde_json::from_str::<Value>(&printed).unwrap()["items"][0].take()
}

/// Puts a descriptor into the archive `place`, as somebody can who may write there.
pub(crate) fn put(sandbox: &Sandbox, descriptor: &Value, place: &str) {
    let folder = sandbox.path("loose");
    let _ = fs::remove_dir_all(&folder);
    sandbox.file("loose/component-descriptor.yaml", &descriptor.to_string()).file("loose/blobs/none", "");
    for blob in fs::read_dir(sandbox.path("ctf/blobs")).unwrap() {
        let blob = blob.unwrap().path();
        fs::copy(&blob, folder.join("blobs").join(blob.file_name().unwrap())).unwrap();
    }
    let component = &descriptor["component"];
    let (name, version) = (component["name"].as_str().unwrap(), component["version"].as_str().unwrap());
    sandbox.ok(&format!("transfer cv --overwrite loose//{name}:{version} {place}"));
}

/// Exchanges a text for one of the same length in a descriptor where it lies, and makes the archive consistent again.
pub(crate) fn exchange(sandbox: &Sandbox, place: &str, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let (blobs, index) = (sandbox.path(place).join("blobs"), sandbox.path(place).join("artifact-index.json"));
    let replace = |path: &std::path::Path, pairs: &[(String, String)]| {
        let mut bytes = fs::read(path).unwrap();
        let mut is_changed = false;
        for (from, to) in pairs {
            while let Some(at) = position(&bytes, from) {
                bytes.splice(at..at + from.len(), to.bytes());
                is_changed = true;
            }
        }
        fs::write(path, &bytes).unwrap();
        is_changed.then(|| ocm_blob::Digest::of(&bytes).hex())
    };
    // What names a file by its digest gets another digest itself.
    let mut pairs = vec![(from.to_owned(), to.to_owned())];
    let all = || fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    while let Some((path, digest)) = all().into_iter().find_map(|path| Some((path.clone(), replace(&path, &pairs)?))) {
        let old = path.file_name().unwrap().to_str().unwrap().trim_start_matches("sha256.").to_owned();
        fs::rename(&path, blobs.join(format!("sha256.{digest}"))).unwrap();
        pairs.push((old, digest));
    }
    replace(&index, &pairs).unwrap();
}

fn position(bytes: &[u8], text: &str) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text.as_bytes())
}

/// The archive `bare`, whose descriptors record no digests.
pub(crate) fn without_digests(sandbox: &Sandbox) {
    for reference in [LEAF, ROOT] {
        let mut descriptor = descriptor(sandbox, &format!("ctf//{reference}"));
        for list in ["resources", "componentReferences"] {
            for element in descriptor["component"][list].as_array_mut().unwrap() {
                element.as_object_mut().unwrap().remove("digest").unwrap();
            }
        }
        put(sandbox, &descriptor, "bare");
    }
}

#[test]
fn recursive_signatures_cover_the_content_of_everything() {
    let sandbox = family();
    without_digests(&sandbox);
    sandbox.ok(&format!("sign cv --recursive --config c.yaml bare//{ROOT}"));
    for (reference, list) in [(LEAF, "resources"), (ROOT, "resources"), (ROOT, "componentReferences")] {
        let descriptor = descriptor(&sandbox, &format!("bare//{reference}"));
        let digest = &descriptor["component"][list][0]["digest"]["value"];
        assert_eq!(digest.as_str().map(str::len), Some(64), "{reference} {list}: {descriptor}");
        assert_eq!(signatures(&sandbox, &format!("bare//{reference}")), ["default"]);
        let ran = sandbox.run(&format!("verify cv --resources --config c.yaml bare//{reference}"));
        assert!(ran.status == 0 && !ran.stderr.contains("WARN"), "{}", ran.stderr);
    }
    let leaf = descriptor(&sandbox, &format!("bare//{LEAF}"));
    let root = descriptor(&sandbox, &format!("bare//{ROOT}"));
    assert_eq!(
        root["component"]["componentReferences"][0]["digest"]["value"], leaf["signatures"][0]["digest"]["value"],
        "the reference is to the leaf as it is stored"
    );
}

#[test]
fn digests_that_nobody_recorded_are_computed_as_the_older_program_does() {
    let sandbox = family();
    without_digests(&sandbox);
    // It writes what it computed into the version that it signs, and leaves the others as they are.
    sandbox.ok(&format!("sign cv -s default -K a.priv bare//{ROOT}"));
    let leaf = descriptor(&sandbox, &format!("bare//{LEAF}"));
    assert!(leaf["component"]["resources"][0].get("digest").is_none(), "{leaf}");
    sandbox.ok(&format!("verify cv -s default -k a.pub bare//{ROOT}"));
    sandbox.ok(&format!("verify cv --signature default --public-key a.pub bare//{ROOT}"));
    // The content of the leaf is covered all the same.
    let blobs = sandbox.path("bare/blobs");
    let is_leaf = |path: &std::path::PathBuf| fs::read(path).unwrap() == b"leaf content";
    let blob = fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().path()).find(is_leaf).unwrap();
    fs::write(blob, "LEAF content").unwrap();
    sandbox.fails(&format!("verify cv -s default -k a.pub bare//{ROOT}"), 5);
    sandbox.fails(&format!("verify cv --signature default --public-key a.pub bare//{ROOT}"), 5);
}

#[test]
fn what_is_not_covered_is_told_of_everything_below() {
    let sandbox = family();
    without_digests(&sandbox);
    // Signed by whoever does not look at content.
    let mut root = descriptor(&sandbox, &format!("bare//{ROOT}"));
    let leaf: Value =
        serde_json::from_str(&sandbox.ok(&format!("hash cv -N jsonNormalisation/v4alpha1 bare//{LEAF} -o json")))
            .unwrap();
    root["component"]["componentReferences"][0]["digest"] = json!({
        "hashAlgorithm": "SHA-256", "normalisationAlgorithm": "jsonNormalisation/v4alpha1", "value": leaf["items"][0]["hash"],
    });
    put(&sandbox, &root, "bare");
    sandbox.ok(&format!("sign cv --config c.yaml bare//{ROOT}"));
    let ran = sandbox.run(&format!("verify cv --config c.yaml bare//{ROOT}"));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(
            "acme.org/leaf:1.0.0: signature \\\"default\\\" does not cover the content of resource name=leaf"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn two_signers_at_once_both_keep_their_signatures() {
    let sandbox = family();
    let registry = TestRegistry::start().unwrap();
    let remote = format!("http://{}/acme", registry.address());
    sandbox.ok(&format!("transfer cv --recursive ctf//{ROOT} {remote}"));
    for place in ["ctf", remote.as_str()] {
        let reference = format!("{place}//{ROOT}");
        let names: Vec<String> = (0..4).map(|number| format!("signer{number}")).collect();
        let started: Vec<_> = names
            .iter()
            .map(|name| {
                let words = ["sign", "cv", "-s", name, "-K", "a.priv", &reference];
                let mut command = sandbox.command(&words);
                command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in started {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let mut there = signatures(&sandbox, &reference);
        there.sort();
        assert_eq!(there, names, "{place}");
        for name in &names {
            sandbox.ok(&format!("verify cv -s {name} -k a.pub {reference}"));
        }
    }
}

#[test]
fn a_key_that_was_named_is_the_only_one_that_counts() {
    let sandbox = family();
    sandbox.ok("create rsakeypair --ca root.priv root.cert CN=root");
    sandbox.ok("create rsakeypair --ca-key root.priv --ca-cert root.cert leaf.priv leaf.cert CN=default");
    sandbox.ok("create rsakeypair other.priv other.pub");
    sandbox.file(
        "roots.yaml",
        "type: generic.config.ocm.software/v1\nconfigurations:\n- {type: rootcerts.config.ocm.software, rootCertificates: [{path: root.cert}]}\n\
         - type: credentials.config.ocm.software/v1\n  consumers:\n  - identity: {type: RSA/v1alpha1, algorithm: RSASSA-PKCS1-V1_5, signature: default}\n    \
         credentials: [{type: RSACredentials/v1, publicKeyPEMFile: root.cert}]\n",
    );
    sandbox.ok(&format!("sign cv -s default -K leaf.priv -k leaf.cert ctf//{ROOT}"));
    let verify = |flags: &str| format!("verify cv --config roots.yaml {flags} ctf//{ROOT}");
    sandbox.ok(&verify("--signature default"));
    sandbox.fails(&verify("--signature default --public-key other.pub"), 5);
    sandbox.fails(&verify("-s default -k other.pub"), 5);
    sandbox.fails(&format!("transfer cv --verify --config roots.yaml --public-key other.pub ctf//{ROOT} moved"), 5);
    sandbox.ok(&verify("--signature default --public-key other.pub --ca-cert root.cert"));
    sandbox.ok("create rsakeypair --ca strange.priv strange.cert CN=root");
    sandbox.fails(&verify("--signature default --public-key other.pub --ca-cert strange.cert"), 5);
    // More keys in one file: each of them counts, and nothing else.
    let both = sandbox.read("other.pub") + &sandbox.read("leaf.cert");
    sandbox.file("both.pem", &both);
    sandbox.ok(&verify("--signature default --public-key both.pem"));
    let wrong = sandbox.read("other.pub") + &sandbox.read("root.cert");
    sandbox.file("wrong.pem", &wrong);
    sandbox.fails(&verify("--signature default --public-key wrong.pem"), 5);
}

#[test]
fn bytes_of_a_manifest_are_no_image() {
    let sandbox = family();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": format!("sha256:{}", "1".repeat(64)), "size": 2},
        "layers": [],
    });
    sandbox.file("manifest.json", &manifest.to_string());
    sandbox.file(
        "blob.yaml",
        "{name: acme.org/image, version: 1.0.0, provider: {name: acme.org}, resources: [{name: image, type: ociImage, \
         input: {type: file, path: manifest.json, mediaType: application/json}}]}",
    );
    sandbox.ok("add cv -c blob.yaml -r ctf");
    let image = descriptor(&sandbox, "ctf//acme.org/image:1.0.0");
    for (normalisation, counts) in [
        ("genericBlobDigest/v1", true),
        ("ociArtifactDigest/v1", false),
        ("ociArtefactDigest/v1", false),
        ("strange/v1", false),
    ] {
        // Whoever signs without looking at content signs anything.
        let _ = fs::remove_dir_all(sandbox.path("other"));
        if normalisation.starts_with("oci") {
            put(&sandbox, &image, "other");
            exchange(&sandbox, "other", "genericBlobDigest/v1", normalisation);
        } else {
            let mut image = image.clone();
            image["component"]["resources"][0]["digest"]["normalisationAlgorithm"] = normalisation.into();
            put(&sandbox, &image, "other");
        }
        let reference = "other//acme.org/image:1.0.0";
        sandbox.ok(&format!("sign cv --config c.yaml {reference}"));
        sandbox.ok(&format!("verify cv --config c.yaml {reference}"));
        for line in ["verify cv --resources --config c.yaml", "hash cv --actual", "verify cv -s default -k a.pub"] {
            let ran = sandbox.run(&format!("{line} {reference}"));
            assert_eq!(ran.status == 0, counts, "{normalisation}: {line}: {}", ran.stderr);
            assert!(counts || ran.stderr.contains(normalisation), "{normalisation}: {}", ran.stderr);
        }
        let moved = sandbox.run(&format!("transfer cv {reference} moved"));
        assert_eq!(
            moved.status,
            if normalisation.starts_with("oci") { 5 } else { 0 },
            "{normalisation}: {}",
            moved.stderr
        );
        let _ = fs::remove_dir_all(sandbox.path("moved"));
        // What is no image does not become one elsewhere.
        let output = format!("--identity name=image --output {}.json", normalisation.replace('/', "-"));
        let ran = sandbox.run(&format!("download resource {reference} {output}"));
        assert_eq!(ran.status == 0, !normalisation.starts_with("ociArt"), "{normalisation}: {}", ran.stderr);
    }
}

#[test]
fn nothing_is_visible_in_a_registry_when_a_policy_refuses() {
    let sandbox = family();
    sandbox.ok(&format!("sign cv --recursive --config c.yaml ctf//{ROOT}"));
    for flags in [
        "--require release --config c.yaml",
        "--verify --require default",
        "--verify --config c.yaml --minimum-key-size 4096",
        "--verify --config c.yaml --allow-algorithm RSASSA-PKCS1-V1_5",
        "--verify --config c.yaml --allow-normalisation jsonNormalisation/v3",
    ] {
        let registry = TestRegistry::start().unwrap();
        let remote = format!("http://{}/acme", registry.address());
        sandbox.fails(&format!("transfer cv --recursive {flags} ctf//{ROOT} {remote}"), 5);
        for reference in [ROOT, LEAF] {
            sandbox.fails(&format!("get cv {remote}//{reference}"), 3);
        }
        sandbox.ok(&format!("transfer cv --recursive --require default --config c.yaml ctf//{ROOT} {remote}"));
        sandbox.ok(&format!("verify cv --resources --config c.yaml {remote}//{ROOT}"));
    }
}

#[test]
fn what_was_signed_cannot_be_exchanged() {
    let sandbox = family();
    sandbox.file("next.yaml", &FAMILY.replace("1.0.0", "2.0.0").replace("leaf content", "other content"));
    sandbox.ok("add cv -c next.yaml -r ctf");
    sandbox.ok(&format!("sign cv --recursive --config c.yaml ctf//{ROOT}"));
    sandbox.ok("sign cv --recursive --config c.yaml ctf//acme.org/root:2.0.0");
    let right = descriptor(&sandbox, &format!("ctf//{ROOT}"));
    let other = descriptor(&sandbox, "ctf//acme.org/root:2.0.0");
    let digest = |value: &str| json!({"hashAlgorithm": "SHA-256", "normalisationAlgorithm": "jsonNormalisation/v4alpha1", "value": value});
    let excluded =
        json!({"hashAlgorithm": "NO-DIGEST", "normalisationAlgorithm": "EXCLUDE-FROM-SIGNATURE", "value": "NO-DIGEST"});
    for (pointer, value, counts) in [
        ("/component/labels/1/value", json!("b"), true),
        ("/component/repositoryContexts", json!([{"type": "OCIRegistry", "baseUrl": "evil.example"}]), true),
        ("/component/labels/0/value", json!("b"), false),
        ("/component/labels/0/signing", json!(false), false),
        ("/component/labels/1/signing", json!(true), false),
        ("/component/provider", json!("evil.example"), false),
        ("/component/resources/0/name", json!("other"), false),
        ("/component/resources/0/type", json!("executable"), false),
        ("/component/resources/0/relation", json!("external"), false),
        ("/component/resources/0/digest/hashAlgorithm", json!("SHA-512"), false),
        ("/component/resources/0/digest/hashAlgorithm", json!("none"), false),
        ("/component/resources/0/digest/normalisationAlgorithm", json!("ociArtifactDigest/v1"), false),
        ("/component/resources/0/digest/value", json!("0".repeat(64)), false),
        ("/component/resources/0/digest", excluded.clone(), false),
        // The content still has the digest that was signed, and it has to have it when it moves.
        ("/component/resources/0/digest", Value::Null, true),
        ("/component/resources/0/access", json!({"type": "none"}), false),
        ("/component/componentReferences/0/digest", digest(&"0".repeat(64)), false),
        ("/component/componentReferences/0/digest", excluded, false),
        ("/component/componentReferences/0/digest/hashAlgorithm", json!("none"), false),
        ("/component/componentReferences/0/version", json!("2.0.0"), false),
        ("/component/componentReferences/0", other["component"]["componentReferences"][0].clone(), false),
        ("/component/componentReferences", json!([]), false),
        ("/signatures", other["signatures"].clone(), false),
        ("/signatures/0/signature", other["signatures"][0]["signature"].clone(), false),
        ("/signatures/0/digest", other["signatures"][0]["digest"].clone(), false),
    ] {
        let mut changed = right.clone();
        match changed.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => changed["component"]["repositoryContexts"] = value.clone(),
        }
        let what = format!("{pointer} {value}");
        let folder = sandbox.path("loose");
        let _ = fs::remove_dir_all(&folder);
        sandbox.file("loose/component-descriptor.yaml", &changed.to_string()).file("loose/blobs/none", "");
        for blob in fs::read_dir(sandbox.path("ctf/blobs")).unwrap() {
            let blob = blob.unwrap().path();
            fs::copy(&blob, folder.join("blobs").join(blob.file_name().unwrap())).unwrap();
        }
        for flags in ["", "--resources ", "--signature default "] {
            let line = format!("verify cv --config c.yaml {flags}--lookup ctf loose//{ROOT}");
            let ran = sandbox.run(&line);
            assert_eq!(ran.status == 0, counts, "{what}: {line}: {}", ran.stderr);
        }
        let line = format!("transfer cv --verify --config c.yaml --lookup ctf loose//{ROOT} moved");
        let ran = sandbox.run(&line);
        assert_eq!(ran.status == 0, counts, "{what}: {line}: {}", ran.stderr);
        assert_eq!(sandbox.path("moved").exists(), counts, "{what}");
        let _ = fs::remove_dir_all(sandbox.path("moved"));
    }
}

#[test]
fn content_whose_digest_does_not_show_is_compared_before_it_moves() {
    let sandbox = family();
    let leaf = descriptor(&sandbox, &format!("ctf//{LEAF}"));
    let root = descriptor(&sandbox, &format!("ctf//{ROOT}"));
    let sha512 = "7a706fb8b36b16a7f7a6f2d25e404bae83c6dcb923399c44c3f8d45c63f523f9\
                  3c25c60bad3c689f70530742a34352d546102bf80c4864f28c5a2d848e271415";
    let sha256 = root["component"]["resources"][0]["digest"]["value"].as_str().unwrap();
    for (hash, normalisation, value, is_right) in
        [("SHA-512", "genericBlobDigest/v1", sha512, true), ("SHA-256", "genericBlobDigest/v2", sha256, false)]
    {
        for place in ["signed", "changed", "moved"] {
            let _ = fs::remove_dir_all(sandbox.path(place));
        }
        let mut right = root.clone();
        right["component"]["resources"][0]["digest"] =
            json!({"hashAlgorithm": hash, "normalisationAlgorithm": normalisation, "value": value});
        put(&sandbox, &leaf, "signed");
        put(&sandbox, &right, "signed");
        sandbox.ok(&format!("sign cv --config c.yaml signed//{ROOT}"));
        let verified = sandbox.run(&format!("transfer cv --verify --config c.yaml signed//{ROOT} moved"));
        assert_eq!(verified.status, if is_right { 0 } else { 5 }, "{hash} {normalisation}: {}", verified.stderr);
        let _ = fs::remove_dir_all(sandbox.path("moved"));
        // Where content is stored is nothing that is signed.
        let mut changed = descriptor(&sandbox, &format!("signed//{ROOT}"));
        changed["component"]["resources"][0]["access"] = leaf["component"]["resources"][0]["access"].clone();
        put(&sandbox, &leaf, "changed");
        put(&sandbox, &changed, "changed");
        sandbox.ok(&format!("verify cv --config c.yaml changed//{ROOT}"));
        let said = sandbox.fails(&format!("transfer cv --verify --config c.yaml changed//{ROOT} moved"), 5);
        assert!(said.contains(if is_right { "the content: " } else { "which is not known here" }), "{said}");
        assert!(!sandbox.path("moved").exists());
    }
}

#[test]
fn what_was_signed_without_content_gets_none() {
    let sandbox = family();
    let mut root = descriptor(&sandbox, &format!("ctf//{ROOT}"));
    let content = root["component"]["resources"][0].clone();
    let resource = root["component"]["resources"][0].as_object_mut().unwrap();
    resource.remove("digest");
    resource.insert("access".into(), json!({"type": "none"}));
    let leaf = descriptor(&sandbox, &format!("ctf//{LEAF}"));
    put(&sandbox, &leaf, "signed");
    put(&sandbox, &root, "signed");
    sandbox.ok(&format!("sign cv --config c.yaml signed//{ROOT}"));
    let mut changed = descriptor(&sandbox, &format!("signed//{ROOT}"));
    changed["component"]["resources"][0]["access"] = content["access"].clone();
    put(&sandbox, &leaf, "changed");
    put(&sandbox, &changed, "changed");
    let warning = "does not cover the content of resource name=root,version=1.0.0, which records no digest";
    let ran = sandbox.run(&format!("verify cv --config c.yaml changed//{ROOT}"));
    assert!(ran.status == 0 && ran.stderr.contains(warning), "{}", ran.stderr);
    for flags in ["", "--dry-run ", "--dry-run -o yaml "] {
        let said = sandbox.fails(&format!("transfer cv --verify {flags}--config c.yaml changed//{ROOT} moved"), 5);
        assert!(said.contains("resource name=root,version=1.0.0 of acme.org/root:1.0.0"), "{said}");
        assert!(said.contains("without --verify") && !sandbox.path("moved").exists(), "{said}");
    }
    sandbox.ok(&format!("transfer cv --config c.yaml changed//{ROOT} moved"));
    // The placeholder itself moves.
    sandbox.ok(&format!("transfer cv --verify --config c.yaml signed//{ROOT} placeholder"));
    sandbox.fails(&format!("verify cv --resources --config c.yaml changed//{ROOT}"), 5);
    let download = format!("download resource changed//{ROOT} --identity name=root --output content --config c.yaml");
    let said = sandbox.fails(&format!("{download} --verify"), 5);
    assert!(said.contains("records no digest") && !sandbox.path("content").exists(), "{said}");
    sandbox.ok(&download);
    assert_eq!(sandbox.read("content"), "root content");
}

#[test]
fn what_was_signed_with_content_keeps_it() {
    let sandbox = family();
    sandbox.ok(&format!("sign cv --config c.yaml ctf//{ROOT}"));
    let mut emptied = descriptor(&sandbox, &format!("ctf//{ROOT}"));
    // Its digest stays in what is signed, other than with `none`.
    emptied["component"]["resources"][0]["access"] = json!({"type": "none/v1"});
    put(&sandbox, &descriptor(&sandbox, &format!("ctf//{LEAF}")), "emptied");
    put(&sandbox, &emptied, "emptied");
    sandbox.ok(&format!("verify cv --config c.yaml emptied//{ROOT}"));
    for verb in ["verify cv --resources", "transfer cv --verify", "transfer cv --verify --dry-run"] {
        let target = if verb.starts_with("transfer") { " moved" } else { "" };
        let said = sandbox.fails(&format!("{verb} --config c.yaml emptied//{ROOT}{target}"), 5);
        assert!(said.contains("says that there is none") && !sandbox.path("moved").exists(), "{verb}: {said}");
    }
    sandbox.ok(&format!("transfer cv --config c.yaml emptied//{ROOT} moved"));
}

#[test]
fn what_verifies_moves_although_the_versions_below_record_no_digests() {
    let sandbox = with_keys(Sandbox::tree());
    let middle = "acme.org/mid:0.1.0";
    let mut bare = descriptor(&sandbox, &format!("ctf//{middle}"));
    for reference in bare["component"]["componentReferences"].as_array_mut().unwrap() {
        reference.as_object_mut().unwrap().remove("digest").unwrap();
    }
    let mut root = descriptor(&sandbox, &format!("ctf//{ROOT}"));
    for reference in root["component"]["componentReferences"].as_array_mut().unwrap() {
        reference.as_object_mut().unwrap().remove("digest").unwrap();
    }
    sandbox.ok("transfer cv ctf bare");
    put(&sandbox, &bare, "bare");
    put(&sandbox, &root, "bare");
    // As the v1 program signs: what was computed is stored with the signed version alone.
    sandbox.ok(&format!("sign cv -s default -K a.priv bare//{ROOT}"));
    sandbox.ok(&format!("transfer cv -r --verify -k a.pub bare//{ROOT} moved"));
    sandbox.ok(&format!("verify cv -s default -k a.pub moved//{ROOT}"));
    sandbox.ok(&format!("check cv bare//{ROOT}"));
    sandbox.ok(&format!("get cv -r bare//{ROOT}"));
    // It is still compared.
    bare["component"]["provider"] = "evil.example".into();
    put(&sandbox, &bare, "bare");
    let said = sandbox.fails(&format!("transfer cv -r bare//{ROOT} evil"), 5);
    assert!(said.contains("acme.org/mid:0.1.0 has digest") && !sandbox.path("evil").exists(), "{said}");
    assert_eq!(sandbox.run(&format!("check cv bare//{ROOT}")).status, 7);
}

#[test]
fn what_would_make_useless_keys_or_signatures_is_refused() {
    let sandbox = with_keys(Sandbox::hello());
    sandbox.fails("create rsakeypair --force both.priv both.priv", 2);
    sandbox.fails("create rsakeypair one.priv one.cert CN=", 2);
    sandbox.fails("create rsakeypair --root-certs nowhere one.priv one.cert CN=a", 2);
    sandbox.fails("verify cv --public-key nowhere ctf//acme.org/hello:1.0.0", 2);
    sandbox.fails("transfer cv --verify --ca-cert nowhere ctf//acme.org/hello:1.0.0 ./out", 2);
    for name in ["both.priv", "one.priv", "one.cert"] {
        assert!(!sandbox.path(name).exists(), "{name}");
    }
    sandbox.fails("sign cv --signature= -K a.priv ctf//acme.org/hello:1.0.0", 2);
    // A private key that is none of OpenPGP is not quoted in the message.
    let said = sandbox.fails("sign cv -s default -K a.priv -S GPG ctf//acme.org/hello:1.0.0", 2);
    assert!(said.contains("OpenPGP key cannot be read") && said.len() < 400, "{said}");
}
