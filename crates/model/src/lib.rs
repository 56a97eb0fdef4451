//! The Open Component Model as types: descriptors, names, versions, identities, references. No input or output.

pub mod descriptor;
mod identity;
mod spec;

pub use descriptor::{
    Component, Descriptor, DigestSpec, Label, Provider, Reference, Resource, Signature, Source,
};
pub use identity::Identity;
pub use spec::TypedObject;
