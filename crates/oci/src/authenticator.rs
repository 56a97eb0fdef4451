//! Who the program is to a registry: a port, because credentials come from places this crate knows nothing of.

use std::fmt;

use async_trait::async_trait;

use crate::Result;

/// What proves who the program is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User and password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that is exchanged for registry tokens (`identitytoken` in Docker's configuration).
    RefreshToken(String),
    /// A token that the registry takes as it is (`registrytoken`).
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { username, .. } => f.debug_struct("Basic").field("username", username).finish_non_exhaustive(),
            Self::RefreshToken(_) => f.write_str("RefreshToken(***)"),
            Self::Bearer(_) => f.write_str("Bearer(***)"),
        }
    }
}

/// Gives the credentials for a registry.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Credentials for a host (`ghcr.io`, `localhost:5000`; always `docker.io` for Docker Hub) and a repository in it
    /// (`None` for what concerns the whole registry). Asked for only after the registry wanted to know, and again every few
    /// minutes, because some credentials end; `None` means nobody in particular.
    async fn credentials(&self, host: &str, repository: Option<&str>) -> Result<Option<Credentials>>;

    /// What to say when a registry refuses what [`Self::credentials`] gave: which it was and where it is from, or how to add
    /// some; never a secret.
    async fn explained(&self, host: &str, repository: Option<&str>) -> String {
        match self.credentials(host, repository).await {
            Ok(Some(_)) => format!("the credentials for {host} are not accepted or do not allow this"),
            _ => format!("credentials are needed and none are configured for {host}"),
        }
    }
}

/// Has no credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

#[async_trait]
impl Authenticator for Anonymous {
    async fn credentials(&self, _host: &str, _repository: Option<&str>) -> Result<Option<Credentials>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        for credentials in [
            Credentials::Basic { username: "me".into(), password: "canary".into() },
            Credentials::RefreshToken("canary".into()),
            Credentials::Bearer("canary".into()),
        ] {
            assert!(!format!("{credentials:?}").contains("canary"));
        }
    }
}
