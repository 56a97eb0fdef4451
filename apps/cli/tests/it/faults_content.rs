//! Content that is not what its digest says, and archives that want out, never reach the disk.

use std::fs;

use crate::sandbox::{HELLO, Sandbox};

/// Changes one byte in every blob of an archive that holds `needle`.
fn tamper(sandbox: &Sandbox, archive: &str, needle: &str) {
    let mut changed = 0;
    for entry in fs::read_dir(sandbox.path(archive).join("blobs")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        // Descriptors are tar archives too; the content is what holds the needle and no descriptor.
        let has = |what: &str| bytes.windows(what.len()).any(|window| window == what.as_bytes());
        if has(needle) && !has("component-descriptor") {
            let position = bytes.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap();
            bytes[position] ^= 1;
            fs::write(&path, bytes).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1, "{archive} {needle}");
}

/// Names of everything in the sandbox, but for what was there before.
fn new_files(sandbox: &Sandbox, before: &[String]) -> Vec<String> {
    names(sandbox).into_iter().filter(|name| !before.contains(name)).collect()
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![sandbox.path("")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            names.push(path.strip_prefix(sandbox.path("")).unwrap().display().to_string());
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    names.sort();
    names
}

const FOLDER: &str = "\
name: acme.org/hello
version: 1.0.0
provider: {name: acme.org}
resources:
- {name: folder, type: directory, input: {type: dir, path: input}}
- {name: packed, type: directory, input: {type: dir, path: input, compress: true}}
- {name: greeting, type: plainText, input: {type: utf8, text: hello world}}
";

#[test]
fn changed_content_is_neither_written_nor_unpacked_nor_passed_on() {
    let sandbox = Sandbox::new();
    sandbox.file("input/a.txt", "first file").file("input/z/last.txt", "needle in the last file");
    sandbox.file("c.yaml", FOLDER).ok("add cv -c c.yaml -r ctf");
    sandbox.ok("download resource ctf//acme.org/hello:1.0.0 --identity name=folder --output good");
    assert_eq!(sandbox.read("good/z/last.txt"), "needle in the last file");
    tamper(&sandbox, "ctf", "needle in the last file");
    let before = names(&sandbox);
    for line in [
        "download resource ctf//acme.org/hello:1.0.0 --identity name=folder",
        "download resource ctf//acme.org/hello:1.0.0 --identity name=folder --output deep/er/got",
        "download resource ctf//acme.org/hello:1.0.0 --identity name=folder --output got --extraction-policy disable",
        "download resources ctf//acme.org/hello:1.0.0 folder -O got",
        "transfer cv ctf//acme.org/hello:1.0.0 ./out",
        "transfer cv ctf//acme.org/hello:1.0.0 ./out.tgz",
        "transfer ctf ctf ./deep/er/out",
        "download cv ctf//acme.org/hello:1.0.0 -O deep/er/out.tgz",
        "download cv ctf//acme.org/hello:1.0.0 -O out",
    ] {
        let ran = sandbox.run(line);
        assert_eq!(ran.status, 5, "{line}: {}", ran.stderr);
        assert_eq!(new_files(&sandbox, &before), [""; 0], "{line}");
    }
    // What is not touched can still be had.
    assert_eq!(sandbox.ok("download resource ctf//acme.org/hello:1.0.0 greeting -O -"), "hello world");
}

#[test]
fn a_changed_blob_does_not_replace_a_file_or_folder_that_is_there() {
    let sandbox = Sandbox::new();
    sandbox.file("input/a.txt", "needle in a file").file("c.yaml", FOLDER).ok("add cv -c c.yaml -r ctf");
    sandbox.file("plain", "precious").file("tree/precious.txt", "precious");
    tamper(&sandbox, "ctf", "needle in a file");
    tamper(&sandbox, "ctf", "hello world");
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --output plain", 5);
    let ran = sandbox.run("download resource ctf//acme.org/hello:1.0.0 --identity name=folder --output tree");
    assert_ne!(ran.status, 0);
    assert_eq!((sandbox.read("plain"), sandbox.read("tree/precious.txt")), ("precious".into(), "precious".into()));
    assert!(!sandbox.path("tree/a.txt").exists());
}

#[test]
fn a_second_download_gives_the_same_bytes() {
    let sandbox = Sandbox::new();
    sandbox.file("input/a.txt", "first file").file("c.yaml", FOLDER).ok("add cv -c c.yaml -r ctf");
    sandbox.file("got", "something much longer than what comes, so that a rest of it would show");
    for _ in 0..2 {
        sandbox.ok("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --output got");
        assert_eq!(sandbox.read("got"), "hello world");
        sandbox.ok("download resource ctf//acme.org/hello:1.0.0 --identity name=packed --output p.tgz --extraction-policy disable");
    }
    let packed = fs::read(sandbox.path("p.tgz")).unwrap();
    let again =
        "download resource ctf//acme.org/hello:1.0.0 --identity name=packed --output q.tgz --extraction-policy disable";
    sandbox.ok(again);
    assert_eq!(packed, fs::read(sandbox.path("q.tgz")).unwrap());
}

/// Name, type (`0` file, `2` symbolic link, `1` hard link), content or target.
type Entry<'a> = (&'a str, u8, &'a str);

/// A tar archive, whatever its entries say.
fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, content) in entries {
        let mut header = [0; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        let (target, content) = if *kind == b'0' { ("", *content) } else { (*content, "") };
        put(0, name);
        put(100, "0000644\0");
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{:011o}\0", content.len()));
        put(136, "00000000000\0");
        put(148, "        ");
        put(156, &char::from(*kind).to_string());
        put(157, target);
        put(257, "ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content.as_bytes());
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

#[test]
fn an_archive_that_wants_out_is_refused_as_a_whole() {
    let sandbox = Sandbox::new();
    let outside = sandbox.path("outside");
    fs::create_dir(&outside).unwrap();
    let absolute = outside.join("evil").display().to_string();
    let outside = outside.display().to_string();
    let first = ("first.txt", b'0', "harmless");
    let cases: [(&str, &[Entry<'_>]); 6] = [
        ("absolute", &[first, (&absolute, b'0', "evil")]),
        ("upwards", &[first, ("a/../../../outside/evil", b'0', "evil")]),
        ("link-out", &[first, ("link", b'2', &outside), ("link/evil", b'0', "evil")]),
        ("link-up", &[first, ("link", b'2', "../../outside"), ("link/evil", b'0', "evil")]),
        ("link-folder", &[first, ("folder/x", b'0', "x"), ("link", b'2', "folder"), ("link/evil", b'0', "evil")]),
        ("hard-link", &[first, ("link", b'1', "../../c.yaml")]),
    ];
    let resources = cases.map(|(name, entries)| {
        fs::write(sandbox.path(&format!("{name}.tar")), tar(entries)).unwrap();
        format!(
            "- {{name: {name}, type: blob, input: {{type: file, path: {name}.tar, mediaType: application/x-tar}}}}\n"
        )
    });
    let head = "name: acme.org/hello\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n";
    let constructor = format!("{head}{}", resources.concat());
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    let before = names(&sandbox);
    for (name, entries) in cases {
        let message = sandbox
            .fails(&format!("download resource ctf//acme.org/hello:1.0.0 --identity name={name} --output got"), 5);
        assert!(message.contains(name) && message.contains("refused to unpack"), "{message}");
        assert_eq!(new_files(&sandbox, &before), [""; 0], "{name}");
        // As one file it is only bytes.
        let line = "--output got --extraction-policy disable";
        sandbox.ok(&format!("download resource ctf//acme.org/hello:1.0.0 --identity name={name} {line}"));
        assert_eq!(fs::read(sandbox.path("got")).unwrap(), tar(entries));
        fs::remove_file(sandbox.path("got")).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn an_archive_with_a_link_inside_is_unpacked() {
    let sandbox = Sandbox::new();
    let archive = tar(&[("a.txt", b'0', "content"), ("link", b'2', "a.txt")]);
    fs::write(sandbox.path("links.tar"), archive).unwrap();
    sandbox.file(
        "c.yaml",
        &HELLO.replace(
            "type: utf8\n    text: hello world",
            "type: file\n    path: links.tar\n    mediaType: application/x-tar",
        ),
    );
    sandbox.ok("add cv -c c.yaml -r ctf");
    sandbox.ok("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --output got");
    assert_eq!(fs::read_link(sandbox.path("got/link")).unwrap(), std::path::Path::new("a.txt"));
    assert_eq!(sandbox.read("got/link"), "content");
}

#[test]
fn a_failed_add_leaves_nothing() {
    let sandbox = Sandbox::new();
    let two = |second: &str| {
        format!(
            "components:\n- {{name: acme.org/good, version: 1.0.0, provider: {{name: acme.org}}, resources: \
             [{{name: text, type: plainText, input: {{type: utf8, text: good}}}}]}}\n\
             - {{name: acme.org/bad, version: 1.0.0, provider: {{name: acme.org}}, resources: [{second}]}}\n"
        )
    };
    let failing = [
        "{name: file, type: blob, input: {type: file, path: missing.bin}}",
        "{name: layout, type: ociImage, input: {type: file, path: c.yaml, \
         mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}",
        "{name: chart, type: helmChart, input: {type: helm, path: .}}",
        "{name: image, type: ociImage, version: 1.0.0, access: {type: ociArtifact, imageReference: \"http://127.0.0.1:1/none:v1\"}}",
    ];
    for second in failing {
        sandbox.file("c.yaml", &two(second));
        for target in ["ctf", "new/ctf", "ctf.tar", "ctf.tgz"] {
            let before = names(&sandbox);
            assert_ne!(sandbox.run(&format!("add cv -c c.yaml -r ./{target}")).status, 0, "{second}");
            assert_eq!(new_files(&sandbox, &before), [""; 0], "{target}: {second}");
        }
    }
    // What the archive had stays as it was, byte for byte.
    sandbox.file("hello.yaml", HELLO).ok("add cv -c hello.yaml -r ctf");
    let (before, index) = (names(&sandbox), sandbox.read("ctf/artifact-index.json"));
    for second in failing {
        sandbox.file("c.yaml", &two(second));
        assert_ne!(sandbox.run("add cv -c c.yaml -r ctf").status, 0, "{second}");
        assert_eq!(sandbox.read("ctf/artifact-index.json"), index);
        let new = new_files(&sandbox, &before);
        assert!(new.iter().all(|name| name.starts_with("ctf/blobs/sha256.")), "{second}: {new:?}");
    }
}
