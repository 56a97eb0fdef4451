//! A registry on the network (OCI distribution specification v1.1), as an implementation of the ports.
//!
//! Every request goes through [`connection`], which adds authorization and reads refusals; blobs, uploads, manifests and
//! lists each have a file.

mod advice;
mod authorization;
mod challenge;
mod checking;
mod chunks;
mod connection;
mod document;
mod download;
mod endpoint;
mod failure;
mod inquiry;
mod journal;
mod known;
mod link;
mod listing;
mod manifests;
mod mount;
mod open_upload;
mod options;
mod presence;
mod realm;
mod referrers;
mod remote;
mod scope;
mod sparse;
mod token;
mod trial;
mod upload;
mod upload_session;

pub(crate) use endpoint::{DOCKER_HUB, is_docker_hub};
pub use endpoint::{Endpoint, Scheme};
pub use failure::misdirected;
pub use inquiry::Inquiry;
pub use options::RemoteOptions;
pub use remote::{RemoteRegistry, RemoteRepository};
