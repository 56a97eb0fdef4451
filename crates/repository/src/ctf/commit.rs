use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use ocm_oci::{Error, Kind};

use crate::Result;
use crate::ctf::batch::Batch;
use crate::ctf::disk;
use crate::ctf::form::{BLOBS, INDEX_FILE};
use crate::ctf::index::Index;
use crate::ctf::referrers;
use crate::ctf::staging::Staging;

/// Largest index that is read, in bytes: room for about five million rows.
pub(crate) const INDEX_LIMIT: u64 = 1 << 30;

/// Largest manifest that is read or stored, in bytes; the limit of registries.
pub(crate) const MANIFEST_LIMIT: u64 = 4 << 20;

/// An error of the file system; the subject is the file or folder.
pub(crate) fn local(path: &Path, error: std::io::Error) -> Error {
    let kind = if error.kind() == ErrorKind::InvalidData { Kind::Invalid } else { Kind::Local };
    Error::new(kind, path.display(), &error).caused_by(error)
}

/// Reads the index of an archive folder and says whether there is one; a missing or empty file is an empty index.
pub(crate) fn read_index(archive: &Path) -> Result<(Index, bool)> {
    let path = archive.join(INDEX_FILE);
    match disk::read_small(&path, INDEX_LIMIT) {
        Ok(bytes) => Ok((Index::parse(&bytes).map_err(|reason| Error::invalid(path.display(), reason))?, true)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((Index::default(), false)),
        Err(error) => Err(local(&path, error)),
    }
}

/// Makes a batch visible in an archive folder and returns the index as it is then.
///
/// The order makes a crash harmless at any point: first the content is durable, then it gets its names, and the index,
/// which alone makes it part of the archive, is replaced in the end.
pub(crate) fn folder(archive: &Path, scratch: &Staging, batch: &Batch) -> Result<Index> {
    let here = |error| local(archive, error);
    let files: Vec<_> = batch.staged.values().map(|file| file.path()).filter(|path| path.exists()).collect();
    disk::sync_files(scratch.path(), files.into_iter()).map_err(here)?;

    let exclusive = disk::lock_folder(archive).map_err(here)?;
    let blobs = archive.join(BLOBS);
    if !blobs.exists() {
        std::fs::create_dir_all(&blobs).map_err(|error| local(&blobs, error))?;
    }
    let (mut index, _) = read_index(archive)?;
    for change in &batch.changes {
        index.apply(change);
    }
    for (digest, file) in &batch.staged {
        let target = blobs.join(digest.file_name());
        match std::fs::rename(file.path(), &target) {
            // An earlier attempt came this far.
            Err(error) if error.kind() == ErrorKind::NotFound && target.exists() => {}
            result => result.map_err(|error| local(&target, error))?,
        }
    }
    let mut lists = HashMap::new();
    for digest in referrers::lists(&index, &batch.referrers) {
        let path = blobs.join(digest.file_name());
        let content = disk::read_small(&path, MANIFEST_LIMIT).map_err(|error| local(&path, error))?;
        lists.insert(digest, content);
    }
    let updated = referrers::update(&mut index, &batch.referrers, &lists)?;
    for list in &updated.lists {
        write_durably(scratch, list.bytes(), &blobs.join(list.digest().file_name()))?;
    }
    File::open(&blobs).and_then(|folder| folder.sync_all()).map_err(here)?;

    let bytes = index.write().map_err(|error| Error::invalid(archive.display(), error))?;
    write_durably(scratch, &bytes, &archive.join(INDEX_FILE))?;
    exclusive.sync_all().map_err(here)?;
    for digest in batch.removed.iter().chain(&updated.replaced).filter(|digest| !index.names(digest)) {
        let path = blobs.join(digest.file_name());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(local(&path, error)),
            _ => {}
        }
    }
    Ok(index)
}

/// Writes a small file aside and moves it into place when it is durable.
fn write_durably(scratch: &Staging, bytes: &[u8], target: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o644));
        }
        let mut file = builder.tempfile_in(scratch.path())?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(target)?;
        Ok(())
    };
    write().map_err(|error| local(target, error))
}
