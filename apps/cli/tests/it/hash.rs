use serde_json::Value;

use crate::sandbox::Sandbox;

#[test]
fn forms_of_a_digest() {
    let sandbox = Sandbox::hello();
    let hello = "ctf//acme.org/hello:1.0.0";
    let digest = "0a5c14762bdd4b9567fe4230def66f677834505115c930045d680c0918fd11d5";
    assert_eq!(
        sandbox.ok(&format!("hash cv {hello}")),
        format!("COMPONENT      VERSION HASH\nacme.org/hello 1.0.0   {digest}\n")
    );
    let list: Value = serde_json::from_str(&sandbox.ok(&format!("hash cv {hello} -o json"))).unwrap();
    let item = &list["items"][0];
    assert_eq!((&item["hash"], &item["context"]), (&Value::from(digest), &serde_json::json!([])));
    let form = sandbox.ok(&format!("hash cv {hello} -o norm"));
    assert_eq!(form.trim_end(), item["normalized"].as_str().unwrap());
    assert!(sandbox.ok(&format!("hash cv {hello} -N jsonNormalisation/v1 -o norm")).starts_with(r#"[{"component":[{"#));
    for same in ["-N jsonNormalisation/v4alpha1", "-H sha256", "-H SHA256", "--actual", "--compat v2"] {
        assert!(sandbox.ok(&format!("hash cv {hello} {same}")).contains(digest), "{same}");
    }
    assert_eq!(sandbox.ok(&format!("hash cv {hello} -H SHA-512")).split_whitespace().last().unwrap().len(), 128);
    sandbox.fails(&format!("hash cv {hello} -H SHA-384"), 2);
    sandbox.fails(&format!("hash cv {hello} -N jsonNormalisation/v9"), 2);
}

#[test]
fn content_is_read_for_the_actual_digest_alone() {
    let sandbox = Sandbox::hello();
    let blob = "ctf/blobs/sha256.b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    std::fs::write(sandbox.path(blob), "hellO world").unwrap();
    sandbox.ok("hash cv ctf//acme.org/hello:1.0.0");
    let problem = sandbox.fails("hash cv --actual ctf//acme.org/hello:1.0.0", 5);
    assert!(problem.contains("name=greeting"), "{problem}");
}

#[test]
fn missing_digests_of_references_are_computed_and_written_when_asked_for() {
    let sandbox = Sandbox::tree();
    let root = "//acme.org/root:1.0.0";
    let mut list: Value = serde_json::from_str(&sandbox.ok(&format!("get cv ctf{root} -o json --compat v1"))).unwrap();
    let mut descriptor = list["items"][0].take();
    for reference in descriptor["component"]["componentReferences"].as_array_mut().unwrap() {
        assert!(reference.as_object_mut().unwrap().remove("digest").is_some());
    }
    sandbox.file("bare/component-descriptor.yaml", &descriptor.to_string()).file("bare/blobs/none", "");
    sandbox.ok(&format!("transfer cv bare{root} out"));
    let digest = |flags: &str, place: &str| {
        let line = format!("hash cv {flags}--lookup ctf -N jsonNormalisation/v4alpha1 {place}{root}");
        sandbox.ok(&line).split_whitespace().last().unwrap().to_owned()
    };
    let complete = digest("", "ctf");
    assert_eq!(digest("", "out"), complete);
    assert_ne!(digest("--actual ", "out"), complete);
    assert_eq!(digest("-U ", "out"), complete);
    assert_eq!(digest("--actual ", "out"), complete);
}

#[test]
fn a_signature_over_another_digest_is_told() {
    let sandbox = crate::sign::with_keys(Sandbox::hello());
    sandbox.ok("sign cv --config c.yaml ctf//acme.org/hello:1.0.0");
    sandbox.ok("hash cv -V ctf//acme.org/hello:1.0.0");
}

/// What the older programs wrote, where their recordings are at hand: no way changes a normal form.
#[test]
fn transfers_keep_every_normal_form() {
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let Ok(vectors) = vectors.canonicalize() else {
        eprintln!("skipped: the recordings are not here");
        return;
    };
    let sandbox = Sandbox::new();
    let normal_forms = |place: &str| -> Vec<String> {
        ["v1", "v2", "v3", "v4alpha1"]
            .map(|version| sandbox.ok(&format!("hash cv -N jsonNormalisation/{version} -o norm {place}")))
            .to_vec()
    };
    for (position, archive) in
        ["v1-run/tree/ctf", "v1-run/image/ctf.tgz", "v2-run/all-inputs/ctf", "v2-run/recursive/ctf", "v1/ctf-v0.18.0"]
            .iter()
            .enumerate()
    {
        let source = vectors.join(archive).display().to_string();
        let source = if std::path::Path::new(&source).join("artifact-index.json").exists()
            || archive.rsplit('.').next() == Some("tgz")
        {
            source
        } else {
            continue;
        };
        let before = normal_forms(&source);
        sandbox.ok(&format!("transfer ctf {source} ./out{position}.tgz"));
        sandbox.ok(&format!("transfer ctf ./out{position}.tgz ./back{position}"));
        assert_eq!(normal_forms(&format!("./back{position}")), before, "{archive}");
    }
}
