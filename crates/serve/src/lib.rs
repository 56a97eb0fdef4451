//! The OCI distribution specification, version 1.1, over any store.
//!
//! [`Api`] answers requests on behalf of an [`ocm_oci::UploadRegistry`]; [`Server`] listens and brings it requests. Both
//! hold only what a request needs: content of any size passes through in pieces, and nothing is kept between requests
//! but the uploads that are under way.

mod answer;
mod api;
mod blobs;
mod lists;
mod manifests;
mod range;
mod route;
mod server;
mod sessions;
mod uploads;

pub use answer::Failure;
pub use api::{Api, Options};
pub use axum::body::Body;
pub use route::{Endpoint, Query, Target};
pub use server::{Connection, Handler, Server};
