use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::ReportForm;

/// Serve an archive as an OCI registry on this machine
///
/// Stock clients (`docker`, `oras`, `crane`, `helm`, `skopeo`) can pull from it, and push and delete with `--writable`.
/// The address is the first line on the standard output. Ctrl-C ends it.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// An archive, or an empty folder
    #[arg(value_name = "ARCHIVE")]
    pub(crate) path: PathBuf,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub(crate) address: SocketAddr,
    /// Let clients push and delete
    #[arg(long)]
    pub(crate) writable: bool,
    /// Form of the first line; the bare address without it
    #[arg(short = 'o', long = "report", value_name = "FORM")]
    pub(crate) report: Option<ReportForm>,
}
