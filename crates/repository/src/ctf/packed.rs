//! Archives that are one tar file: read where they lie, and written anew as a whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Blob, Digest, Durability, Existing, FileBlob, Gzipped, Limits, MemoryBlob, Staged, TarOf, read_to_end};
use ocm_oci::Error;

use crate::Result;
use crate::ctf::archive::{Shared, Written, blocking};
use crate::ctf::base::{BASE_FILE, Base};
use crate::ctf::batch::Batch;
use crate::ctf::commit::{self, INDEX_LIMIT, MANIFEST_LIMIT};
use crate::ctf::disk::{self, Stamp};
use crate::ctf::form::{self, BLOBS, Form, INDEX_FILE};
use crate::ctf::index::Index;
use crate::ctf::needs;
use crate::ctf::parts;
use crate::ctf::referrers;
use crate::ctf::staging::Staging;

/// Entries of a transport archive: room for a million component versions.
const LIMITS: Limits = Limits { entries: 1 << 22, expanded: 1 << 50, ratio: 200, ratio_from: 1 << 30 };

/// An archive file that was opened, and what tells whether it is still the same.
pub(crate) struct Packed {
    archive: ocm_blob::Archive,
    stamp: Stamp,
    /// Bytes of its parts, if it has parts.
    part_size: Option<u64>,
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

/// Makes a batch visible in an archive file and returns the index as it is then.
///
/// The file is written anew beside the old one, with the old content and the new, and takes its place when it is durable.
pub(crate) async fn commit(shared: &Shared, scratch: &Staging, batch: &Batch) -> Result<Written> {
    let path = &shared.path;
    let folder = ocm_blob::folder_of(path).to_path_buf();
    let _exclusive =
        blocking(move || disk::lock_folder(&folder).map_err(|error| commit::local(&folder, error))).await?;
    parts::move_in(path)?;
    let (old, mut index, part_size, before) = if parts::first_file(path).exists() {
        let (old, index) = Packed::open(path).await?;
        let before = old.left_out().await?;
        (Some(old.archive), index, old.part_size, before)
    } else {
        (None, Index::default(), None, Base::default())
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

    let mut needed = HashSet::new();
    if let Some(old) = &old {
        for manifest in needs::of_others(&index, batch) {
            let bytes = read(old, &entry_name(&manifest), MANIFEST_LIMIT).await?.unwrap_or_default();
            needed.extend(needs::still_needed(batch, &bytes));
        }
    }
    let mut blobs: BTreeMap<String, Arc<dyn Blob>> = BTreeMap::new();
    for entry in old.iter().flat_map(ocm_blob::Archive::entries) {
        let name = entry.path().as_str();
        let digest = name.strip_prefix(BLOBS).and_then(|name| Digest::from_file_name(name.strip_prefix('/')?).ok());
        if let (Some(old), Some(digest)) = (&old, digest) {
            let gone = batch.removed.contains(&digest) || updated.replaced.contains(&digest);
            if (!gone || index.names(&digest) || needed.contains(&digest))
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
    let has = |digest: &Digest| blobs.contains_key(&entry_name(digest));
    let left_out = commit::settle(batch, before, shared.base.as_deref(), has, path)?;
    let invalid = |error: serde_json::Error| Error::invalid(path.display(), error);
    let bytes = index.write().map_err(invalid)?;
    let mut first: Vec<(String, Arc<dyn Blob>)> = vec![(INDEX_FILE.to_owned(), Arc::new(MemoryBlob::new(bytes)))];
    if let Some(bytes) = left_out.write().map_err(invalid)? {
        first.push((BASE_FILE.to_owned(), Arc::new(MemoryBlob::new(bytes))));
    }

    let here = || Error::blob(path.display());
    let only_index = TarOf::new(first.clone()).map_err(here())?;
    let tar = TarOf::with_folders(first.into_iter().chain(blobs)).map_err(here())?;
    let size = tar.size().unwrap_or_default();
    let tar: Arc<dyn Blob> =
        if shared.form == Form::TarGzip { Arc::new(Gzipped::new(Arc::new(tar))) } else { Arc::new(tar) };
    if let Some(part_size) = shared.split.or(part_size) {
        parts::write(path, scratch, (shared.form, part_size), (tar, only_index), size).await?;
        return Ok(Written { index, left_out, stamp: Stamp::of(&parts::first_file(path)) });
    }
    let mut staged = Staged::unmeasured(scratch.path());
    staged.fill(tar.open().await.map_err(here())?).await.map_err(here())?;
    let finished = staged.finish().await.map_err(here())?;
    finished.persist(path, 0o644, Existing::Replace, Durability::Synced).await.map_err(here())?;
    Ok(Written { index, left_out, stamp: Stamp::of(path) })
}
