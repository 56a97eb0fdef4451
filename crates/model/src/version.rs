//! Versions, and the tags that stand for them in registries.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use schemars::JsonSchema;
use semver::{BuildMetadata, Prerelease};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The version of a component or an artifact: semantic versioning with an optional `v` in front and optional minor and
/// patch numbers (`1`, `v1.2`, `1.2.3-rc.1+build`).
///
/// It keeps its spelling, and two spellings are two versions: `1.0.0`, `v1.0.0` and `1.0` are not equal. The order is
/// the one of semantic versioning; spellings it holds for equal are ordered by their build and then by their text, so
/// that nothing collapses in a sorted list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Version {
    text: String,
    numbers: [u64; 3],
    prerelease: Prerelease,
    build: BuildMetadata,
}

impl Version {
    /// Reads a version.
    ///
    /// # Errors
    ///
    /// Names the text and the part of it that is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).map_err(|reason| Error::new(format_args!("version {text:?}"), reason))
    }

    fn read(text: &str) -> Result<Self, String> {
        let (rest, build) = match text.split_once('+') {
            Some((rest, "")) => return Err(format!("nothing follows the `+` of {rest:?}")),
            Some((rest, build)) => {
                (rest, BuildMetadata::new(build).map_err(|error| format!("build {build:?}: {error}"))?)
            }
            None => (text, BuildMetadata::EMPTY),
        };
        let (core, prerelease) = match rest.split_once('-') {
            Some((core, "")) => return Err(format!("nothing follows the `-` of {core:?}")),
            Some((core, prerelease)) => {
                (core, Prerelease::new(prerelease).map_err(|error| format!("pre-release {prerelease:?}: {error}"))?)
            }
            None => (rest, Prerelease::EMPTY),
        };
        let mut numbers = [0; 3];
        let mut parts = core.strip_prefix('v').unwrap_or(core).split('.');
        for (position, number) in numbers.iter_mut().enumerate() {
            match parts.next() {
                Some(part) => *number = read_number(part)?,
                None if position == 0 => return Err("has no major number".into()),
                None => break,
            }
        }
        match parts.next() {
            Some(part) => Err(format!("{part:?} is a fourth number: a version has major, minor and patch")),
            None => Ok(Self { text: text.to_owned(), numbers, prerelease, build }),
        }
    }

    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Major number.
    pub fn major(&self) -> u64 {
        self.numbers[0]
    }

    /// Minor number, 0 when not written.
    pub fn minor(&self) -> u64 {
        self.numbers[1]
    }

    /// Patch number, 0 when not written.
    pub fn patch(&self) -> u64 {
        self.numbers[2]
    }

    /// What follows the `-`, empty for a release.
    pub fn prerelease(&self) -> &str {
        self.prerelease.as_str()
    }

    /// What follows the `+`, empty when there is none.
    pub fn build(&self) -> &str {
        self.build.as_str()
    }

    /// Whether it has a pre-release part.
    pub fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// The order of semantic versioning, which holds `1.0.0`, `v1.0` and `1.0.0+a` for equal.
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| self.prerelease.cmp(&other.prerelease))
    }

    pub(crate) fn compare_parts(&self, numbers: [u64; 3], prerelease: &Prerelease) -> Ordering {
        self.numbers.cmp(&numbers).then_with(|| self.prerelease.cmp(prerelease))
    }

    /// The tag that stands for the version in a registry.
    pub fn to_tag(&self) -> String {
        to_tag(&self.text)
    }

    /// Reads the version back out of a tag.
    ///
    /// # Errors
    ///
    /// The tag does not stand for a version.
    pub fn from_tag(tag: &str) -> Result<Self> {
        Self::parse(&from_tag(tag))
    }
}

fn read_number(part: &str) -> Result<u64, String> {
    if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{part:?} is not a number"));
    }
    if part.len() > 1 && part.starts_with('0') {
        return Err(format!("the number {part:?} begins with a zero"));
    }
    part.parse().map_err(|_| format!("the number {part} is too large"))
}

/// Turns the text of a version into a tag: tags have no `+`, so it becomes `.build-`.
pub fn to_tag(version: &str) -> String {
    // A legal version has one `+`. Replacing all of them, as the older program does, keeps the tag legal in any case.
    version.replace('+', ".build-")
}

/// Turns a tag back into the text of a version: the last `.build-` becomes `+`.
///
/// A version that itself contains `.build-` cannot be told from one with a build; the annotation
/// `software.ocm.componentversion` of the manifest settles it.
pub fn from_tag(tag: &str) -> String {
    match tag.rsplit_once(".build-") {
        Some((version, build)) => format!("{version}+{build}"),
        None => tag.to_owned(),
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.precedence(other).then_with(|| self.build.cmp(&other.build)).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Version {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn relaxed_spellings() {
        for text in ["1", "v1", "1.2", "0.0.0", "v1.2.3-rc.1+b", "1-rc", "1.2+b.01", "1.0.0-a-b.c", "1.0.0--"] {
            assert_eq!(Version::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "v",
            "x",
            "1.",
            ".1",
            "1.2.3.4",
            "01",
            "1.02",
            "1.0.0-01",
            "1.0.0-",
            "1.0.0+",
            "1.0.0+a+b",
            "V1",
            "1.0.0-ü",
            " 1",
            "1\n",
            "1.0.0-a..b",
            "99999999999999999999",
        ] {
            assert!(Version::parse(text).is_err(), "{text:?}");
        }
        assert!(Version::parse("1.x").unwrap_err().to_string().contains("\"x\" is not a number"));
    }

    #[test]
    fn equal_precedence_never_collapses() {
        let mut versions: Vec<Version> =
            ["1.0.0+b", "v1.0.0", "1.0", "1.0.1", "1", "1.0.0", "1.0.0-rc.2", "1.0.0+a", "1.0.0-rc.10"]
                .map(|text| Version::parse(text).unwrap())
                .into();
        versions.sort();
        let text: Vec<&str> = versions.iter().map(Version::as_str).collect();
        assert_eq!(text, ["1.0.0-rc.2", "1.0.0-rc.10", "1", "1.0", "1.0.0", "v1.0.0", "1.0.0+a", "1.0.0+b", "1.0.1"]);
        versions.dedup();
        assert_eq!(versions.len(), 9);
    }

    #[test]
    fn tags() {
        for (version, tag) in [
            ("1.0.0", "1.0.0"),
            ("v1.0.0-rc.1", "v1.0.0-rc.1"),
            ("1.0.0-rc.1+65", "1.0.0-rc.1.build-65"),
            ("1.0.0+build.5", "1.0.0.build-build.5"),
        ] {
            assert_eq!(Version::parse(version).unwrap().to_tag(), tag);
            assert_eq!(Version::from_tag(tag).unwrap().as_str(), version);
        }
        assert!(Version::from_tag("latest").is_err());
    }
}
