use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::print::escape;

/// How a run ended, for scripts. The numbers are part of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something failed that has no number of its own.
    Failed = 1,
    /// The command line or a constructor file is wrong.
    Usage = 2,
    /// Something named does not exist.
    NotFound = 3,
    /// Something different is already there.
    Conflict = 4,
    /// Content is not what its digest says.
    Verification = 5,
    /// Credentials are missing, wrong, or not allowed to do this.
    NotAuthorised = 6,
    /// Not everything could be done.
    Incomplete = 7,
    /// The other side did not answer.
    Unavailable = 8,
    /// Ctrl-C.
    Interrupted = 130,
}

/// A run that failed: the message, what to do next, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hints: Vec<String>,
}

impl Failure {
    /// A failure with a message for a person.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// A command line that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The message without what to do next.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }

    /// An exit code for something that was found out and has been printed.
    pub(crate) fn found(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// The same failure with another exit code where it has no number of its own.
    #[must_use]
    pub(crate) fn or(mut self, exit: Exit) -> Self {
        if self.exit == Exit::Failed {
            self.exit = exit;
        }
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints the message to the standard error and returns the exit code.
    ///
    /// Messages hold names from registries and files; they are made safe for terminals here.
    pub(crate) fn report(&self) -> ExitCode {
        if self.message.is_empty() {
            return ExitCode::from(self.exit as u8);
        }
        let safe = |text: &str| escape::message(&ocm::http::without_users(text));
        let hints = self.hints.iter().map(|hint| format!("hint: {}\n", safe(hint)));
        let text = format!("Error: {}\n{}", safe(&self.message), hints.collect::<Vec<_>>().concat());
        // Nobody is left to tell when the standard error is gone too.
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.exit as u8)
    }
}

/// Ends the program where it stands, for a thread that nobody listens to any more.
///
/// Nothing is printed: the thread that is stuck may hold the standard error.
#[cfg(unix)]
#[expect(clippy::exit, reason = "returning from main would wait for work that does not end")]
pub(crate) fn end_at_once(exit: Exit) -> ! {
    std::process::exit(exit as i32)
}

impl From<ocm::Error> for Failure {
    fn from(error: ocm::Error) -> Self {
        let exit = match error.kind() {
            ocm::Kind::Usage => Exit::Usage,
            ocm::Kind::NotFound => Exit::NotFound,
            ocm::Kind::Conflict => Exit::Conflict,
            ocm::Kind::Verification => Exit::Verification,
            ocm::Kind::Denied => Exit::NotAuthorised,
            ocm::Kind::Incomplete => Exit::Incomplete,
            ocm::Kind::Unavailable => Exit::Unavailable,
            _ => Exit::Failed,
        };
        Self { exit, message: error.to_string(), hints: error.hints().to_vec() }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(Exit::Failed, format!("report cannot be written as JSON: {error}"))
    }
}
