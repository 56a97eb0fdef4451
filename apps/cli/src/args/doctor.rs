use clap::Args;

use super::ExplainForm;

/// Look into a registry: what works between it and this program, and what does not
///
/// Looks at the address, the connection and its certificate, the clock, the way to authorization, lists, referrers and
/// ranges. With `--write`, blobs, an index and a referrer are pushed to the repository `ocm-doctor` below, in one piece, in
/// chunks and by mounting, and removed again as far as the registry lets that happen.
///
/// The exit code is 0 if everything that is needed works, else that of the first failure.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// A repository in a registry: `ghcr.io/acme`
    #[arg(value_name = "REPOSITORY")]
    pub(crate) repository: String,
    /// Push small test content, too
    #[arg(long)]
    pub(crate) write: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: ExplainForm,
}
