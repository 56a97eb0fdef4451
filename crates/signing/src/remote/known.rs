use std::time::SystemTime;

use ocm_model::descriptor::SignatureValue;

use crate::certificate::{Subject, TrustStore};
use crate::error::{rejected, untrusted};
use crate::key::PublicKey;
use crate::rsa::{self, Algorithm};
use crate::value;
use crate::{Result, SignedDigest};

/// What is known of whoever keeps the key: a signature that comes back is stored only if it is one of theirs.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Public keys, one of which the signature has to be made with; empty accepts every key.
    pub keys: Vec<PublicKey>,
    /// Roots that certificates in the signature have to lead to; empty accepts them all.
    pub roots: TrustStore,
    /// What the subject of the certificate must have.
    pub subject: Option<Subject>,
}

impl Known {
    /// Judges an answer before it is stored. A signature with certificates always has to be one of the first of them.
    pub(super) fn check(&self, digest: &SignedDigest, algorithm: Algorithm, answer: &SignatureValue) -> Result<()> {
        let signature = value::read(answer)?;
        if signature.algorithms.first() != Some(&algorithm) {
            return Err(rejected(format!("the signature is not one of {}, which was asked for", algorithm.name())));
        }
        let mut keys: Vec<PublicKey> = Vec::new();
        if let Some((leaf, rest)) = signature.chain.as_ref().and_then(|chain| chain.split_first()) {
            if !self.roots.is_empty() {
                self.roots.verify(leaf, rest, SystemTime::now())?;
            }
            if let Some(subject) = self.subject.as_ref().filter(|subject| !subject.matches(leaf.subject())) {
                return Err(untrusted(format!("the signer is {}, but {subject} is expected", leaf.subject())));
            }
            keys.push(leaf.public_key()?);
        } else if self.subject.is_some() {
            return Err(untrusted("the signature has no certificate that says whose it is"));
        }
        let fits = |keys: &[PublicKey]| -> Result<bool> {
            for key in keys {
                if rsa::fits(key, &signature, digest)? {
                    return Ok(true);
                }
            }
            Ok(keys.is_empty())
        };
        if fits(&keys)? && fits(&self.keys)? {
            return Ok(());
        }
        Err(rejected("the signature is not one of this digest by the known key"))
    }
}
