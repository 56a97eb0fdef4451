//! A program that may be a plugin: asked what it offers, started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::lines::Lines;
use crate::redact::Confidences;
use crate::{Announcement, Error, Kind, Result, environment, log};

/// Largest announcement in bytes; those of real plugins have a few KiB.
const LARGEST: u64 = 4 << 20;

/// A program and what it offers.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file.
    pub path: PathBuf,
    /// What it said it offers.
    pub announcement: Announcement,
}

impl Program {
    /// The name of its file, without the extension that Windows wants.
    pub fn name(&self) -> String {
        name(&self.path)
    }
}

/// The name of a program by its file.
pub(crate) fn name(path: &Path) -> String {
    let name = if cfg!(windows) { path.file_stem() } else { path.file_name() };
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Asks a program what it offers: it is run with the one argument `capabilities`, sees of `environment` only what programs need
/// to work at all, and is ended when it takes longer than `patience`.
///
/// # Errors
/// It cannot be started, says what is no announcement, says too much, or does not end.
pub async fn ask(path: &Path, environment: &BTreeMap<String, String>, patience: Duration) -> Result<Announcement> {
    let fail = |kind, reason: String| Error::new(kind, path.display(), reason);
    let mut child = spawn(path, &["capabilities"], environment, None)?;
    let (output, errors) = (child.output(), child.errors());
    if let Some(errors) = errors {
        let (plugin, known) = (name(path), Confidences::of(environment));
        tokio::spawn(async move {
            let mut lines = Lines::new(errors);
            while let Some(line) = lines.next().await {
                log::say_again(&plugin, &line, &known, true);
            }
        });
    }
    let heard = async {
        let mut said = Vec::new();
        if let Some(output) = output {
            output.take(LARGEST + 1).read_to_end(&mut said).await?;
        }
        // Somebody who says too much is not waited for.
        let status = if said.len() as u64 > LARGEST { None } else { Some(child.wait().await?) };
        Ok::<_, std::io::Error>((said, status))
    };
    let heard = tokio::time::timeout(patience, heard).await;
    drop(child);
    let (said, status) = heard
        .map_err(|_| {
            fail(Kind::Misbehaves, format!("does not say what it offers within {} s", patience.as_secs_f64()))
        })?
        .map_err(|error| fail(Kind::Unavailable, error.to_string()))?;
    match status {
        None => Err(fail(Kind::Misbehaves, format!("says more than {LARGEST} bytes about what it offers"))),
        Some(status) if !status.success() => {
            Err(fail(Kind::Misbehaves, format!("ended with {status} when it was called with `capabilities`")))
        }
        Some(_) => Announcement::read(&said).map_err(|reason| fail(Kind::Misbehaves, reason)),
    }
}

/// Starts a program by its absolute path, without a shell.
pub(crate) fn spawn(
    path: &Path,
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
    temporary: Option<&Path>,
) -> Result<Started> {
    // A name without folders would be looked for on PATH.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut command = Command::new(whole);
    command.args(arguments).env_clear().envs(environment::passed(environment));
    if let Some(folder) = temporary {
        command.envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, folder)));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // A group of its own: what it starts can be ended with it.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map(Started::new).map_err(|error| {
        Error::new(Kind::Unavailable, path.display(), format!("cannot be started: {}", reason(&error)))
    })
}

/// Why a program cannot be started.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        // ENOEXEC: the loader knows neither the form nor the architecture.
        _ if cfg!(unix) && error.raw_os_error() == Some(8) => {
            format!("it is no program for this machine ({})", std::env::consts::ARCH)
        }
        std::io::ErrorKind::NotFound => "what it is run with is not on this machine".to_owned(),
        _ => error.to_string(),
    }
}

/// A program that was started. Dropped or ended, it takes everything with it that it has started: it has a group of its own, which
/// Ctrl-C on a terminal does not reach.
pub(crate) struct Started {
    child: Child,
    /// Its group, until it has ended. The number stays its own as long as anybody is in the group, and is nobody's from then on.
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl Started {
    fn new(child: Child) -> Self {
        #[cfg(unix)]
        let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        Self {
            child,
            #[cfg(unix)]
            group,
        }
    }

    /// The number of the program and of its group, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it says.
    pub(crate) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// What it says about itself.
    pub(crate) fn errors(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.end_group();
        status
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        let has_ended = !matches!(self.child.try_wait(), Ok(None));
        if has_ended {
            self.end_group();
        }
        has_ended
    }

    fn end_group(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group.take() {
            // It may be gone already.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end_group();
        let _ = self.child.start_kill();
    }
}
