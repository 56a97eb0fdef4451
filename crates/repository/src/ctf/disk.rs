use std::fs::File;
use std::io::Result;
use std::path::{Path, PathBuf};

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
pub(crate) fn sync_files(folder: &Path, files: &[PathBuf]) -> Result<()> {
    if files.len() >= MANY {
        return ocm_blob::sync_filesystem(folder).map_err(std::io::Error::other);
    }
    for file in files {
        File::open(file)?.sync_all()?;
    }
    Ok(())
}
