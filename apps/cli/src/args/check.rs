use clap::{Args, Subcommand, ValueEnum};

use super::{Rebase, Selection, VersionForm};

/// Check component versions: whether all of them is there, and whether it can be found from elsewhere
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(subcommand)]
    pub(crate) kind: Option<CheckKind>,
}

/// What to check.
#[derive(Debug, Subcommand)]
pub(crate) enum CheckKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(CheckComponentVersion),
    #[command(aliases = ["portable"])]
    Portability(CheckPortability),
}

/// Check whether everything that belongs to component versions is there
///
/// Follows all references and compares the digests they record; looks up all content in the repositories with its size.
/// Only descriptors and manifests are read, so that content which was damaged in its place and kept its size is found with
/// `--content` alone. If something is missing or damaged, it is listed, and the exit code is 7.
#[derive(Debug, Args)]
pub(crate) struct CheckComponentVersion {
    /// Component references, or an archive
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// Where the content of resources has to be
    #[arg(long, value_name = "WHERE", default_value = "anywhere")]
    pub(crate) resources: Locality,
    /// Where the content of sources has to be
    #[arg(long, value_name = "WHERE", default_value = "anywhere")]
    pub(crate) sources: Locality,
    /// Also read all content that lies in the repositories, and compare it with its digests
    #[arg(long)]
    pub(crate) content: bool,
    /// The same as `--resources local` (for scripts of the older program)
    #[arg(long, short = 'R', conflicts_with = "resources")]
    pub(crate) local_resources: bool,
    /// The same as `--sources local` (for scripts of the older program)
    #[arg(long, short = 'S', conflicts_with = "sources")]
    pub(crate) local_sources: bool,
    /// Fail if something is missing (for scripts of the older program, which does not without it)
    #[arg(long)]
    pub(crate) fail_on_error: bool,
    #[command(flatten)]
    pub(crate) rebase: Rebase,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: CheckForm,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Where content has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Locality {
    /// In the repository, or wherever else the descriptor says
    #[default]
    #[value(alias = "any")]
    Anywhere,
    /// In the repository of the component version
    Local,
}

/// Forms of `check component-version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckForm {
    /// Columns
    #[default]
    Table,
    /// Columns with what is missing and what lies elsewhere
    Wide,
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
    /// JSON on one line
    #[value(name = "JSON")]
    CompactJson,
    /// JSON, one component version per line
    Ndjson,
}

/// Look for addresses in component versions that not everybody can follow
///
/// Finds hosts that mean the reader's own machine (loopback), private addresses, hosts with one part, hosts of a cluster,
/// plain HTTP, images on another host than the one the component version was opened at, and images named by a tag alone.
/// Nothing that is referred to is contacted. If there is something, the exit code is 1.
#[derive(Debug, Args)]
pub(crate) struct CheckPortability {
    /// Component references, or an archive
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// Also look into referenced component versions
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: VersionForm,
    #[command(flatten)]
    pub(crate) selection: Selection,
}
