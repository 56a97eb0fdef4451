use clap::{Args, Subcommand};

use super::ReportForm;

/// Show versions and tags, one per line
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(subcommand)]
    pub(crate) kind: Option<ShowKind>,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(crate) enum ShowKind {
    #[command(visible_alias = "vers", aliases = ["version", "v"])]
    Versions(ShowVersions),
    #[command(visible_alias = "tag")]
    Tags(ShowTags),
}

/// Show the versions of a component, oldest first
///
/// A component that does not exist has no versions, which is no error.
#[derive(Debug, Args)]
pub(crate) struct ShowVersions {
    /// Component: `repository//component`
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,
    /// Version constraints; a version has to match one of them
    #[arg(value_name = "CONSTRAINT")]
    pub(crate) constraints: Vec<String>,
    /// Only the newest one
    #[arg(long, short)]
    pub(crate) latest: bool,
    /// Write versions as `major.minor.patch`, whatever their spelling
    #[arg(long, short)]
    pub(crate) semantic: bool,
    /// Repository that the component is relative to
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) repo: Option<String>,
    /// Form of the output; the default is one version per line
    #[arg(long, short, value_name = "FORM")]
    pub(crate) output: Option<ReportForm>,
}

/// Show the tags of an OCI repository
///
/// Constraints and --latest are about versions, so that they need --semver or --semantic.
#[derive(Debug, Args)]
pub(crate) struct ShowTags {
    /// OCI repository: `host/path`
    #[arg(value_name = "REPOSITORY")]
    pub(crate) repository: String,
    /// Version constraints; a tag has to match one of them
    #[arg(value_name = "CONSTRAINT")]
    pub(crate) constraints: Vec<String>,
    /// Only the newest one
    #[arg(long, short)]
    pub(crate) latest: bool,
    /// Only tags that are versions, oldest first
    #[arg(long, short)]
    pub(crate) semver: bool,
    /// The same, written as `major.minor.patch`, whatever their spelling
    #[arg(long, short = 'o')]
    pub(crate) semantic: bool,
    /// Registry that the repository is relative to
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) repo: Option<String>,
    /// Form of the output; the default is one tag per line
    #[arg(long, value_name = "FORM")]
    pub(crate) output: Option<ReportForm>,
}
