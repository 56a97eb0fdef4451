//! Component versions where they are kept: in a transport archive, in a registry, in the older component archive.
//!
//! A transport archive ([`ctf::Archive`]) is one more place that stores OCI content. How a component version lies in such
//! a place is written down once, in [`component`], for archives and registries alike.

pub mod artifact_set;
pub mod component;
pub mod component_archive;
pub mod ctf;

pub use artifact_set::{ArtifactSet, is_artifact_set};
pub use component::{ComponentRepository, ComponentVersion, Holder, LocalContent, NewVersion, RawDescriptor, Staged};
pub use component_archive::ComponentArchive;
pub use ctf::{Access, Archive, ArchiveOptions, Base, Form, Known};

/// Result of an operation on a repository.
pub type Result<T, E = ocm_oci::Error> = std::result::Result<T, E>;
