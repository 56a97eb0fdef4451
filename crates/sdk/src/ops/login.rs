//! `login` and `logout`: credentials for registries, kept where Docker keeps them.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_credentials::{DockerLogin, Kept, Secret};
use ocm_oci::{Authenticator, Endpoint, RemoteRegistry};
use schemars::JsonSchema;
use serde::Serialize;

use crate::authenticator::credentials_of;
use crate::{Context, Error, Kind, Result};

/// Where credentials are kept.
#[derive(Clone, Debug, Default)]
pub struct Keeping {
    /// The Docker configuration; it need not exist.
    pub file: PathBuf,
    /// Folders of helper programs, those of `PATH`.
    pub search_path: Vec<PathBuf>,
}

/// Who logs in, and where.
#[derive(Clone, Debug)]
pub struct Request {
    /// The registry: `ghcr.io`, `http://localhost:5000`.
    pub registry: String,
    /// User name.
    pub username: String,
    /// Password, or a token that is used as one.
    pub password: Secret,
    /// Where the credentials are kept.
    pub keeping: Keeping,
}

/// What became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The registry, as its credentials are kept.
    pub registry: String,
    /// The Docker configuration.
    pub file: PathBuf,
    /// The helper program that keeps them; without one they are in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helper: Option<String>,
}

/// The credentials that are to be kept.
struct Given(ocm_oci::Credentials, String);

#[async_trait]
impl Authenticator for Given {
    async fn credentials(&self, _: &str, _: Option<&str>) -> ocm_oci::Result<Option<ocm_oci::Credentials>> {
        Ok(Some(self.0.clone()))
    }

    async fn explained(&self, host: &str, _: Option<&str>) -> String {
        format!("{host} does not accept this password for user {:?}", self.1)
    }
}

/// Asks the registry whether it accepts the credentials, and keeps them if it does.
///
/// # Errors
/// [`Kind::Denied`] if the registry does not accept them; then nothing is kept.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let endpoint = registry(&request.registry)?;
    let (username, password) = (request.username.clone(), request.password.clone());
    if username.is_empty() || password.is_empty() {
        return Err(Error::usage("user and password must not be empty"));
    }
    let credentials = ocm_credentials::Credentials::Basic { username: username.clone(), password };
    let given = Given(credentials_of(credentials.clone()), username);
    let remote = RemoteRegistry::new(context.client(), endpoint.clone(), "", Arc::new(given));
    remote.greet().await?;
    let host = endpoint.credentials_host();
    let kept = keeper(&request.keeping).store(host, &credentials).await?;
    Ok(report(host, kept))
}

/// Forgets the credentials for a registry.
///
/// # Errors
/// [`Kind::NotFound`] if there were none.
pub async fn logout(address: &str, keeping: &Keeping) -> Result<Report> {
    let endpoint = registry(address)?;
    let host = endpoint.credentials_host();
    let mut taken = keeper(keeping).erase(host).await?;
    if taken.is_empty() {
        let message = format!("there are no credentials for {host} in {}", keeping.file.display());
        return Err(Error::new(Kind::NotFound, message));
    }
    Ok(report(host, taken.remove(0)))
}

fn registry(address: &str) -> Result<Endpoint> {
    let (endpoint, path) = Endpoint::parse(address)?;
    if path.is_empty() || path == "v1" || path == "v2" {
        return Ok(endpoint);
    }
    Err(Error::usage(format!("{address}: credentials are kept for a registry as a whole"))
        .hint(format!("write {} without a path; paths can be told apart in a configuration file", endpoint.host())))
}

fn keeper(keeping: &Keeping) -> DockerLogin {
    DockerLogin::new(keeping.file.clone(), keeping.search_path.clone())
}

fn report(host: &str, kept: Kept) -> Report {
    let (file, helper) = match kept {
        Kept::File(file) => (file, None),
        Kept::Helper(file, helper) => (file, Some(helper)),
    };
    Report { registry: host.to_owned(), file, helper }
}
