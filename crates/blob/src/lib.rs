//! Bytes: opened again and again, measured, verified while they are read, packed and unpacked.
//!
//! This crate knows nothing of registries or components. Everything that carries content through the program is a
//! [`Blob`] (can be opened again) or a [`ByteStream`] (is being read), and everything that names content is a [`Digest`].
//! Nothing outside this crate computes a digest of content.

mod archive;
mod blob;
mod bridge;
mod compress;
mod digest;
mod error;
mod extract;
mod file;
mod folder;
pub mod hex;
mod limits;
mod observer;
mod open_file;
mod pack;
pub mod sniff;
mod staged;
mod staged_directory;
mod staged_parts;
mod staged_pipeline;
pub mod tar_frame;
mod verify;
mod writing_back;

pub use archive::{Archive, ArchiveBlob, Entry, EntryPath, Kind, Parts, Refused, file_in_tar, find_in_tar_gzip};
pub use blob::{Blob, ByteStream, MemoryBlob, once, skip};
pub use compress::{Gzipped, gunzip, gunzip_if_compressed, gzip, is_gzip};
pub use digest::{Algorithm, Digest, Digester, InvalidDigest};
pub use error::Error;
pub use extract::{ExtractOptions, Extracted, Links, extract, extract_from};
pub use file::{CHUNK, FileBlob, read_in_background};
pub use folder::{Folder, FolderBlob};
pub use limits::Limits;
pub use observer::{Item, Observed, Observer, Outcome, Unobserved, observe};
pub use open_file::OpenFile;
pub use pack::{DirectoryNames, DirectoryTar, InvalidPattern, PackOptions, Pattern, TarOf};
pub use staged::{
    Durability, Existing, Finished, Staged, folder_of, sync_filesystem, sync_folder, write_file, write_file_as,
};
pub use staged_directory::StagedDirectory;
pub use staged_parts::{Cut, Parted, write_parts};
pub use staged_pipeline::{Begun, write_into};
pub use verify::{Measure, Measured, read_to_end, verified};
pub use writing_back::WritingBack;

/// Result of reading or writing content.
pub type Result<T, E = Error> = std::result::Result<T, E>;
