//! Where an artifact lives: what an access of a component descriptor refers to, and how to get there.
//!
//! An access is data; this crate turns it into content. Each type has a file, [`open`] and [`resolve`] list them, and a type
//! that nobody here knows is left alone.

mod content;
mod local_blob;
mod oci_artifact;
mod oci_layer;
mod source;

pub use content::{Content, open};
pub use oci_artifact::{Resolved, resolve};
pub use source::RegistrySource;

/// Result of following an access.
pub type Result<T, E = ocm_oci::Error> = std::result::Result<T, E>;
