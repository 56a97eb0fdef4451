//! Certificates of X.509 version 1 right below a root. They cannot say what they are for, and the verifier of chains refuses
//! them; Go accepts them as leaves, so that there are signatures with them.

use webpki::ALL_VERIFICATION_ALGS;

use super::Certificate;
use crate::der_reader::{Reader, SEQUENCE};

/// Tag of `BIT STRING`.
const BIT_STRING: u8 = 0x03;

impl Certificate {
    /// The certificate among some that issued this one, as its signature shows.
    pub(super) fn issued_by_one_of<'a>(&self, issuers: &[&'a Self]) -> Option<&'a Self> {
        let mut parts = Reader::new(self.der()).expect(SEQUENCE).ok()?.open();
        let body = parts.expect(SEQUENCE).ok()?.whole;
        let algorithm = parts.expect(SEQUENCE).ok()?.content;
        let (unused, signature) = parts.expect(BIT_STRING).ok()?.content.split_first()?;
        let is_issuer = |issuer: &&&Self| {
            issuer.subject() == self.issuer()
                && *unused == 0
                && ALL_VERIFICATION_ALGS
                    .iter()
                    .filter(|known| known.signature_alg_id().as_ref() == algorithm)
                    .any(|known| is_signed(issuer, *known, body, signature).unwrap_or_default())
        };
        issuers.iter().find(is_issuer).copied()
    }
}

/// Whether the key of a certificate signed this; `None` for a key of another kind.
fn is_signed(
    issuer: &Certificate,
    algorithm: &dyn rustls_pki_types::SignatureVerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let mut key = Reader::new(issuer.spki()).expect(SEQUENCE).ok()?.open();
    if key.expect(SEQUENCE).ok()?.content != algorithm.public_key_alg_id().as_ref() {
        return None;
    }
    let (unused, key) = key.expect(BIT_STRING).ok()?.content.split_first()?;
    Some(*unused == 0 && algorithm.verify_signature(key, message, signature).is_ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::SystemTime;

    use crate::testing::{YEAR, issue, name};
    use crate::{PrivateKey, TrustStore, create_certificate};

    #[test]
    fn a_leaf_of_version_1_counts_right_below_its_root() {
        let [root_key, other_key, key] = [(); 3].map(|()| PrivateKey::generate(2048).unwrap());
        let from = SystemTime::now() - YEAR;
        let root = create_certificate(&root_key, &name("root"), None, true, from, 3 * YEAR).unwrap();
        // The same name with another key.
        let other = create_certificate(&other_key, &name("root"), None, true, from, 3 * YEAR).unwrap();
        let leaf = issue(&key, "leaf", (&root, &root_key), from, &[]);
        assert!(leaf.is_bare());
        let verify = |anchor: &crate::Certificate, at| {
            let mut trust = TrustStore::default();
            trust.add_anchors([anchor.clone()]);
            trust.verify(&leaf, &[], at).map(|root| root.subject().to_string())
        };
        assert_eq!(verify(&root, SystemTime::now()).unwrap(), "CN=root");
        assert!(verify(&other, SystemTime::now()).is_err());
        assert!(verify(&root, from - YEAR).is_err());
        assert!(verify(&root, from + 4 * YEAR).is_err(), "the root has expired");
    }
}
