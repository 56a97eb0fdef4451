//! Names of components and of the elements in them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Longest name of a component, in bytes.
const LONGEST: usize = 255;

/// The name of a component: a DNS name of at least two labels and a path of at least one segment, `acme.org/product`.
///
/// Lower case only, at most 255 bytes (specification, *Component Identity*). A value of this type is always a legal name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ComponentName(String);

impl ComponentName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Says which part of the name breaks which rule.
    pub fn parse(text: &str) -> Result<Self> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => Err(Error::new(format_args!("component name {text:?}"), reason)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return Some(format!("has {} bytes, {LONGEST} are allowed", text.len()));
    }
    let Some((domain, path)) = text.split_once('/') else {
        return Some("has no path: write a domain, a slash and a name, such as acme.org/product".into());
    };
    let labels: Vec<&str> = domain.split('.').collect();
    if let Some(label) = labels.iter().find(|label| !is_segment(label, false)) {
        return Some(format!(
            "{label:?} is no part of a domain: lower-case letters, digits and `-`, beginning with a letter"
        ));
    }
    match labels.last() {
        Some(last) if labels.len() > 1 && last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_lowercase()) => {}
        _ => {
            return Some(format!(
                "{domain:?} is no domain: it ends in a dot and two or more lower-case letters, such as acme.org"
            ));
        }
    }
    let segment = path.split('/').flat_map(|segment| segment.split('.')).find(|part| !is_segment(part, true))?;
    Some(format!(
        "{segment:?} is no part of its path: lower-case letters, digits, `-` and `_`, beginning with a letter"
    ))
}

fn is_segment(text: &str, underscore: bool) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || (underscore && byte == b'_')
        })
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ComponentName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for ComponentName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ComponentName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<ComponentName> for String {
    fn from(name: ComponentName) -> Self {
        name.0
    }
}

/// Checks the name of a resource, source or reference, or a key of an extra identity: two or more lower-case letters,
/// digits, `-`, `_` or `+`, beginning and ending with a letter or a digit.
///
/// # Errors
///
/// Names the text and the rule.
pub fn check_element_name(text: &str) -> Result<()> {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let legal = bytes.len() >= 2
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|byte| edge(byte) || matches!(byte, b'-' | b'_' | b'+'));
    if legal {
        return Ok(());
    }
    Err(Error::new(
        format_args!("name {text:?}"),
        "must be two or more lower-case letters, digits, `-`, `_` or `+`, beginning and ending with a letter or a digit",
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn legal_names() {
        for name in ["acme.org/x", "a.b-c.io/p/q_r", "github.com/acme.org/hello-world", "x.yz/a-.b-"] {
            assert_eq!(ComponentName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn illegal_names_say_why() {
        for (name, part) in [
            ("acme.org", "no path"),
            ("acme/x", "no domain"),
            ("acme.o/x", "no domain"),
            ("acme.o1/x", "no domain"),
            ("Acme.org/x", "\"Acme\""),
            ("acme.org/X", "\"X\""),
            ("acme.org/", "\"\""),
            ("acme.org/a//b", "\"\""),
            ("acme.org/../b", "\"\""),
            ("1acme.org/b", "\"1acme\""),
            ("acme.org/1b", "\"1b\""),
            ("acme.org/b\n", "\"b\\n\""),
        ] {
            let error = ComponentName::parse(name).unwrap_err().to_string();
            assert!(error.contains(part), "{name}: {error}");
        }
        assert!(ComponentName::parse(&format!("acme.org/{}", "x".repeat(247))).is_err());
        assert!(ComponentName::parse(&format!("acme.org/{}", "x".repeat(246))).is_ok());
    }

    #[test]
    fn element_names() {
        for name in ["ab", "a-b", "0_1", "a+b"] {
            assert_eq!(check_element_name(name), Ok(()));
        }
        for name in ["", "a", "A1", "-a", "a-", "a.b", "ä1", "a b"] {
            assert!(check_element_name(name).is_err(), "{name}");
        }
    }
}
