use std::cmp::Ordering;
use std::collections::BTreeMap;

use ocm_blob::Digest;
use ocm_model::constraint::Constraint;
use ocm_model::{Version, yaml};
use ocm_oci::{Error, Kind};
use serde::Deserialize;

use crate::Result;

/// Largest `index.yaml` in bytes. The largest public ones have about 20 MiB.
pub(super) const INDEX_LIMIT: u64 = 48 << 20;

/// `index.yaml` of a Helm repository, as far as it is needed.
#[derive(Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    entries: BTreeMap<String, Option<Vec<Entry>>>,
}

/// One version of a chart.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    urls: Option<Vec<String>>,
    #[serde(default)]
    digest: Option<String>,
}

impl Entry {
    /// Where the chart is: an address, or a path below the repository.
    pub(super) fn url(&self) -> Option<&str> {
        self.urls.as_deref()?.first().map(String::as_str)
    }

    /// Digest of the packed chart. Old repositories write none.
    ///
    /// # Errors
    /// There is one that cannot be checked: without it, anything would pass for the chart.
    pub(super) fn digest(&self, subject: &str) -> Result<Option<Digest>> {
        let Some(written) = self.digest.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let text = written.to_ascii_lowercase();
        let text = if text.contains(':') { text } else { format!("sha256:{text}") };
        let wrong = |error| {
            let version = &self.version;
            Error::invalid(subject, format!("the digest {written:?} of version {version} cannot be checked: {error}"))
        };
        text.parse().map(Some).map_err(wrong)
    }
}

impl Index {
    pub(super) fn read(subject: &str, text: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| Error::invalid(subject, "is not UTF-8"))?;
        yaml::read(text).map_err(|error| Error::invalid(subject, format!("is no index of charts: {error}")))
    }

    /// The version of a chart that is asked for: exactly this one, else the newest that a constraint allows; without a
    /// version the newest that is no pre-release, as Helm does it.
    pub(super) fn find(&self, subject: &str, chart: &str, wanted: Option<&str>) -> Result<&Entry> {
        let none = || Error::not_found(format!("chart {chart} in {subject}"));
        let entries = self.entries.get(chart).and_then(Option::as_deref).ok_or_else(none)?;
        let wanted = wanted.unwrap_or("*");
        if let Some(exact) = entries.iter().find(|entry| entry.version == wanted) {
            return Ok(exact);
        }
        let parsed = |entry: &Entry| Version::parse(&entry.version).ok();
        let same = Version::parse(wanted)
            .ok()
            .filter(|_| wanted.starts_with(|first: char| first == 'v' || first.is_ascii_digit()));
        let found = match same.filter(|_| wanted.matches('.').count() >= 2) {
            // `v1.0.0` asks for `1.0.0`, too.
            Some(same) => entries.iter().find(|entry| {
                parsed(entry).is_some_and(|own| own.precedence(&same) == Ordering::Equal && own.build() == same.build())
            }),
            None => {
                let constraint = Constraint::parse(wanted)
                    .map_err(|error| Error::new(Kind::Malformed, format!("chart {chart}"), error))?;
                let allowed = entries.iter().filter_map(|entry| Some((entry, parsed(entry)?)));
                let allowed = allowed.filter(|(_, version)| constraint.matches(version));
                allowed.max_by(|(_, left), (_, right)| left.precedence(right)).map(|(entry, _)| entry)
            }
        };
        found.ok_or_else(|| {
            let known: Vec<&str> = entries.iter().take(5).map(|entry| entry.version.as_str()).collect();
            let reason = format!("has no version {wanted}; there is {}", known.join(", "));
            Error::new(Kind::NotFound, format!("chart {chart} in {subject}"), reason)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const INDEX: &str = "apiVersion: v1\nentries:\n  app:\n  - {version: 1.10.0, urls: [app-1.10.0.tgz]}\n  - {version: 2.0.0-rc.1}\n  - version: 1.9.0\n    digest: 2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824\n  - {version: not a version}\n  empty:\n";

    #[test]
    fn versions_are_found_as_helm_finds_them() {
        let index = Index::read("index", INDEX.as_bytes()).unwrap();
        let found = |wanted: Option<&str>| index.find("index", "app", wanted).map(|entry| entry.version.clone());
        for (wanted, version) in [
            (None, "1.10.0"),
            (Some("1.9.0"), "1.9.0"),
            (Some("v1.9.0"), "1.9.0"),
            (Some("<1.10"), "1.9.0"),
            (Some("~1.9"), "1.9.0"),
            (Some(">= 2.0.0-0"), "2.0.0-rc.1"),
            (Some("not a version"), "not a version"),
        ] {
            assert_eq!(found(wanted).unwrap(), version, "{wanted:?}");
        }
        let error = found(Some("3.0.0")).unwrap_err();
        assert!(error.kind() == Kind::NotFound && error.to_string().contains("1.10.0"), "{error}");
        for chart in ["other", "empty"] {
            assert_eq!(index.find("index", chart, None).unwrap_err().kind(), Kind::NotFound);
        }
        let entry = index.find("index", "app", Some("1.9.0")).unwrap();
        assert_eq!(entry.digest("index").unwrap(), Some(Digest::of("hello")));
        for (written, counts) in [(None, true), (Some(""), true), (Some("2cf24dba"), false), (Some("md5:00"), false)] {
            let entry = Entry { digest: written.map(str::to_owned), ..entry.clone() };
            assert_eq!(entry.digest("index").ok(), counts.then_some(None), "{written:?}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut text = "entries: {}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let items = vec![format!("*a{}", level - 1); 9].join(", ");
            let _ = writeln!(text, "a{level}: &a{level} [{items}]");
        }
        assert!(Index::read("index", text.as_bytes()).is_err());
        assert!(Index::read("index", b"<html>").is_err());
    }
}
