use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::size::Rate;

/// Flags that every command takes, before or after its name.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Configuration file, used instead of those in the usual places; may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// How much to say while working; the default is info, or what the configuration says
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) loglevel: Option<LogLevel>,
    /// Form of log lines
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub(crate) logformat: LogFormat,
    /// Where log lines go
    #[arg(long, global = true, value_name = "STREAM", default_value = "stderr")]
    pub(crate) logoutput: LogOutput,
    /// Folder that relative input paths of constructor files start from; the default is the folder of the file
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) working_directory: Option<PathBuf>,
    /// Folder for temporary files; the default is the one of the system
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) temp_folder: Option<PathBuf>,
    /// Bytes per second that all content together may take, in both directions: `50MiB/s`, `800kB/s`
    #[arg(long, global = true, value_name = "RATE")]
    pub(crate) bandwidth: Option<Rate>,
    /// Requests at once to all hosts together; requests that send content are counted apart. Without it, 16 per host
    #[arg(long, global = true, value_name = "NUMBER", value_parser = at_least_one)]
    pub(crate) max_concurrency: Option<NonZeroUsize>,
    /// Folder of plugins, used instead of those of the configuration and of `~/.config/ocm/plugins`; may be repeated
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) plugin_directory: Vec<PathBuf>,
    /// How long plugins may take to end: `10s`, which is the default, `1m`
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) plugin_shutdown_timeout: Option<SignedDuration>,
    /// Form of tables, JSON and YAML: of the current program or of the older one. Without it, flags that only the older
    /// program has (such as `get --repo`) and its word order ask for its forms
    #[arg(long, global = true, value_name = "VERSION", env = "OCM_COMPAT")]
    pub(crate) compat: Option<Compat>,
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("a whole number from 1 to {} is expected", usize::MAX))
}

/// Levels of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Forms of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// `time=… level=INFO msg="…" key=value`
    Text,
    /// One JSON object per line
    Json,
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogOutput {
    Stderr,
    Stdout,
}

/// Whose output forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compat {
    V1,
    V2,
}
