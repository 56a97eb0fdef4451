//! Who am I for this consumer: credentials from configuration files, the stores they name, Docker's configuration with its
//! helpers, and the identity that a cloud gives to its machines. [`Resolver`] asks them in this order.
//!
//! This crate reads what it is given and starts helper programs by name; it never looks for a home directory. It writes in one
//! place only: [`DockerLogin`] keeps what a person logs in with.

mod ambient;
pub mod aws;
mod consumer;
mod docker;
mod docker_config;
mod docker_login;
mod error;
mod explain;
mod helper;
mod properties;
mod resolver;
mod spelling;
mod store;

pub use consumer::credential_types;
pub use docker::{Docker, DockerSources, Helpers};
pub use docker_config::{DockerConfig, Entry, HelperEntry};
pub use docker_login::{DockerLogin, Kept};
pub use error::{Error, Kind};
pub use explain::{Candidate, CandidateKind};
pub use helper::Helper;
pub use properties::{Found, Properties};
pub use resolver::{Resolver, Sources};
pub use store::{Provider, Specification, Store, store_types};

/// A password or a token.
pub type Secret = ocm_http::Secret;

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
