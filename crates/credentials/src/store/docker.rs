//! `DockerConfig`: a Docker configuration that a configuration file names or holds.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_model::Identity;

use super::{Specification, Store, Surroundings};
use crate::docker::Docker;
use crate::explain::Candidates;
use crate::spelling::{REGISTRY, authority, is_of};
use crate::{Found, Result};

/// A Docker configuration: `dockerConfigFile`, or `dockerConfig` as text. Without both it is where Docker looks itself.
pub(crate) struct DockerStore {
    docker: Docker,
    /// The registry that `credentialsName` means, whoever asks.
    named: Option<String>,
}

impl DockerStore {
    pub(super) fn open(specification: &Specification, around: &Arc<Surroundings>) -> Result<Self> {
        let home = around.home.as_deref();
        let inline = specification.text("dockerConfig")?;
        let inline =
            inline.map(|text| (format!("configuration {}: dockerConfig", specification.place), text.to_owned()));
        let file = specification.path("dockerConfigFile", home)?;
        if let Some(file) = file.as_ref().filter(|file| !file.exists()) {
            tracing::warn!("configuration {}: there is no {}", specification.place, file.display());
        }
        let files = match (&inline, file) {
            (_, Some(file)) => vec![file],
            (Some(_), None) => Vec::new(),
            (None, None) => {
                let folder = around.environment.get("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
                let folder = folder.map(PathBuf::from).or_else(|| home.map(|home| home.join(".docker")));
                folder.into_iter().map(|folder| folder.join("config.json")).collect()
            }
        };
        let named = specification.text("credentialsName")?.map(str::to_owned);
        Ok(Self { docker: Docker::with_helpers(inline, files, around.helpers.clone()), named })
    }

    /// Adds what it would ask for a consumer.
    pub(crate) async fn candidates(&self, wanted: &Identity, found: &mut Candidates) {
        if let Some((host, path)) = self.asked(wanted) {
            self.docker.candidates(&host, path, found).await;
        }
    }

    /// The host and the path that are looked for; `None` for what is no registry.
    fn asked<'a>(&'a self, wanted: &'a Identity) -> Option<(String, Option<&'a str>)> {
        if let Some(named) = &self.named {
            let (host, path) = named.split_once('/').unwrap_or((named, ""));
            return Some((host.to_owned(), Some(path).filter(|path| !path.is_empty())));
        }
        authority(wanted).filter(|_| is_of(wanted, REGISTRY)).map(|host| (host, wanted.get("path")))
    }
}

#[async_trait]
impl Store for DockerStore {
    async fn find(&self, wanted: &[Identity], _own: Option<&Found>) -> Result<Option<Found>> {
        match wanted.first().and_then(|wanted| self.asked(wanted)) {
            Some((host, path)) => self.docker.credentials(&host, path).await,
            None => Ok(None),
        }
    }
}
