//! Archives that are one tar file: read where they lie, and written anew as a whole.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Blob, Digest, Durability, Existing, FileBlob, Gzipped, Limits, MemoryBlob, Staged, TarOf, read_to_end};
use ocm_oci::Error;

use crate::Result;
use crate::ctf::archive::{Shared, blocking};
use crate::ctf::batch::Batch;
use crate::ctf::commit::{self, INDEX_LIMIT, MANIFEST_LIMIT};
use crate::ctf::disk::{self, Stamp};
use crate::ctf::form::{self, BLOBS, Form, INDEX_FILE};
use crate::ctf::index::Index;
use crate::ctf::referrers;
use crate::ctf::staging::Staging;

/// Entries of a transport archive: room for a million component versions.
const LIMITS: Limits = Limits { entries: 1 << 22, expanded: 1 << 50, ratio: 200, ratio_from: 1 << 30 };

/// An archive file that was opened, and what tells whether it is still the same.
pub(crate) struct Packed {
    archive: ocm_blob::Archive,
    stamp: Stamp,
}

impl Packed {
    /// Opens an archive file and reads its index; again if it is replaced meanwhile.
    pub(crate) async fn open(path: &Path) -> Result<(Self, Index)> {
        let stamp =
            || path.metadata().map(|metadata| Stamp::from(&metadata)).map_err(|error| commit::local(path, error));
        loop {
            let before = stamp()?;
            let opened = Self::read(path).await;
            if stamp()? == before {
                return opened.map(|(archive, index)| (Self { archive, stamp: before }, index));
            }
        }
    }

    async fn read(path: &Path) -> Result<(ocm_blob::Archive, Index)> {
        let archive = ocm_blob::Archive::open_with(path, LIMITS).await.map_err(Error::blob(path.display()))?;
        archive.refuse_foreign_paths().map_err(Error::blob(path.display()))?;
        let bytes = read(&archive, INDEX_FILE, INDEX_LIMIT)
            .await?
            .ok_or_else(|| form::no_archive(path, &format!("has no {INDEX_FILE}")))?;
        match Index::parse(&bytes) {
            Ok(index) => Ok((archive, index)),
            Err(reason) => Err(Error::invalid(path.join(INDEX_FILE).display(), reason)),
        }
    }

    /// What tells whether the file is still this one.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
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

async fn read(archive: &ocm_blob::Archive, name: &str, limit: u64) -> Result<Option<Bytes>> {
    let subject = || format!("{}/{name}", archive.path().display());
    let Some(entry) = archive.blob(name).map_err(Error::blob(subject()))? else { return Ok(None) };
    let stream = entry.open().await.map_err(Error::blob(subject()))?;
    read_to_end(stream, limit, name).await.map(Some).map_err(Error::blob(subject()))
}

impl Shared {
    /// The archive file as it is now; `None` as long as there is none.
    pub(crate) async fn packed(&self) -> Result<Option<ocm_blob::Archive>> {
        let mut packed = self.packed.lock().await;
        let Ok(metadata) = self.path.metadata() else { return Ok(None) };
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

/// Makes a batch visible in an archive file and returns the index as it is then.
///
/// The file is written anew beside the old one, with the old content and the new, and takes its place when it is durable.
pub(crate) async fn commit(shared: &Shared, scratch: &Staging, batch: &Batch) -> Result<(Index, Option<Stamp>)> {
    let path = &shared.path;
    let folder = ocm_blob::folder_of(path).to_path_buf();
    let _exclusive =
        blocking(move || disk::lock_folder(&folder).map_err(|error| commit::local(&folder, error))).await?;
    let (old, mut index) = if path.exists() {
        let (old, index) = Packed::open(path).await?;
        (Some(old.archive), index)
    } else {
        (None, Index::default())
    };
    for change in &batch.changes {
        index.apply(change);
    }
    let mut lists = HashMap::new();
    for digest in referrers::lists(&index, &batch.referrers) {
        let content = match (&old, batch.staged.get(&digest)) {
            (_, Some(file)) => {
                let stream =
                    FileBlob::part(file.path(), 0, file.size()).open().await.map_err(Error::blob(path.display()))?;
                read_to_end(stream, MANIFEST_LIMIT, "list of referrers").await.map_err(Error::blob(path.display()))?
            }
            (Some(old), None) => read(old, &entry_name(&digest), MANIFEST_LIMIT).await?.unwrap_or_default(),
            (None, None) => Bytes::new(),
        };
        lists.insert(digest, content);
    }
    let updated = referrers::update(&mut index, &batch.referrers, &lists)?;

    let mut blobs: BTreeMap<String, Arc<dyn Blob>> = BTreeMap::new();
    for entry in old.iter().flat_map(ocm_blob::Archive::entries) {
        let name = entry.path().as_str();
        let digest = name.strip_prefix(BLOBS).and_then(|name| Digest::from_file_name(name.strip_prefix('/')?).ok());
        if let (Some(old), Some(digest)) = (&old, digest) {
            let gone = batch.removed.contains(&digest) || updated.replaced.contains(&digest);
            if (!gone || index.names(&digest))
                && let Some(blob) = old.blob(name).map_err(Error::blob(path.display()))?
            {
                blobs.insert(name.to_owned(), Arc::new(blob));
            }
        }
    }
    for (digest, file) in &batch.staged {
        blobs.insert(entry_name(digest), Arc::new(FileBlob::part(file.path(), 0, file.size())));
    }
    for list in &updated.lists {
        blobs.insert(entry_name(list.digest()), Arc::new(MemoryBlob::new(list.bytes().clone())));
    }
    let bytes = index.write().map_err(|error| Error::invalid(path.display(), error))?;
    let index_entry: (String, Arc<dyn Blob>) = (INDEX_FILE.to_owned(), Arc::new(MemoryBlob::new(bytes)));

    let here = || Error::blob(path.display());
    let tar = TarOf::with_folders(std::iter::once(index_entry).chain(blobs)).map_err(here())?;
    let tar: Arc<dyn Blob> =
        if shared.form == Form::TarGzip { Arc::new(Gzipped::new(Arc::new(tar))) } else { Arc::new(tar) };
    let mut staged = Staged::new(scratch.path());
    staged.fill(tar.open().await.map_err(here())?).await.map_err(here())?;
    let finished = staged.finish().await.map_err(here())?;
    finished.persist(path, 0o644, Existing::Replace, Durability::Synced).await.map_err(here())?;
    Ok((index, Stamp::of(path)))
}
