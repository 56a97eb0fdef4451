use clap::{Args, Subcommand};

use super::{Selection, VersionForm};

/// List names and versions
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(subcommand)]
    pub(crate) kind: Option<ListKind>,
}

/// What to list.
#[derive(Debug, Subcommand)]
pub(crate) enum ListKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(ListComponentVersion),
}

/// List component versions without reading their descriptors
#[derive(Debug, Args)]
pub(crate) struct ListComponentVersion {
    /// Component references, or an archive
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: VersionForm,
    #[command(flatten)]
    pub(crate) selection: Selection,
}
