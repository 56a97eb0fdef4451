/// Result of something with keys and signatures.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a signature does not count, or could not be made. Messages name what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Error {
    kind: Kind,
    reason: String,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A key, certificate or setting that cannot be read.
    Malformed,
    /// There is no key to sign or verify with.
    MissingKey,
    /// An algorithm, form or hash that is not known here, or not allowed.
    Unsupported,
    /// The signature is not one of this digest by this key.
    Rejected,
    /// The signature may be right, but nothing says that its maker is to be trusted.
    Untrusted,
    /// Somebody who takes part did not answer.
    Unavailable,
}

impl Error {
    /// An error with its reason.
    pub fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    /// A request without an answer: a service that fails, or settings that no connection can be made with.
    pub(crate) fn unanswered(error: &ocm_http::Error) -> Self {
        let kind = match error.kind() {
            ocm_http::Kind::Settings => Kind::Malformed,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Says what it is about: `subject: reason`.
    #[must_use]
    pub fn about(mut self, subject: impl std::fmt::Display) -> Self {
        self.reason = format!("{subject}: {}", self.reason);
        self
    }
}

pub(crate) fn malformed(reason: impl Into<String>) -> Error {
    Error::new(Kind::Malformed, reason)
}

pub(crate) fn rejected(reason: impl Into<String>) -> Error {
    Error::new(Kind::Rejected, reason)
}

pub(crate) fn untrusted(reason: impl Into<String>) -> Error {
    Error::new(Kind::Untrusted, reason)
}

pub(crate) fn unsupported(reason: impl Into<String>) -> Error {
    Error::new(Kind::Unsupported, reason)
}
