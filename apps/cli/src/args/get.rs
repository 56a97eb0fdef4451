use clap::{Args, Subcommand, ValueEnum};

use super::{DescribeTypes, ElementForm, GetConfig, GetCredentials, ReportForm, Selection, VersionForm, VersionsForm};

/// Get anything from OCM
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(subcommand)]
    pub(crate) kind: Option<GetKind>,
}

/// What to get.
#[derive(Debug, Subcommand)]
pub(crate) enum GetKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(GetComponentVersion),
    /// List the resources of component versions
    #[command(visible_alias = "resource", aliases = ["res", "r"])]
    Resources(GetElements),
    /// List the sources of component versions
    #[command(visible_alias = "source", aliases = ["src", "s"])]
    Sources(GetElements),
    /// List the references of component versions
    #[command(visible_alias = "reference", aliases = ["refs"])]
    References(GetElements),
    #[command(visible_alias = "artifact", aliases = ["art", "a"])]
    Artifacts(GetArtifacts),
    #[command(aliases = ["inv"])]
    Inventory(GetInventory),
    /// Describe types, as `describe types` does
    #[command(visible_alias = "type")]
    Types(DescribeTypes),
    #[command(visible_alias = "creds", alias = "cred")]
    Credentials(GetCredentials),
    #[command(aliases = ["configuration", "cfg"])]
    Config(GetConfig),
}

/// List OCI artifacts: one, or all that have tags in a repository
#[derive(Debug, Args)]
pub(crate) struct GetArtifacts {
    /// Artifacts or repositories: `host/path[:tag]`, `archive//path[:tag]`
    #[arg(value_name = "REFERENCE", required = true)]
    pub(crate) references: Vec<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: VersionForm,
}

/// List everything that component versions consist of: what `transfer --since` leaves out for whoever has it
///
/// The list has the digests of all blobs and manifests that lie with the component versions, and their sizes. Made on one
/// side of an air gap, it says on the other one what need not be carried across.
#[derive(Debug, Args)]
pub(crate) struct GetInventory {
    /// Component references, or archives
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "json")]
    pub(crate) output: ReportForm,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Show component versions: one, all of a component, or everything in an archive
///
/// A reference reads `[type::]repository//component[:version]`. Without a version all versions are shown, newest first;
/// a repository alone shows everything in it.
#[derive(Debug, Args)]
pub(crate) struct GetComponentVersion {
    /// Component references, or an archive
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: VersionsForm,
    /// Also show referenced component versions. `0` is off, `-1` (the default of the bare flag) goes all the way down
    #[arg(
        long, short, value_name = "DEPTH", num_args = 0..=1, require_equals = true, allow_negative_numbers = true,
        default_value = "0", default_missing_value = "-1", value_parser = depth, hide_default_value = true
    )]
    pub(crate) recursive: bool,
    /// Form of the descriptors, which then come as from the older program
    #[arg(long, short = 'S', value_name = "SCHEMA")]
    pub(crate) scheme: Option<Scheme>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Forms of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scheme {
    /// The one that is stored
    #[default]
    #[value(name = "v2")]
    V2,
    /// The one after it, with `metadata` and `spec`
    #[value(name = "ocm.software/v3alpha1", alias = "v3alpha1")]
    V3Alpha1,
}

/// List elements of component versions
#[derive(Debug, Args)]
pub(crate) struct GetElements {
    /// Component reference, or an archive
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Identities: `name [key=value…]`, several one after the other
    #[arg(value_name = "IDENTITY")]
    pub(crate) identities: Vec<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: ElementForm,
    /// Also look into referenced component versions
    #[arg(long, short)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// The depths that mean something: nothing, or everything.
fn depth(text: &str) -> Result<bool, String> {
    match text.parse::<i64>() {
        Ok(0) => Ok(false),
        Ok(-1) => Ok(true),
        Ok(1..) => Err("a limited depth is not supported; use 0 or -1".into()),
        Ok(_) => Err("the depth is 0 or -1".into()),
        Err(_) => match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("the depth is a number: 0 or -1".into()),
        },
    }
}
