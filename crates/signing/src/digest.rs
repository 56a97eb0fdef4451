use ocm_blob::hex;
use ocm_model::DigestSpec;
use ocm_model::digest::HashAlgorithm;

use crate::Result;
use crate::error::{rejected, unsupported};

/// The digest that a signature is over: the hash of a descriptor's normal form.
///
/// Signatures take the hash itself as the message that is already hashed, so a value of another length than its hash has is
/// refused here, before any key sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDigest {
    hash: HashAlgorithm,
    bytes: Vec<u8>,
}

impl SignedDigest {
    /// Reads the digest of a signature.
    ///
    /// # Errors
    /// A hash that is not known here, or a value that is none of its digests.
    pub fn new(digest: &DigestSpec) -> Result<Self> {
        let hash = digest.hash().ok_or_else(|| {
            unsupported(format!(
                "unknown hash algorithm {:?}: SHA-256 and SHA-512 can be signed",
                digest.hash_algorithm
            ))
        })?;
        let length = match hash {
            HashAlgorithm::Sha256 => 32,
            HashAlgorithm::Sha512 => 64,
        };
        let bytes = hex::decode(&digest.value)
            .filter(|bytes| bytes.len() == length)
            .ok_or_else(|| rejected(format!("{:?} is no {} digest", digest.value, hash.name())))?;
        Ok(Self { hash, bytes })
    }

    /// The hash function.
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The hash.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn digest(hash: &str, value: &str) -> Result<SignedDigest> {
        SignedDigest::new(&DigestSpec { hash_algorithm: hash.into(), value: value.into(), ..DigestSpec::default() })
    }

    #[test]
    fn only_whole_digests_of_known_hashes_can_be_signed() {
        assert_eq!(digest("SHA-256", &"aB".repeat(32)).unwrap().bytes(), [0xab; 32]);
        assert_eq!(digest("sha512", &"01".repeat(64)).unwrap().hash(), HashAlgorithm::Sha512);
        for (hash, value) in [
            ("SHA-256", "ab".repeat(31)),
            ("SHA-256", "ab".repeat(64)),
            ("SHA-256", format!("{}x", "a".repeat(63))),
            ("SHA-256", String::new()),
            ("SHA-384", "ab".repeat(48)),
            ("NO-DIGEST", "NO-DIGEST".into()),
        ] {
            assert!(digest(hash, &value).is_err(), "{hash} {value}");
        }
    }
}
