use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Selection;

/// Compute digests of component versions
#[derive(Debug, Args)]
pub(crate) struct Hash {
    #[command(subcommand)]
    pub(crate) kind: Option<HashKind>,
}

/// What to compute the digest of.
#[derive(Debug, Subcommand)]
pub(crate) enum HashKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(HashComponentVersion),
}

/// Compute the digest that signatures of component versions are over, or print what it is made of
///
/// Content is not read. Referenced versions are read where their digest is not recorded.
#[derive(Debug, Args)]
pub(crate) struct HashComponentVersion {
    /// Component references, or an archive
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// How the digest is made: jsonNormalisation/v1, v2, v3 or v4alpha1
    #[arg(
        long,
        short = 'N',
        visible_alias = "normalization",
        value_name = "NAME",
        default_value = "jsonNormalisation/v3"
    )]
    pub(crate) normalisation: String,
    /// Hash: SHA-256, the default unless the configuration says otherwise, or SHA-512
    #[arg(long, short = 'H', value_name = "NAME")]
    pub(crate) hash: Option<String>,
    /// Compute the digests of resources from their content, and take references as they are stored
    #[arg(long)]
    pub(crate) actual: bool,
    /// Write digests that are missing into the component versions
    #[arg(long, short = 'U')]
    pub(crate) update: bool,
    /// Fail if a signature is over another digest
    #[arg(long, short = 'V')]
    pub(crate) verify: bool,
    /// Also show referenced component versions
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: HashForm,
    /// File that receives the output in place of the standard output
    #[arg(long = "outfile", short = 'O', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Forms of digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum HashForm {
    /// Columns
    #[default]
    Table,
    /// Columns with the normal form
    Wide,
    /// The normal form
    Norm,
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
    /// JSON on one line
    #[value(name = "JSON")]
    CompactJson,
}
