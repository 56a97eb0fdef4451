//! Archives damaged at one place after the other: nobody panics or hangs, changed content is never taken for the right one,
//! and what fails leaves nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::{HELLO, Ran, Sandbox};

const VERSION: &str = "//acme.org/hello:1.0.0";

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// A way to damage a file.
fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) -> String {
    let at = numbers.below(bytes.len());
    let count = [1, 16, 512][numbers.below(3)].min(bytes.len() - at);
    match numbers.below(6) {
        0 | 1 => bytes[at] ^= 1 << numbers.below(8),
        2 => bytes[at..at + count].fill(0),
        3 => bytes.truncate(if count == 512 { at / 512 * 512 } else { at }),
        4 => {
            let again = bytes[at..at + count].to_vec();
            bytes.splice(at..at, again);
        }
        _ => {
            bytes.drain(at..at + count);
        }
    }
    format!("{count} bytes at {at}, {} bytes now", bytes.len())
}

/// A signed version in an archive, and the public key.
fn signed() -> Sandbox {
    let sandbox = Sandbox::new();
    let large: Vec<String> = (0..400).map(|line| format!("{line} text\n")).collect();
    let large = large.concat();
    let constructor = HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: large.txt");
    sandbox.file("c.yaml", &constructor).file("large.txt", &large);
    sandbox.ok("add cv -c c.yaml -r dir");
    sandbox.ok("create rsakeypair key.priv key.pub");
    sandbox.ok("sign cv -s acme -K key.priv dir//acme.org/hello:1.0.0");
    sandbox.ok("transfer ctf ./dir ./a.tar");
    sandbox.ok("transfer ctf ./dir ./a.tgz");
    sandbox.ok("transfer ctf --split 4KiB ./dir ./s.tar");
    sandbox
}

/// The files that archives consist of.
fn files(archive: &Path) -> Vec<PathBuf> {
    let in_folder =
        |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut files = if archive.is_dir() {
        [vec![archive.join("artifact-index.json")], in_folder(&archive.join("blobs"))].concat()
    } else {
        let name = archive.file_name().unwrap().to_str().unwrap();
        let mut files = in_folder(archive.parent().unwrap());
        files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name));
        files
    };
    files.sort();
    files
}

fn is_sane(ran: &Ran, what: &str) {
    assert!([0, 1, 3, 5, 7].contains(&ran.status), "{what}: {} {}", ran.status, ran.stderr);
    assert!(ran.status == 0 || ran.stderr.contains("Error: "), "{what}: {}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
}

fn damaged_everywhere(name: &str, seed: u64, rounds: usize) {
    let sandbox = signed();
    let originals: Vec<_> =
        files(&sandbox.path(name)).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let descriptor = sandbox.ok(&format!("get cv ./{name}{VERSION} -o json"));
    sandbox.ok(&format!("download resource ./{name}{VERSION} --identity name=greeting -O right"));
    let right = sandbox.read("right");
    let mut numbers = Numbers(seed);
    let mut noticed = 0;
    for _ in 0..rounds {
        let (path, original) = &originals[numbers.below(originals.len())];
        let mut bytes = original.clone();
        let what = damage(&mut bytes, &mut numbers);
        let what = format!("{}: {what}", path.display());
        fs::write(path, &bytes).unwrap();

        let got = sandbox.run(&format!("get cv ./{name}{VERSION} -o json"));
        is_sane(&got, &what);
        assert!(got.status != 0 || got.stdout == descriptor, "{what}: {}", got.stdout);
        is_sane(&sandbox.run(&format!("check cv ./{name}{VERSION}")), &what);
        let verified = sandbox.run(&format!("verify cv -s acme -k key.pub --resources ./{name}{VERSION}"));
        is_sane(&verified, &what);
        noticed += usize::from(verified.status != 0);

        let downloaded = sandbox.run(&format!("download resource ./{name}{VERSION} --identity name=greeting -O got"));
        is_sane(&downloaded, &what);
        assert_eq!(downloaded.status == 0, sandbox.path("got").exists(), "{what}: {}", downloaded.stderr);
        if downloaded.status == 0 {
            assert_eq!(sandbox.read("got"), right, "{what}");
            fs::remove_file(sandbox.path("got")).unwrap();
        }
        let moved = sandbox.run(&format!("transfer cv ./{name}{VERSION} ./out"));
        is_sane(&moved, &what);
        assert_eq!(moved.status == 0, sandbox.path("out").exists(), "{what}: {}", moved.stderr);
        if moved.status == 0 {
            sandbox.ok(&format!("verify cv -s acme -k key.pub --resources ./out{VERSION}"));
            fs::remove_dir_all(sandbox.path("out")).unwrap();
        }
        fs::write(path, original).unwrap();
    }
    assert!(noticed > rounds / 5, "{noticed} of {rounds} noticed: what is damaged here is not what counts");
}

#[test]
fn a_damaged_archive_folder_gives_what_was_in_it_or_nothing() {
    damaged_everywhere("dir", 1, 25);
}

#[test]
fn a_damaged_tar_archive_gives_what_was_in_it_or_nothing() {
    damaged_everywhere("a.tar", 2, 25);
}

#[test]
fn a_damaged_compressed_archive_gives_what_was_in_it_or_nothing() {
    damaged_everywhere("a.tgz", 3, 25);
}

#[test]
fn a_damaged_archive_in_parts_gives_what_was_in_it_or_nothing() {
    damaged_everywhere("s.tar", 4, 25);
}

/// Parts of another archive of the same shape, in another order, twice, or one too few are named.
#[test]
fn parts_that_do_not_belong_together_are_named() {
    let sandbox = signed();
    sandbox.file("large.txt", &sandbox.read("large.txt").replace("399 text", "399 TEXT"));
    sandbox.ok("add cv -c c.yaml -r other");
    sandbox.ok("transfer ctf --split 4KiB ./other ./o.tar");
    let parts = files(&sandbox.path("s.tar"));
    assert!(parts.len() > 2, "{parts:?}");
    let originals: Vec<_> = parts.iter().map(|path| fs::read(path).unwrap()).collect();
    let foreign: Vec<_> = files(&sandbox.path("o.tar")).iter().map(|path| fs::read(path).unwrap()).collect();
    let all = originals.len();
    let mut cases: Vec<(String, Vec<Option<Vec<u8>>>)> = Vec::new();
    let with = |at: usize, bytes: Option<&Vec<u8>>| {
        let mut files: Vec<_> = originals.iter().cloned().map(Some).collect();
        files[at] = bytes.cloned();
        files
    };
    for at in 0..all {
        cases.push((format!("part {} missing", at + 1), with(at, None)));
        cases.push((format!("part {} empty", at + 1), with(at, Some(&Vec::new()))));
        cases.push((format!("part {} foreign", at + 1), with(at, foreign.get(at))));
        cases.push((format!("part {} is another one", at + 1), with(at, Some(&originals[(at + 1) % all]))));
    }
    cases.push(("reversed".into(), originals.iter().rev().cloned().map(Some).collect()));
    for (what, files) in cases {
        for (path, bytes) in parts.iter().zip(&files) {
            match bytes {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
        }
        let ran = sandbox.run(&format!("verify cv -s acme -k key.pub --resources ./s.tar{VERSION}"));
        assert!([3, 5].contains(&ran.status), "{what}: {} {}", ran.status, ran.stderr);
        let error = ran.stderr.split_once("Error: ").map(|(_, error)| error).unwrap_or_default();
        assert!(error.contains("s.tar.0"), "{what}: {}", ran.stderr);
        let ran = sandbox.run("transfer ctf ./s.tar ./out");
        assert!([3, 5].contains(&ran.status) && !sandbox.path("out").exists(), "{what}: {}", ran.stderr);
        for (path, bytes) in parts.iter().zip(&originals) {
            fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn an_archive_that_was_packed_in_another_way_says_how() {
    let sandbox = Sandbox::hello();
    let mut folder = tar::Builder::new(fs::File::create(sandbox.path("folder.tar")).unwrap());
    folder.append_dir_all("ctf", sandbox.path("ctf")).unwrap();
    folder.into_inner().unwrap();
    fs::create_dir(sandbox.path("unpacked")).unwrap();
    fs::rename(sandbox.path("ctf"), sandbox.path("unpacked/ctf")).unwrap();
    for (name, start) in
        [("x.tar.xz", &b"\xfd7zXZ\0"[..]), ("x.zip", &b"PK\x03\x04"[..]), ("x.tar.zst", &b"\x28\xb5\x2f\xfd"[..])]
    {
        fs::write(sandbox.path(name), [start, &[7; 600]].concat()).unwrap();
    }
    for (archive, told) in [
        ("./folder.tar", "in the folder \"ctf\""),
        ("./unpacked", "unpacked/ctf has one"),
        ("./x.tar.xz", "packed with xz"),
        ("./x.zip", "packed with zip"),
        ("./x.tar.zst", "packed with zstd"),
    ] {
        for line in [format!("get cv {archive}"), format!("transfer ctf {archive} ./out")] {
            let message = sandbox.fails(&line, 1);
            assert!(message.contains(told), "{line}: {message}");
        }
    }
    assert!(!sandbox.path("out").exists());
}
