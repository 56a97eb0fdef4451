//! OCI without OCM: references, manifests, places that store them, and copying between places.
//!
//! This crate has never heard of components. The two ports, [`Repository`] and [`Registry`], are all that the rest of the
//! program knows of a place; a remote registry, an OCI image layout and memory are implementations here, a transport
//! archive is one elsewhere.

mod authenticator;
pub mod copy;
mod descriptor;
mod error;
pub mod layout;
mod manifest;
mod memory;
pub mod reference;
mod registry;
mod store;

pub use authenticator::{Anonymous, Authenticator, Credentials};
pub use descriptor::{Descriptor, Platform};
pub use error::{Error, Kind};
pub use layout::{Layout, LayoutContent};
pub use manifest::{Document, ImageIndex, ImageManifest, Manifest, media_type};
pub use memory::MemoryRegistry;
pub use reference::ImageReference;
pub use registry::{Endpoint, Inquiry, RemoteOptions, RemoteRegistry, RemoteRepository, Scheme, misdirected};
pub use store::{
    Home, Location, Pushed, Registry, Repository, Selector, StoredBlob, Upload, UploadRegistry, UploadStore,
};

/// Result of an operation on a place.
pub type Result<T, E = Error> = std::result::Result<T, E>;
