//! Reading tar archives: an index of entries, and their content where it lies.

mod extension;
mod form;
mod header;
mod index;
mod path;
mod sequential;
mod small;
mod walk;

pub use index::{Archive, ArchiveBlob, Entry, Refused};
pub use path::EntryPath;
pub use small::file_in_tar;
pub use walk::Kind;

pub(crate) use form::refuse_other_forms;
pub(crate) use header::BLOCK;
pub(crate) use sequential::Decompressed;
pub(crate) use walk::{Source, Walk};
