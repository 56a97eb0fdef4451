use std::time::SystemTime;

use ocm_blob::Digest;
use ocm_model::descriptor::SignatureValue;
use sigstore_verify::crypto::{KeyAlgorithm, SubjectAltName};
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{Artifact, Bundle, DerPublicKey, Sha256Hash};
use sigstore_verify::{Error as Failure, Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult};

use super::{ExpectedSigner, TrustedRoot, bundle, older};
use crate::certificate::check_bits;
use crate::error::{Kind, malformed, rejected, untrusted};
use crate::key::PublicKey;
use crate::pem::Block;
use crate::{Error, Evidence, Result, SignedDigest, Verified, Verifier};

/// A public key that signatures without certificate are judged with: of an elliptic curve, Ed25519 or RSA.
#[derive(Clone, Debug)]
pub struct SigstoreKey(DerPublicKey);

impl SigstoreKey {
    /// Reads the public keys of a PEM text; everything else in it is left out.
    ///
    /// # Errors
    /// It is no PEM text.
    pub fn read_all(pem: &[u8]) -> Result<Vec<Self>> {
        let text = std::str::from_utf8(pem).map_err(|_| malformed("a public key in PEM form is expected"))?;
        let blocks = Block::read_all(text)?.into_iter().filter(|block| block.label == "PUBLIC KEY");
        Ok(blocks.map(|block| Self(DerPublicKey::new(block.bytes))).collect())
    }

    /// Size in bits; of a curve, that of its field.
    fn bits(&self) -> usize {
        match KeyAlgorithm::from_spki(&self.0) {
            Ok(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Ed25519) => 256,
            Ok(KeyAlgorithm::EcdsaP384) => 384,
            _ => PublicKey::of_spki(self.0.as_bytes()).map_or(0, |key| key.bits()),
        }
    }

    fn fingerprint(&self) -> String {
        Digest::of(self.0.as_bytes()).hex()
    }
}

/// Verifies Sigstore signatures without a connection.
#[derive(Clone, Debug)]
pub struct SigstoreVerifier {
    /// Authorities and logs. Nothing that comes with a signature adds to them.
    pub trusted_root: TrustedRoot,
    /// Who is expected; without, certificates prove nothing.
    pub expected: Option<ExpectedSigner>,
    /// Keys for signatures that come without a certificate; such a signature says nothing about who made it.
    pub keys: Vec<SigstoreKey>,
    /// Whether the instance is a private one without public logs: entries of logs are not asked for, a timestamp or promise is.
    /// Needs a root that was pinned.
    pub private_infrastructure: bool,
    /// Smallest RSA key in bits; 2048 at least.
    pub minimum_bits: usize,
}

impl SigstoreVerifier {
    /// Judges a bundle over some content, as the public conformance cases have them.
    ///
    /// # Errors
    /// It is not right, or not by whom is expected.
    pub fn verify_bundle(&self, json: &[u8], content: &[u8]) -> Result<Verified> {
        self.judge(&bundle::read(json)?, &Artifact::from_blob(content))
    }

    /// The same over content of which only the SHA-256 digest is known, in hexadecimal digits.
    ///
    /// # Errors
    /// As [`Self::verify_bundle`]; it is no digest; or the signature is one of those that are made over content only (Ed25519).
    pub fn verify_bundle_of_digest(&self, json: &[u8], sha256: &str) -> Result<Verified> {
        let digest = Sha256Hash::from_hex(sha256).map_err(|error| malformed(error.to_string()))?;
        self.judge(&bundle::read(json)?, &Artifact::from_digest(digest))
    }

    fn judge(&self, bundle: &Bundle, artifact: &Artifact<'_>) -> Result<Verified> {
        if self.private_infrastructure && self.trusted_root.is_public() {
            return Err(Error::new(
                Kind::MissingKey,
                "private infrastructure has a trusted root of its own: give it with --trusted-root FILE",
            ));
        }
        match bundle.verification_material.content {
            VerificationMaterialContent::PublicKey(_) => self.judge_key(bundle, artifact),
            _ => self.judge_certificate(bundle, artifact),
        }
    }

    fn judge_certificate(&self, bundle: &Bundle, artifact: &Artifact<'_>) -> Result<Verified> {
        let expected = self.expected.as_ref().ok_or_else(|| {
            Error::new(
                Kind::MissingKey,
                "nobody is expected to have signed: --certificate-identity and --certificate-oidc-issuer say who",
            )
        })?;
        let mut policy = VerificationPolicy::any_identity();
        if self.private_infrastructure {
            policy = policy.skip_tlog_unsafe();
            if !self.trusted_root.has_certificate_logs() {
                policy = policy.skip_sct();
            }
        }
        let result = self.run(bundle, artifact, &policy)?;
        if !result.certificate_verified() || !(result.tlog_verified() || self.private_infrastructure) {
            return Err(rejected("the Sigstore certificate was not verified"));
        }
        let identity = result.identity().map(SubjectAltName::as_str);
        expected.check(identity, result.issuer())?;
        Ok(Verified::new(Evidence::Identity {
            identity: identity.unwrap_or_default().to_owned(),
            issuer: result.issuer().unwrap_or_default().to_owned(),
            time: result.verified_timestamps().iter().min().map(ToString::to_string),
            logged: result.tlog_verified(),
        }))
    }

    fn judge_key(&self, bundle: &Bundle, artifact: &Artifact<'_>) -> Result<Verified> {
        let mut failure = None;
        for key in &self.keys {
            let mut policy = PublicKeyVerificationPolicy::new(key.0.clone());
            if self.private_infrastructure {
                policy = policy.skip_tlog_unsafe();
            }
            match self.run(bundle, artifact, &policy) {
                Ok(_) => {
                    if let Ok(key) = PublicKey::of_spki(key.0.as_bytes()) {
                        check_bits(key.bits(), self.minimum_bits)?;
                    }
                    return Ok(Verified::new(Evidence::Key { fingerprint: key.fingerprint(), bits: key.bits() }));
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| {
            Error::new(
                Kind::MissingKey,
                "the signature comes with a key and without a certificate, so nothing says who made it: give its key with \
                 --public-key FILE",
            )
        }))
    }

    fn run(&self, bundle: &Bundle, artifact: &Artifact<'_>, policy: &impl Policy) -> Result<VerificationResult> {
        self.trusted_root.verifier().verify(artifact.clone(), bundle, policy).map_err(|error| {
            let reason = format!("the Sigstore signature does not verify: {error}");
            match error {
                Failure::Certificate(_) | Failure::IdentityMismatch { .. } | Failure::IssuerMismatch { .. } => {
                    untrusted(reason)
                }
                _ => rejected(reason),
            }
        })
    }
}

impl Verifier for SigstoreVerifier {
    fn accepts(&self, signature: &SignatureValue) -> bool {
        bundle::is_sigstore(&signature.media_type)
    }

    /// The time is the one that a log or a timestamp authority vouches for; `at` says nothing here.
    fn verify(&self, digest: &SignedDigest, value: &SignatureValue, _at: SystemTime) -> Result<Verified> {
        if bundle::is_bundle(&value.media_type) {
            return self.judge(&bundle::of_value(value)?, &Artifact::from_blob(digest.bytes()));
        }
        let bundle = older::of_value(value, digest)?;
        let hash = Sha256Hash::try_from(digest.bytes()).map_err(|error| malformed(error.to_string()))?;
        self.judge(&bundle, &Artifact::from_digest(hash))
    }
}
