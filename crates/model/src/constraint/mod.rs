//! Constraints on versions, in the syntax of the Go library both older programs use (Masterminds semver).

mod comparator;
mod parse;

use std::fmt;
use std::str::FromStr;

use comparator::Comparator;

use crate::{Error, Result, Version};

/// A condition on versions: `>= 1.2, < 2`, `^1.0 || ~2.1`, `1.0 - 2.0`, `1.x`.
///
/// Parts side by side, separated by blanks or commas, must all hold; of the parts around `||` one must hold. A
/// pre-release matches only where the part (between `||`) names a pre-release itself: `>= 1.0.0-0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    text: String,
    alternatives: Vec<Vec<Comparator>>,
}

impl Constraint {
    /// What lists use when nothing else is asked for: every version, pre-releases too.
    pub const EVERYTHING: &'static str = "> 0.0.0-0";

    /// Reads a constraint. The empty text is `*`.
    ///
    /// # Errors
    ///
    /// Names the part of the text that cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        let alternatives = parse::alternatives(text)
            .map_err(|reason| Error::new(format_args!("version constraint {text:?}"), reason))?;
        Ok(Self { text: text.to_owned(), alternatives })
    }

    /// Whether a version satisfies the constraint.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|comparators| {
            let names_prerelease = comparators.iter().any(Comparator::names_prerelease);
            (names_prerelease || !version.is_prerelease())
                && comparators.iter().all(|comparator| comparator.matches(version))
        })
    }

    /// The constraint as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Constraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
