use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use ocm_blob::{Blob, ByteStream, Digest, Folder, OpenFile, once, read_in_background, verified};
use ocm_oci::Error;

use crate::Result;
use crate::ctf::archive::Shared;
use crate::ctf::body::Pieces;
use crate::ctf::commit::MANIFEST_LIMIT;
use crate::ctf::form::{BLOBS, Form};
use crate::ctf::packed;
use crate::ctf::staging::StagedFile;

/// Where content is.
enum Place {
    /// Pushed through this handle and not yet committed.
    Staged(Arc<StagedFile>),
    /// In the archive, if anywhere.
    Archive,
}

impl Shared {
    /// Where content is, as far as this handle changed it: `None` if it was removed.
    fn place(&self, digest: &Digest) -> Option<Place> {
        let state = self.state();
        let batches = std::iter::once(&state.batch).chain(state.in_flight.as_deref());
        for batch in batches {
            if let Some(file) = batch.staged.get(digest) {
                return Some(Place::Staged(file.clone()));
            }
            if batch.removed.contains(digest) {
                return None;
            }
        }
        Some(Place::Archive)
    }

    /// The file with some content; for an archive file, what a person would look for in it.
    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path.join(BLOBS).join(digest.file_name())
    }

    /// The size of a blob that is here or, where the archive is written, that need not be here; `None` if it does not exist.
    pub(crate) async fn size_of_known(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.size_of(digest).await? {
            Some(size) => Ok(Some(size)),
            None => Ok(self.elsewhere(|base| base.content.get(digest).map(|known| known.size))),
        }
    }

    /// The size of a blob; `None` if it does not exist.
    pub(crate) async fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.place(digest) {
            None => Ok(None),
            Some(Place::Staged(file)) => Ok(Some(file.size())),
            // Most content that is asked for is new: one look tells, and only what is there is looked at properly.
            Some(Place::Archive) if self.form == Form::Directory && is_missing(&self.blob_path(digest)) => Ok(None),
            Some(Place::Archive) => Ok(self.find(digest).await?.and_then(|blob| blob.size())),
        }
    }

    /// Small content of an archive in parts, without checking the part that it lies in.
    async fn small_of_parts(&self, digest: &Digest) -> Result<Option<Bytes>> {
        if self.form == Form::Directory {
            return Ok(None);
        }
        let Some(archive) = self.packed().await? else { return Ok(None) };
        let fail = || Error::blob(self.path.display());
        let Some(blob) = archive.blob(&packed::entry_name(digest)).map_err(fail())? else { return Ok(None) };
        blob.read_as(digest, MANIFEST_LIMIT).await.map_err(fail())
    }

    /// Content of the archive, not verified.
    async fn find(&self, digest: &Digest) -> Result<Option<Arc<dyn Blob>>> {
        let name = packed::entry_name(digest);
        let fail = || Error::blob(self.path.display());
        if self.form == Form::Directory {
            return match Folder::open(&self.path).and_then(|folder| folder.blob(&name)) {
                Ok(blob) => Ok(blob.map(|blob| Arc::new(blob) as _)),
                Err(ocm_blob::Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(fail()(error)),
            };
        }
        let Some(archive) = self.packed().await? else { return Ok(None) };
        archive.blob(&name).map(|blob| blob.map(|blob| Arc::new(blob) as _)).map_err(fail())
    }

    /// Where content begins in an archive that can only be read from front to back.
    pub(crate) fn position(&self, digest: &Digest) -> Option<u64> {
        let packed = self.packed.try_lock().ok()?;
        let archive = packed.as_ref().map(packed::Packed::archive).filter(|archive| archive.is_sequential())?;
        archive.entry(&packed::entry_name(digest)).map(ocm_blob::Entry::offset)
    }

    /// Content from `offset` on, verified if that is its start; `None` if it does not exist.
    pub(crate) async fn read(&self, digest: &Digest, offset: u64) -> Result<Option<ByteStream>> {
        let Some(stream) = self.open(digest, offset).await? else { return Ok(None) };
        let stream = if offset == 0 { verified(stream, None, Some(digest.clone())) } else { stream };
        Ok(Some(self.naming(digest, stream)))
    }

    /// Content from `offset` on, for those who may have it unverified ([`ocm_blob::Blob::open_unverified`]).
    pub(crate) async fn read_unverified(&self, digest: &Digest, offset: u64) -> Result<Option<ByteStream>> {
        Ok(self.open(digest, offset).await?.map(|stream| self.naming(digest, stream)))
    }

    /// The same as the part of a file that it is; `None` also for what is not committed yet.
    pub(crate) async fn open_file(&self, digest: &Digest, offset: u64) -> Result<Option<OpenFile>> {
        if !matches!(self.place(digest), Some(Place::Archive)) {
            return Ok(None);
        }
        let Some(blob) = self.find(digest).await? else { return Ok(None) };
        let file = blob.open_file(offset).await.map_err(Error::blob(self.blob_path(digest).display()))?;
        Ok(file.map(|file| file.watched(|passing| self.naming(digest, passing))))
    }

    async fn open(&self, digest: &Digest, offset: u64) -> Result<Option<ByteStream>> {
        let staged = match self.place(digest) {
            None => return Ok(None),
            // Staged content may be committed in between; then it is in the archive.
            Some(Place::Staged(file)) => file.pieces(offset).ok(),
            Some(Place::Archive) => None,
        };
        Ok(Some(match staged {
            Some(pieces) => read_in_background(move || Ok(Pieces(pieces))),
            None => match self.small_of_parts(digest).await? {
                Some(content) => once(content.slice(content.len().min(offset as usize)..)),
                None => match self.find(digest).await? {
                    Some(blob) => blob.open_at(offset).await.map_err(Error::blob(self.blob_path(digest).display()))?,
                    None => return Ok(None),
                },
            },
        }))
    }

    /// The stream, whose errors name the file they come from.
    fn naming(&self, digest: &Digest, stream: ByteStream) -> ByteStream {
        let path = self.blob_path(digest);
        Box::pin(stream.map(move |chunk| {
            chunk.map_err(|error| {
                let reason = format!("the archive is damaged here: {error}");
                ocm_blob::Error::source(Error::invalid(path.display(), reason).caused_by(error))
            })
        }))
    }
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}
