//! Bytes: opened again and again, measured, verified while they are read, packed and unpacked.
//!
//! This crate knows nothing of registries or components. Everything that carries content through the program is a
//! [`Blob`] (can be opened again) or a [`ByteStream`] (is being read), and everything that names content is a [`Digest`].
//! Nothing outside this crate computes a digest of content.

mod blob;
mod digest;
mod error;
mod file;
mod verify;

pub use blob::{Blob, ByteStream, MemoryBlob, once};
pub use digest::{Algorithm, Digest, Digester, InvalidDigest};
pub use error::Error;
pub use file::{CHUNK, FileBlob, read_in_background};
pub use verify::{Measure, Measured, read_to_end, verified};

/// Result of reading or writing content.
pub type Result<T, E = Error> = std::result::Result<T, E>;
