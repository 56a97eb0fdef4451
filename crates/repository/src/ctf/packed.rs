//! Archives that are one tar file, or one in parts, read where they lie.

use std::path::Path;

use bytes::Bytes;
use ocm_blob::{Blob as _, Digest, Limits, read_to_end};
use ocm_oci::Error;

use crate::Result;
use crate::ctf::archive::Shared;
use crate::ctf::base::{BASE_FILE, Base};
use crate::ctf::commit::{self, INDEX_LIMIT};
use crate::ctf::disk::Stamp;
use crate::ctf::form::{self, BLOBS, INDEX_FILE};
use crate::ctf::index::Index;
use crate::ctf::parts;

/// Entries of a transport archive: room for a million component versions.
const LIMITS: Limits = Limits { entries: 1 << 22, expanded: 1 << 50, ratio: 200, ratio_from: 1 << 30 };

/// An archive file that was opened, and what tells whether it is still the same.
pub(crate) struct Packed {
    pub(crate) archive: ocm_blob::Archive,
    stamp: Stamp,
    /// Bytes of its parts, if it has parts.
    pub(crate) part_size: Option<u64>,
}

impl Packed {
    /// Opens an archive file and reads its index; again if it is replaced meanwhile.
    pub(crate) async fn open(path: &Path) -> Result<(Self, Index)> {
        let stamp = || {
            let first = parts::first_file(path);
            first.metadata().map(|metadata| Stamp::from(&metadata)).map_err(|error| commit::local(path, error))
        };
        loop {
            let before = stamp()?;
            let opened = Self::read(path).await;
            if stamp()? == before {
                let (archive, index, part_size) = opened?;
                return Ok((Self { archive, stamp: before, part_size }, index));
            }
        }
    }

    async fn read(path: &Path) -> Result<(ocm_blob::Archive, Index, Option<u64>)> {
        let parts = parts::find(path)?;
        let archive = match &parts {
            Some(parts) => ocm_blob::Archive::open_parts(parts, LIMITS).await,
            None => ocm_blob::Archive::open_with(path, LIMITS).await,
        };
        let archive = archive.map_err(Error::blob(path.display()))?;
        archive.refuse_foreign_paths().map_err(Error::blob(path.display()))?;
        let bytes = read(&archive, INDEX_FILE, INDEX_LIMIT)
            .await?
            .ok_or_else(|| form::no_archive(path, &format!("has no {INDEX_FILE}")))?;
        match Index::parse(&bytes) {
            Ok(index) => Ok((archive, index, parts.map(|parts| parts.part_size()))),
            Err(reason) => Err(Error::invalid(path.join(INDEX_FILE).display(), reason)),
        }
    }

    /// What tells whether the file is still this one.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// What was left out of it.
    pub(crate) async fn left_out(&self) -> Result<Base> {
        let Some(bytes) = read(&self.archive, BASE_FILE, INDEX_LIMIT).await? else { return Ok(Base::default()) };
        let subject = self.archive.path().join(BASE_FILE);
        Base::parse(&bytes).map_err(|reason| Error::invalid(subject.display(), reason))
    }

    /// The archive file.
    pub(crate) fn archive(&self) -> &ocm_blob::Archive {
        &self.archive
    }
}

/// The name of content in an archive file.
pub(crate) fn entry_name(digest: &Digest) -> String {
    format!("{BLOBS}/{}", digest.file_name())
}

pub(crate) async fn read(archive: &ocm_blob::Archive, name: &str, limit: u64) -> Result<Option<Bytes>> {
    let subject = || format!("{}/{name}", archive.path().display());
    let Some(entry) = archive.blob(name).map_err(Error::blob(subject()))? else { return Ok(None) };
    let stream = entry.open().await.map_err(Error::blob(subject()))?;
    read_to_end(stream, limit, name).await.map(Some).map_err(Error::blob(subject()))
}

impl Shared {
    /// Bytes of the parts that the archive will be written in; `None` for one file.
    pub(crate) async fn part_size(&self) -> Option<u64> {
        self.split.or(self.packed.lock().await.as_ref().and_then(|open| open.part_size))
    }

    /// The archive file as it is now; `None` as long as there is none.
    pub(crate) async fn packed(&self) -> Result<Option<ocm_blob::Archive>> {
        let mut packed = self.packed.lock().await;
        let Ok(metadata) = parts::first_file(&self.path).metadata() else { return Ok(None) };
        match &*packed {
            Some(open) if open.stamp == Stamp::from(&metadata) => Ok(Some(open.archive.clone())),
            // A writer replaced it.
            _ => {
                let (open, _) = Packed::open(&self.path).await?;
                Ok(Some(packed.insert(open).archive.clone()))
            }
        }
    }
}
