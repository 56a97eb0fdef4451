use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Digest, Durability, Existing, Folder, Staged, once};
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_oci::{Error, Kind};

use crate::Result;
use crate::ctf::archive::{Written, blocking};
use crate::ctf::base::{BASE_FILE, Base};
use crate::ctf::batch::Batch;
use crate::ctf::disk::{self, Stamp};
use crate::ctf::form::{BLOBS, INDEX_FILE};
use crate::ctf::index::{Change, Index};
use crate::ctf::needs;
use crate::ctf::referrers::{self, Updated};
use crate::ctf::staging::Staging;

/// Largest index that is read or written, in bytes: room for about 300,000 manifests. It is held in memory, and takes a few
/// times as much there.
pub(crate) const INDEX_LIMIT: u64 = 64 << 20;

/// Largest manifest that is read or stored, in bytes; the limit of registries.
pub(crate) const MANIFEST_LIMIT: u64 = 4 << 20;

/// An error of the file system; the subject is the file or folder.
pub(crate) fn local(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Local, path.display(), &error).caused_by(error)
}

/// The bytes of an index or of the list of what was left out, which must not be more than are read again.
pub(crate) fn limited(bytes: Vec<u8>, subject: impl std::fmt::Display) -> Result<Vec<u8>> {
    if bytes.len() as u64 <= INDEX_LIMIT { Ok(bytes) } else { Err(too_large(subject)) }
}

/// An error about an index beyond the limit.
fn too_large(subject: impl std::fmt::Display) -> Error {
    let reason = format!(
        "is larger than the limit of {} MiB, room for about 300,000 manifests: divide the archive into several",
        INDEX_LIMIT >> 20
    );
    Error::new(Kind::Unsupported, subject, reason)
}

/// An error about reading an index.
pub(crate) fn unread(subject: impl std::fmt::Display) -> impl FnOnce(ocm_blob::Error) -> Error {
    move |error| match error {
        ocm_blob::Error::TooLarge { limit: INDEX_LIMIT, .. } => too_large(subject),
        error => Error::blob(subject)(error),
    }
}

/// Reads a small file of an archive folder; `None` if it does not exist. Links are not followed.
async fn read(archive: &Path, name: String, limit: u64) -> Result<Option<Vec<u8>>> {
    let archive = archive.to_path_buf();
    blocking(move || {
        let file = Folder::open(&archive).and_then(|folder| folder.read(&name, limit));
        file.map_err(unread(archive.join(&name).display()))
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

/// Reads what was left out of an archive folder.
pub(crate) async fn read_base(archive: &Path) -> Result<Base> {
    let Some(bytes) = read(archive, BASE_FILE.to_owned(), INDEX_LIMIT).await? else { return Ok(Base::default()) };
    Base::parse(&bytes).map_err(|reason| Error::invalid(archive.join(BASE_FILE).display(), reason))
}

/// What is left out of an archive after a batch. `has` tells what is in the archive then.
///
/// # Errors
/// [`Kind::Conflict`] if content that was there when it should have been pushed is no longer there: another writer has
/// removed it. Only under the lock of the archive this can be known.
pub(crate) fn settle(
    batch: &Batch,
    mut left_out: Base,
    base: Option<&Base>,
    has: impl Fn(&Digest) -> bool,
    subject: &Path,
) -> Result<Base> {
    for digest in &batch.relied {
        if has(digest) || left_out.content.contains_key(digest) {
            continue;
        }
        if !base.is_some_and(|base| left_out.add(base, digest)) {
            let reason = format!("{digest} was there and has been removed by another writer: run the same again");
            return Err(Error::new(Kind::Conflict, subject.display(), reason));
        }
    }
    left_out.content.retain(|digest, _| !has(digest));
    if left_out.content.is_empty() {
        left_out.names.clear();
    }
    Ok(left_out)
}

/// Names manifests that a repository was to find in the base, and whose bytes are here after all because another repository,
/// which would not find them there, has brought them: what is here is not looked for in the base any more.
///
/// `index` has the changes of the batch, `before` is what was left out until now.
pub(crate) fn name_in_all(
    index: &mut Index,
    batch: &Batch,
    before: &Base,
    base: Option<&Base>,
    has: impl Fn(&Digest) -> bool,
) {
    let of_batch = batch.relied.iter().chain(batch.staged.keys());
    let in_base = of_batch.filter_map(|digest| Some((digest, base?.content.get(digest)?)));
    for (digest, known) in in_base.chain(&before.content) {
        if known.media_type.is_none() || !has(digest) {
            continue;
        }
        for component in &known.components {
            let repository = format!("{COMPONENT_DESCRIPTORS}/{component}");
            if index.repository(&repository).is_some_and(|rows| !rows.contains(digest)) {
                let media_type = known.media_type.clone();
                index.apply(&Change::Put { repository, tag: None, digest: digest.clone(), media_type });
            }
        }
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
    base: Option<&Base>,
) -> Result<Written> {
    let (path, staged) = (archive.to_path_buf(), batch.clone());
    let exclusive = blocking(move || take_in(&path, &staged)).await?;
    let (mut index, _) = read_index(archive).await?;
    let blobs = archive.join(BLOBS);
    let has = |digest: &Digest| blobs.join(digest.file_name()).symlink_metadata().is_ok();
    let before = read_base(archive).await?;
    let left_out = settle(batch, before.clone(), base, has, archive)?;
    for change in &batch.changes {
        index.apply(change);
    }
    name_in_all(&mut index, batch, &before, base, has);
    let mut lists = HashMap::new();
    for digest in referrers::lists(&index, &batch.referrers) {
        let name = format!("{BLOBS}/{}", digest.file_name());
        let content = read(archive, name, MANIFEST_LIMIT).await?;
        lists.insert(digest, Bytes::from(content.unwrap_or_default()));
    }
    let updated = referrers::update(&mut index, &batch.referrers, &lists)?;
    let mut needed = HashSet::new();
    for manifest in needs::of_others(&index, batch) {
        let name = format!("{BLOBS}/{}", manifest.file_name());
        let bytes = read(archive, name, MANIFEST_LIMIT).await?.unwrap_or_default();
        needed.extend(needs::still_needed(batch, &bytes));
    }
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
        if left_out != before {
            write_base(&path, &scratch, &left_out)?;
        }
        let shown = path.join(INDEX_FILE);
        let bytes = index.write().map_err(|error| Error::invalid(shown.display(), error))?;
        let bytes = limited(bytes, shown.display())?;
        replace(&path, &scratch, INDEX_FILE, &bytes)?;
        remove(&path, &batch, &updated, (&index, &needed))?;
        let stamp = Stamp::of(&path.join(INDEX_FILE));
        drop(exclusive);
        Ok(Written { index, left_out, stamp })
    })
    .await
}

/// Makes the staged content durable and gives it its names. Returns the lock under which the index can be replaced.
fn take_in(archive: &Path, batch: &Batch) -> Result<std::fs::File> {
    let here = |error| local(archive, error);
    let files: Vec<&Path> = batch.staged.values().filter_map(|file| file.path()).collect();
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
    let named = batch.staged.iter().filter_map(|(digest, file)| Some((digest, file.path()?)));
    for (digest, file) in named {
        let target = blobs.join(digest.file_name());
        match std::fs::rename(file, &target) {
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

fn write_base(archive: &Path, scratch: &Staging, left_out: &Base) -> Result<()> {
    let target = archive.join(BASE_FILE);
    match left_out.write().map_err(|error| Error::invalid(target.display(), error))? {
        Some(bytes) => replace(archive, scratch, BASE_FILE, &limited(bytes, target.display())?),
        None => std::fs::remove_file(&target).map_err(|error| local(&target, error)),
    }
}

fn replace(archive: &Path, scratch: &Staging, name: &str, bytes: &[u8]) -> Result<()> {
    let target = archive.join(name);
    let path = scratch.path().join(name);
    std::fs::File::create(&path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&path, &target))
        .map_err(|error| local(&target, error))?;
    ocm_blob::sync_folder(archive).map_err(Error::blob(archive.display()))
}

/// Removes what nobody needs any more, now that no index names it.
fn remove(archive: &Path, batch: &Batch, updated: &Updated, (index, needed): (&Index, &HashSet<Digest>)) -> Result<()> {
    let gone = batch.removed.iter().chain(&updated.replaced);
    for digest in gone.filter(|digest| !index.names(digest) && !needed.contains(digest)) {
        let path = archive.join(BLOBS).join(digest.file_name());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result.map_err(|error| local(&path, error))?,
        }
    }
    Ok(())
}
