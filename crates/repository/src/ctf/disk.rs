use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Opens a regular file that must not be a link: an archive from elsewhere could point at any file of this machine.
pub(crate) fn open_regular(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // Without NONBLOCK a named pipe would hold the program forever.
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    #[cfg(not(unix))]
    if path.symlink_metadata()?.is_symlink() {
        return Err(Error::new(ErrorKind::InvalidData, "is a link"));
    }
    let file = options.open(path).map_err(|error| {
        let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if is_link { Error::new(ErrorKind::InvalidData, "is a link, which is not followed") } else { error }
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(Error::new(ErrorKind::InvalidData, "is not a regular file")) }
}

/// Reads a small file as a whole, at most `limit` bytes.
pub(crate) fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = open_regular(path)?;
    let size = file.metadata()?.len();
    if size > limit {
        return Err(Error::new(ErrorKind::InvalidData, format!("is larger than the limit of {limit} bytes")));
    }
    let mut content = Vec::with_capacity(size as usize);
    file.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// The size of a regular file; `None` if there is nothing.
pub(crate) fn size_of_regular(path: &Path) -> Result<Option<u64>> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Err(Error::new(ErrorKind::InvalidData, "is not a regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
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

#[cfg(unix)]
pub(crate) fn is_still(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (there, here) = (path.metadata()?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}

#[cfg(not(unix))]
pub(crate) fn is_still(_file: &File, path: &Path) -> Result<bool> {
    path.try_exists()
}

/// From this many files on, one flush of the file system is cheaper than a flush of each.
const MANY: usize = 8;

/// Makes the content of files durable. `folder` is any folder of their file system.
pub(crate) fn sync_files<'a>(folder: &Path, files: impl ExactSizeIterator<Item = &'a Path>) -> Result<()> {
    if files.len() >= MANY {
        return ocm_blob::sync_filesystem(folder).map_err(Error::other);
    }
    for file in files {
        File::open(file)?.sync_all()?;
    }
    Ok(())
}
