use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What tells one element of a component version from the others: its name, its version, its extra identity.
///
/// Attributes are sorted by key; printed as `name=x,version=1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Identity(pub BTreeMap<String, String>);

impl Identity {
    /// Reads `key=value,key=value`. A value may contain `=`; it cannot contain a comma.
    ///
    /// # Errors
    ///
    /// Names the attribute that has no `=`, no key, no value, or a key that stands there twice.
    pub fn parse(text: &str) -> Result<Self> {
        let fault = |reason: String| Error::new(format_args!("identity {text:?}"), reason);
        if text.trim().is_empty() {
            return Err(fault("is empty: write key=value, such as name=image".into()));
        }
        let mut attributes = BTreeMap::new();
        for attribute in text.split(',') {
            let Some((key, value)) = attribute.split_once('=') else {
                return Err(fault(format!("{attribute:?} has no `=`: write key=value")));
            };
            let (key, value) = (key.trim(), value.trim());
            if key.is_empty() {
                return Err(fault(format!("{attribute:?} has no key in front of its `=`")));
            }
            if value.is_empty() {
                return Err(fault(format!("{key:?} has no value")));
            }
            if attributes.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(fault(format!("{key:?} is given twice")));
            }
        }
        Ok(Self(attributes))
    }

    /// The value of an attribute.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether every attribute of `selector` is present with the same value.
    pub fn contains(&self, selector: &Self) -> bool {
        selector.0.iter().all(|(key, value)| self.0.get(key) == Some(value))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, value)) in self.0.iter().enumerate() {
            write!(f, "{}{key}={value}", if position == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Identity {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(attributes: I) -> Self {
        Self(attributes.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl FromStr for Identity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        let identity = Identity::parse("version=1.0.0, name=image,os=a=b").unwrap();
        assert_eq!(identity.to_string(), "name=image,os=a=b,version=1.0.0");
        assert_eq!(Identity::parse(&identity.to_string()).unwrap(), identity);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("", "is empty"),
            ("name", "has no `=`"),
            ("name=a,", "\"\" has no `=`"),
            ("=a", "no key"),
            ("name=", "\"name\" has no value"),
            ("a=1,a=2", "\"a\" is given twice"),
        ] {
            let error = Identity::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
