use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::trust::{KeyOptions, SigstoreOptions};
use super::{ReportForm, Selection};

/// Verify component versions
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(subcommand)]
    pub(crate) kind: Option<VerifyKind>,
}

/// What to verify.
#[derive(Debug, Subcommand)]
pub(crate) enum VerifyKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(VerifyComponentVersion),
}

/// Verify the signatures of component versions, and that everything they refer to is what was signed
///
/// All signatures have to be right unless some are named. Referenced versions are compared with the digests that are covered
/// by the signature; with `--resources` so is the content of all resources. No signature at all is a failure.
#[derive(Debug, Args)]
pub(crate) struct VerifyComponentVersion {
    /// Component references, or an archive
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// Name of a signature that has to be right; may be repeated. The default is all of them
    #[arg(long, short = 's', value_name = "NAME")]
    pub(crate) signature: Vec<String>,
    /// Also compare the content of all resources, with the flags of the older program that is the default
    #[arg(long, short = 'V', visible_alias = "verify", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) resources: Option<bool>,
    /// Leave referenced versions and content alone: only what the descriptor itself records is compared
    #[arg(long, short = 'L')]
    pub(crate) local: bool,
    #[command(flatten)]
    pub(crate) policy: PolicyOptions,
    /// How much is done at the same time
    #[arg(long, value_name = "NUMBER", default_value = "4", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency_limit: u16,
    /// File with the specification of the verifier, in place of the one in the configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) verifier_spec: Option<PathBuf>,
    /// Form of the report, which is printed only with this flag
    #[arg(long, short, value_name = "FORM")]
    pub(crate) output: Option<ReportForm>,
    #[command(flatten)]
    pub(crate) keys: KeyOptions,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Which signatures count.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyOptions {
    /// Name of a signature that has to be there and be right; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) require: Vec<String>,
    /// Signature algorithm that counts; may be repeated. The default is all that are known
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) allow_algorithm: Vec<String>,
    /// Normalisation that counts; may be repeated. The default is all that are known
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) allow_normalisation: Vec<String>,
    /// Smallest RSA key in bits
    #[arg(long, value_name = "BITS", default_value = "2048", value_parser = clap::value_parser!(u32).range(2048..))]
    pub(crate) minimum_key_size: u32,
    /// Judge certificates as of this time (RFC 3339), for signatures that are older than the validity of theirs
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<jiff::Timestamp>,
    #[command(flatten)]
    pub(crate) sigstore: SigstoreOptions,
}
