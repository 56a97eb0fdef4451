use schemars::JsonSchema;
use serde::Serialize;

/// What to look into.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Reference of a repository in a registry, or of a component in one.
    pub repository: String,
    /// Whether small test content may be pushed.
    pub write: bool,
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
    /// What was looked at, in order.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What it is: `connection`, `certificate`, `clock`, `authentication`, `read`, `lists`, `referrers`, `range`, `upload`,
    /// `chunks`, `mount`, `index`, `delete`.
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
