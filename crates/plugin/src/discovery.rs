//! Files in plugin folders that may be plugins.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Folders below a plugin folder that are looked into.
const DEEPEST: usize = 8;

/// Files and folders of one plugin folder that are looked at. A home folder that was named by mistake has more.
const MOST_ENTRIES: usize = 10_000;

/// What a plugin folder has.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub(crate) programs: Vec<PathBuf>,
    /// Programs that are not run, and why.
    pub(crate) unfit: Vec<(PathBuf, &'static str)>,
}

/// The programs of a folder and of the folders in it, sorted: executable files without an extension, on Windows files that end
/// in `.exe`. A version behind a dot is none: `tool-1.2`.
///
/// # Errors
/// The folder is not there, cannot be read, or holds far more than plugins.
pub fn candidates(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    look(folder).map(|looked| looked.programs)
}

/// The same, with programs that are there and are not run.
pub(crate) fn look(folder: &Path) -> std::io::Result<Looked> {
    let (mut found, mut seen) = (Looked::default(), 0);
    let mut folders = VecDeque::from([(folder.canonicalize()?, 0)]);
    while let Some((folder, depth)) = folders.pop_front() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            seen += 1;
            if seen > MOST_ENTRIES {
                return Err(std::io::Error::other(format!(
                    "has more than {MOST_ENTRIES} files, which cannot all be plugins"
                )));
            }
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                // Where a plugin is put together before it is one.
                let is_scratch = entry.file_name().to_string_lossy().starts_with(".ocm-");
                if depth < DEEPEST && !is_scratch {
                    folders.push_back((path, depth + 1));
                }
                continue;
            }
            match judge(&path) {
                Some(Ok(())) => found.programs.push(path),
                Some(Err(reason)) => found.unfit.push((path, reason)),
                None => {}
            }
        }
    }
    found.programs.sort();
    found.unfit.sort();
    Ok(found)
}

/// Whether a file is a program that may be run; `None` if it is no program.
fn judge(path: &Path) -> Option<Result<(), &'static str>> {
    // Links to programs are followed: package managers make them.
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    match naming(path) {
        Naming::Plugin => {}
        Naming::Program if is_executable(&metadata) && begins_like_program(path) => {
            return Some(Err("has an extension, which plugins do not have: under a name without a dot it is run"));
        }
        Naming::Program | Naming::Other => return None,
    }
    if !is_executable(&metadata) {
        // A text without an extension is a LICENSE; a program was downloaded, and its mode got lost.
        return begins_like_program(path).then_some(Err("is a program, but cannot be executed: chmod +x makes it one"));
    }
    Some(trusted(path, &metadata))
}

fn begins_like_program(path: &Path) -> bool {
    use std::io::Read as _;
    const MAGIC: [&[u8]; 5] = [b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe"];
    let mut begin = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut begin)).unwrap_or_default();
    MAGIC.iter().any(|magic| begin[..read].starts_with(magic))
}

/// A program that everybody on this machine can replace is anybody's, and it would be given credentials.
#[cfg(unix)]
fn trusted(path: &Path, metadata: &std::fs::Metadata) -> Result<(), &'static str> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = |metadata: &std::fs::Metadata| metadata.permissions().mode() & 0o002 != 0;
    if is_open(metadata) {
        return Err("can be changed by everybody on this machine: chmod o-w lets it be run");
    }
    let folder = path.parent().and_then(|folder| std::fs::metadata(folder).ok());
    if folder.is_some_and(|folder| is_open(&folder)) {
        return Err(
            "lies in a folder that everybody on this machine can change: chmod o-w on the folder lets it be run",
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn trusted(_: &Path, _: &std::fs::Metadata) -> Result<(), &'static str> {
    Ok(())
}

/// What a file is by its name.
enum Naming {
    /// A plugin, if it can be executed.
    Plugin,
    /// A program perhaps, under a name that plugins do not have.
    Program,
    Other,
}

fn naming(path: &Path) -> Naming {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if cfg!(windows) {
        return if name.to_ascii_lowercase().ends_with(".exe") { Naming::Plugin } else { Naming::Other };
    }
    match name.rsplit_once('.') {
        None => Naming::Plugin,
        // A dot in front is an extension to the older program, too: `.DS_Store`.
        Some(_) if name.starts_with('.') => Naming::Other,
        Some((_, end)) if is_version(end) => Naming::Plugin,
        Some(_) => Naming::Program,
    }
}

/// Whether the end of a name is a part of a version: `3`, `v2`, `0-rc1`.
fn is_version(end: &str) -> bool {
    end.strip_prefix('v').unwrap_or(end).starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_executable_files_without_an_extension_are_programs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("more")).unwrap();
        for (name, mode) in
            [("good", 0o755), ("more/too", 0o755), ("README", 0o644), ("notes.md", 0o755), (".hidden", 0o755)]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let root = folder.path().canonicalize().unwrap();
        assert_eq!(candidates(folder.path()).unwrap(), [root.join("good"), root.join("more/too")]);
        for (name, text) in [("tool-1.2.0", ""), ("tool.v2", ""), ("tool.sh", "#!/bin/sh"), ("tool.txt", "text")] {
            let path = folder.path().join("more").join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let looked = look(&folder.path().join("more")).unwrap();
        assert_eq!(looked.programs, ["too", "tool-1.2.0", "tool.v2"].map(|name| root.join("more").join(name)));
        assert!(
            matches!(looked.unfit.as_slice(), [(path, reason)] if path.ends_with("tool.sh") && reason.contains("extension"))
        );
        let absent = candidates(&folder.path().join("absent")).unwrap_err();
        assert_eq!(absent.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn what_anybody_could_have_put_there_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let file = |name: &str, text: &str, mode: u32| {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), text).unwrap();
            std::fs::set_permissions(root.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        file("group", "", 0o775);
        file("anybody", "", 0o757);
        file("open/within", "", 0o755);
        std::fs::set_permissions(root.join("open"), std::fs::Permissions::from_mode(0o1777)).unwrap();
        file("downloaded", "#!/bin/sh", 0o644);
        file("LICENSE", "text", 0o644);
        std::os::unix::fs::symlink(root.join("group"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(root.join("absent"), root.join("dangling")).unwrap();
        std::os::unix::fs::symlink("/", root.join("everything")).unwrap();
        let looked = look(&root).unwrap();
        assert_eq!(looked.programs, [root.join("group"), root.join("link")]);
        let unfit: Vec<_> = looked.unfit.iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(unfit, ["anybody", "downloaded", "open/within"].map(|name| root.join(name)));
    }
}
