//! What inputs and accesses of a constructor file become.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Adds a component of these resources and returns how they were recorded.
fn added(sandbox: &Sandbox, resources: &str, flags: &str) -> Vec<Value> {
    let text = format!("name: acme.org/it\nversion: 3.1.0\nprovider: {{name: acme.org}}\nresources:\n{resources}");
    let line = format!("add cv -c c.yaml -r ctf -o json --component-version-conflict-policy replace{flags}");
    let printed = sandbox.file("c.yaml", &text).ok(&line);
    let list: Value = serde_json::from_str(&printed).unwrap();
    list[0]["component"]["resources"].as_array().unwrap().clone()
}

#[test]
fn inputs_become_local_content() {
    let sandbox = Sandbox::new();
    sandbox.file("in/note.txt", "a note\n").file("in/data.json", "{\"k\": 1}").file("in/empty", "");
    fs::write(sandbox.path("in/blob"), [0x1f, 0x8b, 8, 0, 1, 2, 3]).unwrap();
    sandbox.file("in/folder/one.txt", "1").file("in/folder/deep/two.txt", "2").file("in/folder/three.md", "3");
    // Input, media type, content (if it is not an archive).
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("type: utf8, text: \"two words\\n\"", "text/plain", Some("two words\n")),
        (
            "type: utf8, json: {z: [1, null], a: \"<&>\"}",
            "application/json",
            Some(r#"{"a":"\u003c\u0026\u003e","z":[1,null]}"#),
        ),
        ("type: utf8, formattedJson: {z: 1, a: {}}", "application/json", Some("{\n  \"a\": {},\n  \"z\": 1\n}")),
        ("type: utf8, yaml: {z: \"no\", a: [1]}", "application/x-yaml", Some("a:\n- 1\nz: \"no\"\n")),
        ("type: binary, data: aGVsbG8=", "application/octet-stream", Some("hello")),
        ("type: file, path: in/note.txt", "text/plain; charset=utf-8", Some("a note\n")),
        ("type: file, path: in/data.json", "application/json", Some("{\"k\": 1}")),
        ("type: file, path: in/empty", "text/plain", Some("")),
        ("type: file, path: in/blob", "application/gzip", None),
        ("type: file, path: ./in/../in/note.txt, mediaType: text/x-own", "text/x-own", Some("a note\n")),
        ("type: file, path: in/note.txt, mediaType: text/x-own, compress: true", "text/x-own+gzip", None),
        ("type: dir, path: in/note.txt", "application/octet-stream", Some("a note\n")),
        ("type: dir, path: in/folder", "application/x-tar", None),
        ("type: dir, path: in/folder, compress: true", "application/x-tar+gzip", None),
        ("type: dir, path: in/folder, mediaType: application/vnd.own+tar", "application/vnd.own+tar", None),
    ];
    let resources = cases
        .iter()
        .enumerate()
        .map(|(number, (input, ..))| format!("- {{name: res{number}, type: blob, input: {{{input}}}}}\n"));
    let recorded = added(&sandbox, &resources.collect::<String>(), "");
    for ((number, (input, media_type, content)), resource) in cases.iter().enumerate().zip(&recorded) {
        assert_eq!(resource["access"]["mediaType"], *media_type, "{input}");
        assert_eq!((&resource["relation"], &resource["version"]), (&json!("local"), &json!("3.1.0")), "{input}");
        let digest = resource["digest"]["value"].as_str().unwrap();
        assert_eq!(resource["access"]["localReference"], format!("sha256:{digest}"), "{input}");
        assert_eq!(resource["digest"]["normalisationAlgorithm"], "genericBlobDigest/v1", "{input}");
        if let Some(content) = content {
            let line = format!("download resource ctf//acme.org/it:3.1.0 res{number} -O -");
            assert_eq!(sandbox.ok(&line), *content, "{input}");
        }
    }
    // The folder comes back as it was, whether it was compressed or not.
    for number in [12, 13] {
        sandbox.ok(&format!("download resource ctf//acme.org/it:3.1.0 --identity name=res{number} --output f{number}"));
        assert_eq!(sandbox.read(&format!("f{number}/one.txt")), "1");
        assert_eq!(sandbox.read(&format!("f{number}/deep/two.txt")), "2");
    }
    sandbox.ok("download resource ctf//acme.org/it:3.1.0 --identity name=res10 --output note");
    assert_eq!(sandbox.read("note"), "a note\n");
}

#[test]
fn a_folder_is_packed_in_part_if_asked() {
    let sandbox = Sandbox::new();
    sandbox.file("in/one.txt", "1").file("in/deep/two.txt", "2").file("in/three.md", "3");
    let cases: &[(&str, &[&str])] = &[
        ("", &["deep", "one.txt", "three.md"]),
        (", preserveDir: true", &["in"]),
        (", includeFiles: [\"*.txt\"]", &["one.txt"]),
        (", excludeFiles: [\"*.txt\"]", &["deep", "three.md"]),
        (", excludeFiles: [deep]", &["one.txt", "three.md"]),
    ];
    let resources = cases.iter().enumerate().map(|(number, (flags, _))| {
        format!("- {{name: res{number}, type: blob, input: {{type: dir, path: in{flags}}}}}\n")
    });
    added(&sandbox, &resources.collect::<String>(), "");
    for (number, (flags, expected)) in cases.iter().enumerate() {
        sandbox.ok(&format!("download resource ctf//acme.org/it:3.1.0 --identity name=res{number} --output o{number}"));
        let mut names: Vec<_> = fs::read_dir(sandbox.path(&format!("o{number}")))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, *expected, "{flags}");
    }
}

#[test]
fn accesses_stay_as_they_are_written() {
    let sandbox = Sandbox::new();
    let commit = "0123456789012345678901234567890123456789";
    let recorded = added(
        &sandbox,
        &format!(
            "- {{name: nothing, type: blob, version: 1.0.0, access: {{type: none}}}}\n\
             - {{name: own, type: blob, version: 1.0.0, access: {{type: acme.org/v7, where: [1, {{at: home}}], n: 1}}}}\n\
             - {{name: hub, type: blob, version: 2.0.0, relation: external, access: {{type: gitHub, repoUrl: github.com/a/b, commit: {commit}}}}}\n\
             - {{name: image, type: ociImage, version: 1.0.0, access: {{type: ociArtifact, imageReference: example.com/a/b:v1}}}}\n"
        ),
        " --skip-reference-digest-processing",
    );
    let access: Vec<&Value> = recorded.iter().map(|resource| &resource["access"]).collect();
    assert_eq!(*access[0], json!({"type": "none"}));
    assert_eq!(*access[1], json!({"type": "acme.org/v7", "where": [1, {"at": "home"}], "n": 1}));
    assert_eq!(*access[2], json!({"type": "gitHub", "repoUrl": "github.com/a/b", "commit": commit}));
    assert_eq!(*access[3], json!({"type": "ociArtifact", "imageReference": "example.com/a/b:v1"}));
    for resource in &recorded {
        assert_eq!((&resource["relation"], &resource["digest"]), (&json!("external"), &Value::Null));
    }
    // What cannot be copied travels by reference, and is counted.
    let ran =
        sandbox.run("transfer cv ctf//acme.org/it:3.1.0 ./out --copy-resources --omit-access-types ociArtifact,gitHub");
    assert!(ran.status == 0 && ran.stderr.contains("4 resource(s)"), "{} {}", ran.status, ran.stderr);
    assert_eq!(sandbox.ok("get cv out -o json"), sandbox.ok("get cv ctf -o json"));
    assert_ne!(sandbox.run("download resource out//acme.org/it:3.1.0 --identity name=own").status, 0);
}

#[test]
fn an_image_is_pinned_in_every_form() {
    let registry = ocm_testkit::TestRegistry::start().unwrap();
    let image = ocm_testkit::fixtures::image(1, 100);
    let repository = ocm_oci::Registry::repository(registry.store(), "team/app");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(image.push(repository.as_ref(), Some("v1"))).unwrap();
    let digest = image.root().digest.to_string();
    let reference = format!("{}/team/app:v1", registry.url());
    let resource = |reference: &str, more: &str| {
        format!(
            "- {{name: image, type: ociImage, version: v1.0, \
             access: {{type: ociArtifact, imageReference: \"{reference}\"}}{more}}}\n"
        )
    };
    let spec = |algorithm: &str, value: &str| {
        format!(", digest: {{hashAlgorithm: SHA-256, normalisationAlgorithm: {algorithm}, value: \"{value}\"}}")
    };
    let hex = digest.trim_start_matches("sha256:");
    for (reference, more) in [
        (reference.clone(), String::new()),
        (format!("{reference}@{digest}"), String::new()),
        (reference.clone(), spec("genericBlobDigest/v1", hex)),
    ] {
        let sandbox = Sandbox::new();
        let recorded = added(&sandbox, &resource(&reference, &more), "");
        let pinned = recorded[0]["access"]["imageReference"].as_str().unwrap();
        assert!(pinned.ends_with(&format!("/team/app:v1@{digest}")), "{pinned}");
        assert_eq!(recorded[0]["digest"]["value"], hex);
        assert_eq!(recorded[0]["digest"]["normalisationAlgorithm"], "genericBlobDigest/v1");
        assert_eq!(recorded[0]["version"], "v1.0");
        let replace = "--component-version-conflict-policy replace";
        for form in ["table", "tree", "wide", "yaml", "ndjson"] {
            assert!(
                sandbox.ok(&format!("add cv -c c.yaml -r ctf {replace} -o {form}")).contains("acme.org/it"),
                "{form}"
            );
        }
    }
    let sandbox = Sandbox::new();
    let recorded = added(&sandbox, &resource(&reference, ""), " --oci-artifact-digest ociArtifactDigest/v1");
    assert_eq!(recorded[0]["digest"]["normalisationAlgorithm"], "ociArtifactDigest/v1");
    // A digest that is not the image's is refused.
    let wrong = resource(&reference, &spec("genericBlobDigest/v1", &"0".repeat(64)));
    sandbox.file(
        "w.yaml",
        &format!("name: acme.org/w\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n{wrong}"),
    );
    let message = sandbox.fails("add cv -c w.yaml -r other", 5);
    assert!(message.contains("image") && message.contains(hex), "{message}");
    assert!(!sandbox.path("other").exists());
}

#[test]
fn policies_decide_about_what_is_there() {
    let sandbox = Sandbox::hello();
    let text = || sandbox.ok("download resource ctf//acme.org/hello:1.0.0 greeting -O -");
    sandbox.file("other.yaml", &crate::sandbox::HELLO.replace("hello world", "other"));
    let both = "name: acme.org/more\nversion: 1.0.0\nprovider: {name: acme.org}\n";
    sandbox.file("more.yaml", both);
    let policy = "--component-version-conflict-policy";
    for line in ["add cv -c other.yaml -r ctf", &format!("add cv -c other.yaml -r ctf {policy} abort-and-fail")] {
        assert!(sandbox.fails(line, 4).contains("acme.org/hello:1.0.0"));
        assert_eq!(text(), "hello world");
    }
    // Of several components of a file none is added when one is in the way.
    let indented = |text: &str| format!("- {}\n", text.trim_end().replace('\n', "\n  "));
    let file = format!("components:\n{}{}", indented(both), indented(&sandbox.read("other.yaml")));
    sandbox.file("both.yaml", &file).fails("add cv -c both.yaml -r ctf", 4);
    sandbox.fails("get cv ctf//acme.org/more:1.0.0", 3);
    let kept = sandbox.ok(&format!("add cv -c both.yaml -r ctf {policy} skip -o json"));
    assert_eq!(text(), "hello world");
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap().as_array().unwrap().len(), 2);
    sandbox.ok("get cv ctf//acme.org/more:1.0.0");
    sandbox.ok(&format!("add cv -c both.yaml -r ctf {policy} replace"));
    assert_eq!(text(), "other");
}

#[test]
fn references_to_other_archives_stay_or_are_copied() {
    let sandbox = Sandbox::hello();
    sandbox.file(
        "c.yaml",
        "name: acme.org/user\nversion: 1.0.0\nprovider: {name: acme.org}\n\
         componentReferences: [{name: used, version: 1.0.0, componentName: acme.org/hello}]\n",
    );
    let message = sandbox.fails("add cv -c c.yaml -r alone", 2);
    assert!(message.contains("c.yaml:4:") && message.contains("acme.org/hello:1.0.0"), "{message}");
    assert!(!sandbox.path("alone").exists());
    sandbox.ok("add cv -c c.yaml -r left --lookup ctf --external-component-version-copy-policy skip");
    sandbox.fails("get cv left//acme.org/hello:1.0.0", 3);
    sandbox.ok("add cv -c c.yaml -r copied --lookup ctf --external-component-version-copy-policy copy-or-fail");
    assert_eq!(sandbox.ok("download resource copied//acme.org/hello:1.0.0 greeting -O -"), "hello world");
    // Either way the digest of what is referred to is recorded.
    for archive in ["left", "copied"] {
        let list: Value =
            serde_json::from_str(&sandbox.ok(&format!("get cv {archive}//acme.org/user:1.0.0 -o json"))).unwrap();
        let digest = &list[0]["component"]["componentReferences"][0]["digest"];
        assert_eq!(digest["normalisationAlgorithm"], "jsonNormalisation/v4alpha1");
        assert_eq!(digest["value"].as_str().unwrap().len(), 64);
    }
}
