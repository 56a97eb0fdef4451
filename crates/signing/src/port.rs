use std::time::SystemTime;

use async_trait::async_trait;
use ocm_model::descriptor::SignatureValue;
use serde::Serialize;

use crate::{Result, SignedDigest};

/// Makes signatures: with a key at hand, or by asking somebody who has one.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The stored form of a signature over a digest.
    ///
    /// # Errors
    /// The key cannot sign this digest, or whoever holds it does not answer.
    async fn sign(&self, digest: &SignedDigest) -> Result<SignatureValue>;
}

/// Judges signatures against what its owner trusts.
pub trait Verifier: Send + Sync {
    /// Whether this is a form of signature that it can judge; the media type decides, algorithm names mean different things
    /// to different programs.
    fn accepts(&self, signature: &SignatureValue) -> bool;

    /// Judges a signature as of a time.
    ///
    /// # Errors
    /// Everything but a signature over exactly this digest by somebody who is trusted.
    fn verify(&self, digest: &SignedDigest, signature: &SignatureValue, at: SystemTime) -> Result<Verified>;
}

/// The proof that a signature was verified. Nobody makes one but a verifier of this crate, and whoever asked the plugin that the
/// user named as verifier.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Verified(Evidence);

impl Verified {
    pub(crate) fn new(evidence: Evidence) -> Self {
        Self(evidence)
    }

    /// The word of a plugin that the user named as verifier.
    pub fn by_plugin(program: impl Into<String>, kind: impl Into<String>) -> Self {
        Self(Evidence::Plugin { program: program.into(), kind: kind.into() })
    }

    /// Why the signature counts.
    pub fn evidence(&self) -> &Evidence {
        &self.0
    }
}

/// Why a signature counts.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "by")]
#[non_exhaustive]
pub enum Evidence {
    /// A key that the verifier was given.
    Key {
        /// SHA-256 over the key (`SubjectPublicKeyInfo`), in hexadecimal digits.
        fingerprint: String,
        /// Its size in bits.
        bits: usize,
    },
    /// A certificate that leads to a root that the verifier was given.
    Certificate {
        /// Who signed: the subject of the certificate.
        subject: String,
        /// Who issued the certificate.
        issuer: String,
        /// The root it leads to.
        root: String,
        /// SHA-256 over the key (`SubjectPublicKeyInfo`), in hexadecimal digits.
        fingerprint: String,
        /// Size of the key in bits.
        bits: usize,
    },
    /// A certificate of a Sigstore instance for somebody who showed an identity token.
    Identity {
        /// Who signed: a mail address, or the address of a workflow.
        identity: String,
        /// Who vouches for the identity.
        issuer: String,
        /// When (RFC 3339), as a log or a timestamp authority vouches for.
        time: Option<String>,
        /// Whether the signature is in a public log.
        logged: bool,
    },
    /// An OpenPGP certificate that the verifier was given.
    #[serde(rename = "openpgp")]
    OpenPgp {
        /// Fingerprint of its primary key.
        fingerprint: String,
        /// Fingerprint of the key that signed, which is the primary one or one of its subkeys.
        key: String,
        /// The first name that the certificate has.
        user: Option<String>,
    },
    /// A plugin says so, which the verifier specification asks for by its type.
    Plugin {
        /// The file of the program.
        program: String,
        /// The type of the specification.
        #[serde(rename = "type")]
        kind: String,
    },
}
