//! What `docker login` and `docker logout` do to the Docker configuration.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::docker_config::{DOCKER_HUB_KEY, normal};
use crate::{Credentials, DockerConfig, Error, Kind, Result, docker};

/// Keeps the credentials that a person logs in with, where Docker keeps them.
pub struct DockerLogin {
    file: PathBuf,
    search_path: Vec<PathBuf>,
}

/// Where credentials were put, or taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the configuration itself, in plain text but for base64.
    File(PathBuf),
    /// With the helper program that the configuration names.
    Helper(PathBuf, String),
}

impl DockerLogin {
    /// Works on a configuration file, which need not exist, with the helpers in some folders.
    pub fn new(file: PathBuf, search_path: Vec<PathBuf>) -> Self {
        Self { file, search_path }
    }

    /// Keeps credentials for a host. With a helper for that host they go there, as Docker does it.
    ///
    /// # Guarantees
    /// Everything else in the file stays, in its order; only its owner reads it; it changes as a whole or not at all.
    ///
    /// # Errors
    /// The file is no Docker configuration or cannot be written, or the helper failed.
    pub async fn store(&self, host: &str, credentials: &Credentials) -> Result<Kept> {
        let (mut document, config) = self.read().await?;
        let key = key(host);
        if let Some(entry) = config.keeper(host) {
            let helper = entry.helper.ok_or_else(|| self.error("the name of the helper leads to no program"))?;
            let origin = format!("{}: {}", self.file.display(), entry.place);
            helper.store(&entry.host, credentials, &self.search_path).await.map_err(|error| error.at(origin))?;
            remove_entries(&mut document, host);
            // Docker lists whom it is logged in to.
            insert(&mut document, key, json!({}));
            self.write(&document)?;
            return Ok(Kept::Helper(self.file.clone(), helper.program().to_owned()));
        }
        let entry = match credentials {
            Credentials::Basic { username, password } => {
                json!({"auth": STANDARD.encode(format!("{username}:{}", password.reveal()))})
            }
            Credentials::IdentityToken(token) => json!({"identitytoken": token.reveal()}),
            Credentials::AccessToken(token) => json!({"registrytoken": token.reveal()}),
        };
        remove_entries(&mut document, host);
        insert(&mut document, key, entry);
        self.write(&document)?;
        Ok(Kept::File(self.file.clone()))
    }

    /// Forgets the credentials of a host; empty if there were none.
    ///
    /// # Errors
    /// The file is no Docker configuration or cannot be written, or the helper failed.
    pub async fn erase(&self, host: &str) -> Result<Vec<Kept>> {
        let (mut document, config) = self.read().await?;
        let mut taken = Vec::new();
        if let Some(entry) = config.keeper(host)
            && let Some(helper) = &entry.helper
        {
            let origin = format!("{}: {}", self.file.display(), entry.place);
            if helper.erase(&entry.host, &self.search_path).await.map_err(|error| error.at(origin))? {
                taken.push(Kept::Helper(self.file.clone(), helper.program().to_owned()));
            }
        }
        if remove_entries(&mut document, host) {
            self.write(&document)?;
            if taken.is_empty() {
                taken.push(Kept::File(self.file.clone()));
            }
        }
        Ok(taken)
    }

    async fn read(&self) -> Result<(Map<String, Value>, DockerConfig)> {
        let Some(text) = docker::text(&self.file).await? else { return Ok(Default::default()) };
        let config = DockerConfig::read(&text, &self.file.display().to_string())?;
        match serde_json::from_slice(&text) {
            Ok(Value::Object(document)) => Ok((document, config)),
            _ => Err(self.error("not a docker configuration")),
        }
    }

    fn write(&self, document: &Map<String, Value>) -> Result<()> {
        let failed = |error: std::io::Error| Error::new(Kind::Local, self.file.display(), error);
        // A file that is a link stays one: people keep their configuration elsewhere.
        let file = std::fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let text = serde_json::to_string_pretty(document).map_err(|error| failed(error.into()))?;
        // Readable for its owner alone from the first byte on, which is how temporary files are made.
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        new.write_all(text.as_bytes()).and_then(|()| new.write_all(b"\n")).map_err(failed)?;
        new.as_file().sync_all().map_err(failed)?;
        new.persist(&file).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn error(&self, reason: &str) -> Error {
        Error::new(Kind::Malformed, self.file.display(), reason)
    }
}

/// Removes the entries that mean a host itself, however they are spelled.
fn remove_entries(document: &mut Map<String, Value>, host: &str) -> bool {
    let Some(Value::Object(auths)) = document.get_mut("auths") else { return false };
    let before = auths.len();
    auths.retain(|key, _| normal(key) != normal(host));
    auths.len() < before
}

/// Puts an entry among the credentials.
fn insert(document: &mut Map<String, Value>, key: String, entry: Value) {
    match document.get_mut("auths") {
        Some(Value::Object(auths)) => {
            auths.insert(key, entry);
        }
        _ => {
            document.insert("auths".to_owned(), json!({key: entry}));
        }
    }
}

/// The key that Docker writes for a host.
fn key(host: &str) -> String {
    if normal(host) == normal(DOCKER_HUB_KEY) { DOCKER_HUB_KEY.to_owned() } else { normal(host) }
}
