use std::fmt;

use super::DistinguishedName;
use crate::Result;

/// What the subject of a certificate must have: these attributes at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(DistinguishedName);

impl Subject {
    /// Reads a distinguished name, or a common name alone.
    ///
    /// # Errors
    /// As [`DistinguishedName::parse`].
    pub fn parse(text: &str) -> Result<Self> {
        DistinguishedName::parse(text).map(Self)
    }

    /// Whether a name has all of it.
    pub fn matches(&self, name: &DistinguishedName) -> bool {
        name.contains(&self.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
