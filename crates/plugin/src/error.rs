use std::fmt;

/// Result of working with a plugin.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The program does not keep to the protocol: it says no JSON, too much, the wrong thing, or nothing at all.
    Misbehaves,
    /// The program answered that it cannot do this.
    Refused,
    /// What it was to be asked does not fit the schema that it announced.
    Invalid,
    /// The program cannot be started or reached.
    Unavailable,
}

/// A plugin that could not do what it was asked.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    plugin: String,
    reason: String,
    status: Option<u16>,
}

impl Error {
    pub(crate) fn new(kind: Kind, plugin: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { kind, plugin: plugin.to_string(), reason: reason.to_string(), status: None }
    }

    pub(crate) fn with_status(mut self, status: Option<u16>) -> Self {
        self.status = status;
        self
    }

    /// The status (RFC 9110) with which the plugin refused.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The program, by its path.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Why it failed, without the program.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin {}: {}", self.plugin, self.reason)
    }
}

impl std::error::Error for Error {}
