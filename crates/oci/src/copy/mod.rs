//! Copying: a manifest with everything it needs, from one repository to another or to several.
//!
//! Children come before their parents, blobs before the manifests that need them, so that a target never holds a
//! manifest whose content is missing. What a target has already is not read from the source, and what several targets
//! lack is read once. Copies that belong together share a [`Session`].

mod blobs;
mod extent;
mod graph;
mod options;
mod platforms;
mod referrers;
mod run;
mod session;
mod source_blob;
mod sparse;
mod tee;
mod walk;

pub(crate) use blobs::carried;
pub use blobs::{blobs, blobs_to};
pub(crate) use extent::Extent;
pub use graph::{graph, graph_to};
pub use ocm_http::Bucket;
pub use options::{Below, Copied, Form, Options, Outcome, Referrers, Root};
pub use platforms::{DERIVED_FROM, PlatformChoice, check_platforms, derived, platform_of};
pub use referrers::Attached;
pub use session::Session;
pub use sparse::sparse_tag;
