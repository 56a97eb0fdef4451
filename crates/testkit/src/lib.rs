//! What tests need: a registry with a switch for every quirk and fault seen in the wild, and content to move around.
//!
//! Nothing here is part of a program; the crate is a dependency of tests only.

pub mod fixtures;
mod registry;
pub mod sigstore;
mod wire;

pub use registry::{Class, Fault, Origin, Quirk, Request, TestRegistry};
pub use wire::Wire;
