//! `serve`: an archive or a directory as an OCI registry on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

/// What to serve, and where.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// A transport archive, or a directory that is empty or an archive; made if it does not exist and is `writable`.
    pub path: PathBuf,
    /// Address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether clients may push and delete.
    pub writable: bool,
}
