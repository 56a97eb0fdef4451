use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

use crate::hex;

/// A hash algorithm that may name content (OCI image specification, *Digests*: registered algorithms).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the one that every implementation must support.
    Sha256,
    /// SHA-512, optional in the specification.
    Sha512,
}

impl Algorithm {
    /// The name in front of the colon: `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the hash in bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The digest of some content, `algorithm:hex`.
///
/// Parsed once and valid from then on: a registered algorithm and exactly as many lower-case hexadecimal digits as it
/// has. A value of this type can therefore be used in a URL or as a file name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    hash: Hash,
}

/// Up to 64 bytes of hash, the unused rest zero.
type Hash = [u8; 64];

/// Text that is not a digest.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is not a digest: sha256 with 64 or sha512 with 128 lower-case hexadecimal digits is expected")]
pub struct InvalidDigest(pub String);

impl Digest {
    /// The SHA-256 digest of some bytes in memory.
    pub fn of(content: impl AsRef<[u8]>) -> Self {
        let mut digester = Digester::new(Algorithm::Sha256);
        digester.update(content.as_ref());
        digester.finish()
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash as lower-case hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> String {
        hex::encode(&self.hash[..self.algorithm.len()])
    }

    /// The name of the file that holds the content in a flat folder: `sha256.<hex>`.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.algorithm.name(), self.hex())
    }

    /// The reverse of [`Digest::file_name`]; also takes the colon.
    pub fn from_file_name(name: &str) -> Result<Self, InvalidDigest> {
        name.replacen('.', ":", 1).parse()
    }

    /// Joins an algorithm and hexadecimal digits.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(format!("{}:{hex}", algorithm.name()));
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(invalid()),
        };
        if hex.len() != algorithm.len() * 2 {
            return Err(invalid());
        }
        let mut hash = [0; 64];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self { algorithm, hash })
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDigest(text.to_owned());
        let (name, hex) = text.split_once(':').ok_or_else(invalid)?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(invalid()),
        };
        Self::from_hex(algorithm, hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A digest in the making.
#[derive(Clone)]
pub struct Digester(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Digester {
    /// Starts with no bytes.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        let mut hash = [0; 64];
        let algorithm = match self.0 {
            State::Sha256(state) => {
                hash[..32].copy_from_slice(&state.finalize());
                Algorithm::Sha256
            }
            State::Sha512(state) => {
                hash.copy_from_slice(&state.finalize());
                Algorithm::Sha512
            }
        };
        Digest { algorithm, hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_whole_lower_case_digests() {
        let good = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(good.parse::<Digest>().unwrap().to_string(), good);
        for bad in
            ["sha256:", "sha256:../../x", "md5:00", &good.to_uppercase(), &good[..70], &format!("{good}0"), "sha512:ab"]
        {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_known_content() {
        assert_eq!(Digest::of("testdata").hex(), "810ff2fb242a5dee4220f2cb0e6a519891fb67f2f828a6cab4ef8894633b1f50");
        let digest = Digest::of("");
        assert_eq!(Digest::from_file_name(&digest.file_name()).unwrap(), digest);
    }
}
