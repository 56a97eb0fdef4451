//! The names a digest of the model is given, and what its three texts can say besides a digest.

use crate::DigestSpec;

/// SHA-256 as the specification spells it.
pub const SHA_256: &str = "SHA-256";
/// SHA-512 as the specification spells it.
pub const SHA_512: &str = "SHA-512";
/// Digest over the bytes of a blob.
pub const GENERIC_BLOB_DIGEST: &str = "genericBlobDigest/v1";
/// Digest of an OCI manifest or index.
pub const OCI_ARTIFACT_DIGEST: &str = "ociArtifactDigest/v1";
/// The former spelling of [`OCI_ARTIFACT_DIGEST`].
pub const OCI_ARTEFACT_DIGEST: &str = "ociArtefactDigest/v1";
/// Stands in place of a hash and of a value when content takes no part in signing.
pub const NO_DIGEST: &str = "NO-DIGEST";
/// Stands in place of a normalisation when content takes no part in signing.
pub const EXCLUDE_FROM_SIGNATURE: &str = "EXCLUDE-FROM-SIGNATURE";

/// A hash function component digests are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// Reads a name in any spelling in use: `SHA-256`, `sha256`, `SHA256`, `sha-256`.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().replace('-', "").as_str() {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The name as the specification spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => SHA_256,
            Self::Sha512 => SHA_512,
        }
    }

    /// The name as a prefix of OCI digests spells it.
    pub fn oci_name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl DigestSpec {
    /// A digest with the names of how it was made; `value` is in hexadecimal digits.
    pub fn new(hash: HashAlgorithm, normalisation: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            hash_algorithm: hash.name().into(),
            normalisation_algorithm: normalisation.into(),
            value: value.into(),
            ..Self::default()
        }
    }

    /// The digest of content that takes no part in signing.
    pub fn excluded() -> Self {
        Self {
            hash_algorithm: NO_DIGEST.into(),
            normalisation_algorithm: EXCLUDE_FROM_SIGNATURE.into(),
            value: NO_DIGEST.into(),
            ..Self::default()
        }
    }

    /// Whether it says that the content takes no part in signing.
    pub fn is_excluded(&self) -> bool {
        self.hash_algorithm == NO_DIGEST
            && self.normalisation_algorithm == EXCLUDE_FROM_SIGNATURE
            && self.value == NO_DIGEST
    }

    /// Whether all three texts are empty, the way one of the older programs writes an unknown digest.
    pub fn is_empty(&self) -> bool {
        self.hash_algorithm.is_empty() && self.normalisation_algorithm.is_empty() && self.value.is_empty()
    }

    /// Whether all three texts are there.
    pub fn is_complete(&self) -> bool {
        !self.hash_algorithm.is_empty() && !self.normalisation_algorithm.is_empty() && !self.value.is_empty()
    }

    /// The hash function, `None` when it is none this project computes.
    pub fn hash(&self) -> Option<HashAlgorithm> {
        HashAlgorithm::parse(&self.hash_algorithm)
    }

    /// The digest in the form of OCI, `sha256:…`; `None` when the hash is unknown or the value is no digest of it.
    pub fn oci_digest(&self) -> Option<String> {
        let hash = self.hash()?;
        let digits = match hash {
            HashAlgorithm::Sha256 => 64,
            HashAlgorithm::Sha512 => 128,
        };
        let legal = self.value.len() == digits && self.value.bytes().all(|byte| byte.is_ascii_hexdigit());
        legal.then(|| format!("{}:{}", hash.oci_name(), self.value.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_hash() {
        for name in ["SHA-256", "sha256", "SHA256", "sha-256"] {
            assert_eq!(HashAlgorithm::parse(name), Some(HashAlgorithm::Sha256));
        }
        assert_eq!(HashAlgorithm::parse("SHA-384"), None);
        assert_eq!(HashAlgorithm::parse(NO_DIGEST), None);
    }

    #[test]
    fn markers() {
        assert!(DigestSpec::excluded().is_excluded());
        assert!(DigestSpec::default().is_empty());
        let digest = DigestSpec::new(HashAlgorithm::Sha256, GENERIC_BLOB_DIGEST, "AB".repeat(32));
        assert_eq!(digest.oci_digest(), Some(format!("sha256:{}", "ab".repeat(32))));
        assert_eq!(DigestSpec::new(HashAlgorithm::Sha512, GENERIC_BLOB_DIGEST, "ab").oci_digest(), None);
        assert_eq!(DigestSpec::excluded().oci_digest(), None);
    }
}
