use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use crate::{Credentials, DockerConfig, Entry, Error, HelperEntry, Result};

/// Largest configuration in bytes.
const LIMIT: u64 = 4 << 20;

/// Where the credentials of Docker, Podman and their kin may be.
#[derive(Clone, Debug, Default)]
pub struct DockerSources {
    /// A configuration as text, asked first, and what it is called in messages (`DOCKER_AUTH_CONFIG`).
    pub inline: Option<(String, String)>,
    /// Configuration files in the order in which they are asked. A file that is not there is left out.
    pub files: Vec<PathBuf>,
    /// Folders of helper programs, those of `PATH`.
    pub search_path: Vec<PathBuf>,
}

/// Credentials from Docker's configuration, Podman's `auth.json`, and the helpers they name.
///
/// # Guarantees
/// Nothing is read or started before somebody asks. A helper is asked once per host, and no two at the same time: several
/// helpers open the same key ring, and some of them ask the person at the keyboard.
pub struct Docker {
    inline: Option<(String, String)>,
    inline_config: OnceCell<DockerConfig>,
    files: Vec<(PathBuf, OnceCell<Option<DockerConfig>>)>,
    search_path: Vec<PathBuf>,
    answers: Mutex<HashMap<(String, String), Answer>>,
    /// Held while a helper works.
    turn: Mutex<()>,
}

/// What a helper said about a host. A failure is not asked for again either: it may have been a wrong answer of a person.
type Answer = Arc<OnceCell<Result<Option<Credentials>, String>>>;

impl Docker {
    /// Credentials from these places.
    pub fn new(sources: DockerSources) -> Self {
        Self {
            inline: sources.inline.filter(|(_, text)| !text.trim().is_empty()),
            inline_config: OnceCell::new(),
            files: sources.files.into_iter().map(|path| (path, OnceCell::new())).collect(),
            search_path: sources.search_path,
            answers: Mutex::default(),
            turn: Mutex::default(),
        }
    }

    /// The credentials for a repository of a host (with port); `None` if there are none anywhere.
    ///
    /// # Errors
    /// A configuration cannot be read, or a helper failed. The message names the file, the entry and the helper.
    pub async fn credentials(&self, host: &str, repository: Option<&str>) -> Result<Option<Credentials>> {
        if let Some((origin, text)) = &self.inline {
            let read = || async { DockerConfig::read(text.as_bytes(), origin) };
            let config = self.inline_config.get_or_try_init(read).await?;
            if let Some(found) = self.find(config, origin, host, repository).await? {
                return Ok(Some(found));
            }
        }
        for (path, cell) in &self.files {
            let Some(config) = cell.get_or_try_init(|| read(path)).await? else { continue };
            if let Some(found) = self.find(config, &path.display().to_string(), host, repository).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn find(
        &self,
        config: &DockerConfig,
        origin: &str,
        host: &str,
        repository: Option<&str>,
    ) -> Result<Option<Credentials>> {
        for entry in config.lookup(host, repository) {
            match entry {
                Entry::Credentials(credentials) => return Ok(Some(credentials)),
                Entry::Helper(entry) => {
                    let failed =
                        |reason| Error::Entry { origin: origin.to_owned(), place: entry.place.clone(), reason };
                    let found = self.ask(&entry).await.map_err(failed)?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(None)
    }

    async fn ask(&self, entry: &HelperEntry) -> Result<Option<Credentials>, String> {
        let Some(helper) = &entry.helper else {
            return Err("the name of a helper has only letters, digits, `-`, `_` and `.`".to_owned());
        };
        let key = (helper.program().to_owned(), entry.host.clone());
        let cell = self.answers.lock().await.entry(key).or_default().clone();
        let ask = || async {
            let _turn = self.turn.lock().await;
            helper.get(&entry.host, &self.search_path).await.map_err(|error| error.to_string())
        };
        cell.get_or_init(ask).await.clone()
    }
}

async fn read(path: &PathBuf) -> Result<Option<DockerConfig>> {
    let origin = path.display().to_string();
    let unreadable = |error: std::io::Error| Error::File { origin: origin.clone(), reason: error.to_string() };
    match tokio::fs::metadata(path).await {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
        // A container runtime that is to mount a file that does not exist makes a folder of its name.
        Ok(metadata) if metadata.is_dir() => return Ok(None),
        Ok(metadata) if metadata.len() > LIMIT => {
            let reason = format!("is larger than the limit of {LIMIT} bytes");
            return Err(Error::File { origin: origin.clone(), reason });
        }
        Ok(_) => {}
    }
    let text = tokio::fs::read(path).await.map_err(unreadable)?;
    // `docker logout` leaves such a file behind in some versions.
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    DockerConfig::read(&text, &origin).map(Some)
}
