//! What moves after it was verified is what was verified.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocm_testkit::fixtures;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, json};
use crate::sign::with_keys;
use crate::trust::{LEAF, ROOT, descriptor, family, put, without_digests};

/// A web server that gives one answer as often as the number says, and another one ever after.
fn changing(media_type: &'static str, first: Vec<u8>, then: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/content", listener.local_addr().unwrap());
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let count = left.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let is_first = count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            let content = if is_first { &first } else { &then };
            let length = content.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n");
            let _ = connection.write_all(format!("{head}connection: close\r\n\r\n").as_bytes());
            let _ = connection.write_all(content);
        }
    });
    (address, left)
}

#[test]
fn trees_of_the_older_program_move_although_nobody_recorded_digests() {
    let sandbox = family();
    without_digests(&sandbox);
    sandbox.ok(&format!("sign cv -s default -K a.priv bare//{ROOT}"));
    let lines = [
        format!("transfer cv -r bare//{ROOT} moved"),
        format!("transfer cv -r --verify --public-key a.pub bare//{ROOT} verified"),
        format!("check cv bare//{ROOT}"),
        format!("get cv -r bare//{ROOT}"),
        format!("download resources -r --verify --public-key a.pub bare//{ROOT} --output files"),
    ];
    for line in &lines {
        sandbox.ok(line);
    }
    let normal = |place: &str| sandbox.ok(&format!("hash cv -o norm {place}//{LEAF}"));
    for place in ["moved", "verified"] {
        sandbox.ok(&format!("verify cv -s default -k a.pub {place}//{ROOT}"));
        // Nothing is added on the way.
        assert_eq!(normal(place), normal("bare"), "{place}");
    }
    // Where content is stored is nothing that anybody signed; it is compared all the same.
    let mut leaf = descriptor(&sandbox, &format!("bare//{LEAF}"));
    let root = descriptor(&sandbox, &format!("bare//{ROOT}"));
    leaf["component"]["resources"][0]["access"] = root["component"]["resources"][0]["access"].clone();
    fs::remove_dir_all(sandbox.path("bare")).unwrap();
    put(&sandbox, &leaf, "bare");
    put(&sandbox, &root, "bare");
    for place in ["moved", "verified", "files"] {
        let _ = fs::remove_dir_all(sandbox.path(place));
    }
    for (line, status) in lines.iter().zip([5, 5, 7, 0, 5]) {
        assert_eq!(sandbox.run(line).status, status, "{line}");
    }
    for place in ["moved", "verified", "files"] {
        assert!(!sandbox.path(place).exists(), "{place}");
    }
    // A network that is down is no other content.
    leaf["component"]["resources"][0]["access"] = json!({"type": "wget", "url": "http://127.0.0.1:1/away"});
    fs::remove_dir_all(sandbox.path("bare")).unwrap();
    put(&sandbox, &leaf, "bare");
    put(&sandbox, &root, "bare");
    let away = sandbox.fails(&lines[0], 8);
    assert!(away.contains("127.0.0.1:1"), "{away}");
}

#[test]
fn content_that_was_computed_has_to_be_the_same_when_it_moves() {
    for (then, status) in [("leaf content", 0), ("evil content", 5)] {
        let sandbox = with_keys(Sandbox::new());
        let (address, left) = changing("text/plain", b"leaf content".to_vec(), then.into());
        sandbox.file(
            "loose/component-descriptor.yaml",
            &json!({
                "meta": {"schemaVersion": "v2"},
                "component": {
                    "name": "acme.org/web", "version": "1.0.0", "provider": "acme.org", "sources": [],
                    "componentReferences": [], "repositoryContexts": [],
                    "resources": [{
                        "name": "page", "version": "1.0.0", "type": "plainText", "relation": "external",
                        "access": {"type": "wget", "url": address, "mediaType": "text/plain"},
                    }],
                },
            })
            .to_string(),
        );
        sandbox.file("loose/blobs/none", "");
        sandbox.ok("transfer cv loose//acme.org/web:1.0.0 web");
        let root = json!({
            "meta": {"schemaVersion": "v2"},
            "component": {
                "name": "acme.org/root", "version": "1.0.0", "provider": "acme.org", "sources": [], "resources": [],
                "componentReferences": [{"name": "web", "version": "1.0.0", "componentName": "acme.org/web"}],
                "repositoryContexts": [],
            },
        });
        sandbox.file("loose/component-descriptor.yaml", &root.to_string());
        sandbox.ok("transfer cv loose//acme.org/root:1.0.0 web");
        sandbox.ok("sign cv -s default -K a.priv web//acme.org/root:1.0.0");
        left.store(1, Ordering::SeqCst);
        let flags = "-r --copy-resources --verify --public-key a.pub";
        let ran = sandbox.run(&format!("transfer cv {flags} web//acme.org/root:1.0.0 moved"));
        assert_eq!(left.load(Ordering::SeqCst), 0, "{}", ran.stderr);
        assert_eq!(ran.status, status, "{then}: {}", ran.stderr);
        assert_eq!(sandbox.path("moved").exists(), status == 0);
    }
}

#[test]
fn an_artifact_set_from_elsewhere_is_the_one_that_was_signed() {
    const SET: &str = "application/vnd.oci.image.manifest.v1+tar";
    let pack = |seed: u64| {
        let (graph, folder) = (fixtures::image_with(seed, 1, 100), tempfile::tempdir().unwrap());
        graph.write_layout(folder.path(), None).unwrap();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_dir_all("", folder.path()).unwrap();
        (builder.into_inner().unwrap(), graph.root().digest.hex())
    };
    let ((right, digest), (wrong, _)) = (pack(1), pack(2));
    for (first, then, status) in [(&right, &right, 0), (&right, &wrong, 5), (&wrong, &right, 5)] {
        // The access is not signed: whether it says what the content is does not matter.
        for media_type in [json!(SET), Value::Null] {
            let sandbox = with_keys(Sandbox::new());
            let (address, left) = changing(SET, first.clone(), then.clone());
            let digest = json!({
                "hashAlgorithm": "SHA-256", "normalisationAlgorithm": "ociArtifactDigest/v1", "value": digest,
            });
            let descriptor = json!({
                "meta": {"schemaVersion": "v2"},
                "component": {
                    "name": "acme.org/set", "version": "1.0.0", "provider": "acme.org", "sources": [],
                    "componentReferences": [], "repositoryContexts": [],
                    "resources": [{
                        "name": "image", "version": "1.0.0", "type": "ociImage", "relation": "external",
                        "access": {"type": "wget", "url": address, "mediaType": media_type}, "digest": digest,
                    }],
                },
            });
            sandbox.file("loose/component-descriptor.yaml", &descriptor.to_string()).file("loose/blobs/none", "");
            sandbox.ok("transfer cv loose//acme.org/set:1.0.0 set");
            sandbox.ok("sign cv --config c.yaml set//acme.org/set:1.0.0");
            for flags in ["--verify --config c.yaml ", ""] {
                left.store(1, Ordering::SeqCst);
                let line = format!("transfer cv {flags}--copy-resources set//acme.org/set:1.0.0 moved");
                let ran = sandbox.run(&line);
                assert_eq!(ran.status, status, "{line}: {}", ran.stderr);
                assert_eq!(sandbox.path("moved").exists(), status == 0);
                let _ = fs::remove_dir_all(sandbox.path("moved"));
            }
        }
    }
}

#[test]
fn bytes_do_not_take_the_place_of_an_image() {
    let sandbox = family();
    let mut root = descriptor(&sandbox, &format!("ctf//{ROOT}"));
    for normalisation in ["ociArtifactDigest/v1", "ociArtefactDigest/v1"] {
        root["component"]["resources"][0]["digest"]["normalisationAlgorithm"] = normalisation.into();
        let folder = sandbox.path("loose");
        let _ = fs::remove_dir_all(&folder);
        sandbox.file("loose/component-descriptor.yaml", &root.to_string()).file("loose/blobs/none", "");
        for blob in fs::read_dir(sandbox.path("ctf/blobs")).unwrap() {
            let blob = blob.unwrap().path();
            fs::copy(&blob, folder.join("blobs").join(blob.file_name().unwrap())).unwrap();
        }
        let said = sandbox.fails(&format!("transfer cv loose//{ROOT} moved"), 5);
        assert!(said.contains("no image") && said.contains(normalisation), "{said}");
        assert!(!sandbox.path("moved").exists());
    }
}

#[test]
fn every_signature_and_reference_has_an_outcome() {
    let sandbox = with_keys(Sandbox::tree());
    sandbox.ok("create rsakeypair other.priv other.pub");
    let root = "ctf//acme.org/root:1.0.0";
    for (name, key) in [("default", "a.priv"), ("mine", "other.priv"), ("third", "other.priv")] {
        sandbox.ok(&format!("sign cv --signature {name} -K {key} {root}"));
    }
    let report = |line: &str, status: i32| -> Value {
        let ran = sandbox.run(&format!("verify cv -o json {line}"));
        assert_eq!(ran.status, status, "{line}: {}", ran.stderr);
        json(&ran.stdout)["versions"][0].take()
    };
    let names = |list: &Value, member: &str| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.map(|one| one[member].as_str().unwrap_or_default().to_owned()).collect()
    };
    let right = report(&format!("--signature default --public-key a.pub {root}"), 0);
    assert_eq!(names(&right["signatures"], "name"), ["default"]);
    assert_eq!(right["ignoredSignatures"], json!(["mine", "third"]));
    assert_eq!(names(&right["followed"], "outcome"), ["right"; 3]);
    // A key without a name is for all of them, and each is told of.
    let mixed = report(&format!("--public-key a.pub --require gone,default,mine {root}"), 5);
    assert_eq!(names(&mixed["signatures"], "name"), ["default"]);
    assert_eq!(names(&mixed["failures"], "signature"), ["gone", "mine"]);
    assert_eq!((&mixed["verified"], &mixed["ignoredSignatures"]), (&json!(false), &json!(["third"])));
    // What is missing does not hide what is wrong.
    sandbox.file("leaf.yaml", "name: acme.org/leaf\nversion: 0.1.0\nprovider: {name: somebody.else}\n");
    sandbox.ok(&format!("transfer cv {root} broken"));
    sandbox.ok("add cv -c leaf.yaml -r broken");
    let broken = report("--signature default --public-key a.pub broken//acme.org/root:1.0.0", 5);
    let outcomes: Vec<_> =
        names(&broken["followed"], "component").into_iter().zip(names(&broken["followed"], "outcome")).collect();
    assert_eq!(
        outcomes,
        [("acme.org/leaf".to_owned(), "different".to_owned()), ("acme.org/mid".to_owned(), "missing".to_owned())]
    );
}

#[test]
fn what_does_not_verify_weighs_more_than_what_does_not_answer() {
    let sandbox = with_keys(Sandbox::tree());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    sandbox.ok("sign cv --config c.yaml ctf//acme.org/root:1.0.0");
    sandbox.ok("transfer cv ctf//acme.org/root:1.0.0 alone");
    sandbox.file(
        "silent.yaml",
        &format!(
            "type: generic.config.ocm.software/v1\nconfigurations:\n- type: resolvers.config.ocm.software\n  resolvers:\n  \
             - {{repository: {{type: OCIRegistry, baseUrl: 'http://{silent}'}}, componentNamePattern: acme.org/mid}}\n  \
             - {{repository: {{type: CommonTransportFormat, filePath: ctf}}, componentNamePattern: acme.org/leaf}}\n"
        ),
    );
    let verify = "verify cv --config silent.yaml";
    let root = "alone//acme.org/root:1.0.0";
    let said = sandbox.fails(&format!("{verify} --config c.yaml {root}"), 8);
    assert!(said.contains("acme.org/mid"), "{said}");
    sandbox.fails(&format!("{verify} --config c.yaml --require gone {root}"), 5);
    let ran = sandbox.run(&format!("{verify} --config c.yaml -o json {root}"));
    let followed = json(&ran.stdout)["versions"][0]["followed"].take();
    assert_eq!((&followed[0]["outcome"], &followed[1]["outcome"]), (&json!("right"), &json!("unreachable")));
}

#[test]
fn references_that_no_signature_covers_stay_behind() {
    let sandbox = family();
    let mut root = descriptor(&sandbox, &format!("ctf//{ROOT}"));
    root["component"]["componentReferences"][0].as_object_mut().unwrap().remove("digest").unwrap();
    let leaf = descriptor(&sandbox, &format!("ctf//{LEAF}"));
    put(&sandbox, &leaf, "bare");
    put(&sandbox, &root, "bare");
    // Somebody signs the descriptor as it is, and not what it refers to.
    let hash = sandbox.json(&format!("hash cv --actual -N jsonNormalisation/v4alpha1 -o json bare//{ROOT}"));
    let hash = hash["items"][0]["hash"].as_str().unwrap().to_owned();
    let signature = sandbox.json(&format!("sign hash a.priv SHA-256:{hash} -o json"));
    root["signatures"] = json!([{
        "name": "default", "signature": signature,
        "digest": {"hashAlgorithm": "SHA-256", "normalisationAlgorithm": "jsonNormalisation/v4alpha1", "value": hash},
    }]);
    put(&sandbox, &root, "bare");
    let ran = sandbox.run(&format!("verify cv --signature default --public-key a.pub --compat v2 bare//{ROOT}"));
    assert!(ran.status == 0 && ran.stderr.contains("does not cover the content of references"), "{}", ran.stderr);
    let flags = "--verify --public-key a.pub";
    let said = sandbox.fails(&format!("transfer cv -r {flags} bare//{ROOT} moved"), 5);
    assert!(said.contains("does not cover what its references lead to") && !sandbox.path("moved").exists(), "{said}");
    sandbox.fails(&format!("download resources -r {flags} bare//{ROOT} --output files"), 5);
    assert!(!sandbox.path("files").exists());
    sandbox.ok(&format!("transfer cv {flags} bare//{ROOT} moved"));
    // Nor do they come along when a digest is computed that somebody took away from the descriptor.
    let mut stripped = root.clone();
    stripped["component"]["resources"][0].as_object_mut().unwrap().remove("digest").unwrap();
    put(&sandbox, &leaf, "stripped");
    put(&sandbox, &stripped, "stripped");
    let ran = sandbox.run(&format!("verify cv --signature default --public-key a.pub --compat v2 stripped//{ROOT}"));
    assert!(ran.status == 0 && ran.stderr.contains("does not cover the content of references"), "{}", ran.stderr);
    let said = sandbox.fails(&format!("transfer cv -r {flags} stripped//{ROOT} none"), 5);
    assert!(said.contains("does not cover what its references lead to") && !sandbox.path("none").exists(), "{said}");
    // What is signed here covers them.
    sandbox.ok(&format!("sign cv --force --config c.yaml bare//{ROOT}"));
    sandbox.ok(&format!("transfer cv -r {flags} bare//{ROOT} all"));
}
