use std::fmt;

/// What kind of failure it was; decides about retries, exit codes and advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The thing asked for does not exist.
    NotFound,
    /// Credentials are missing, wrong, or not allowed to do this.
    Denied,
    /// The place takes nothing from anybody: a mirror, a cache, a registry under maintenance.
    ReadOnly,
    /// The content or the request is not valid.
    Invalid,
    /// What was asked for is no reference, host or name that could exist, or the settings for it cannot be used.
    Malformed,
    /// Something else is already there.
    Conflict,
    /// The other side did not answer, or not in time.
    Unavailable,
    /// The place cannot do this.
    Unsupported,
    /// A local failure: a full disk, a missing permission.
    Local,
}

impl Kind {
    /// What helps against every failure of this kind.
    fn advice(self) -> Option<&'static str> {
        match self {
            Self::Unavailable => {
                Some("check the address, and that a registry answers there; if it is busy, run the same again later")
            }
            Self::ReadOnly => Some(
                "the registry takes no uploads here: it is a mirror, a cache or closed for writing; push to the one behind it",
            ),
            _ => None,
        }
    }
}

/// A failed operation on a place: what was done, to which reference, and why it failed.
///
/// The text reads `<subject>: <reason>`; callers put what they were doing in front of it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    subject: String,
    reason: String,
    repeated: u64,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error about a reference, a file, or another subject that a person recognises.
    pub fn new(kind: Kind, subject: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { kind, subject: subject.to_string(), reason: reason.to_string(), repeated: 0, source: None }
    }

    /// The subject does not exist.
    pub fn not_found(subject: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, subject, "not found")
    }

    /// The subject's content is not valid.
    pub fn invalid(subject: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::new(Kind::Invalid, subject, reason)
    }

    /// What helps against it, unless it says that by itself.
    pub fn advice(&self) -> Option<&'static str> {
        let http = self.source.as_ref().and_then(|source| source.downcast_ref::<ocm_http::Error>());
        match http.map(ocm_http::Error::kind) {
            Some(ocm_http::Kind::Tls | ocm_http::Kind::PlainServer) => None,
            _ => self.kind.advice(),
        }
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says which side of a copy failed: `source`, `target`.
    #[must_use]
    pub fn on(mut self, side: &str) -> Self {
        self.subject = format!("{side} {}", self.subject);
        self
    }

    /// Says how often content was sent once more before it was given up.
    #[must_use]
    pub fn after(mut self, repeated: u64) -> Self {
        self.repeated = repeated;
        self
    }

    /// Times content had to be sent once more, all of it or what was missing, before this failure.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it was about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Why it failed, without the subject.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// For `map_err`: an error of the bytes of `subject`.
    pub fn blob(subject: impl fmt::Display) -> impl FnOnce(ocm_blob::Error) -> Self {
        let subject = subject.to_string();
        // Many of these errors name their file, which often is the subject.
        let reason = |error: &ocm_blob::Error, subject: &str| {
            let text = error.to_string();
            text.strip_prefix(subject).and_then(|text| text.strip_prefix(": ")).map_or(text.clone(), str::to_owned)
        };
        move |error| match error {
            ocm_blob::Error::Source(source) => match source.downcast::<Self>() {
                Ok(error) => *error,
                Err(source) => Self::new(Kind::Unavailable, subject, source),
            },
            ocm_blob::Error::File { .. } | ocm_blob::Error::Io(_) => {
                let kind = match &error {
                    ocm_blob::Error::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                        Kind::NotFound
                    }
                    _ => Kind::Local,
                };
                let reason = reason(&error, &subject);
                Self::new(kind, subject, reason).caused_by(error)
            }
            error => {
                let reason = reason(&error, &subject);
                Self::new(Kind::Invalid, subject, reason).caused_by(error)
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The reason already tells what the source says; the next cause below it is the news.
        self.source.as_deref().and_then(std::error::Error::source)
    }
}
