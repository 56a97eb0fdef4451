//! Directories as archives, byte by byte what the Go program writes.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use ocm_blob::{Archive, Blob as _, Digest, DirectoryNames, DirectoryTar, PackOptions, Pattern, read_to_end};

/// Makes files with mode 0644 (0755 if the name ends in `.sh`) in directories with mode 0755.
fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("dir");
    fs::create_dir(&root).unwrap();
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let mode = if Path::new(name).extension().is_some_and(|end| end == "sh") { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    for path in walk(&root).into_iter().filter(|path| path.is_dir()) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    (folder, root)
}

fn walk(root: &Path) -> Vec<PathBuf> {
    let mut paths = vec![root.to_path_buf()];
    if root.is_dir() {
        paths.extend(fs::read_dir(root).unwrap().flat_map(|entry| walk(&entry.unwrap().path())));
    }
    paths
}

async fn pack(root: &Path, options: &PackOptions) -> Bytes {
    let tar = DirectoryTar::new(root, options).unwrap();
    let bytes = read_to_end(tar.open().await.unwrap(), 1 << 30, "tar").await.unwrap();
    assert_eq!(tar.size(), Some(bytes.len() as u64));
    bytes
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::parse(text).unwrap()).collect()
}

/// The digests that the Go program recorded for its `dir` inputs.
#[tokio::test]
async fn digests_are_those_of_the_go_program() {
    let (_folder, root) = tree(&[("a.txt", "hello\n"), ("sub/run.sh", "#!/bin/sh\necho hi\n")]);
    let default = PackOptions::default();
    let preserve = PackOptions { preserve_directory: true, ..default.clone() };
    let star = PackOptions { exclude: patterns(&["*"]), ..default.clone() };
    for (options, digest) in [
        (&default, "1f2c095447ceca3029faf49c78723f3cff97cf2e678cea2f0fc2fd8efa96c332"),
        (&preserve, "22f91df4187342c52071ba62f2ea9703c599fa6bbdf3ab3b2ebb35760a65b8c2"),
        (&star, "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
    ] {
        assert_eq!(Digest::of(pack(&root, options).await).hex(), digest);
    }
}

#[tokio::test]
async fn directories_can_be_named_as_in_the_older_program() {
    let (_folder, root) = tree(&[("a.txt", "a"), ("sub/b.txt", "b")]);
    let plain = PackOptions { directories: DirectoryNames::Plain, ..PackOptions::default() };
    let preserve = PackOptions { preserve_directory: true, ..plain.clone() };
    for (options, expected) in [
        (PackOptions::default(), &["./", "a.txt", "sub/", "sub/b.txt"][..]),
        (plain, &["a.txt", "sub", "sub/b.txt"]),
        (preserve, &["dir", "dir/a.txt", "dir/sub", "dir/sub/b.txt"]),
    ] {
        let bytes = pack(&root, &options).await;
        let mut archive = tar::Archive::new(&bytes[..]);
        let names = archive
            .entries()
            .unwrap()
            .map(|entry| String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap());
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }
}

/// The same against the recorded archives themselves and the recorded runs, where they are at hand.
#[tokio::test]
async fn archives_are_those_of_the_go_program() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if !vectors.is_dir() {
        println!("skipped: no recorded archives beside this project");
        return;
    }
    let (_folder, root) = tree(&[("a.txt", "hello\n"), ("sub/run.sh", "#!/bin/sh\necho hi\n")]);
    let recorded = |name: &str| fs::read(vectors.join("generated-v2/dir-input").join(name)).unwrap();
    let default = PackOptions::default();
    assert_eq!(pack(&root, &default).await, recorded("reproducible.tar"));
    let preserve = PackOptions { preserve_directory: true, ..default.clone() };
    assert_eq!(pack(&root, &preserve).await, recorded("reproducible-preservedir.tar"));
    let plain = PackOptions { reproducible: false, ..default.clone() };
    if rustix::process::geteuid().is_root() {
        for path in walk(&root) {
            fs::File::open(path).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(0o14_616_100_731)).unwrap();
        }
        assert_eq!(pack(&root, &plain).await, recorded("plain.tar"));
    }

    let run = |case: &str| {
        let files = ["a.txt", "sub/b.txt", "sub/c.yaml"];
        let contents: Vec<_> = files
            .iter()
            .map(|name| fs::read_to_string(vectors.join("cli-v2").join(case).join("d").join(name)).unwrap())
            .collect();
        let files: Vec<_> = files.into_iter().zip(contents.iter().map(String::as_str)).collect();
        let (folder, root) = tree(&files);
        fs::rename(&root, folder.path().join("d")).unwrap();
        let stdout = fs::read_to_string(vectors.join("cli-v2").join(case).join("stdout")).unwrap();
        let (_, digest) = stdout.split_once("localReference: ").unwrap();
        (folder.path().join("d"), folder, digest.lines().next().unwrap().to_owned())
    };
    for (case, options) in [
        ("input-dir", default.clone()),
        ("input-dir-preserve", preserve),
        ("input-dir-include", PackOptions { include: patterns(&["sub/*.txt"]), ..default.clone() }),
        ("input-dir-exclude", PackOptions { exclude: patterns(&["sub/*.yaml", "a.txt"]), ..default.clone() }),
        ("input-dir-exclude-star", PackOptions { exclude: patterns(&["*"]), ..default.clone() }),
    ] {
        let (root, _folder, digest) = run(case);
        assert_eq!(Digest::of(pack(&root, &options).await).to_string(), digest, "{case}");
    }
    if rustix::process::geteuid().is_root() {
        let (root, _folder, digest) = run("input-dir-plain");
        for path in walk(&root) {
            fs::File::open(path).unwrap().set_modified(UNIX_EPOCH + Duration::from_hours(473_352)).unwrap();
        }
        assert_eq!(Digest::of(pack(&root, &plain).await).to_string(), digest, "input-dir-plain");
    }
}

async fn paths(root: &Path, options: &PackOptions) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tar");
    fs::write(&path, pack(root, options).await).unwrap();
    let archive = Archive::open(path).await.unwrap();
    archive.entries().iter().map(|entry| entry.path().to_string()).collect()
}

#[tokio::test]
async fn patterns_choose_by_the_path_in_the_archive() {
    let (_folder, root) = tree(&[("a.txt", ""), ("sub/b.txt", ""), ("sub/deep/c.txt", "")]);
    let default = PackOptions::default();
    let include = |texts| PackOptions { include: patterns(texts), ..default.clone() };
    let exclude = |texts| PackOptions { exclude: patterns(texts), ..default.clone() };
    assert_eq!(paths(&root, &default).await, [".", "a.txt", "sub", "sub/b.txt", "sub/deep", "sub/deep/c.txt"]);
    assert_eq!(paths(&root, &include(&["sub", "sub/*.txt"])).await, ["sub", "sub/b.txt"]);
    assert_eq!(paths(&root, &exclude(&["sub/deep"])).await, [".", "a.txt", "sub", "sub/b.txt"]);
    assert_eq!(paths(&root, &exclude(&["sub"])).await, [".", "a.txt"]);
    let both = PackOptions { exclude: patterns(&["sub/b*"]), ..include(&["sub/*"]) };
    assert_eq!(paths(&root, &both).await, ["sub/deep"]);
    let preserved = PackOptions { preserve_directory: true, ..include(&["dir/a.txt"]) };
    assert_eq!(paths(&root, &preserved).await, ["dir/a.txt"]);
}

#[tokio::test]
async fn links_are_followed_inside_only_and_only_if_asked() {
    let (folder, root) = tree(&[("sub/b.txt", "content")]);
    symlink("sub/b.txt", root.join("file")).unwrap();
    symlink("sub", root.join("linked")).unwrap();
    let default = PackOptions::default();
    let follow = PackOptions { follow_symlinks: true, ..default.clone() };
    assert!(DirectoryTar::new(&root, &default).unwrap_err().to_string().contains("symbolic link"));
    let excluded = PackOptions { exclude: patterns(&["file", "linked"]), ..default };
    assert_eq!(paths(&root, &excluded).await, [".", "sub", "sub/b.txt"]);
    assert_eq!(paths(&root, &follow).await, [".", "file", "linked", "linked/b.txt", "sub", "sub/b.txt"]);
    symlink("..", root.join("sub/circle")).unwrap();
    assert!(DirectoryTar::new(&root, &follow).unwrap_err().to_string().contains("contains it"));
    fs::remove_file(root.join("sub/circle")).unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("../secret", root.join("out")).unwrap();
    assert!(DirectoryTar::new(&root, &follow).unwrap_err().to_string().contains("out of the directory"));
}

#[test]
fn links_that_multiply_and_folders_without_end_are_refused() {
    let follow = PackOptions { follow_symlinks: true, ..PackOptions::default() };
    let (_folder, root) = tree(&[("00/file", "content")]);
    for level in 1..20 {
        let folder = root.join(format!("{level:02}"));
        fs::create_dir(&folder).unwrap();
        for link in ["a", "b"] {
            symlink(format!("../{:02}", level - 1), folder.join(link)).unwrap();
        }
    }
    let error = DirectoryTar::new(&root, &follow).unwrap_err().to_string();
    assert!(error.contains("they may multiply"), "{error}");
    let (_folder, root) = tree(&[("file", "content")]);
    fs::create_dir_all(root.join("d/".repeat(200))).unwrap();
    let error = DirectoryTar::new(&root, &PackOptions::default()).unwrap_err().to_string();
    assert!(error.contains("deeper than"), "{error}");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_packed_is_an_error() {
    let (_folder, root) = tree(&[("a.txt", "content")]);
    for change in ["", "longer content"] {
        let tar = DirectoryTar::new(&root, &PackOptions::default()).unwrap();
        fs::write(root.join("a.txt"), change).unwrap();
        let error = read_to_end(tar.open().await.unwrap(), 1 << 20, "tar").await.unwrap_err().to_string();
        assert!(error.contains("a.txt: changed"), "{error}");
        fs::write(root.join("a.txt"), "content").unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_are_refused() {
    let (_folder, root) = tree(&[("a.txt", "content")]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    assert!(
        DirectoryTar::new(&root, &PackOptions::default())
            .unwrap_err()
            .to_string()
            .contains("neither a file nor a directory")
    );
}
