use std::fs::File;
use std::io::{ErrorKind, Result, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocm_blob::{Algorithm, Digest, Digester};
use tempfile::TempPath;

use crate::ctf::disk;

/// After this many bytes the kernel is asked to begin writing, so that the flush at commit finds little left to do.
const WRITE_BACK_AFTER: u64 = 32 << 20;

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

/// A finished file in a staging folder; removed when dropped.
#[derive(Debug)]
pub(crate) struct StagedFile {
    temporary: TempPath,
    size: u64,
    _folder: Arc<Staging>,
}

impl StagedFile {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// A file that is being written into a staging folder; removed when dropped.
pub(crate) struct Incoming {
    file: File,
    staged: StagedFile,
    digester: Digester,
    since_write_back: u64,
}

impl Incoming {
    /// Begins an empty file.
    pub(crate) fn begin(folder: Arc<Staging>, algorithm: Algorithm) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o644));
        }
        let (file, temporary) = builder.tempfile_in(folder.path())?.into_parts();
        let staged = StagedFile { temporary, size: 0, _folder: folder };
        Ok(Self { file, staged, digester: Digester::new(algorithm), since_write_back: 0 })
    }

    /// Bytes taken so far.
    pub(crate) fn size(&self) -> u64 {
        self.staged.size
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.digester.update(bytes);
        self.file.write_all(bytes)?;
        self.staged.size += bytes.len() as u64;
        self.since_write_back += bytes.len() as u64;
        if self.since_write_back >= WRITE_BACK_AFTER {
            self.since_write_back = 0;
            let file = self.file.try_clone()?;
            // The flush before the commit repeats it and tells of errors.
            std::mem::drop(tokio::task::spawn_blocking(move || file.sync_data()));
        }
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> (Digest, StagedFile) {
        (self.digester.finish(), self.staged)
    }
}
