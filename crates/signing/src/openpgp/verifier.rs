use std::time::SystemTime;

use ocm_model::descriptor::SignatureValue;
use pgp::composed::{CleartextSignedMessage, Deserializable as _, DetachedSignature};
use pgp::packet::{Signature, SignatureType, SignatureVersion};

use super::certificate::{Part, counts, is_strong, time};
use super::selection::written;
use super::{KeySelection, MEDIA_TYPE, OpenPgpCertificate};
use crate::certificate::check_bits;
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
        self.find(&read(&value.value)?, digest.bytes(), at)
    }
}

impl OpenPgpVerifier {
    /// Verifies a text that carries its own signatures (RFC 9580, 7: the cleartext signature framework), and gives what was
    /// signed. What stands around it is not covered, and not given.
    ///
    /// # Errors
    /// It is none, or none of its signatures counts.
    pub fn verify_message(&self, message: &[u8], at: SystemTime) -> Result<String> {
        let wrong = |_: pgp::errors::Error| rejected("the signed text cannot be read: no clear-signed OpenPGP message");
        let message = std::str::from_utf8(message).map_err(|_| rejected("the signed text is not UTF-8"))?;
        let (message, _) = CleartextSignedMessage::from_string(message).map_err(wrong)?;
        let text = message.signed_text();
        let mut failure = rejected("the text has no OpenPGP signature");
        for signature in message.signatures() {
            let is_text = matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary));
            let is_known = matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6);
            if !is_text || !is_known {
                failure = unsupported("the OpenPGP signature is of a kind or version that is not allowed");
                continue;
            }
            match self.find(signature, text.as_bytes(), at) {
                Ok(_) => return Ok(text),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Finds the certificate that a signature over some content was made with.
    fn find(&self, signature: &Signature, content: &[u8], at: SystemTime) -> Result<Verified> {
        let mut failure = None;
        for certificate in &self.certificates {
            if self.selection.as_ref().is_some_and(|selection| !certificate.has(selection)) {
                continue;
            }
            match self.judge(certificate, signature, content, at) {
                Ok(Some(verified)) => return Ok(verified),
                Err(error) if names(signature, certificate) => failure = Some(error),
                // What a certificate that has nothing to do with the signature is like does not matter.
                Ok(None) | Err(_) => {}
            }
        }
        if self.certificates.is_empty() {
            return Err(Error::new(Kind::MissingKey, "no OpenPGP key to verify with: give it with --public-key FILE"));
        }
        Err(failure
            .unwrap_or_else(|| rejected("the signature was not made over this content with the given OpenPGP key")))
    }

    fn judge(
        &self,
        certificate: &OpenPgpCertificate,
        signature: &Signature,
        content: &[u8],
        at: SystemTime,
    ) -> Result<Option<Verified>> {
        let keys = certificate.signing_keys(self.selection.as_ref(), at)?;
        let Some(key) = keys.into_iter().find(|key| key.verify(signature, content)) else { return Ok(None) };
        self.check(certificate, &key, signature, at)?;
        Ok(Some(Verified::new(Evidence::OpenPgp {
            fingerprint: certificate.fingerprint(),
            key: written(&key.fingerprint()),
            user: certificate.user(),
        })))
    }

    fn check(
        &self,
        certificate: &OpenPgpCertificate,
        key: &Part<'_>,
        signature: &Signature,
        at: SystemTime,
    ) -> Result<()> {
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
        // Whoever breaks the primary key makes subkeys as he likes.
        for key in [key, &certificate.primary()] {
            key.rsa_bits().map_or(Ok(()), |bits| check_bits(bits, self.minimum_bits))?;
        }
        Ok(())
    }
}

fn read(armoured: &str) -> Result<Signature> {
    if armoured.len() > LARGEST {
        return Err(rejected(format!("the OpenPGP signature is larger than the limit of {LARGEST} bytes")));
    }
    let wrong =
        |_: pgp::errors::Error| rejected("the OpenPGP signature cannot be read: no detached signature in ASCII armour");
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
