use schemars::JsonSchema;
use serde::Serialize;

/// What to look into.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Reference of a repository in a registry, or of a component in one.
    pub repository: String,
    /// Whether small test content may be pushed.
    pub write: bool,
    /// Certificate authorities that are trusted beside those of the system.
    pub authorities: Vec<Authority>,
}

/// Certificate authorities that somebody added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Who named them: `.ocmconfig:3:25`, `SSL_CERT_FILE`.
    pub origin: String,
    /// The certificates in PEM form.
    pub pem: Vec<u8>,
}

/// What was found out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Scheme and host of the registry.
    pub registry: String,
    /// The repository in it that was looked into.
    pub repository: String,
    /// Whether everything that is needed works.
    pub healthy: bool,
    /// The certificates that the registry showed, its own first; none without TLS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
    /// What makes the certificate trusted: an authority with the place that names it, or the system. Missing where it is not
    /// trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_by: Option<String>,
    /// What was looked at, in order.
    pub checks: Vec<Check>,
}

/// A certificate that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// From when it counts, as in RFC 3339.
    pub not_before: String,
    /// Until when it counts, as in RFC 3339.
    pub not_after: String,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What it is: `connection`, `certificate`, `clock`, `authentication`, `read`, `tags`, `referrers`, `range`, `upload`,
    /// `chunks`, `mount`, `index`, `subject`, `delete`.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
    /// What was found, and what to do about it. Nothing in it is secret.
    pub finding: String,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// The program works without it, but slower or not as well.
    Warning,
    /// The program does not work without it.
    Failed,
    /// It was not looked at.
    Skipped,
}

impl Outcome {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}
