use std::fmt;

/// Text or data that does not follow the model: what it was, and what is wrong with it.
///
/// The text reads `<subject>: <reason>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {reason}")]
pub struct Error {
    subject: String,
    reason: String,
}

impl Error {
    /// An error about a subject that a person recognises: `version "1.x"`, `component descriptor`.
    pub fn new(subject: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { subject: subject.to_string(), reason: reason.to_string() }
    }

    /// What it was about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What is wrong, without the subject.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Result of reading text or data of the model.
pub type Result<T, E = Error> = std::result::Result<T, E>;
