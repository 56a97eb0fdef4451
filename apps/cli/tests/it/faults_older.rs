//! Faults of the older program, in its own spelling.

use std::fs;

use serde_json::Value;

use crate::sandbox::{HELLO, Sandbox};

#[test]
fn what_failed_is_not_counted_as_transferred() {
    let sandbox = Sandbox::hello();
    sandbox
        .file("bad.yaml", &HELLO.replace("acme.org/hello", "acme.org/bad").replace("hello world", "other content"))
        .ok("add cv -c bad.yaml -r ctf");
    let digest = blob_name(&sandbox, "ctf//acme.org/bad:1.0.0");
    sandbox.file(&format!("ctf/blobs/{digest}"), "other c0ntent");
    for line in ["transfer ctf ctf ./out", "transfer cv --compat v1 ctf ./out", "transfer ctf ctf ./out -o json"] {
        let ran = sandbox.run(line);
        assert_eq!(ran.status, 5, "{line}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains("2 versions transferred"), "{}", ran.stdout);
        assert!(!ran.stderr.contains("2 component version(s) transferred"), "{}", ran.stderr);
        assert_ne!(sandbox.run("get cv ./out//acme.org/bad:1.0.0").status, 0);
    }
}

/// File name of the blob of the first resource in an archive.
fn blob_name(sandbox: &Sandbox, reference: &str) -> String {
    let list: Value = serde_json::from_str(&sandbox.ok(&format!("get cv {reference} -o json"))).unwrap();
    list[0]["component"]["resources"][0]["access"]["localReference"].as_str().unwrap().replace(':', ".")
}

#[test]
fn a_saved_component_version_goes_into_the_working_directory() {
    let sandbox = Sandbox::hello();
    fs::create_dir(sandbox.path("store")).unwrap();
    fs::rename(sandbox.path("ctf"), sandbox.path("store/ctf")).unwrap();
    sandbox.ok("download componentversions store/ctf//acme.org/hello:1.0.0");
    assert!(sandbox.ok("get cv ./hello-1.0.0.ctf").contains("acme.org/hello"));
    assert_eq!(fs::read_dir(sandbox.path("store")).unwrap().count(), 1);
}

#[test]
fn a_component_archive_that_lacks_a_file_of_its_content_is_not_moved_without_it() {
    let sandbox = Sandbox::new();
    let archive = |access: &str| {
        sandbox.file("archive/blobs/other", "content").file(
            "archive/component-descriptor.yaml",
            &format!(
                "meta: {{schemaVersion: v2}}
component:
  {{name: acme.org/hello, version: 1.0.0, provider: acme.org, repositoryContexts: [], sources: [], componentReferences: [],
    resources: [{{name: file, version: 1.0.0, type: blob, relation: local, access: {access}}}]}}
"
            ),
        );
    };
    for (access, said) in [
        ("{type: localFilesystemBlob, fileName: gone, mediaType: text/plain}", "lacks gone"),
        ("{type: localFilesystemBlob, fileName: /etc/hostname}", "lacks /etc/hostname"),
        ("{type: localFilesystemBlob, mediaType: text/plain}", "names no file"),
        ("{type: localFilesystemBlob, fileName: ''}", "names no file"),
    ] {
        archive(access);
        for line in ["transfer ctf archive out", "download resource archive//acme.org/hello:1.0.0 file"] {
            let message = sandbox.fails(line, 3);
            assert!(message.contains(said), "{access}: {line}: {message}");
        }
        let checked = sandbox.run("check cv archive");
        assert!(checked.status == 7 && checked.stderr.contains(said), "{access}: {}", checked.stderr);
        sandbox.ok("get cv archive//acme.org/hello:1.0.0");
        assert!(!sandbox.path("out").exists());
    }
    archive(&format!("{{type: localBlob, localReference: sha256.{}, mediaType: text/plain}}", "0".repeat(64)));
    let message = sandbox.fails("check cv archive", 3);
    assert!(message.contains("local content sha256:0000") && !message.contains("hint:"), "{message}");
    archive("{type: localFilesystemBlob, fileName: other, mediaType: text/plain}");
    sandbox.ok("transfer ctf archive out");
}

#[test]
fn a_tree_shows_every_reference_under_its_own_name() {
    let sandbox = Sandbox::tree();
    let tree = sandbox.ok("get references -r -o tree ctf//acme.org/root:1.0.0");
    let names: Vec<Vec<&str>> = tree.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let has =
        |name: &str, component: &str| names.iter().any(|words| words.windows(2).any(|pair| pair == [name, component]));
    assert!(has("leaf", "acme.org/leaf") && has("mid", "acme.org/mid"), "{tree}");
    assert!(!has("leaf", "acme.org/mid") && !has("mid", "acme.org/leaf"), "{tree}");
}

#[test]
fn a_downloaded_image_is_an_image_layout() {
    let sandbox = Sandbox::new();
    let image = ocm_testkit::fixtures::image(2, 100);
    image.write_layout(&sandbox.path("layout"), Some("v1")).unwrap();
    sandbox.file(
        "c.yaml",
        &HELLO.replace(
            "type: utf8\n    text: hello world",
            "type: dir\n    path: layout\n    mediaType: application/vnd.ocm.software.oci.layout.v1+tar",
        ),
    );
    sandbox.ok("add cv -c c.yaml -r ctf");
    sandbox.ok("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --output got");
    assert_eq!(sandbox.read("got/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    let index: Value = serde_json::from_str(&sandbox.read("got/index.json")).unwrap();
    assert_eq!(index["manifests"][0]["digest"], image.root().digest.to_string());
    for name in fs::read_dir(sandbox.path("layout/blobs/sha256")).unwrap().map(|entry| entry.unwrap().file_name()) {
        let there = fs::read(sandbox.path("got/blobs/sha256").join(&name)).unwrap();
        assert_eq!(there, fs::read(sandbox.path("layout/blobs/sha256").join(&name)).unwrap());
    }
}

#[test]
fn a_placeholder_without_a_value_is_an_error_and_none_means_none() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &HELLO.replace("hello world", "\"before ${NOWHERE} after\""));
    for line in ["add cv -c c.yaml -r ctf", "add cv --templater subst --create --file ctf c.yaml"] {
        let message = sandbox.fails(line, 2);
        assert!(message.contains("c.yaml:10:19: ") && message.contains("NOWHERE"), "{message}");
        assert!(!sandbox.path("ctf").exists());
    }
    sandbox.ok("add cv --templater none --create --file ctf c.yaml");
    assert_eq!(sandbox.ok("download resource ctf//acme.org/hello:1.0.0 greeting -O -"), "before ${NOWHERE} after");
}

#[test]
fn the_same_input_gives_the_same_archive() {
    let sandbox = Sandbox::new();
    sandbox.file("folder/a.txt", "a").file("folder/b/c.txt", "c");
    sandbox.file(
        "c.yaml",
        &format!("{HELLO}- {{name: folder, type: directory, input: {{type: dir, path: folder, compress: true}}}}\n"),
    );
    sandbox.ok("add cv -c c.yaml -r one");
    let later = fs::File::open(sandbox.path("folder/a.txt")).unwrap();
    later.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000)).unwrap();
    sandbox.ok("add cv -c c.yaml -r two");
    assert_eq!(sandbox.read("one/artifact-index.json"), sandbox.read("two/artifact-index.json"));
    assert!(!sandbox.ok("get cv one -o yaml").contains("creationTime"));
    sandbox.ok("add cv -c c.yaml -r three --creation-time 2024-05-06T07:08:09Z");
    assert!(sandbox.ok("get cv three -o yaml").contains("creationTime: \"2024-05-06T07:08:09Z\""));
}

#[test]
fn a_configuration_in_the_working_directory_is_not_read() {
    let sandbox = Sandbox::hello();
    sandbox.file("work/.ocmconfig", "type: generic.config.ocm.software/v1\nconfigurations: [{type: nonsense");
    let output = sandbox.command(&["get", "cv", "../ctf"]).current_dir(sandbox.path("work")).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("ignored: configuration ./.ocmconfig:"), "{message}");
}

#[test]
fn a_changed_referenced_version_is_noticed() {
    let sandbox = Sandbox::tree();
    sandbox.file(
        "leaf.yaml",
        "name: acme.org/leaf\nversion: 0.1.0\nprovider: {name: acme.org}\n\
         resources: [{name: extra, type: plainText, input: {type: utf8, text: smuggled in}}]\n",
    );
    sandbox.ok("add cv -c leaf.yaml -r ctf --component-version-conflict-policy replace");
    for line in [
        "get cv ctf//acme.org/root:1.0.0 --recursive",
        "get cv ctf//acme.org/mid:0.1.0 --recursive -o ndjson",
        "transfer cv ctf//acme.org/root:1.0.0 ./out --recursive",
    ] {
        assert!(sandbox.fails(line, 5).contains("acme.org/leaf:0.1.0"), "{line}");
    }
    assert!(!sandbox.path("out").exists());
    sandbox.ok("get cv ctf//acme.org/root:1.0.0");
}
