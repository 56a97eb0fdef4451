use pgp::types::{Fingerprint, KeyDetails};

use crate::Result;
use crate::error::malformed;
use ocm_blob::hex;

/// Which key is meant, by its fingerprint or the last half of it that names keys (key id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySelection(Vec<u8>);

impl KeySelection {
    /// Reads a fingerprint of 40 (or, of version 6, 64) hexadecimal digits or a key id of 16; blanks and `0x` do not matter.
    ///
    /// # Errors
    /// Anything else; shorter names fit keys that somebody else can make.
    pub fn parse(text: &str) -> Result<Self> {
        let digits: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        let digits = digits.strip_prefix("0x").unwrap_or(&digits);
        hex::decode(digits).filter(|bytes| [8, 20, 32].contains(&bytes.len())).map(Self).ok_or_else(|| {
            malformed(format!(
                "{text:?} names no OpenPGP key: 40 hexadecimal digits of its fingerprint or 16 of its id do"
            ))
        })
    }

    pub(super) fn fits(&self, key: &impl KeyDetails) -> bool {
        match self.0.len() {
            8 => key.legacy_key_id().as_ref() == self.0,
            _ => key.fingerprint().as_bytes() == self.0,
        }
    }
}

/// A fingerprint as it is usually written.
pub(super) fn written(fingerprint: &Fingerprint) -> String {
    hex::encode(fingerprint.as_bytes()).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_refused() {
        assert!(KeySelection::parse(&"ab".repeat(20)).is_ok());
        assert!(KeySelection::parse("0x174D 8F4A 427C 81E5").is_ok());
        for wrong in ["", "427C81E5", "release@acme.org", &"ab".repeat(19)] {
            assert!(KeySelection::parse(wrong).is_err(), "{wrong}");
        }
    }
}
