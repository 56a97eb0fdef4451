use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::staged::folder_of;
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
        let parent = folder_of(&target);
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

    /// Gives the directory its name. What it replaces disappears as a whole: where the system can do that, both change
    /// places in one step, and whoever looks, or a crash, finds one of them.
    pub fn persist(self, existing: Existing) -> Result<()> {
        let Self { folder, content, target } = self;
        match existing {
            Existing::Keep if is_occupied(&target) => return Ok(()),
            Existing::Replace if is_occupied(&target) => {
                if !exchange(&content, &target).map_err(Error::at(&target))? {
                    replace(&content, &target, &folder.path().join("replaced")).map_err(Error::at(&target))?;
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

/// Lets two names change places; `false` if the system or the file system cannot do that.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Moves the old one away, and back if the new one cannot take its place.
fn replace(new: &Path, target: &Path, away: &Path) -> io::Result<()> {
    std::fs::rename(target, away)?;
    if let Err(error) = std::fs::rename(new, target) {
        std::fs::rename(away, target)?;
        return Err(error);
    }
    Ok(())
}

/// Whether there is something that would be lost. Not so in an empty directory.
fn is_occupied(target: &Path) -> bool {
    let Ok(metadata) = std::fs::symlink_metadata(target) else { return false };
    !metadata.is_dir() || std::fs::read_dir(target).map_or(true, |mut children| children.next().is_some())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        for round in ["one", "two"] {
            let staged = StagedDirectory::beside(&target, Existing::Replace).unwrap();
            std::fs::write(staged.path().join(round), round).unwrap();
            staged.persist(Existing::Replace).unwrap();
            let names = |path: &Path| {
                let entries = std::fs::read_dir(path).unwrap();
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(names(&target), [round]);
            assert_eq!(names(folder.path()), ["target"]);
        }
    }

    #[test]
    fn without_an_exchange_the_old_one_comes_back_if_the_new_one_fails() {
        let folder = tempfile::tempdir().unwrap();
        let [new, target, away] = ["new", "target", "away"].map(|name| folder.path().join(name));
        std::fs::create_dir(&target).unwrap();
        assert!(replace(&new, &target, &away).is_err());
        assert!(target.is_dir() && !away.exists());
        std::fs::create_dir(&new).unwrap();
        replace(&new, &target, &away).unwrap();
        assert!(target.is_dir() && away.is_dir() && !new.exists());
    }
}
