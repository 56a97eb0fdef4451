//! The Common Transport Format: a folder or archive file of OCI content that can be carried around (OCM specification,
//! *Common Transport Format*).

mod archive;
mod assemble;
mod base;
mod batch;
mod body;
mod commit;
mod content;
mod disk;
mod form;
mod index;
mod needs;
mod packed;
mod parts;
mod referrers;
mod repository;
mod staging;

pub use archive::{Archive, ArchiveOptions};
pub use base::{Base, Known};
pub use form::{Access, Form};
