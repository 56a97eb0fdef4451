//! Whatever way a component version takes, its normal forms stay: what was signed stays signed.

use std::fs;

use crate::layout::Layout;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

/// Members that no program knows, versions of labels, a time, a digest by a function that nobody here knows.
const DESCRIPTOR: &str = r#"{"meta": {"schemaVersion": "v2", "future": true}, "component": {
"name": "acme.org/odd", "version": "1.0.0", "provider": "{\"name\":\"acme.org\",\"labels\":[{\"name\":\"a\",\"value\":1}]}",
"creationTime": "2024-11-21T05:00:00+01:00", "future": {"z": null, "a": [1, 2.5]}, "repositoryContexts": [], "sources": [],
"componentReferences": [],
"labels": [{"name": "signed", "version": "v3", "signing": true, "value": {"b": [null, "yes"], "a": 1e3}}, {"name": "plain", "value": "x"}],
"resources": [
{"name": "note", "type": "plainText", "version": "1.0.0", "relation": "local", "srcRefs": [], "extraIdentity": {"arch": "arm64"},
 "labels": [{"name": "own", "version": "v1", "signing": true, "value": [{}]}], "future": "x",
 "access": {"type": "localBlob", "localReference": "sha256:HELLO", "mediaType": "text/plain"},
 "digest": {"hashAlgorithm": "sha256", "normalisationAlgorithm": "genericBlobDigest/v1", "value": "HELLO"}},
{"name": "foreign", "type": "plainText", "version": "1.0.0", "relation": "local",
 "access": {"type": "localBlob", "localReference": "sha256:HELLO", "mediaType": "text/plain"},
 "digest": {"hashAlgorithm": "BLAKE-9", "normalisationAlgorithm": "somethingElse/v7", "value": "00ff"}},
{"name": "nothing", "type": "none", "version": "1.0.0", "relation": "external", "access": {"type": "none"}}
]}}"#;

/// The digest of `hello world`.
const HELLO: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

/// The normal forms of a version, with what the raw descriptor says of its creation.
fn forms(sandbox: &Sandbox, place: &str) -> Vec<String> {
    let mut forms: Vec<String> = ["v1", "v2", "v3", "v4alpha1"]
        .map(|version| sandbox.ocm(&format!("hash cv -N jsonNormalisation/{version} -o norm {place}")))
        .to_vec();
    let descriptor = sandbox.descriptor(place);
    forms.push(descriptor["component"]["creationTime"].to_string());
    forms.push(descriptor["component"]["labels"].to_string());
    forms
}

/// From place to place: archives of every form, registries, content copied or not, and back into an archive.
fn journey(sandbox: &Sandbox, first: &str, version: &str) {
    let before = forms(sandbox, &format!("{first}{version}"));
    for flags in [
        "",
        "--copy-resources ",
        "--copy-resources --upload-as ociArtifact ",
        "--copy-resources --upload-as localBlob ",
    ] {
        let registries = ["docker-registry", "ocm", "referrers-registry"].map(Registry::start);
        let mut places: Vec<String> = vec![format!("ctf::./{}", sandbox.free_name())];
        places.extend(registries.iter().flatten().map(|registry| format!("http://{}/base", registry.address)));
        places.extend([format!("{}.tgz", sandbox.free_name()), format!("{}.tar", sandbox.free_name())]);
        let mut from = first.to_owned();
        for to in places {
            sandbox.ocm(&format!("transfer cv {flags}{from}{version} {to}"));
            assert_eq!(forms(sandbox, &format!("{to}{version}")), before, "{flags}{from} → {to}");
            from = to;
        }
    }
}

#[test]
fn what_programs_do_not_know_stays_and_what_is_signed_stays_signed() {
    let sandbox = Sandbox::new();
    sandbox.file("odd/component-descriptor.yaml", DESCRIPTOR.replace("HELLO", HELLO));
    sandbox.file(&format!("odd/blobs/sha256.{HELLO}"), "hello world");
    journey(&sandbox, "odd", "//acme.org/odd:1.0.0");
}

#[test]
fn images_and_charts_keep_their_digests_and_their_signature() {
    let sandbox = Sandbox::new();
    Layout::image(&sandbox, "layout", 1);
    sandbox.file("chart/Chart.yaml", "apiVersion: v2\nname: mychart\nversion: 0.1.0\n").add(
        "name: acme.org/app\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
         - {name: image, type: ociImage, input: {type: dir, path: layout, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}\n\
         - {name: chart, type: helmChart, input: {type: helm, path: chart}}\n\
         - {name: note, type: plainText, input: {type: utf8, text: made for a test}}\n",
    );
    sandbox.ocm("create rsakeypair a.priv a.pub");
    sandbox.ocm("sign cv -s a -K a.priv ./transport-archive//acme.org/app:1.0.0");
    journey(&sandbox, "./transport-archive", "//acme.org/app:1.0.0");
}

/// What the older programs wrote, where their recordings are at hand.
#[test]
fn recordings_of_the_older_programs() {
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let Ok(vectors) = vectors.canonicalize() else {
        println!("skipped: the recordings are not here");
        return;
    };
    let sandbox = Sandbox::new();
    let mut seen = 0;
    for (archive, version) in [
        ("v1-run/tree/ctf", "//acme.org/app:1.0.0"),
        ("v1-run/image/ctf.tgz", "//acme.org/image:1.0.0"),
        ("v2-run/recursive/ctf", "//acme.org/root:0.0.2"),
    ] {
        let place = vectors.join(archive);
        assert!(fs::exists(&place).unwrap(), "{archive}");
        journey(&sandbox, &place.display().to_string(), version);
        seen += 1;
    }
    assert_eq!(seen, 3);
}
