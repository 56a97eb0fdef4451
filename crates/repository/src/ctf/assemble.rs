//! Archive files are written: as a whole beside the old one, with the old content and the new.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{
    ArchiveBlob, Blob, Digest, Durability, Existing, Gzipped, MemoryBlob, Staged, TarOf, read_to_end, tar_frame,
};
use ocm_oci::Error;

use crate::Result;
use crate::ctf::archive::{Shared, Written, blocking};
use crate::ctf::base::{BASE_FILE, Base};
use crate::ctf::batch::Batch;
use crate::ctf::body::{self, Body};
use crate::ctf::commit::{self, MANIFEST_LIMIT};
use crate::ctf::disk::{self, Stamp};
use crate::ctf::form::{BLOBS, Form, INDEX_FILE};
use crate::ctf::index::Index;
use crate::ctf::needs;
use crate::ctf::packed::{Packed, entry_name, read};
use crate::ctf::parts;
use crate::ctf::referrers;
use crate::ctf::staging::{StagedContent, StagedFile, Staging};

/// Content of an entry.
#[derive(Clone)]
enum Source {
    Memory(Bytes),
    Staged(Arc<StagedFile>),
    /// In the archive that is replaced.
    Old(ArchiveBlob),
}

impl Source {
    fn blob(self) -> Arc<dyn Blob> {
        match self {
            Self::Memory(bytes) => Arc::new(MemoryBlob::new(bytes)),
            Self::Staged(file) => Arc::new(StagedContent::new(file, None)),
            Self::Old(blob) => Arc::new(blob),
        }
    }
}

type Entries = Vec<(String, Source)>;

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
                let content = StagedContent::new(file.clone(), None);
                let stream = content.open().await.map_err(Error::blob(path.display()))?;
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
    let mut blobs: BTreeMap<String, Source> = BTreeMap::new();
    for entry in old.iter().flat_map(ocm_blob::Archive::entries) {
        let name = entry.path().as_str();
        let digest = name.strip_prefix(BLOBS).and_then(|name| Digest::from_file_name(name.strip_prefix('/')?).ok());
        if let (Some(old), Some(digest)) = (&old, digest) {
            let gone = batch.removed.contains(&digest) || updated.replaced.contains(&digest);
            if (!gone || index.names(&digest) || needed.contains(&digest))
                && let Some(blob) = old.blob(name).map_err(Error::blob(path.display()))?
            {
                blobs.insert(name.to_owned(), Source::Old(blob));
            }
        }
    }
    for (digest, file) in &batch.staged {
        // An earlier attempt may have come so far that it is in the archive already.
        let is_old = |source: &Source| matches!(source, Source::Old(blob) if blob.size() == Some(file.size()));
        let name = entry_name(digest);
        if !blobs.get(&name).is_some_and(is_old) {
            blobs.insert(name, Source::Staged(file.clone()));
        }
    }
    for list in &updated.lists {
        blobs.insert(entry_name(list.digest()), Source::Memory(list.bytes().clone()));
    }
    let has = |digest: &Digest| blobs.contains_key(&entry_name(digest));
    commit::name_in_all(&mut index, batch, &before, shared.base.as_deref(), has);
    let left_out = commit::settle(batch, before, shared.base.as_deref(), has, path)?;
    let invalid = |error: serde_json::Error| Error::invalid(path.display(), error);
    let bytes = commit::limited(index.write().map_err(invalid)?, path.join(INDEX_FILE).display())?;
    let mut first = vec![(INDEX_FILE.to_owned(), Source::Memory(bytes.into()))];
    if let Some(bytes) = left_out.write().map_err(invalid)? {
        let bytes = commit::limited(bytes, path.join(BASE_FILE).display())?;
        first.push((BASE_FILE.to_owned(), Source::Memory(bytes.into())));
    }
    let part_size = shared.split.or(part_size);
    let body = scratch.begun_body().filter(|body| body.part_size() == part_size && shared.form == Form::Tar);
    let body = body.and_then(|body| {
        let (end, inside) = body.close(|digest| blobs.contains_key(&entry_name(digest)))?;
        for digest in inside {
            blobs.remove(&entry_name(&digest));
        }
        Some((body, end))
    });
    match part_size {
        Some(part_size) => in_parts(shared, scratch, part_size, (first, blobs), body).await?,
        None if shared.form == Form::TarGzip => compressed(path, scratch, first, blobs).await?,
        None => plain(path, scratch, (first, blobs), body).await?,
    }
    Ok(Written { index, left_out, stamp: Stamp::of(&parts::first_file(path)) })
}

/// Writes a tar file: behind the content that is in its place already, if there is any.
async fn plain(
    path: &Path,
    scratch: &Staging,
    (first, blobs): (Entries, BTreeMap<String, Source>),
    body: Option<(Arc<Body>, u64)>,
) -> Result<()> {
    let (new, start, folder) = match &body {
        Some((body, end)) => (body.file(), *end, None),
        None => (scratch.path().join("archive"), 0, Some(body::folder_entry())),
    };
    let path = path.to_path_buf();
    blocking(move || {
        let mut tar = Tar::open(&new, start).map_err(|error| commit::local(&path, error))?;
        let work = || {
            first.into_iter().try_for_each(|(name, source)| tar.add(&name, source))?;
            tar.buffer.extend_from_slice(&folder.transpose()?.unwrap_or_default());
            blobs.into_iter().try_for_each(|(name, source)| tar.add(&name, source))?;
            tar.end()?.sync_all()?;
            if let Some((body, _)) = &body {
                body.spend();
            }
            std::fs::rename(&new, &path)
        };
        work().map_err(|error| commit::local(&path, error))?;
        ocm_blob::sync_folder(ocm_blob::folder_of(&path)).map_err(Error::blob(path.display()))
    })
    .await
}

/// Small content waits here, so that it does not take a call each.
const BUFFER: usize = 1 << 20;

/// Content up to this size goes through the buffer; what is larger is copied by the kernel.
const BUFFERED: u64 = 64 << 10;

/// A tar file that grows at its end.
struct Tar {
    file: File,
    buffer: Vec<u8>,
    /// The archive that is replaced, once something was taken from it.
    old: Option<(PathBuf, File)>,
}

impl Tar {
    /// Goes on at `start`.
    fn open(path: &Path, start: u64) -> io::Result<Self> {
        let mut options = File::options();
        options.write(true).create(start == 0).truncate(false).mode(0o644);
        let mut file = options.open(path)?;
        // What an earlier attempt wrote behind goes away, and padding at the end comes into being.
        file.set_len(start)?;
        file.seek(SeekFrom::Start(start))?;
        Ok(Self { file, buffer: Vec::with_capacity(BUFFER), old: None })
    }

    fn add(&mut self, name: &str, source: Source) -> io::Result<()> {
        let size = match &source {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::Staged(file) => file.size(),
            Source::Old(blob) => blob.size().unwrap_or_default(),
        };
        self.buffer.extend(tar_frame::file_header(name, size).map_err(io::Error::other)?);
        let copied = match source {
            Source::Memory(bytes) => {
                self.buffer.extend_from_slice(&bytes);
                size
            }
            Source::Staged(file) => {
                let mut copied = 0;
                for piece in file.pieces(0)? {
                    copied += self.copy(piece)?;
                }
                copied
            }
            Source::Old(blob) => {
                let piece = self.old(&blob)?.take(size);
                self.copy(piece)?
            }
        };
        if copied != size {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} has become shorter")));
        }
        self.buffer.resize(self.buffer.len() + tar_frame::padding(size) as usize, 0);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// The archive that is replaced, where some content begins in it.
    fn old(&mut self, blob: &ArchiveBlob) -> io::Result<File> {
        let offset = blob.offset().ok_or_else(|| io::Error::other("the old archive cannot be read in any order"))?;
        let path = blob.path();
        let mut file = match &self.old {
            Some((opened, file)) if opened == path => file.try_clone()?,
            _ => {
                let file = File::open(path)?;
                self.old = Some((path.to_path_buf(), file.try_clone()?));
                file
            }
        };
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }

    fn copy(&mut self, mut piece: io::Take<File>) -> io::Result<u64> {
        if piece.limit() <= BUFFERED {
            return piece.read_to_end(&mut self.buffer).map(|count| count as u64);
        }
        self.flush()?;
        io::copy(&mut piece, &mut self.file)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn end(&mut self) -> io::Result<&File> {
        self.buffer.extend_from_slice(&tar_frame::END);
        self.flush()?;
        Ok(&self.file)
    }
}

/// Writes a compressed tar file.
async fn compressed(path: &Path, scratch: &Staging, first: Entries, blobs: BTreeMap<String, Source>) -> Result<()> {
    let here = || Error::blob(path.display());
    let entries = first.into_iter().chain(blobs).map(|(name, source)| (name, source.blob()));
    let tar = Gzipped::new(Arc::new(TarOf::with_folder(entries, BLOBS).map_err(here())?));
    let mut staged = Staged::unmeasured(scratch.path());
    staged.fill(tar.open().await.map_err(here())?).await.map_err(here())?;
    let finished = staged.finish().await.map_err(here())?;
    finished.persist(path, 0o644, Existing::Replace, Durability::Synced).await.map_err(here())
}

/// Writes the parts in front of those that are written already, if there are any.
async fn in_parts(
    shared: &Shared,
    scratch: &Staging,
    part_size: u64,
    (first, blobs): (Entries, BTreeMap<String, Source>),
    body: Option<(Arc<Body>, u64)>,
) -> Result<()> {
    let path = &shared.path;
    let here = || Error::blob(path.display());
    let blob = |(name, source): (String, Source)| (name, source.blob());
    let only_index = TarOf::new(first.clone().into_iter().map(blob)).map_err(here())?;
    let entries = first.into_iter().chain(blobs).map(blob);
    let mut behind = Vec::new();
    let tar = match body {
        None => TarOf::with_folder(entries, BLOBS),
        Some((body, end)) => {
            let end = move || {
                let parts = body.end_parts(end);
                body.spend();
                parts.map_err(|error| commit::local(&body.file(), error))
            };
            behind = blocking(end).await?;
            TarOf::beginning(entries, BLOBS)
        }
    };
    let tar = tar.map_err(here())?;
    let size = tar.size().unwrap_or_default();
    let tar: Arc<dyn Blob> =
        if shared.form == Form::TarGzip { Arc::new(Gzipped::new(Arc::new(tar))) } else { Arc::new(tar) };
    parts::write(path, scratch, (shared.form, part_size), (tar, only_index), size, behind).await
}
