//! Reading tar archives: an index of entries, and their content where it lies.

mod extension;
mod form;
mod header;
mod index;
mod parts;
mod path;
mod sequential;
mod small;
mod volumes;
mod walk;

pub use index::{Archive, ArchiveBlob, Entry, Refused};
pub use parts::Parts;
pub use path::EntryPath;
pub use small::{file_in_tar, find_in_tar_gzip};
pub use walk::Kind;

pub(crate) use form::refuse_other_forms;
pub(crate) use header::BLOCK;
pub(crate) use parts::{List, MOST_PARTS, Row, digest_of_start};
pub(crate) use sequential::Decompressed;
pub(crate) use walk::{Source, Walk};
