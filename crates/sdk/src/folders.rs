use std::path::{Path, PathBuf};

use crate::{Error, Kind, Result};

/// Folders that were made for a file which is not there yet.
///
/// Dropped, it removes those of them that are still empty.
pub(crate) struct Folders {
    /// The deepest first.
    made: Vec<PathBuf>,
}

impl Folders {
    /// Makes the folders above `path` that are missing.
    pub(crate) fn above(path: &Path) -> Result<Self> {
        let mut folders = Self { made: Vec::new() };
        let Some(parent) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(folders) };
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && folder.symlink_metadata().is_err();
        folders.made = parent.ancestors().take_while(missing).map(Path::to_owned).collect();
        std::fs::create_dir_all(parent)
            .map_err(|error| Error::new(Kind::Other, format!("{}: {error}", parent.display())))?;
        Ok(folders)
    }

    /// The file is there, and its folders stay.
    pub(crate) fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        // A folder that is not empty is refused by the system, and with it all above it.
        let _ = self.made.iter().try_for_each(std::fs::remove_dir);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_and_stayed_empty_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::create_dir(&there).unwrap();
        let file = there.join("a/b/file");
        drop(Folders::above(&file).unwrap());
        assert!(there.exists() && !there.join("a").exists());
        let folders = Folders::above(&file).unwrap();
        std::fs::write(there.join("a/other"), "").unwrap();
        drop(folders);
        assert!(there.join("a/other").exists() && !there.join("a/b").exists());
        Folders::above(&file).unwrap().keep();
        assert!(there.join("a/b").exists());
    }
}
