use clap::{Args, ValueEnum};

/// Show which credentials would be used for a consumer, and where they are from
///
/// A consumer is a registry (`ghcr.io/acme`, `http://localhost:5000`), or attributes: `type=MavenRepository
/// hostname=repo.example.com path=maven2`. Secrets are shown as `***` unless --reveal is given.
#[derive(Debug, Args)]
pub(crate) struct GetCredentials {
    /// Registry, or attributes of the consumer
    #[arg(value_name = "HOST|KEY=VALUE", required = true)]
    pub(crate) consumer: Vec<String>,
    /// Show secrets, too
    #[arg(long)]
    pub(crate) reveal: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: CredentialsForm,
}

/// Forms of `get credentials`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialsForm {
    /// Columns
    #[default]
    Table,
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
}
