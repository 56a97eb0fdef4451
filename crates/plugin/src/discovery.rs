//! Files in plugin folders that may be plugins.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Folders below a plugin folder that are looked into.
const DEEPEST: usize = 8;

/// Files and folders of one plugin folder that are looked at. A home folder that was named by mistake has more.
const MOST_ENTRIES: usize = 10_000;

/// The programs of a folder and of the folders in it, sorted: executable files without an extension, on Windows files that end
/// in `.exe`. A folder that does not exist has none.
///
/// # Errors
/// The folder cannot be read, or holds far more than plugins.
pub fn candidates(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let folder = match folder.canonicalize() {
        Ok(folder) => folder,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let (mut found, mut seen) = (Vec::new(), 0);
    let mut folders = VecDeque::from([(folder, 0)]);
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
            } else if is_candidate(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_candidate(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_named_so = if cfg!(windows) {
        name.to_ascii_lowercase().ends_with(".exe")
    } else {
        // A dot in front is an extension to the older program, too: `.DS_Store`.
        !name.is_empty() && !name.contains('.')
    };
    // Links to programs are followed: package managers make them.
    is_named_so && std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && is_executable(&metadata))
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
        assert!(candidates(&folder.path().join("absent")).unwrap().is_empty());
    }
}
