use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ReportForm;
use crate::print::Structure;

/// Show the configuration that counts: all files together, flags included
///
/// Passwords, tokens and private keys are not shown.
#[derive(Debug, Args)]
pub(crate) struct GetConfig {
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "yaml")]
    pub(crate) output: ReportForm,
}

/// Say what the configuration means, and which files in working directories are trusted
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) kind: Option<ConfigKind>,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigKind {
    Explain(ExplainConfig),
    Trust(TrustConfig),
    Untrust(UntrustConfig),
}

/// Say what counts for a host or a component, with file and line of its origin
///
/// For a host: settings of connections, the proxy, credentials without their secrets: entries of the configuration, stores,
/// and what Docker and Podman keep, with their helpers, in the order in which they are asked. For a component: the
/// repositories where references to it lead. Nothing is contacted, and no helper is started.
#[derive(Debug, Args)]
pub(crate) struct ExplainConfig {
    /// A host (`ghcr.io`, `registry.corp:5000`, `https://ghcr.io/acme`) or a component (`acme.org/shop[:1.0.0]`)
    #[arg(value_name = "HOST|COMPONENT")]
    pub(crate) subject: String,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: ExplainForm,
}

/// Forms of `config explain` and `doctor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainForm {
    /// Columns
    #[default]
    Table,
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
    /// JSON on one line
    Ndjson,
}

impl ExplainForm {
    /// The form for programs; `None` for the table.
    pub(crate) fn structure(self) -> Option<Structure> {
        match self {
            Self::Table => None,
            Self::Yaml => Some(Structure::Yaml),
            Self::Json => Some(Structure::Json),
            Self::Ndjson => Some(Structure::Ndjson),
        }
    }
}

/// Trust a configuration file in a working directory as it is now
///
/// Without that, such a file may set defaults of transfers and nothing else. When the file changes, it is not trusted any
/// more.
#[derive(Debug, Args)]
pub(crate) struct TrustConfig {
    /// The file; without it, `.ocm/config` and `.ocmconfig` here
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Trust a configuration file no longer
#[derive(Debug, Args)]
pub(crate) struct UntrustConfig {
    /// The file; without it, `.ocm/config` and `.ocmconfig` here
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}
