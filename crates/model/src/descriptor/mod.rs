//! The component descriptor (OCM specification, *Component Descriptor*): what a component version consists of.

mod artifact;
mod provider;
mod read;
mod schema;
mod types;
mod v3alpha1;
mod view;
mod write;

pub use artifact::{Artifact, ElementKind};
pub use schema::Schema;
pub use types::{
    Component, Descriptor, DigestSpec, Label, LabelMerge, Meta, NestedDigest, Provider, Reference, Resource,
    ResourceDigest, Signature, SignatureValue, Source, SourceReference, Timestamp,
};
