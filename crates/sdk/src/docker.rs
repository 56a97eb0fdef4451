use async_trait::async_trait;
use ocm_credentials::{Docker, DockerSources, Secret};
use ocm_oci::{Authenticator, Credentials, Error, Kind, Result};

/// Credentials of Docker's and Podman's configurations for the registry client.
pub(crate) struct DockerAuthenticator(Docker);

impl DockerAuthenticator {
    /// Nothing is read until a registry wants to know who is asking: work on archives needs no credentials.
    pub(crate) fn new(sources: DockerSources) -> Self {
        Self(Docker::new(sources))
    }
}

#[async_trait]
impl Authenticator for DockerAuthenticator {
    async fn credentials(&self, host: &str, repository: Option<&str>) -> Result<Option<Credentials>> {
        match self.0.credentials(host, repository).await {
            Ok(found) => Ok(found.map(credentials_of)),
            Err(error @ ocm_credentials::Error::Configuration { .. }) => {
                Err(Error::new(Kind::Malformed, error, "correct the file or move it away"))
            }
            Err(error @ ocm_credentials::Error::File { .. }) => Err(Error::new(Kind::Local, host, error)),
            Err(error) => Err(Error::new(Kind::Denied, host, error)),
        }
    }
}

fn credentials_of(credentials: ocm_credentials::Credentials) -> Credentials {
    let reveal = |secret: Secret| secret.reveal().to_owned();
    match credentials {
        ocm_credentials::Credentials::Basic { username, password } => {
            Credentials::Basic { username, password: reveal(password) }
        }
        ocm_credentials::Credentials::IdentityToken(token) => Credentials::RefreshToken(reveal(token)),
        ocm_credentials::Credentials::AccessToken(token) => Credentials::Bearer(reveal(token)),
    }
}
