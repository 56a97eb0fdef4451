use std::time::SystemTime;

use ocm_model::descriptor::SignatureValue;
use pgp::composed::{Deserializable as _, DetachedSignature};
use pgp::packet::{Signature, SignatureType, SignatureVersion};

use super::certificate::{Part, counts, is_strong, time};
use super::selection::written;
use super::{KeySelection, MEDIA_TYPE, OpenPgpCertificate};
use crate::error::{Kind, rejected, unsupported, untrusted};
use crate::{Error, Evidence, Result, SignedDigest, Verified, Verifier};

/// Largest signature in bytes of its armour.
const LARGEST: usize = 64 << 10;

/// How far clocks may be apart.
const SKEW: std::time::Duration = std::time::Duration::from_mins(5);

/// Verifies OpenPGP signatures with certificates that its owner trusts.
#[derive(Clone, Debug, Default)]
pub struct OpenPgpVerifier {
    /// The certificates.
    pub certificates: Vec<OpenPgpCertificate>,
    /// Which of their keys has to be the one; all of them without.
    pub selection: Option<KeySelection>,
    /// Smallest RSA key in bits; 2048 at least.
    pub minimum_bits: usize,
}

impl Verifier for OpenPgpVerifier {
    fn accepts(&self, signature: &SignatureValue) -> bool {
        signature.media_type == MEDIA_TYPE
    }

    fn verify(&self, digest: &SignedDigest, value: &SignatureValue, at: SystemTime) -> Result<Verified> {
        let signature = read(&value.value)?;
        let mut failure = None;
        for certificate in &self.certificates {
            if self.selection.as_ref().is_some_and(|selection| !certificate.has(selection)) {
                continue;
            }
            match self.judge(certificate, &signature, digest, at) {
                Ok(Some(verified)) => return Ok(verified),
                Err(error) if names(&signature, certificate) => failure = Some(error),
                // What a certificate that has nothing to do with the signature is like does not matter.
                Ok(None) | Err(_) => {}
            }
        }
        if self.certificates.is_empty() {
            return Err(Error::new(Kind::MissingKey, "no OpenPGP key to verify with: give it with --public-key FILE"));
        }
        Err(failure
            .unwrap_or_else(|| rejected("the signature was not made over this digest with the given OpenPGP key")))
    }
}

impl OpenPgpVerifier {
    fn judge(
        &self,
        certificate: &OpenPgpCertificate,
        signature: &Signature,
        digest: &SignedDigest,
        at: SystemTime,
    ) -> Result<Option<Verified>> {
        let keys = certificate.signing_keys(self.selection.as_ref(), at)?;
        let Some(key) = keys.into_iter().find(|key| key.verify(signature, digest.bytes())) else { return Ok(None) };
        self.check(&key, signature, at)?;
        Ok(Some(Verified::new(Evidence::OpenPgp {
            fingerprint: certificate.fingerprint(),
            key: written(&key.fingerprint()),
            user: certificate.user(),
        })))
    }

    fn check(&self, key: &Part<'_>, signature: &Signature, at: SystemTime) -> Result<()> {
        if !is_strong(signature) {
            return Err(unsupported("the OpenPGP signature uses a hash that is not allowed: SHA-256 or better is"));
        }
        if !counts(signature, at + SKEW) {
            return Err(untrusted(
                "the OpenPGP signature has expired, is of a later time, or says something that is not known here",
            ));
        }
        if signature.created().is_none_or(|created| time(created.as_secs()) < key.created()) {
            return Err(untrusted("the OpenPGP signature is older than its key"));
        }
        let minimum = self.minimum_bits.max(2048);
        if let Some(bits) = key.rsa_bits().filter(|bits| *bits < minimum) {
            return Err(untrusted(format!("the key has {bits} bits, fewer than the {minimum} that are asked for")));
        }
        Ok(())
    }
}

fn read(armoured: &str) -> Result<Signature> {
    if armoured.len() > LARGEST {
        return Err(rejected(format!("the OpenPGP signature is larger than the limit of {LARGEST} bytes")));
    }
    let wrong = |error: pgp::errors::Error| rejected(format!("the OpenPGP signature cannot be read: {error}"));
    let (mut signatures, _) = DetachedSignature::from_armor_many(armoured.as_bytes()).map_err(wrong)?;
    let (first, rest) = (signatures.next(), signatures.next());
    let signature = match (first, rest) {
        (Some(signature), None) => signature.map_err(wrong)?.signature,
        _ => return Err(rejected("one OpenPGP signature is expected")),
    };
    if signature.typ() != Some(SignatureType::Binary) {
        return Err(rejected("the OpenPGP signature is not one over a binary document"));
    }
    if !matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6) {
        return Err(unsupported("the OpenPGP signature is of a version that is not allowed: 4 and 6 are"));
    }
    Ok(signature)
}

/// Whether a signature says that it was made with a key of a certificate.
fn names(signature: &Signature, certificate: &OpenPgpCertificate) -> bool {
    use pgp::types::KeyDetails;
    let is_named = |key: &dyn KeyDetails| {
        signature.issuer_fingerprint().contains(&&key.fingerprint())
            || signature.issuer_key_id().contains(&&key.legacy_key_id())
    };
    is_named(&certificate.0.primary_key) || certificate.0.public_subkeys.iter().any(|subkey| is_named(&subkey.key))
}
