use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ocm_credentials::{DockerConfig, Entry};
use ocm_oci::{Authenticator, Credentials, Error, Kind, Result};
use tokio::sync::{Mutex, OnceCell};

/// Credentials of the Docker configuration for the registry client. Each helper is asked once per host.
pub(crate) struct Docker {
    path: PathBuf,
    config: OnceCell<DockerConfig>,
    asked: Mutex<HashMap<String, Arc<OnceCell<Option<Credentials>>>>>,
}

impl Docker {
    /// Nothing is read until a registry wants to know who is asking: work on archives needs no credentials.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), config: OnceCell::new(), asked: Mutex::default() }
    }

    async fn config(&self) -> Result<&DockerConfig> {
        let read = || async {
            let name = self.path.display().to_string();
            let text = tokio::fs::read(&self.path).await.map_err(|error| Error::new(Kind::Local, &name, error))?;
            DockerConfig::read(&text, &name)
                .map_err(|error| Error::new(Kind::Malformed, error, "correct the file or move it away"))
        };
        self.config.get_or_try_init(read).await
    }
}

#[async_trait]
impl Authenticator for Docker {
    async fn credentials(&self, host: &str, repository: Option<&str>) -> Result<Option<Credentials>> {
        match self.config().await?.lookup(host, repository) {
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
