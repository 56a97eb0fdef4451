use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ocm::model::Identity;

use super::{ReportForm, TrustOptions, VersionForm};

/// Work with plugins: external programs that have types of their own
#[derive(Debug, Args)]
pub(crate) struct Plugin {
    #[command(subcommand)]
    pub(crate) kind: Option<PluginKind>,
}

/// What to do about plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginKind {
    #[command(alias = "ls")]
    List(PluginList),
    Install(DownloadPlugin),
    Registry(PluginRegistry),
}

/// List the plugins in the plugin folders with the types that they offer, and the programs that are left out
#[derive(Debug, Args)]
pub(crate) struct PluginList {
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: VersionForm,
}

/// Look into registries of plugins: component versions that refer to plugins
#[derive(Debug, Args)]
pub(crate) struct PluginRegistry {
    #[command(subcommand)]
    pub(crate) kind: Option<PluginRegistryKind>,
}

/// What to do with registries of plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginRegistryKind {
    #[command(alias = "ls")]
    List(PluginRegistryList),
    Get(PluginRegistryGet),
}

/// List the plugins of registries
#[derive(Debug, Args)]
pub(crate) struct PluginRegistryList {
    /// Component references of registries, with commas between them; one without a version means its newest
    #[arg(long, value_name = "REFERENCE", required = true, value_delimiter = ',')]
    pub(crate) registry: Vec<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: PluginForm,
}

/// Show a plugin of registries
#[derive(Debug, Args)]
pub(crate) struct PluginRegistryGet {
    /// Name of the plugin, with `:VERSION` for one version
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: String,
    /// Component references of registries, with commas between them; one without a version means its newest
    #[arg(long, value_name = "REFERENCE", required = true, value_delimiter = ',')]
    pub(crate) registry: Vec<String>,
    /// Only this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Print the descriptors of the plugins: YAML, or the form that `-o` names
    #[arg(long)]
    pub(crate) component_descriptor: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: PluginForm,
}

/// Install a plugin out of a component version
///
/// The resource for this machine is downloaded, its digest is checked, it is asked what it offers, and only then does it appear
/// in the plugin folder. A plugin that was there stays when anything of this fails.
#[derive(Debug, Args)]
pub(crate) struct DownloadPlugin {
    /// Component reference; without a version the newest
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Version of the resource; the default is the one of the component version
    #[arg(long, value_name = "VERSION")]
    pub(crate) resource_version: Option<String>,
    /// Plugin folder; the default is the first of `--plugin-directory`, or `~/.config/ocm/plugins`
    #[arg(long, short = 'O', value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// Form of the output
    #[arg(long, short = 'f', value_name = "FORM", default_value = "table")]
    pub(crate) output_format: InstalledForm,
    /// More attributes of the resource: `key=value`; `os` and `architecture` are those of this machine. May be repeated
    #[arg(long, value_name = "ATTRIBUTE", value_delimiter = ',', value_parser = attribute)]
    pub(crate) extra_identity: Vec<(String, String)>,
    /// Install it without asking what it offers: the program is not run
    #[arg(long)]
    pub(crate) skip_validation: bool,
    /// Verify the signatures of the component version before anything is downloaded or run
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) trust: TrustOptions,
    /// Type of the resource
    #[arg(long, value_name = "TYPE", default_value = "ocmPlugin")]
    pub(crate) plugin_type: String,
}

impl DownloadPlugin {
    /// The attributes by name.
    pub(crate) fn attributes(&self) -> BTreeMap<String, String> {
        self.extra_identity.iter().cloned().collect()
    }
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let identity = Identity::parse(text).map_err(|error| error.to_string())?;
    identity.0.into_iter().next().ok_or_else(|| "write key=value".to_owned())
}

/// Forms of `plugin registry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PluginForm {
    /// Columns
    Table,
    /// Columns with the registry
    Wide,
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
    /// JSON, one plugin per line
    Ndjson,
}

/// Forms of the report about an installed plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InstalledForm {
    /// Columns
    Table,
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
}

impl InstalledForm {
    /// The form for programs, if it is one.
    pub(crate) fn report(self) -> Option<ReportForm> {
        match self {
            Self::Table => None,
            Self::Yaml => Some(ReportForm::Yaml),
            Self::Json => Some(ReportForm::Json),
        }
    }
}
