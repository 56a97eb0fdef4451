//! What a verification found out.

use std::collections::BTreeSet;

use ocm_model::DigestSpec;
use ocm_signing::{Timestamped, Verified};
use schemars::JsonSchema;
use serde::Serialize;

use super::Visit;
use crate::trust::references::Followed;
use crate::trust::variant::Variant;
use crate::{Error, Kind};

/// What was verified, and what is wrong.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One entry per component version.
    pub versions: Vec<VersionReport>,
}

impl Report {
    /// What is wrong, as one error; `None` if everything that was asked for was verified. What does not verify weighs more than
    /// what could not be looked at.
    pub fn error(&self) -> Option<Error> {
        let failed: Vec<&VersionReport> = self.versions.iter().filter(|version| !version.verified).collect();
        let failures: Vec<&Failure> = failed.iter().flat_map(|version| &version.failures).collect();
        let Some(first) = failures.first() else {
            let unverified = || failed.iter().map(|version| format!("{}:{}", version.component, version.version));
            let nothing = self.versions.is_empty().then(|| "no component version was verified".to_owned());
            let message = nothing.or_else(|| {
                (!failed.is_empty()).then(|| format!("not verified: {}", unverified().collect::<Vec<_>>().join(", ")))
            });
            return message.map(|message| Error::new(Kind::Verification, message));
        };
        let is_wrong = failures.iter().any(|failure| failure.kind == Kind::Verification);
        let kind = if is_wrong { Kind::Verification } else { first.kind };
        let (mut said, mut hints) = (BTreeSet::new(), Vec::new());
        let mut messages: Vec<&str> = Vec::new();
        for failure in &failures {
            if said.insert(failure.message.as_str()) {
                messages.push(&failure.message);
            }
            hints.extend(failure.hints.iter().filter(|hint| said.insert(hint.as_str())));
        }
        let error = Error::new(kind, messages.join("\n"));
        Some(hints.into_iter().fold(error, |error, hint| error.hint(hint.clone())))
    }
}

/// What was found out about one component version.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionReport {
    /// Name of the component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// Whether all that was asked for is right, at least one signature among it.
    pub verified: bool,
    /// Signatures that are right. Those that are not are among the failures.
    pub signatures: Vec<SignatureReport>,
    /// Names of signatures that nobody asked for, and that were not looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub ignored_signatures: Vec<String>,
    /// Referenced versions that are the ones that were signed.
    pub references: usize,
    /// Every reference of the version and of everything it refers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub followed: Vec<Followed>,
    /// Resources whose content is the one that was signed, also of referenced versions.
    pub resources: usize,
    /// Resources whose content was not read, because it was not asked for.
    pub resources_unread: usize,
    /// What is not covered by the signatures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Versions whose references lead to what no signature that is right covers.
    #[serde(skip)]
    pub(super) open: Vec<String>,
    /// What the digest was made of, if it was asked for.
    #[serde(skip)]
    pub visit: Option<Visit>,
}

impl VersionReport {
    pub(super) fn failed(component: &str, version: &str, error: &Error) -> Self {
        let mut report = Self { component: component.to_owned(), version: version.to_owned(), ..Self::default() };
        // What was asked for is not there: that is another kind of failure than something wrong with it.
        let kind = error.kind();
        report.fail(error, None);
        report.failures.iter_mut().for_each(|failure| failure.kind = kind);
        report
    }

    /// Notes a failure, of a signature if one is named.
    pub(super) fn fail(&mut self, error: &Error, signature: Option<&str>) {
        // What cannot be found cannot be verified.
        let kind = if error.kind() == Kind::NotFound { Kind::Verification } else { error.kind() };
        let (message, hints) = (error.to_string(), error.hints().to_vec());
        self.failures.push(Failure { kind, signature: signature.map(str::to_owned), message, hints });
    }

    pub(super) fn warn(&mut self, warnings: Vec<String>) {
        self.warnings.extend(warnings);
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind of failure it is.
    #[schemars(with = "String")]
    pub kind: Kind,
    /// Name of the signature that is not right, or not there; absent if it is no signature that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// A signature that is right.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureReport {
    /// Its name.
    pub name: String,
    /// What it is over.
    pub digest: DigestSpec,
    /// Its algorithm.
    pub algorithm: String,
    /// What the digest was made of.
    pub made_of: Variant,
    /// Why it counts.
    #[schemars(with = "serde_json::Value")]
    pub evidence: Verified,
    /// When it was made, at the latest, as an authority says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub timestamp: Option<Timestamped>,
    /// Why a timestamp that is there says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_unjudged: Option<String>,
}
