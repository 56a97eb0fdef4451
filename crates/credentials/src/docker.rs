use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::sync::{Mutex, OnceCell};

use crate::explain::Candidates;
use crate::{Credentials, DockerConfig, Entry, Error, Found, Helper, HelperEntry, Kind, Result};

/// Largest configuration in bytes.
const LIMIT: u64 = 4 << 20;

/// Where the credentials of Docker, Podman and their kin may be.
#[derive(Clone, Default)]
pub struct DockerSources {
    /// A configuration as text, asked first, and what it is called in messages (`DOCKER_AUTH_CONFIG`).
    pub inline: Option<(String, String)>,
    /// Configuration files in the order in which they are asked. A file that is not there is left out.
    pub files: Vec<PathBuf>,
    /// Folders of helper programs, those of `PATH`.
    pub search_path: Vec<PathBuf>,
}

impl fmt::Debug for DockerSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text holds passwords.
        let inline = self.inline.as_ref().map(|(name, _)| name);
        f.debug_struct("DockerSources")
            .field("inline", &inline)
            .field("files", &self.files)
            .field("search_path", &self.search_path)
            .finish()
    }
}

/// Credentials from Docker's configuration, Podman's `auth.json`, and the helpers they name. Nothing is read or started before
/// somebody asks.
pub struct Docker {
    inline: Option<(String, String)>,
    inline_config: OnceCell<DockerConfig>,
    files: Vec<(PathBuf, OnceCell<Option<DockerConfig>>)>,
    helpers: Arc<Helpers>,
}

/// The helper programs, shared by all configurations that name them.
///
/// # Guarantees
/// A helper is asked once per host, and no two at the same time: several helpers open the same key ring, and some of them ask
/// the person at the keyboard.
#[derive(Default)]
pub struct Helpers {
    search_path: Vec<PathBuf>,
    answers: Mutex<HashMap<(String, String), Answer>>,
    /// Held while a helper works.
    turn: Mutex<()>,
}

/// What a helper said about a host. A failure is not asked for again either: it may have been a wrong answer of a person.
type Answer = Arc<OnceCell<Result<Option<Credentials>>>>;

impl Helpers {
    /// Helpers in some folders, those of `PATH`.
    pub fn new(search_path: Vec<PathBuf>) -> Self {
        Self { search_path, ..Self::default() }
    }

    /// The program of a helper as it would be started, or why it would not.
    fn named(&self, helper: &Helper) -> String {
        match helper.find(&self.search_path) {
            Some(path) => path.display().to_string(),
            None => format!("{} (there is no such program in the folders of PATH)", helper.program()),
        }
    }

    async fn ask(&self, entry: &HelperEntry) -> Result<Option<Credentials>> {
        let Some(helper) = &entry.helper else {
            let rule = "the name of a helper has only letters, digits, `-`, `_` and `.`";
            return Err(Error::new(Kind::Malformed, &entry.host, rule));
        };
        let key = (helper.program().to_owned(), entry.host.clone());
        let cell = self.answers.lock().await.entry(key).or_default().clone();
        let ask = || async {
            let _turn = self.turn.lock().await;
            helper.get(&entry.host, &self.search_path).await
        };
        cell.get_or_init(ask).await.clone()
    }
}

impl Docker {
    /// Credentials from these places.
    pub fn new(sources: DockerSources) -> Self {
        let helpers = Arc::new(Helpers::new(sources.search_path));
        Self::with_helpers(sources.inline, sources.files, helpers)
    }

    /// The same, with helpers that others ask too.
    pub(crate) fn with_helpers(inline: Option<(String, String)>, files: Vec<PathBuf>, helpers: Arc<Helpers>) -> Self {
        Self {
            inline: inline.filter(|(_, text)| !text.trim().is_empty()),
            inline_config: OnceCell::new(),
            files: files.into_iter().map(|path| (path, OnceCell::new())).collect(),
            helpers,
        }
    }

    /// The credentials for a repository of a host (with port); `None` if there are none anywhere.
    ///
    /// # Errors
    /// A configuration cannot be read, or a helper failed. The message names the file, the entry and the helper.
    pub async fn credentials(&self, host: &str, repository: Option<&str>) -> Result<Option<Found>> {
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

    /// Adds what the configurations say of a host, in the order in which it counts. No helper is started.
    pub(crate) async fn candidates(&self, host: &str, repository: Option<&str>, found: &mut Candidates) {
        let mut add = |config: Result<DockerConfig>, origin: &str| match config {
            Ok(config) => {
                found.add_docker(config.lookup(host, repository), origin, |helper| self.helpers.named(helper));
            }
            Err(error) => found.add_unusable(error.reason(), origin),
        };
        if let Some((origin, text)) = &self.inline {
            add(DockerConfig::read(text.as_bytes(), origin), origin);
        }
        for (path, _) in &self.files {
            if let Some(config) = read(path).await.transpose() {
                add(config, &path.display().to_string());
            }
        }
    }

    async fn find(
        &self,
        config: &DockerConfig,
        origin: &str,
        host: &str,
        repository: Option<&str>,
    ) -> Result<Option<Found>> {
        for entry in config.lookup(host, repository) {
            let (found, place) = match entry {
                Entry::Credentials(credentials, place) => (Some(credentials), place),
                Entry::Unusable(reason, place) => {
                    return Err(Error::new(Kind::Malformed, format_args!("{origin}: {place}"), reason));
                }
                Entry::Helper(entry) => {
                    let found = self.helpers.ask(&entry).await;
                    (found.map_err(|error| error.at(format_args!("{origin}: {}", entry.place)))?, entry.place)
                }
            };
            if let Some(credentials) = found {
                return Ok(Some(Found::new(credentials, format_args!("{origin}: {place}"))));
            }
        }
        Ok(None)
    }
}

/// A configuration file; `None` if there is none.
pub(crate) async fn read(path: &Path) -> Result<Option<DockerConfig>> {
    let Some(text) = text(path).await? else { return Ok(None) };
    DockerConfig::read(&text, &path.display().to_string()).map(Some)
}

/// What a configuration file holds; `None` if there is none, or nothing in it.
pub(crate) async fn text(path: &Path) -> Result<Option<Vec<u8>>> {
    let unreadable = |error: std::io::Error| Error::new(Kind::Local, path.display(), error);
    match tokio::fs::metadata(path).await {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
        // A container runtime that is to mount a file that does not exist makes a folder of its name.
        Ok(metadata) if metadata.is_dir() => return Ok(None),
        Ok(_) => {}
    }
    let mut text = Vec::new();
    // The size is not asked for: what has none may have no end either.
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    file.take(LIMIT + 1).read_to_end(&mut text).await.map_err(unreadable)?;
    if text.len() as u64 > LIMIT {
        return Err(Error::new(Kind::Local, path.display(), format_args!("is larger than the limit of {LIMIT} bytes")));
    }
    // `docker logout` leaves such a file behind in some versions.
    Ok((!text.iter().all(u8::is_ascii_whitespace)).then_some(text))
}
