use std::sync::Arc;

use async_trait::async_trait;
use ocm_credentials::{Found, Resolver, Secret};
use ocm_model::Identity;
use ocm_oci::{Authenticator, Credentials, Endpoint, Error, Kind, Result, Scheme};

/// Credentials for one registry: what the resolver knows of the consumer that the registry is.
pub(crate) struct RegistryAuthenticator {
    resolver: Arc<Resolver>,
    endpoint: Endpoint,
}

impl RegistryAuthenticator {
    /// Nothing is read until the registry wants to know who is asking: work on archives needs no credentials.
    pub(crate) fn new(resolver: Arc<Resolver>, endpoint: Endpoint) -> Self {
        Self { resolver, endpoint }
    }

    async fn find(&self, repository: Option<&str>) -> Result<Option<Found>> {
        let wanted = identity(&self.endpoint, repository);
        self.resolver.resolve(&wanted).await.map_err(|error| failed(self.endpoint.credentials_host(), error))
    }
}

/// A registry, or a repository in it, as consumer of credentials.
pub(crate) fn identity(endpoint: &Endpoint, repository: Option<&str>) -> Identity {
    let host = endpoint.credentials_host();
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let (name, port) = port.map_or((host, None), |(name, port)| (name, Some(port)));
    let parts = [
        ("type", Some("OCIRegistry")),
        ("scheme", Some(endpoint.scheme().name())),
        ("hostname", Some(name)),
        ("port", port),
        ("path", repository.filter(|repository| !repository.is_empty())),
    ];
    parts.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// An error of the resolver as one about a consumer.
pub(crate) fn failed(subject: &str, error: ocm_credentials::Error) -> Error {
    let kind = match error.kind() {
        ocm_credentials::Kind::Malformed => Kind::Malformed,
        ocm_credentials::Kind::Local => Kind::Local,
        ocm_credentials::Kind::Unavailable => Kind::Unavailable,
        _ => Kind::Denied,
    };
    Error::new(kind, subject, error)
}

#[async_trait]
impl Authenticator for RegistryAuthenticator {
    async fn credentials(&self, _host: &str, repository: Option<&str>) -> Result<Option<Credentials>> {
        let Some(found) = self.find(repository).await? else { return Ok(None) };
        let Some(credentials) = found.properties.registry() else {
            let reason =
                format!("the credentials from {} have neither a user nor a token for a registry", found.origin);
            return Err(Error::new(Kind::Denied, self.endpoint.credentials_host(), reason));
        };
        Ok(Some(credentials_of(credentials)))
    }

    async fn explained(&self, host: &str, repository: Option<&str>) -> String {
        match self.find(repository).await {
            Ok(Some(found)) => {
                format!("the credentials for {host} ({}) are not accepted or do not allow this", found.described())
            }
            _ => {
                let address =
                    if self.endpoint.scheme() == Scheme::Http { format!("http://{host}") } else { host.to_owned() };
                format!(
                    "credentials are needed and none are configured for {host}: add them with `ocm login {address}`"
                )
            }
        }
    }
}

/// The same credentials in the words of the registry client.
pub(crate) fn credentials_of(credentials: ocm_credentials::Credentials) -> Credentials {
    let reveal = |secret: Secret| secret.reveal().to_owned();
    match credentials {
        ocm_credentials::Credentials::Basic { username, password } => {
            Credentials::Basic { username, password: reveal(password) }
        }
        ocm_credentials::Credentials::IdentityToken(token) => Credentials::RefreshToken(reveal(token)),
        ocm_credentials::Credentials::AccessToken(token) => Credentials::Bearer(reveal(token)),
    }
}
