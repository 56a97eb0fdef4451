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
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    pub(crate) address: SocketAddr,
    /// Let clients push and delete
    #[arg(long)]
    pub(crate) writable: bool,
    /// Form of the first line; the bare address without it
    #[arg(short = 'o', long = "report", value_name = "FORM")]
    pub(crate) report: Option<ReportForm>,
}

/// Other names may mean several addresses, of which only one is listened on.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| "an address and a port are expected, like 127.0.0.1:5000, localhost:5000 or 0.0.0.0:5000")
}
