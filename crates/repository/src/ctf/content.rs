use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt as _;
use ocm_blob::{ArchiveBlob, Blob as _, ByteStream, Digest, read_in_background, verified};
use ocm_oci::Error;

use crate::Result;
use crate::ctf::archive::{Shared, blocking};
use crate::ctf::form::{BLOBS, Form};
use crate::ctf::staging::StagedFile;
use crate::ctf::{commit, disk, packed};

/// Where content is.
enum Place {
    /// Pushed through this handle and not yet committed.
    Staged(Arc<StagedFile>),
    /// In the archive, if anywhere.
    Archive,
}

/// Content that was opened.
enum Opened {
    File(File),
    Entry(ArchiveBlob),
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

    /// The size of a blob; `None` if it does not exist.
    pub(crate) async fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.place(digest) {
            None => Ok(None),
            Some(Place::Staged(file)) => Ok(Some(file.size())),
            Some(Place::Archive) if self.form == Form::Directory => {
                let path = self.blob_path(digest);
                disk::size_of_regular(&path).map_err(|error| commit::local(&path, error))
            }
            Some(Place::Archive) => Ok(self.entry(digest).await?.and_then(|entry| entry.size())),
        }
    }

    async fn entry(&self, digest: &Digest) -> Result<Option<ArchiveBlob>> {
        let Some(archive) = self.packed().await? else { return Ok(None) };
        archive.blob(&packed::entry_name(digest)).map_err(Error::blob(self.path.display()))
    }

    /// Where content begins in an archive that can only be read from front to back.
    pub(crate) fn position(&self, digest: &Digest) -> Option<u64> {
        let packed = self.packed.try_lock().ok()?;
        let archive = packed.as_ref().map(packed::Packed::archive).filter(|archive| archive.is_sequential())?;
        archive.entry(&packed::entry_name(digest)).map(ocm_blob::Entry::offset)
    }

    async fn open(self: &Arc<Self>, digest: &Digest) -> Result<Option<Opened>> {
        let place = self.place(digest);
        let staged = match place {
            None => return Ok(None),
            Some(Place::Staged(file)) => Some(file),
            Some(Place::Archive) if self.form == Form::Directory => None,
            Some(Place::Archive) => return Ok(self.entry(digest).await?.map(Opened::Entry)),
        };
        let paths = [staged.as_ref().map(|file| file.path().to_path_buf()), Some(self.blob_path(digest))];
        let found = blocking(move || {
            // Staged content may be committed in between and has its final name then.
            for path in paths.into_iter().flatten() {
                match disk::open_regular(&path) {
                    Ok(file) => return Ok(Some(file)),
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                    Err(error) => return Err(commit::local(&path, error)),
                }
            }
            Ok(None)
        });
        match found.await? {
            Some(file) => Ok(Some(Opened::File(file))),
            None if self.form == Form::Directory => Ok(None),
            None => Ok(self.entry(digest).await?.map(Opened::Entry)),
        }
    }

    /// Content from `offset` on, verified if that is its start; `None` if it does not exist.
    pub(crate) async fn read(self: &Arc<Self>, digest: &Digest, offset: u64) -> Result<Option<ByteStream>> {
        let path = self.blob_path(digest);
        let stream = match self.open(digest).await? {
            None => return Ok(None),
            Some(Opened::Entry(entry)) => entry.open_at(offset).await.map_err(Error::blob(path.display()))?,
            Some(Opened::File(mut file)) => {
                let size = file.metadata().map_err(|error| commit::local(&path, error))?.len();
                read_in_background(move || {
                    file.seek(SeekFrom::Start(offset))?;
                    Ok(file.take(size.saturating_sub(offset)))
                })
            }
        };
        let stream = if offset == 0 { verified(stream, None, Some(digest.clone())) } else { stream };
        Ok(Some(Box::pin(stream.map(move |chunk| {
            chunk.map_err(|error| {
                let reason = format!("the archive is damaged here: {error}");
                ocm_blob::Error::source(Error::invalid(path.display(), reason).caused_by(error))
            })
        }))))
    }
}
