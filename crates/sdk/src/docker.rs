use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_credentials::{DockerConfig, Entry};
use ocm_oci::{Authenticator, Credentials, Error, Kind, Result};
use tokio::sync::{Mutex, OnceCell};

/// Credentials of the Docker configuration for the registry client. Each helper is asked once per host.
pub(crate) struct Docker {
    config: DockerConfig,
    asked: Mutex<HashMap<String, Arc<OnceCell<Option<Credentials>>>>>,
}

impl Docker {
    pub(crate) fn new(config: DockerConfig) -> Self {
        Self { config, asked: Mutex::default() }
    }
}

#[async_trait]
impl Authenticator for Docker {
    async fn credentials(&self, host: &str, repository: Option<&str>) -> Result<Option<Credentials>> {
        match self.config.lookup(host, repository) {
            None => Ok(None),
            Some(Entry::Credentials(credentials)) => Ok(Some(credentials_of(credentials))),
            Some(Entry::Helper(helper, asked)) => {
                let cell = self.asked.lock().await.entry(asked.clone()).or_default().clone();
                let answer = cell
                    .get_or_try_init(|| async { helper.get(&asked).await.map(|found| found.map(credentials_of)) })
                    .await;
                answer.cloned().map_err(|error| Error::new(Kind::Denied, host, error))
            }
        }
    }
}

fn credentials_of(credentials: ocm_credentials::Credentials) -> Credentials {
    match credentials {
        ocm_credentials::Credentials::Basic { username, password } => {
            Credentials::Basic { username, password: password.reveal().to_owned() }
        }
        ocm_credentials::Credentials::IdentityToken(token) => Credentials::RefreshToken(token.reveal().to_owned()),
        ocm_credentials::Credentials::AccessToken(token) => Credentials::Bearer(token.reveal().to_owned()),
    }
}
