//! Who am I for this host: credentials from the Docker configuration and its helper programs.
//!
//! This crate reads what it is given and starts helper programs by name; it never looks for a home directory and never
//! writes anything.

mod docker;
mod docker_config;
mod error;
mod helper;
mod secret;

pub use docker::{Docker, DockerSources};
pub use docker_config::{DockerConfig, Entry, HelperEntry};
pub use error::Error;
pub use helper::Helper;
pub use secret::Secret;

/// Result of looking for credentials.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a registry may be told about who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and a password.
    Basic {
        /// User name.
        username: String,
        /// Password or access token used as one.
        password: Secret,
    },
    /// A token that a token service exchanges for access tokens.
    IdentityToken(Secret),
    /// A token that is sent as it is.
    AccessToken(Secret),
}
