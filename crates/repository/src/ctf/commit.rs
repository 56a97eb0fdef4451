use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use ocm_blob::Digest;
use ocm_oci::{Error, Kind, Manifest, media_type};

use crate::Result;
use crate::ctf::batch::{Batch, Referral};
use crate::ctf::disk;
use crate::ctf::form::{BLOBS, INDEX_FILE};
use crate::ctf::index::{Change, Index};
use crate::ctf::referrers;
use crate::ctf::staging::Staging;

/// Largest index that is read, in bytes: room for about five million rows.
const INDEX_LIMIT: u64 = 1 << 30;

/// Largest list of referrers that is read, in bytes.
const MANIFEST_LIMIT: u64 = 4 << 20;

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
    disk::sync_files(&File::open(scratch.path()).map_err(here)?, files.into_iter()).map_err(here)?;

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
    let replaced = apply_referrals(&mut index, &batch.referrers, &blobs, scratch)?;
    File::open(&blobs).and_then(|folder| folder.sync_all()).map_err(here)?;

    let bytes = index.write().map_err(|error| Error::invalid(archive.display(), error))?;
    write_durably(scratch, &bytes, &archive.join(INDEX_FILE))?;
    exclusive.sync_all().map_err(here)?;
    for digest in batch.removed.iter().chain(&replaced).filter(|digest| !index.names(digest)) {
        let path = blobs.join(digest.file_name());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(local(&path, error)),
            _ => {}
        }
    }
    Ok(index)
}

/// Brings the lists of referrers up to date, which are read again here so that no other writer's entries are lost.
/// Returns the lists that were replaced.
fn apply_referrals(index: &mut Index, referrals: &[Referral], blobs: &Path, scratch: &Staging) -> Result<Vec<Digest>> {
    let mut by_subject: BTreeMap<(&str, &Digest), Vec<&Referral>> = BTreeMap::new();
    for referral in referrals {
        by_subject.entry((&referral.repository, &referral.subject)).or_default().push(referral);
    }
    let mut replaced = Vec::new();
    for ((repository, subject), referrals) in by_subject {
        let tag = referrers::fallback_tag(subject);
        let old = index.repository(repository).and_then(|rows| rows.tagged(&tag)).cloned();
        let mut list = match &old {
            None => referrers::empty(),
            Some(digest) => {
                let path = blobs.join(digest.file_name());
                let bytes = disk::read_small(&path, MANIFEST_LIMIT).map_err(|error| local(&path, error))?;
                referrers::parse(&bytes).map_err(|reason| Error::invalid(path.display(), reason))?
            }
        };
        for referral in referrals {
            referrers::apply(&mut list.manifests, referral);
        }
        let repository = repository.to_owned();
        let old = old.inspect(|old| replaced.push(old.clone()));
        if list.manifests.is_empty() {
            if let Some(digest) = old {
                index.apply(&Change::RemoveManifest { repository, digest });
            }
            continue;
        }
        let manifest = Manifest::write(&list, media_type::INDEX)?;
        if old.as_ref() == Some(manifest.digest()) {
            continue;
        }
        write_durably(scratch, manifest.bytes(), &blobs.join(manifest.digest().file_name()))?;
        if let Some(digest) = old {
            index.apply(&Change::RemoveManifest { repository: repository.clone(), digest });
        }
        let (digest, media_type) = (manifest.digest().clone(), Some(media_type::INDEX.to_owned()));
        index.apply(&Change::Put { repository, tag: Some(tag), digest, media_type });
    }
    Ok(replaced)
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
