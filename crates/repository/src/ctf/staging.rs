use std::fs::File;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocm_blob::Digest;

use crate::ctf::disk;

/// A hidden folder for content that is not yet visible, on the file system of the archive.
///
/// Its lock is held as long as its writer lives. When the writer is killed the kernel drops the lock, and the next writer
/// removes the folder.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    _lock: File,
    /// Folders that were made for the archive, innermost first.
    created: Vec<PathBuf>,
}

impl Staging {
    /// Makes a staging folder in `folder`, which is made too if it is missing, and clears those of dead writers away.
    pub(crate) fn begin(folder: &Path, prefix: &str) -> Result<Self> {
        let mut created = Vec::new();
        loop {
            let missing = folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
            created.extend(missing.map(Path::to_path_buf));
            std::fs::create_dir_all(folder)?;
            match Self::begin_in(folder, prefix) {
                Ok((path, lock)) => return Ok(Self { path, _lock: lock, created }),
                // Another writer gave up and took the empty folder, which it had made, away again.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn begin_in(folder: &Path, prefix: &str) -> Result<(PathBuf, File)> {
        let _exclusive = disk::lock_folder(folder)?;
        remove_leftovers(folder, prefix)?;
        let path = tempfile::Builder::new().prefix(prefix).tempdir_in(folder)?.keep();
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok((path, lock))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
        for folder in &self.created {
            // Fails, as it should, if something is in there by now.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

fn remove_leftovers(folder: &Path, prefix: &str) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) || !entry.file_type()?.is_dir() {
            continue;
        }
        if let Ok(leftover) = File::open(entry.path())
            && leftover.try_lock().is_ok()
        {
            tracing::debug!(folder = %entry.path().display(), "removing what a dead writer left behind");
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Finished content in a staging folder, under the name of its digest.
#[derive(Debug)]
pub(crate) struct StagedFile {
    path: PathBuf,
    size: u64,
    _folder: Arc<Staging>,
}

impl StagedFile {
    /// Ends content that was written into the folder. Its file is closed, since a batch may have thousands.
    pub(crate) async fn finish(folder: Arc<Staging>, content: ocm_blob::Staged) -> ocm_blob::Result<(Digest, Self)> {
        let (path, digest, size) = content.finish_by_digest().await?;
        Ok((digest, Self { path, size, _folder: folder }))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}
