//! A plugin that was started: where it listens, how it is spoken to, how it ends.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde_json::json;

use crate::address::Address;
use crate::connection::{self, Failure, Question};
use crate::lines::Lines;
use crate::plugin::{QUICK, endpoint};
use crate::program::{Started, name, spawn};
use crate::redact::Confidences;
use crate::signs::{Signs, WorkingProgram};
use crate::{Capability, Error, Kind, Program, Result, Settings, log};

/// How long it may take from there to its first answer.
const READY: Duration = Duration::from_secs(5);

/// Time between two questions whether it is ready.
const BETWEEN: Duration = Duration::from_millis(50);

/// Lines of standard output that are read in search of the address.
const MOST_LINES: usize = 1000;

/// Longest part of a program's name in the name of its socket: paths of sockets have at most 107 bytes.
const LONGEST_NAME: usize = 40;

/// Entries of the configuration with secrets. They would stand on a command line, which everybody on the machine can read, and a
/// plugin is given its own credentials when it needs them.
const WITHHELD: [&str; 3] = ["credentials.config.ocm.software", "http.config.ocm.software", "keys.config.ocm.software"];

/// Whether no plugin gets configuration entries of a type, whatever its version.
pub(crate) fn is_withheld(kind: &str) -> bool {
    WITHHELD.contains(&kind.split_once('/').map_or(kind, |(base, _)| base))
}

/// Questions with at most this patience are not watched: they are over before anybody wonders.
const UNWATCHED: Duration = QUICK;

/// Time after which it is said who keeps a command waiting.
const WORTH_SAYING: Duration = Duration::from_secs(20);

/// Counts the programs this process started, so that each has a socket of its own.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A plugin that listens.
pub(crate) struct Running {
    path: PathBuf,
    id: String,
    address: Address,
    child: Mutex<Option<Started>>,
    known: Arc<Confidences>,
    signs: Signs,
    /// How long it may work without a sign of life.
    silence: Duration,
    /// Where its files go; goes away with it.
    temporary: tempfile::TempDir,
}

impl Running {
    /// Starts a program and waits until it answers.
    pub(crate) async fn start(program: &Program, capability: Capability, settings: &Settings) -> Result<Self> {
        let path = &program.path;
        let fail = |kind, reason: String| Error::new(kind, path.display(), reason);
        let mut temporary = tempfile::Builder::new();
        let temporary = match &settings.temporary {
            Some(folder) => temporary.prefix("ocm-plugin-").tempdir_in(folder),
            None => temporary.prefix("ocm-plugin-").tempdir(),
        };
        let temporary = temporary.map_err(|error| fail(Kind::Unavailable, format!("no temporary folder: {error}")))?;
        let id = identifier(path);
        let wanted = &program.announcement.configuration_types;
        let entries: Vec<_> = settings
            .configurations
            .iter()
            .filter(|entry| wanted.contains(&entry.kind) && !is_withheld(&entry.kind))
            .collect();
        let configuration = json!({
            "id": id,
            "type": if listens_on_sockets() { "unix" } else { "tcp" },
            "pluginType": capability.name(),
            "idleTimeout": u64::try_from(settings.idle_timeout.as_nanos()).unwrap_or(u64::MAX >> 1),
            "configTypes": entries,
        });
        let (known, signs) = (Arc::new(Confidences::of(&settings.environment)), Signs::default());
        let arguments = ["--config", &configuration.to_string()];
        let mut child = spawn(path, &arguments, &settings.environment, Some(temporary.path()))?;
        let plugin = name(path);
        if let Some(errors) = child.errors() {
            let (plugin, known, signs) = (plugin.clone(), known.clone(), signs.clone());
            tokio::spawn(async move {
                let mut lines = Lines::new(errors);
                while let Some(line) = lines.next().await {
                    signs.heard();
                    log::say_again(&plugin, &line, &known, false);
                }
            });
        }
        let mut lines = child.output().map(Lines::new);
        let told = async {
            for _ in 0..MOST_LINES {
                let line = match &mut lines {
                    Some(lines) => lines.next().await,
                    None => None,
                };
                let Some(line) = line else { return Err("ended without saying where it listens".to_owned()) };
                if let Some(address) = Address::read(&line)? {
                    return Ok(address);
                }
                tracing::debug!(target: "ocm", plugin, "{}", known.clean(&line));
            }
            Err(format!("says more than {MOST_LINES} lines, none of which is where it listens"))
        };
        let patience = settings.start_timeout;
        let told = tokio::time::timeout(patience, told).await;
        let late = |_| Err(format!("does not say where it listens within {} s", patience.as_secs_f64()));
        let told = told.unwrap_or_else(late);
        let address = told.map_err(|reason| fail(Kind::Misbehaves, reason))?;
        if let Some(mut lines) = lines {
            // Nobody reads what it says from here on, but a full pipe would stop it.
            tokio::spawn(async move { while lines.next().await.is_some() {} });
        }
        let child = Mutex::new(Some(child));
        let silence = settings.silence;
        let running = Self { path: path.clone(), id, address, child, known, signs, silence, temporary };
        running.ready().await?;
        tracing::debug!(target: "ocm", plugin, address = ?running.address, "plugin started");
        Ok(running)
    }

    async fn ready(&self) -> Result<()> {
        let begin = Instant::now();
        loop {
            // Asked before there is any secret to tell: a socket of somebody else's would be told it.
            let outcome = match self.is_ours() {
                Ok(()) => self.ask(Method::GET, "/healthz", None, None, READY).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(_) => return Ok(()),
                Err(error) if begin.elapsed() >= READY => {
                    return Err(Error::new(
                        Kind::Misbehaves,
                        self.path.display(),
                        format!(
                            "said where it listens, but is not ready after {} s: {}",
                            READY.as_secs(),
                            error.reason()
                        ),
                    ));
                }
                Err(error) if self.has_ended() => return Err(error),
                Err(_) => tokio::time::sleep(BETWEEN).await,
            }
        }
    }

    /// Whether the socket belongs to whoever runs this program.
    #[cfg(unix)]
    fn is_ours(&self) -> Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let Address::Unix(path) = &self.address else { return Ok(()) };
        let fail = |reason: String| Error::new(Kind::Misbehaves, self.path.display(), reason);
        let metadata = std::fs::symlink_metadata(path).map_err(|error| fail(format!("its socket: {error}")))?;
        if metadata.uid() == rustix::process::geteuid().as_raw() {
            Ok(())
        } else {
            Err(fail(format!("its socket {} belongs to somebody else", path.display())))
        }
    }

    #[cfg(not(unix))]
    fn is_ours(&self) -> Result<()> {
        Ok(())
    }

    /// Remembers what the plugin is told in confidence.
    pub(crate) fn confide(&self, secret: &str) {
        self.known.add(secret);
    }

    /// One question, one answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        authorization: Option<String>,
        patience: Duration,
    ) -> Result<Bytes> {
        let question = Question { method, path, body, authorization, patience };
        let endpoint = endpoint(path);
        let answered = tokio::select! {
            answered = connection::ask(&self.address, question) => answered,
            failure = self.falls_silent(endpoint, patience) => Err(failure),
        };
        let has_ended = matches!(answered, Err(Failure::Unanswered(_))) && self.ends().await;
        answered.map_err(|failure| {
            let status = match &failure {
                Failure::Refused(status, _) => Some(status.as_u16()),
                _ => None,
            };
            let (kind, reason) = match failure {
                Failure::Unanswered(reason) if has_ended => {
                    (Kind::Misbehaves, format!("ended while it was asked {endpoint}: {reason}"))
                }
                Failure::Unanswered(reason) => (Kind::Misbehaves, format!("does not answer {endpoint}: {reason}")),
                Failure::Refused(status, text) if text.is_empty() => {
                    (Kind::Refused, format!("answered {status} to {endpoint}, without a reason"))
                }
                Failure::Refused(status, text) => {
                    (Kind::Refused, format!("answered {} to {endpoint}: {text}", status.as_u16()))
                }
                Failure::Broken(reason) => (Kind::Misbehaves, reason),
            };
            Error::new(kind, self.path.display(), self.known.clean(&reason)).with_status(status)
        })
    }

    /// Ends when the program works on a question and there is no sign that it does.
    async fn falls_silent(&self, endpoint: &str, patience: Duration) -> Failure {
        if patience <= UNWATCHED {
            return std::future::pending().await;
        }
        let group = self.child.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Started::id);
        let program = WorkingProgram { signs: &self.signs, folder: self.temporary.path(), group };
        let (silent, mut saying) = (program.falls_silent(self.silence), tokio::time::interval(WORTH_SAYING));
        tokio::pin!(silent);
        // The first tick is at once.
        saying.tick().await;
        let begin = Instant::now();
        loop {
            tokio::select! {
                () = &mut silent => break,
                _ = saying.tick() => {
                    let waited = begin.elapsed().as_secs();
                    tracing::info!(target: "ocm", "waiting for plugin {}: {endpoint}, for {waited} s", self.path.display());
                }
            }
        }
        // Whoever hangs does not end when it is asked to.
        drop(self.child.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.clear();
        let silence = self.silence.as_secs_f64();
        Failure::Broken(format!(
            "does not answer {endpoint} and was ended: for {silence} s it has said nothing, written nothing and computed nothing"
        ))
    }

    /// Whether it ends now: its last connection breaks a moment before.
    async fn ends(&self) -> bool {
        for _ in 0..10 {
            if self.has_ended() {
                return true;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        false
    }

    pub(crate) fn has_ended(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.as_mut().is_none_or(Started::has_ended)
    }

    /// Asks the plugin to end, and ends it when it does not within `patience`.
    pub(crate) async fn shut_down(&self, patience: Duration) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut child) = child else { return };
        let asked = async {
            let question =
                Question { method: Method::POST, path: "/shutdown", body: None, authorization: None, patience };
            // The SDK for Go ends its server and not always its answer.
            let _ = connection::ask(&self.address, question).await;
            let _ = child.wait().await;
        };
        if tokio::time::timeout(patience, asked).await.is_err() {
            let reason = format!("does not end within {} s and was ended", patience.as_secs_f64());
            tracing::warn!(target: "ocm", "plugin {}: {reason}", self.path.display());
        }
        drop(child);
        self.clear();
    }

    /// Removes the socket and its lock, when they have the name that this program gave.
    fn clear(&self) {
        if let Address::Unix(path) = &self.address
            && path.file_name().is_some_and(|name| name.to_string_lossy().contains(&self.id))
        {
            let mut lock = path.clone().into_os_string();
            lock.push(".lock");
            let _ = std::fs::remove_file(path);
            let _ = std::fs::remove_file(lock);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(child) = child {
            drop(child);
            self.clear();
        }
    }
}

/// Sockets of plugins are made in `/tmp`, whatever the system says; a container may not have it.
fn listens_on_sockets() -> bool {
    cfg!(unix) && Path::new("/tmp").is_dir()
}

/// A name for one run of a program: two runs of this program at a time do not meet, and nobody guesses it beforehand.
fn identifier(path: &Path) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = name(path).chars().take(LONGEST_NAME).map(plain).collect();
    let unguessable = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), &name);
    format!("{name}-{}-{}-{unguessable:x}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed))
}
