//! What is refused: the exit code, the place in the file, and that nothing is written.

use std::fs;

use crate::sandbox::Sandbox;

const HEAD: &str = "name: acme.org/it\nversion: 1.0.0\nprovider: {name: acme.org}\n";

/// Lines behind [`HEAD`], exit code, and what the message must have: the place, and a word that names the matter.
const CONSTRUCTORS: &[(&str, i32, &[&str])] = &[
    ("colour: red\n", 2, &["c.yaml:4:1: ", "colour"]),
    ("references: []\n", 2, &["c.yaml:4:1: ", "componentReferences"]),
    ("resources:\n- {type: blob, input: {type: utf8, text: x}}\n", 2, &["c.yaml:5:3: ", "name"]),
    ("resources:\n- {name: Big, type: blob, input: {type: utf8, text: x}}\n", 2, &["c.yaml:5:4: ", "Big"]),
    ("resources:\n- {name: a.b, type: blob, input: {type: utf8, text: x}}\n", 2, &["c.yaml:5:4: ", "a.b"]),
    ("resources:\n- {name: res, type: blob}\n", 2, &["c.yaml:5:3: ", "input", "access"]),
    ("resources:\n- {name: res, type: blob, input: {type: tape}}\n", 2, &["c.yaml:5:35: ", "tape"]),
    ("resources:\n- {name: res, type: blob, input: {type: utf8}}\n", 2, &["c.yaml:5:34: ", "text"]),
    ("resources:\n- {name: res, type: blob, access: {type: none}}\n", 2, &["c.yaml:5:3: ", "version"]),
    (
        "resources:\n- {name: res, type: blob, input: {type: utf8, text: x}}\n- {name: res, type: other, input: {type: utf8, text: y}}\n",
        2,
        &["c.yaml:6:3: ", "first one is in 5:3", "name=res"],
    ),
    ("labels:\n- {name: l, value: 7}\n", 2, &["c.yaml:5:20: ", "number"]),
    ("labels:\n- {name: l, value: [7]}\n", 2, &["c.yaml:5:20: ", "list"]),
    ("creationTime: today\n", 2, &["c.yaml:4:1", "today"]),
    (
        "componentReferences:\n- {name: other, version: 1.0.0, componentName: acme.org/other}\n",
        2,
        &["c.yaml:5:", "acme.org/other:1.0.0"],
    ),
    ("resources:\n- {name: res, type: blob, input: {type: file, path: gone.txt}}\n", 2, &["c.yaml:5:", "gone.txt"]),
    ("resources:\n- {name: res, type: blob, input: {type: file, path: folder}}\n", 2, &["c.yaml:5:", "folder"]),
    (
        "resources:\n- {name: res, type: blob, input: {type: dir, path: c.yaml, includeFiles: [x]}}\n",
        2,
        &["c.yaml:5:", "c.yaml"],
    ),
    (
        "resources:\n- {name: res, type: blob, input: {type: file, path: ../../etc/passwd}}\n",
        2,
        &["c.yaml:5:", "passwd"],
    ),
    ("resources:\n- {name: res, type: blob, input: {type: file, path: /etc/passwd}}\n", 2, &["c.yaml:5:", "passwd"]),
    ("resources:\n- {name: res, type: blob, input: {type: file, path: escape}}\n", 2, &["c.yaml:5:", "escape"]),
    (
        "resources:\n- {name: res, type: blob, input: {type: file, path: c.yaml, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}\n",
        2,
        &["c.yaml:5:", "res"],
    ),
    (
        "resources:\n- {name: res, type: blob, input: {type: utf8, text: x}, digest: {hashAlgorithm: SHA-256, normalisationAlgorithm: genericBlobDigest/v1, value: \"00\"}}\n",
        2,
        &["c.yaml:5:", "00"],
    ),
    ("name: acme.org/again\n", 2, &["c.yaml:4:1: ", "name"]),
    ("resources: [\n", 2, &["c.yaml:"]),
];

#[test]
fn constructor_files_are_refused_at_their_place() {
    for (lines, status, parts) in CONSTRUCTORS {
        let sandbox = Sandbox::new();
        sandbox.file("c.yaml", &format!("{HEAD}{lines}")).file("folder/x", "x");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", sandbox.path("escape")).unwrap();
        let message = sandbox.fails("add cv -c c.yaml -r ctf", *status);
        for part in *parts {
            assert!(message.contains(part), "{lines}: {part}: {message}");
        }
        assert!(!sandbox.path("ctf").exists(), "{lines}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let sandbox = Sandbox::new();
    let text = HEAD.replace("1.0.0", "1.0").replace("{name: acme.org}", "acme.org");
    sandbox.file("c.yaml", &format!("{text}resources:\n- {{name: R, type: blob}}\ncolour: red\n"));
    let message = sandbox.fails("add cv -c c.yaml -r ctf", 2);
    for place in ["c.yaml:2:10: ", "c.yaml:3:11: ", "c.yaml:5:3: ", "c.yaml:5:4: ", "c.yaml:6:1: "] {
        assert!(message.contains(place), "{place}: {message}");
    }
}

#[test]
fn command_lines_are_refused_with_the_right_code() {
    let sandbox = Sandbox::hello();
    sandbox.file("plain.txt", "no archive").file("folder/x", "no archive either").file("cut.tgz", "\u{1f}");
    for (line, status, part) in [
        ("add cv -c nowhere.yaml -r out", 2, "nowhere.yaml"),
        ("add cv -c folder -r out", 2, "folder"),
        ("add cv hello.yaml extra.yaml -r out", 2, "extra.yaml"),
        ("add cv -c hello.yaml -r out --no-such-flag", 2, "--no-such-flag"),
        ("add cv -c hello.yaml -r ftp://127.0.0.1/x", 2, "ftp"),
        ("add cv -c hello.yaml -r http://127.0.0.1:1/x", 8, "127.0.0.1:1"),
        ("get cv unknown::ctf//acme.org/hello:1.0.0", 2, "unknown"),
        ("get cv ctf//acme.org/hello:not-a-version", 2, "not-a-version"),
        ("get cv ctf//acme.org/Hello:1.0.0", 2, "acme.org/Hello"),
        ("get cv ctf//acme.org/hello --semver-constraint >>1", 2, ">>1"),
        ("get cv ctf//acme.org/hello:1.0.0@sha256:12", 2, "sha256:12"),
        ("get cv http://127.0.0.1:1//acme.org/hello:1.0.0", 8, "127.0.0.1:1"),
        ("transfer cv ctf//acme.org/hello:1.0.0 http://127.0.0.1:1", 8, "127.0.0.1:1"),
        ("transfer cv ctf//acme.org/hello:1.0.0 unknown::out", 2, "unknown"),
        ("download resource ctf//acme.org/hello:1.0.0 --identity greeting", 2, "greeting"),
        ("download resource ctf//acme.org/hello:1.0.0 --identity name=code", 3, "code"),
        ("download artifact http://127.0.0.1:1/a/b:v1", 8, "127.0.0.1:1"),
    ] {
        let message = sandbox.fails(line, status);
        assert!(message.contains(part), "{line}: {message}");
        assert!(!sandbox.path("out").exists(), "{line}");
    }
    // What is there and no archive is neither read nor written into.
    for place in ["plain.txt", "folder", "cut.tgz"] {
        let before = fs::metadata(sandbox.path(place)).unwrap().modified().unwrap();
        for line in [
            "get cv {}",
            "get cv {}//acme.org/hello:1.0.0",
            "add cv -c hello.yaml -r {}",
            "transfer ctf ctf {}",
            "serve {}",
        ] {
            let ran = sandbox.run(&line.replace("{}", &format!("./{place}")));
            assert!(ran.status != 0 && ran.stderr.contains(place), "{line} {place}: {} {}", ran.status, ran.stderr);
        }
        assert_eq!(fs::metadata(sandbox.path(place)).unwrap().modified().unwrap(), before);
    }
    assert_eq!(sandbox.read("plain.txt"), "no archive");
}
