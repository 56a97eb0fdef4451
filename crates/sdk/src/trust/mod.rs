//! What signing, verifying and hashing have in common: digests of component versions with everything they refer to, digests of
//! content, and writing a descriptor back.

pub(crate) mod complete;
pub(crate) mod content;
pub(crate) mod explain;
pub(crate) mod meant;
pub(crate) mod node;
pub(crate) mod references;
mod remote;
pub(crate) mod replace;
pub(crate) mod store;
pub(crate) mod timestamp;
pub(crate) mod variant;
pub(crate) mod walk;

use std::time::SystemTime;

use ocm_model::Version;
use ocm_signing::openpgp::{OpenPgpCertificate, OpenPgpVerifier};

use crate::select::Selected;

/// The order in which the older program works and its scripts read what was printed.
pub(crate) fn oldest_first(mut selected: Vec<Selected>) -> Vec<Selected> {
    selected.sort_by_cached_key(|one| (one.component.clone(), Version::parse(&one.version).ok(), one.version.clone()));
    selected
}

/// The text of an OpenPGP message that one of the keys of a keyring has signed.
pub(crate) fn signed_text(message: &[u8], keyring: &[u8]) -> ocm_oci::Result<String> {
    let wrong = |error: ocm_signing::Error| ocm_oci::Error::invalid("keyring", error);
    let certificates = OpenPgpCertificate::read_all(keyring).map_err(wrong)?;
    let verifier = OpenPgpVerifier { certificates, ..OpenPgpVerifier::default() };
    verifier.verify_message(message, SystemTime::now()).map_err(wrong)
}
