use clap::{Args, ValueEnum};

/// Print a completion script for a shell
///
/// For instance `ocm completion bash > /etc/bash_completion.d/ocm`, or `source <(ocm completion zsh)`.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// Shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Option<Shell>,
    /// Leave descriptions out
    #[arg(long)]
    pub(crate) no_descriptions: bool,
}

/// Shells with completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Fish,
    Powershell,
    Zsh,
}
