//! The Open Component Model as types: descriptors, names, versions, identities, references. No input or output.

pub mod access;
pub mod constraint;
pub mod descriptor;
pub mod digest;
mod error;
mod identity;
pub mod json;
pub mod name;
pub mod normalise;
pub mod reference;
mod spec;
mod spelling;
mod unique;
pub mod validate;
pub mod version;
pub mod yaml;

pub use access::Access;
pub use constraint::Constraint;
pub use descriptor::{Component, Descriptor, DigestSpec, Label, Provider, Reference, Resource, Signature, Source};
pub use error::{Error, Result};
pub use identity::Identity;
pub use name::ComponentName;
pub use reference::{ComponentReference, RepositoryReference};
pub use spec::TypedObject;
pub use spelling::near_miss;
pub use unique::UniqueMembers;
pub use version::Version;
