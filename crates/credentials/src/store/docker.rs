//! `DockerConfig`: a Docker configuration that a configuration file names or holds.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_model::Identity;

use super::{Specification, Store, Surroundings};
use crate::docker::Docker;
use crate::spelling::{REGISTRY, authority, is_of};
use crate::{Found, Result};

/// A Docker configuration: `dockerConfigFile`, or `dockerConfig` as text. Without both it is where Docker looks itself.
pub(super) struct DockerStore {
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
}

#[async_trait]
impl Store for DockerStore {
    async fn find(&self, wanted: &[Identity], _own: Option<&Found>) -> Result<Option<Found>> {
        if let Some(named) = &self.named {
            let (host, path) = named.split_once('/').unwrap_or((named, ""));
            return self.docker.credentials(host, Some(path).filter(|path| !path.is_empty())).await;
        }
        let Some(wanted) = wanted.first().filter(|wanted| is_of(wanted, REGISTRY)) else { return Ok(None) };
        match authority(wanted) {
            Some(host) => self.docker.credentials(&host, wanted.get("path")).await,
            None => Ok(None),
        }
    }
}
