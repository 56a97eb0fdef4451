//! How a component version lies in a place for OCI content (OCM specification, *OCI Registries*): one repository per
//! component, one tag per version, the descriptor as the first layer, local content beside it.

mod digest;
mod form;
mod joined;
mod layers;
pub(crate) mod read;
mod repository;
mod rewrite;
pub(crate) mod stage;
pub(crate) mod version;

pub use digest::{digest, digest_like};
pub use form::{annotation, media_type};
pub use layers::Rows;
pub use read::Holder;
pub use repository::{ComponentRepository, registry_of};
pub use stage::{NewVersion, Staged, root_of};
pub use version::{ComponentVersion, LocalContent, RawDescriptor};
