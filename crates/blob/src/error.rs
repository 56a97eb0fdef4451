use std::path::{Path, PathBuf};

use crate::Digest;

/// What can go wrong while content is read, checked or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not the ones that were promised.
    #[error("content has digest {actual}, but {expected} was expected")]
    DigestMismatch {
        /// What was promised.
        expected: Box<Digest>,
        /// What was read.
        actual: Box<Digest>,
    },
    /// The content ended early or goes on past its announced end.
    #[error("content has {actual} bytes, but {expected} were expected")]
    SizeMismatch {
        /// Announced number of bytes.
        expected: u64,
        /// Bytes read until the difference was certain.
        actual: u64,
    },
    /// Content that has to fit into memory is larger than its limit.
    #[error("{what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What was being read.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// An archive that cannot be read, or that must not be unpacked.
    #[error("{0}")]
    Archive(String),
    /// An archive cannot be cut into parts of the size that was asked for.
    #[error("{0}")]
    PartSize(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Input or output without a file name, a network stream for instance.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The other side of a stream failed.
    #[error("{0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Names the file in an input or output error; for `map_err`.
    pub fn at(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::File { path, source }
    }

    /// Takes an error of this crate back out of a reader that could only hand on input and output errors.
    pub(crate) fn from_read(error: std::io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }

    /// Names the file whose content an archive error, or a nameless one, is about.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Archive(reason) => Self::Archive(format!("{}: {reason}", path.display())),
            Self::Io(source) => Self::File { path: path.to_path_buf(), source },
            error => error,
        }
    }

    /// Wraps the error of another layer.
    pub fn source(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Source(error.into())
    }
}
