use std::{fmt, io};

/// What kind of failure it was. Programs turn it into an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Kind {
    /// What was asked for makes no sense: a wrong reference, flag or file.
    Usage,
    /// Something named does not exist.
    NotFound,
    /// Something different is already there.
    Conflict,
    /// Content is not what its digest or signature says.
    Verification,
    /// Credentials are missing, wrong, or not allowed to do this.
    Denied,
    /// Not everything could be done.
    Incomplete,
    /// The other side did not answer.
    Unavailable,
    /// Everything else.
    Other,
}

/// A verb that failed: why, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hints: Vec<String>,
}

impl Error {
    /// An error with a message for a person.
    pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), hints: Vec::new() }
    }

    /// An error about what was asked for.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// An error about a file that was named and cannot be read. A name that leads to no file is a mistake in what was asked for;
    /// what the system refuses has no kind of its own.
    pub fn unreadable(file: impl fmt::Display, error: &io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound};
        let is_no_file = [NotFound, IsADirectory, NotADirectory, InvalidInput, InvalidData].contains(&error.kind());
        Self::new(if is_no_file { Kind::Usage } else { Kind::Other }, format!("{file}: {error}"))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says what was being done: `context: message`.
    #[must_use]
    pub fn during(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Adds what to do next where that is known.
    fn advised(self, advice: impl IntoIterator<Item = impl Into<String>>) -> Self {
        advice.into_iter().fold(self, Self::hint)
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do next, one sentence each.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<ocm_config::Error> for Error {
    fn from(error: ocm_config::Error) -> Self {
        Self::usage(format!("configuration {error}"))
    }
}

impl From<ocm_credentials::Error> for Error {
    fn from(error: ocm_credentials::Error) -> Self {
        let kind = match error.kind() {
            ocm_credentials::Kind::Malformed => Kind::Usage,
            ocm_credentials::Kind::Denied => Kind::Denied,
            ocm_credentials::Kind::Unavailable => Kind::Unavailable,
            _ => Kind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<ocm_oci::Error> for Error {
    fn from(error: ocm_oci::Error) -> Self {
        let advice = error.advice();
        Self::new(error.kind().into(), error).advised(advice)
    }
}

impl From<ocm_transfer::Error> for Error {
    fn from(error: ocm_transfer::Error) -> Self {
        let kind = match error.kind() {
            ocm_transfer::Kind::Conflict => Kind::Conflict,
            ocm_transfer::Kind::Verification => Kind::Verification,
            ocm_transfer::Kind::Incomplete => Kind::Incomplete,
            ocm_transfer::Kind::Naming => Kind::Usage,
            ocm_transfer::Kind::Place(kind) => kind.into(),
            _ => Kind::Other,
        };
        let hints = error.hints();
        Self::new(kind, error).advised(hints)
    }
}

impl From<ocm_oci::Kind> for Kind {
    fn from(kind: ocm_oci::Kind) -> Self {
        match kind {
            ocm_oci::Kind::NotFound => Self::NotFound,
            ocm_oci::Kind::Denied | ocm_oci::Kind::ReadOnly => Self::Denied,
            ocm_oci::Kind::Conflict => Self::Conflict,
            ocm_oci::Kind::Invalid => Self::Verification,
            ocm_oci::Kind::Malformed => Self::Usage,
            ocm_oci::Kind::Unavailable => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

impl From<ocm_constructor::build::Error> for Error {
    fn from(error: ocm_constructor::build::Error) -> Self {
        use ocm_constructor::build::Error as Build;
        match &error {
            Build::File(_) => Self::usage(error),
            Build::Exists { .. } | Build::Differs { .. } => Self::new(Kind::Conflict, error)
                .hint("--component-version-conflict-policy skip keeps what is there, replace replaces it"),
            Build::Content { source, .. } => Self::new(source.kind().into(), error),
            Build::Repository(source) => Self::new(source.kind().into(), source),
            _ => Self::new(Kind::Other, error),
        }
    }
}
