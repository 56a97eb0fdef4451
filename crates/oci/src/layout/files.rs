use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Archive, Blob, Digest, Folder, Limits, read_to_end};

use crate::{Error, Result};

/// Where the files of a layout lie.
pub(super) enum Files {
    Folder(Folder),
    Archive(Archive),
}

impl Files {
    pub(super) async fn open(path: &Path, limits: Limits) -> Result<Self> {
        let failed = || Error::blob(path.display());
        let metadata = tokio::fs::metadata(path).await.map_err(ocm_blob::Error::at(path)).map_err(failed())?;
        if metadata.is_dir() {
            return Folder::open(path).map(Self::Folder).map_err(failed());
        }
        let archive = Archive::open_with(path, limits).await.map_err(failed())?;
        archive.refuse_foreign_paths().map_err(failed())?;
        Ok(Self::Archive(archive))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Archive(archive) => archive.path(),
        }
    }

    /// A file by its path inside the layout.
    pub(super) fn file(&self, path: &str) -> Result<Option<Arc<dyn Blob>>> {
        let found = match self {
            Self::Folder(folder) => folder.blob(path).map(|file| file.map(|file| Arc::new(file) as Arc<dyn Blob>)),
            Self::Archive(archive) => archive.blob(path).map(|file| file.map(|file| Arc::new(file) as Arc<dyn Blob>)),
        };
        found.map_err(Error::blob(self.path().display()))
    }

    /// A small file as a whole.
    pub(super) async fn read(&self, path: &str, limit: u64) -> Result<Option<Bytes>> {
        let Some(file) = self.file(path)? else { return Ok(None) };
        let shown = self.path().join(path);
        let failed = || Error::blob(shown.display());
        let stream = file.open().await.map_err(failed())?;
        read_to_end(stream, limit, path).await.map(Some).map_err(failed())
    }

    /// The content with this digest. It is not verified here.
    pub(super) fn content(&self, digest: &Digest) -> Result<Option<Arc<dyn Blob>>> {
        for path in paths(digest) {
            if let Some(content) = self.file(&path)? {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    /// Where content begins in an archive that can only be read forwards.
    pub(super) fn position(&self, digest: &Digest) -> Option<u64> {
        let Self::Archive(archive) = self else { return None };
        let mut found = paths(digest).into_iter().filter_map(|path| archive.entry(&path).map(ocm_blob::Entry::offset));
        found.next().filter(|_| archive.is_sequential())
    }

    /// The path of a file, for messages.
    pub(super) fn shown(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }
}

/// Where content may lie: as in an image layout, or as in an artifact set. Whichever it is, its digest is checked.
fn paths(digest: &Digest) -> [String; 2] {
    [format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()), format!("blobs/{}", digest.file_name())]
}
