//! Sigstore: signatures with a key that lives for minutes, a certificate that says whose it was, and a public log that says
//! when (<https://docs.sigstore.dev>). Verified here without a connection, against a trusted root that its owner pinned.
//!
//! What is signed is the digest of the normal form, as bytes. Two forms are in use under overlapping algorithm names, so the
//! media type decides: the bundle that all Sigstore clients read, and the log entry that the v1 program stores.

mod bundle;
mod exchange;
mod expectation;
mod older;
mod services;
mod signer;
mod token;
mod trust;
mod verifier;

pub use bundle::{is_sigstore, media_type};
pub use expectation::{ExpectedSigner, Match};
pub use services::{Log, Services};
pub use signer::{Form, SigstoreSigner, Unpublished};
pub use token::IdentityToken;
pub use trust::TrustedRoot;
pub use verifier::{SigstoreKey, SigstoreVerifier};

/// Names of algorithms.
pub mod algorithm {
    /// A bundle, as the v2 program stores it.
    pub const BUNDLE: &str = "Sigstore/v1alpha1";
    /// The log entry of the v1 program with nothing but a key in it; also an older name of [`BUNDLE`].
    pub const KEY_ENTRY: &str = "sigstore";
    /// The log entry of the v1 program with the certificate.
    pub const CERTIFICATE_ENTRY: &str = "sigstore-v2";
}
