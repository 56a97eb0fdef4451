use clap::Args;

/// Log in to a registry, and keep the credentials where Docker keeps them
///
/// The registry is asked first whether it accepts them. They go to the helper program that the Docker configuration names for
/// the registry, or into that configuration itself.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Registry, with its port if it has one; `http://` in front for plain HTTP
    #[arg(value_name = "HOST")]
    pub(crate) registry: String,
    /// User name; asked for if it is missing
    #[arg(long, short, value_name = "USER")]
    pub(crate) username: Option<String>,
    /// Password or token; other users of this machine can see it, use --password-stdin instead
    #[arg(long, short, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    pub(crate) password: Option<String>,
    /// Read the password or token from the standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// Forget the credentials for a registry that `login` has kept
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// Registry, with its port if it has one
    #[arg(value_name = "HOST")]
    pub(crate) registry: String,
}
