use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, Zeroizing};

/// Something that is never printed and is overwritten when it is no longer needed: a password, a token, a key.
///
/// Text unless said otherwise; keys are bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize = String>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes care of something.
    pub fn new(secret: impl Into<T>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }
}

impl<T: Zeroize + Deref> Secret<T> {
    /// What it is, for the one place that needs it.
    pub fn reveal(&self) -> &T::Target {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_empty()
    }
}

impl Secret<Vec<u8>> {
    /// The bytes without the line feed that editors put at the end of a file.
    pub fn trimmed(&self) -> &[u8] {
        let bytes = self.0.strip_suffix(b"\n").unwrap_or(&self.0);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }
}

impl<T: Zeroize + Hash> Hash for Secret<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        T::hash(&self.0, state);
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        let (text, bytes) = (Secret::<String>::new("canary"), Secret::<Vec<u8>>::new("canary\r\n"));
        assert_eq!(format!("{text:?} {bytes:?}"), "*** ***");
        assert_eq!((text.reveal(), bytes.trimmed()), ("canary", &b"canary"[..]));
    }
}
