use std::fmt;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A configuration says something that means nothing.
    Malformed,
    /// A file or program of this machine is missing or cannot be used.
    Local,
    /// A store refuses to say, or there is no way to ask it.
    Denied,
    /// A store does not answer.
    Unavailable,
}

/// Why credentials could not be had: which file, entry, helper or service, and what happened. Never what they said.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{subject}: {reason}")]
pub struct Error {
    kind: Kind,
    subject: String,
    reason: String,
}

impl Error {
    /// An error about a file, an entry of a configuration, a helper or a service.
    pub fn new(kind: Kind, subject: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { kind, subject: subject.to_string(), reason: reason.to_string() }
    }

    /// Names what led there in front.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.subject = format!("{place}: {}", self.subject);
        self
    }

    /// What happened, without what it happened to.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
