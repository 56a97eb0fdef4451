//! Where an artifact lives: what an access of a component descriptor refers to, and how to get there.
//!
//! An access is data; this crate turns it into content. Each type has a file, [`open`] and [`resolve`] list them, [`check`]
//! says whether content is what was recorded, and a type that nobody here knows is left alone.

mod check;
mod consumer;
mod content;
mod fetch;
pub mod github;
pub mod helm;
mod local_blob;
mod maven;
mod npm;
mod oci_artifact;
mod oci_layer;
mod relative;
pub mod relocation;
mod resolve;
mod s3;
mod sources;
pub mod wget;

pub use check::{check, confirm, measure, pin, recorded};
pub use content::{Content, open, remote};
pub use ocm_credentials::Properties;
pub use resolve::{Resolved, Subject, resolve};
pub use sources::{ForeignInput, Owner, Sources};

/// Result of following an access.
pub type Result<T, E = ocm_oci::Error> = std::result::Result<T, E>;
