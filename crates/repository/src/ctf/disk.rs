use std::fs::{File, Metadata};
use std::io::{ErrorKind, Result};
use std::path::Path;
use std::time::SystemTime;

/// What changes whenever a file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Stamp {
    /// The stamp of a file; `None` if there is none that can be looked at.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        Self { size: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

/// Takes the exclusive lock on a folder itself, so that no lock file is left behind. Held until the file is dropped.
pub(crate) fn lock_folder(path: &Path) -> Result<File> {
    loop {
        let folder = File::open(path)?;
        folder.lock()?;
        // The folder may have been removed, and made anew, while this writer waited for the old one.
        if is_still(&folder, path)? {
            return Ok(folder);
        }
    }
}

fn is_still(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (there, here) = (path.metadata()?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}

/// From this many files on, one flush of the file system is cheaper than a flush of each.
const MANY: usize = 8;

/// Makes the content of files durable. `folder` is any folder of their file system.
pub(crate) fn sync_files(folder: &Path, files: &[&Path]) -> Result<()> {
    if files.len() >= MANY {
        return ocm_blob::sync_filesystem(folder).map_err(std::io::Error::other);
    }
    for file in files {
        match File::open(file) {
            // An earlier attempt gave it its name already.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            file => file?.sync_all()?,
        }
    }
    Ok(())
}
