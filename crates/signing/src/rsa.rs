//! RSASSA-PKCS1-V1_5 and RSASSA-PSS (RFC 8017) over digests.

use std::time::SystemTime;

use async_trait::async_trait;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA512, RsaEncoding, RsaPssSaltLength,
    RsaSignatureEncoding, VerificationAlgorithm,
};
use ocm_model::descriptor::SignatureValue;
use ocm_model::digest::HashAlgorithm;

use crate::certificate::{Certificate, Purpose, Subject, TrustStore, check_bits};
use crate::error::{Kind, malformed, rejected};
use crate::key::{PrivateKey, PublicKey};
use crate::value::{self, Encoding, RsaSignature, media_type};
use crate::{Error, Evidence, Result, SignedDigest, Signer, Verified, Verifier};

/// A way to sign with an RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-V1_5: the same signature every time, and the one that all older programs verify.
    Pkcs1V15,
    /// RSASSA-PSS with the longest salt.
    Pss,
}

impl Algorithm {
    /// Reads a name; `None` for one that is not known here.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pkcs1V15, Self::Pss].into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The name in signatures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkcs1V15 => "RSASSA-PKCS1-V1_5",
            Self::Pss => "RSASSA-PSS",
        }
    }

    /// The algorithm that the media type of a plain form stands for.
    pub(crate) fn of_media_type(media_type: &str) -> Option<Self> {
        [Self::Pkcs1V15, Self::Pss].into_iter().find(|algorithm| algorithm.media_type() == media_type)
    }

    /// Media type of the plain form.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Pkcs1V15 => media_type::RSA,
            Self::Pss => media_type::RSA_PSS,
        }
    }
}

// The older programs sign with the longest salt there is room for.
static PSS_256: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);
static PSS_512: RsaSignatureEncoding = RSA_PSS_SHA512.with_pss_salt_length(RsaPssSaltLength::Max);

fn encoding(algorithm: Algorithm, hash: HashAlgorithm) -> &'static dyn RsaEncoding {
    match (algorithm, hash) {
        (Algorithm::Pkcs1V15, HashAlgorithm::Sha256) => &RSA_PKCS1_SHA256,
        (Algorithm::Pkcs1V15, HashAlgorithm::Sha512) => &RSA_PKCS1_SHA512,
        (Algorithm::Pss, HashAlgorithm::Sha256) => &PSS_256,
        (Algorithm::Pss, HashAlgorithm::Sha512) => &PSS_512,
    }
}

/// Ways to verify, the usual one first: PSS with the longest salt, then with one as long as the hash, as other tools make.
fn verifications(algorithm: Algorithm, hash: HashAlgorithm) -> &'static [&'static dyn VerificationAlgorithm] {
    match (algorithm, hash) {
        (Algorithm::Pkcs1V15, HashAlgorithm::Sha256) => &[&RSA_PKCS1_2048_8192_SHA256],
        (Algorithm::Pkcs1V15, HashAlgorithm::Sha512) => &[&RSA_PKCS1_2048_8192_SHA512],
        (Algorithm::Pss, HashAlgorithm::Sha256) => {
            &const {
                [
                    &RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Max) as _,
                    &RSA_PSS_2048_8192_SHA256 as _,
                ]
            }
        }
        (Algorithm::Pss, HashAlgorithm::Sha512) => {
            &const {
                [
                    &RSA_PSS_2048_8192_SHA512.with_pss_salt_length(RsaPssSaltLength::Max) as _,
                    &RSA_PSS_2048_8192_SHA512 as _,
                ]
            }
        }
    }
}

fn import(digest: &SignedDigest) -> Result<Digest> {
    let algorithm = match digest.hash() {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha512 => &digest::SHA512,
    };
    Digest::import_less_safe(digest.bytes(), algorithm)
        .map_err(|_| malformed("the digest has not the length of its hash"))
}

pub(crate) fn sign(key: &PrivateKey, algorithm: Algorithm, digest: &SignedDigest) -> Result<Vec<u8>> {
    let mut signature = vec![0; key.pair().public_modulus_len()];
    key.pair().sign_digest(encoding(algorithm, digest.hash()), &import(digest)?, &mut signature).map_err(|_| {
        malformed(format!("the key is too small for {} with {}", algorithm.name(), digest.hash().name()))
    })?;
    Ok(signature)
}

/// Whether a signature is one of a digest by a key.
pub(crate) fn fits(key: &PublicKey, signature: &RsaSignature, digest: &SignedDigest) -> Result<bool> {
    let imported = import(digest)?;
    for algorithm in &signature.algorithms {
        for verification in verifications(*algorithm, digest.hash()) {
            let parsed = ParsedPublicKey::new(*verification, key.spki())
                .map_err(|_| malformed("the public key cannot be used"))?;
            if parsed.verify_digest_sig(&imported, &signature.bytes).is_ok() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Signs with an RSA key at hand.
pub struct RsaSigner {
    /// The key.
    pub key: PrivateKey,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// How the signature is stored.
    pub encoding: Encoding,
    /// Certificates of the key, leaf first; needed for PEM.
    pub chain: Vec<Certificate>,
    /// Whether the stored signature names the subject of the leaf as its issuer, which the v1 program writes and wants.
    pub with_issuer: bool,
}

#[async_trait]
impl Signer for RsaSigner {
    async fn sign(&self, digest: &SignedDigest) -> Result<SignatureValue> {
        if let Some(leaf) = self.chain.first() {
            if leaf.public_key()?.fingerprint() != self.key.public_key().fingerprint() {
                return Err(malformed(format!("the certificate of {} is not one of the private key", leaf.subject())));
            }
        } else if self.encoding == Encoding::Pem {
            return Err(Error::new(
                Kind::MissingKey,
                "the PEM form carries certificates: give the chain of the key as its public key",
            ));
        }
        let bytes = sign(&self.key, self.algorithm, digest)?;
        let mut value = value::write(self.algorithm, self.encoding, &bytes, &self.chain);
        if self.with_issuer
            && let (Some(leaf), Encoding::Pem) = (self.chain.first(), self.encoding)
        {
            value.issuer = Some(leaf.subject().to_string());
        }
        Ok(value)
    }
}

/// Verifies RSA signatures with keys and roots that its owner trusts.
#[derive(Clone, Debug, Default)]
pub struct RsaVerifier {
    /// Keys that are trusted as they are, for every form of signature.
    pub keys: Vec<PublicKey>,
    /// Keys that are trusted for the plain form only: those of certificates, which have to prove themselves in the other.
    pub plain_keys: Vec<PublicKey>,
    /// Roots, and what may stand between them and a signer.
    pub trust: TrustStore,
    /// What the subject of a signer's certificate must have; `None` accepts every subject that a root vouches for.
    pub subject: Option<Subject>,
    /// The same for certificates that are trusted as keys.
    pub key_subject: Option<Subject>,
    /// Smallest key in bits; 2048 at least.
    pub minimum_bits: usize,
}

impl Verifier for RsaVerifier {
    fn accepts(&self, signature: &SignatureValue) -> bool {
        value::is_rsa(&signature.media_type)
    }

    fn verify(&self, digest: &SignedDigest, value: &SignatureValue, at: SystemTime) -> Result<Verified> {
        let signature = value::read(value)?;
        let plain = signature.chain.is_none().then_some(&self.plain_keys).into_iter().flatten();
        let keys: Vec<&PublicKey> = self.keys.iter().chain(plain).collect();
        for key in &keys {
            if fits(key, &signature, digest)? {
                check_bits(key.bits(), self.minimum_bits)?;
                key.check_time(at)?;
                key.check_issuer(value.issuer.as_deref())?;
                if let (Some(subject), Some(certificate)) = (&self.key_subject, key.certificate()) {
                    certificate.check_subject(subject)?;
                }
                return Ok(Verified::new(Evidence::Key { fingerprint: key.fingerprint(), bits: key.bits() }));
            }
        }
        match &signature.chain {
            Some(chain) if !self.trust.is_empty() => self.verify_chain(digest, value, &signature, chain, at),
            _ if !keys.is_empty() => Err(rejected("the signature was not made over this digest with the given key")),
            Some(_) => Err(Error::new(
                Kind::MissingKey,
                "no root certificate to verify with: the certificates that come with a signature prove nothing alone",
            )),
            None => Err(Error::new(Kind::MissingKey, "no public key to verify with")),
        }
    }
}

impl RsaVerifier {
    fn verify_chain(
        &self,
        digest: &SignedDigest,
        value: &SignatureValue,
        signature: &RsaSignature,
        chain: &[Certificate],
        at: SystemTime,
    ) -> Result<Verified> {
        let (leaf, rest) = chain.split_first().ok_or_else(|| {
            Error::new(Kind::MissingKey, "the PEM signature has no certificate, and no key was given")
        })?;
        let key = leaf.public_key()?;
        if !fits(&key, signature, digest)? {
            return Err(rejected(format!(
                "the signature was not made over this digest with the key of {}",
                leaf.subject()
            )));
        }
        check_bits(key.bits(), self.minimum_bits)?;
        let root = self.trust.verify_for(Purpose::Code, leaf, rest, at, self.minimum_bits)?;
        // What the signer wrote is no proof, but a signature that contradicts its certificate is not accepted.
        if let Some(issuer) = value.issuer.as_deref().filter(|issuer| !issuer.is_empty()) {
            leaf.check_issuer(issuer)?;
        }
        if let Some(subject) = &self.subject {
            leaf.check_subject(subject)?;
        }
        Ok(Verified::new(Evidence::Certificate {
            subject: leaf.subject().to_string(),
            issuer: leaf.issuer().to_string(),
            root: root.subject().to_string(),
            fingerprint: key.fingerprint(),
            bits: key.bits(),
        }))
    }
}
