//! `serve`: an archive or a directory as an OCI registry on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use std::sync::Arc;

use ocm_serve::{Options, Server};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Purpose;
use crate::{Context, Error, Kind, Result};

/// Opens the archive and begins to listen. The server answers once it is [run](Server::run).
///
/// # Errors
/// The path is no archive, or the address cannot be listened on.
pub async fn bind(context: &Context, request: &Request) -> Result<Server> {
    let purpose = if request.writable { Purpose::Create(None) } else { Purpose::Read };
    let archive = context.open_archive(&request.path, purpose).await?;
    let server =
        Server::bind(request.address, Arc::new(archive), Options { writable: request.writable, ..Options::default() })
            .await;
    server.map_err(|error| {
        let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
        let failed = Error::new(Kind::Other, format!("cannot listen on {}: {error}", request.address));
        if is_taken { failed.hint("choose another port; port 0 takes one that is free") } else { failed }
    })
}

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
