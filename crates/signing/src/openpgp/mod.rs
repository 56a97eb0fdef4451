//! OpenPGP (RFC 9580): detached binary signatures over the bytes of the digest, in ASCII armour.

mod certificate;
mod rsa;
mod selection;
mod signer;
mod verifier;

pub use certificate::OpenPgpCertificate;
pub use selection::KeySelection;
pub use signer::{OpenPgpHash, OpenPgpSigner};
pub use verifier::OpenPgpVerifier;

/// Name of the algorithm.
pub const ALGORITHM: &str = "GPG";

/// Media type of the signatures.
pub const MEDIA_TYPE: &str = "application/vnd.ocm.signature.gpg";

/// Largest key or signature in bytes; a certificate that many people have signed has some hundred thousand.
const LARGEST: usize = 4 << 20;
