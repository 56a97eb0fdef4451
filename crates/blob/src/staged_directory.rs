use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Error, Existing, Result};

/// A directory in the making: private, beside its target, and named only when it is complete.
///
/// Dropped, it leaves nothing behind.
pub struct StagedDirectory {
    /// Holds `content`, the directory, and in the end what it replaces.
    folder: TempDir,
    content: PathBuf,
    target: PathBuf,
}

impl StagedDirectory {
    /// Begins a directory that will be called `target`.
    ///
    /// # Errors
    /// With [`Existing::Refuse`], if the target exists and is not an empty directory.
    pub fn beside(target: impl Into<PathBuf>, existing: Existing) -> Result<Self> {
        let target = target.into();
        if existing == Existing::Refuse && is_occupied(&target) {
            return Err(Error::at(&target)(io::ErrorKind::AlreadyExists.into()));
        }
        let parent = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder =
            tempfile::Builder::new().prefix(".ocm-").suffix(".part").tempdir_in(parent).map_err(Error::at(parent))?;
        let content = folder.path().join("content");
        // Not the private folder itself: this one gets the permissions that new directories have for this user.
        std::fs::create_dir(&content).map_err(Error::at(&content))?;
        Ok(Self { folder, content, target })
    }

    /// The directory, under its temporary name.
    pub fn path(&self) -> &Path {
        &self.content
    }

    /// Gives the directory its name. What it replaces disappears as a whole.
    pub fn persist(self, existing: Existing) -> Result<()> {
        let Self { folder, content, target } = self;
        let replaced = folder.path().join("replaced");
        match existing {
            Existing::Keep if is_occupied(&target) => return Ok(()),
            Existing::Replace if is_occupied(&target) => {
                std::fs::rename(&target, &replaced).map_err(Error::at(&target))?;
                if let Err(error) = std::fs::rename(&content, &target) {
                    std::fs::rename(&replaced, &target).map_err(Error::at(&target))?;
                    return Err(Error::at(&target)(error));
                }
            }
            // The system refuses if anything but an empty directory has appeared in the meantime.
            _ => std::fs::rename(&content, &target).map_err(Error::at(&target))?,
        }
        // Reports what could not be removed; dropping would hide it.
        let path = folder.path().to_path_buf();
        folder.close().map_err(Error::at(path))
    }
}

/// Whether there is something that would be lost. Not so in an empty directory.
fn is_occupied(target: &Path) -> bool {
    let Ok(metadata) = std::fs::symlink_metadata(target) else { return false };
    !metadata.is_dir() || std::fs::read_dir(target).map_or(true, |mut children| children.next().is_some())
}
