//! The Common Transport Format: a folder or archive file of OCI content that can be carried around (OCM specification,
//! *Common Transport Format*).

mod archive;
mod batch;
mod commit;
mod content;
mod disk;
mod form;
mod index;
mod packed;
mod referrers;
mod repository;
mod staging;

pub use archive::Archive;
pub use form::{Access, Form};
