//! Archives that are one tar file, or one in parts, read where they lie.

use std::path::Path;

use bytes::Bytes;
use ocm_blob::{Blob as _, Digest, Kind, Limits, read_to_end};
use ocm_oci::Error;

use crate::Result;
use crate::ctf::archive::Shared;
use crate::ctf::base::{BASE_FILE, Base};
use crate::ctf::commit::{self, INDEX_LIMIT};
use crate::ctf::disk::Stamp;
use crate::ctf::form::{self, BLOBS, Form, INDEX_FILE};
use crate::ctf::index::Index;
use crate::ctf::parts;

/// Room for three blobs of each manifest of the largest index. What is known of an entry takes about 300 bytes of memory.
const LIMITS: Limits =
    Limits { entries: 1 << 20, names: 128 << 20, expanded: 1 << 50, ratio: 200, ratio_from: 1 << 30 };

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
        check_kinds(&archive).map_err(|reason| Error::invalid(path.display(), reason))?;
        let bytes = read(&archive, INDEX_FILE, INDEX_LIMIT)
            .await?
            .ok_or_else(|| form::no_archive(path, &lacks_index(&archive)))?;
        let index = Index::parse(&bytes).map_err(|reason| Error::invalid(path.join(INDEX_FILE).display(), reason))?;
        check_end(&archive, &index, &left_out(&archive).await?)
            .map_err(|reason| Error::invalid(path.display(), reason))?;
        Ok((archive, index, parts.map(|parts| parts.part_size())))
    }

    /// What tells whether the file is still this one.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// What was left out of it.
    pub(crate) async fn left_out(&self) -> Result<Base> {
        left_out(&self.archive).await
    }

    /// Fails where writing would hide that something is missing: what is written has an end.
    pub(crate) fn check_writable(&self, path: &Path) -> Result<()> {
        if self.archive.is_ended() {
            return Ok(());
        }
        let reason = "the archive has no end and may have been cut, so nothing is added to it: bring it whole, or transfer what \
                      it holds to a new one";
        Err(Error::invalid(path.display(), reason))
    }

    /// The archive file.
    pub(crate) fn archive(&self) -> &ocm_blob::Archive {
        &self.archive
    }
}

async fn left_out(archive: &ocm_blob::Archive) -> Result<Base> {
    let Some(bytes) = read(archive, BASE_FILE, INDEX_LIMIT).await? else { return Ok(Base::default()) };
    let subject = archive.path().join(BASE_FILE);
    Base::parse(&bytes).map_err(|reason| Error::invalid(subject.display(), reason))
}

/// What to tell of a tar file without an index: often the folder was packed, and not what is in it.
fn lacks_index(archive: &ocm_blob::Archive) -> String {
    let inner = archive.entries().iter().find_map(|entry| {
        let (folder, name) = entry.path().as_str().rsplit_once('/')?;
        (name == INDEX_FILE).then_some(folder)
    });
    match inner {
        Some(folder) => format!(
            "has its {INDEX_FILE} in the folder {folder:?}: unpack it and name that folder, or pack what is in it (tar -C FOLDER …)"
        ),
        None => format!("has no {INDEX_FILE}"),
    }
}

/// Fails unless everything is a file in a folder: what links and devices mean, every program that unpacks the archive
/// decides anew. The error is a reason without a subject.
fn check_kinds(archive: &ocm_blob::Archive) -> Result<(), String> {
    for entry in archive.entries() {
        let what = match entry.kind() {
            Kind::Directory => continue,
            Kind::File if entry.path().as_str() != BLOBS => continue,
            Kind::File => "a file",
            Kind::SymbolicLink(_) | Kind::HardLink(_) => "a link",
            Kind::Special => "a device or a pipe",
        };
        let path = entry.path().as_str();
        return Err(format!("the archive contains {path:?}, which is {what}: a transport archive has none there"));
    }
    Ok(())
}

/// Fails if the archive was cut between two entries, as far as its index tells. The error is a reason without a subject.
fn check_end(archive: &ocm_blob::Archive, index: &Index, left_out: &Base) -> Result<(), String> {
    if archive.is_ended() {
        return Ok(());
    }
    let rows = index.repositories().filter_map(|name| Some((name, index.repository(name)?)));
    let named = rows.flat_map(|(name, rows)| rows.manifests().map(move |digest| (name, digest)));
    let is_missing = |digest| archive.entry(&entry_name(digest)).is_none() && !left_out.content.contains_key(digest);
    match named.filter(|(_, digest)| is_missing(digest)).min() {
        None => Ok(()),
        Some((name, digest)) => {
            Err(format!("the archive is truncated: it has no end, and manifest {digest} of {name} is missing"))
        }
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
    read_to_end(stream, limit, name).await.map(Some).map_err(commit::unread(subject()))
}

impl Shared {
    /// Bytes of the parts that the archive will be written in; `None` for one file.
    pub(crate) async fn part_size(&self) -> Option<u64> {
        self.split.or(self.packed.lock().await.as_ref().and_then(|open| open.part_size))
    }

    /// Whether it is an archive file without an end. Nothing may be missing for that, but if something is, it is the reason.
    pub(crate) async fn is_cut(&self) -> bool {
        self.form != Form::Directory
            && self.packed().await.is_ok_and(|archive| archive.is_some_and(|archive| !archive.is_ended()))
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
