use std::collections::HashMap;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Durability, Existing, Folder, Staged, once};
use ocm_oci::{Error, Kind};

use crate::Result;
use crate::ctf::archive::blocking;
use crate::ctf::batch::Batch;
use crate::ctf::disk::{self, Stamp};
use crate::ctf::form::{BLOBS, INDEX_FILE};
use crate::ctf::index::Index;
use crate::ctf::referrers::{self, Updated};
use crate::ctf::staging::Staging;

/// Largest index that is read, in bytes: room for about five million rows.
pub(crate) const INDEX_LIMIT: u64 = 1 << 30;

/// Largest manifest that is read or stored, in bytes; the limit of registries.
pub(crate) const MANIFEST_LIMIT: u64 = 4 << 20;

/// An error of the file system; the subject is the file or folder.
pub(crate) fn local(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Local, path.display(), &error).caused_by(error)
}

/// Reads a small file of an archive folder; `None` if it does not exist. Links are not followed.
async fn read(archive: &Path, name: String, limit: u64) -> Result<Option<Vec<u8>>> {
    let archive = archive.to_path_buf();
    blocking(move || {
        let file = Folder::open(&archive).and_then(|folder| folder.read(&name, limit));
        file.map_err(Error::blob(archive.join(&name).display()))
    })
    .await
}

/// Reads the index of an archive folder and says whether there is one; a missing or empty file is an empty index.
pub(crate) async fn read_index(archive: &Path) -> Result<(Index, bool)> {
    let Some(bytes) = read(archive, INDEX_FILE.to_owned(), INDEX_LIMIT).await? else {
        return Ok((Index::default(), false));
    };
    match Index::parse(&bytes) {
        Ok(index) => Ok((index, true)),
        Err(reason) => Err(Error::invalid(archive.join(INDEX_FILE).display(), reason)),
    }
}

/// Makes a batch visible in an archive folder and returns the index as it is then.
///
/// The order makes a crash harmless at any point: first the content is durable, then it gets its names, and the index,
/// which alone makes it part of the archive, is replaced in the end.
pub(crate) async fn folder(
    archive: &Path,
    scratch: &Arc<Staging>,
    batch: &Arc<Batch>,
) -> Result<(Index, Option<Stamp>)> {
    let (path, staged) = (archive.to_path_buf(), batch.clone());
    let exclusive = blocking(move || take_in(&path, &staged)).await?;
    let (mut index, _) = read_index(archive).await?;
    for change in &batch.changes {
        index.apply(change);
    }
    let mut lists = HashMap::new();
    for digest in referrers::lists(&index, &batch.referrers) {
        let name = format!("{BLOBS}/{}", digest.file_name());
        let content = read(archive, name, MANIFEST_LIMIT).await?;
        lists.insert(digest, Bytes::from(content.unwrap_or_default()));
    }
    let updated = referrers::update(&mut index, &batch.referrers, &lists)?;
    for list in &updated.lists {
        let target = archive.join(BLOBS).join(list.digest().file_name());
        let fail = || Error::blob(target.display());
        let mut content = Staged::new(scratch.path());
        content.fill(once(list.bytes().clone())).await.map_err(fail())?;
        let finished = content.finish().await.map_err(fail())?;
        finished.persist(&target, 0o644, Existing::Replace, Durability::Synced).await.map_err(fail())?;
    }
    let (path, scratch, batch) = (archive.to_path_buf(), scratch.clone(), batch.clone());
    blocking(move || {
        write_index(&path, &scratch, &index)?;
        remove(&path, &batch, &updated, &index)?;
        let stamp = Stamp::of(&path.join(INDEX_FILE));
        drop(exclusive);
        Ok((index, stamp))
    })
    .await
}

/// Makes the staged content durable and gives it its names. Returns the lock under which the index can be replaced.
fn take_in(archive: &Path, batch: &Batch) -> Result<std::fs::File> {
    let here = |error| local(archive, error);
    let files: Vec<&Path> = batch.staged.values().map(|file| file.path()).collect();
    disk::sync_files(archive, &files).map_err(here)?;
    let exclusive = disk::lock_folder(archive).map_err(here)?;
    let blobs = archive.join(BLOBS);
    match std::fs::create_dir(&blobs) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        result => result.map_err(|error| local(&blobs, error))?,
    }
    if blobs.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) {
        return Err(Error::invalid(blobs.display(), "is not a folder (a symbolic link is not followed here)"));
    }
    for (digest, file) in &batch.staged {
        let target = blobs.join(digest.file_name());
        match std::fs::rename(file.path(), &target) {
            // An earlier attempt came this far.
            Err(error) if error.kind() == ErrorKind::NotFound && target.exists() => {}
            result => result.map_err(|error| local(&target, error))?,
        }
    }
    if !batch.staged.is_empty() {
        ocm_blob::sync_folder(&blobs).map_err(Error::blob(blobs.display()))?;
    }
    Ok(exclusive)
}

fn write_index(archive: &Path, scratch: &Staging, index: &Index) -> Result<()> {
    let target = archive.join(INDEX_FILE);
    let bytes = index.write().map_err(|error| Error::invalid(target.display(), error))?;
    let path = scratch.path().join(INDEX_FILE);
    std::fs::File::create(&path)
        .and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&path, &target))
        .map_err(|error| local(&target, error))?;
    ocm_blob::sync_folder(archive).map_err(Error::blob(archive.display()))
}

/// Removes what nobody needs any more, now that no index names it.
fn remove(archive: &Path, batch: &Batch, updated: &Updated, index: &Index) -> Result<()> {
    for digest in batch.removed.iter().chain(&updated.replaced).filter(|digest| !index.names(digest)) {
        let path = archive.join(BLOBS).join(digest.file_name());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result.map_err(|error| local(&path, error))?,
        }
    }
    Ok(())
}
