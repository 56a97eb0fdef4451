//! The component descriptor (OCM specification, *Component Descriptor*): what a component version consists of.

mod types;

pub use types::{
    Component, Descriptor, DigestSpec, Label, LabelMerge, Meta, NestedDigest, Provider, Reference, Resource, ResourceDigest,
    Signature, SignatureValue, Source, SourceReference, Timestamp,
};
mod provider;
