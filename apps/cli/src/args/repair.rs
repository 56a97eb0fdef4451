use clap::{Args, Subcommand};

use super::{AccessStyle, Selection, VersionForm};

/// Repair component versions where they lie
#[derive(Debug, Args)]
pub(crate) struct Repair {
    #[command(subcommand)]
    pub(crate) kind: Option<RepairKind>,
}

/// What to repair.
#[derive(Debug, Subcommand)]
pub(crate) enum RepairKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(RepairComponentVersion),
}

/// Write the addresses in component versions anew, so that images are found under any address of their registry
///
/// An access is rewritten if the image was found in the registry with its digest; everything else in the component version
/// stays, its digest and signatures too. Addresses that only the machine of a former push understands are removed. What
/// cannot be repaired is listed, and the exit code is 7.
#[derive(Debug, Args)]
pub(crate) struct RepairComponentVersion {
    /// Component references, or an archive
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// How accesses are written
    #[arg(long, value_name = "STYLE", default_value = "relative")]
    pub(crate) access_style: AccessStyle,
    /// Look everything up, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: VersionForm,
    #[command(flatten)]
    pub(crate) selection: Selection,
}
