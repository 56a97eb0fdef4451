//! Signatures over component versions: keys, certificates, and what has to be true before a signature counts.
//!
//! What is signed is a digest of the normal form of a descriptor ([`SignedDigest`]); making that digest is for the model and
//! whoever holds the descriptor. A [`Signer`] turns it into the value that is stored, a [`Verifier`] judges such a value. The
//! only way to hold a [`Verified`] is that a verifier made one.

mod certificate;
mod der;
mod der_reader;
mod digest;
mod error;
mod key;
#[cfg(feature = "openpgp")]
pub mod openpgp;
mod pem;
mod policy;
mod port;
mod remote;
mod rsa;
pub mod sigstore;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
mod timestamp;
mod value;

pub use certificate::{Certificate, DistinguishedName, Subject, TrustStore, create_certificate};
pub use digest::SignedDigest;
pub use error::{Error, Kind, Result};
pub use key::{EncryptionKey, PrivateKey, PublicKey, Secret};
pub use pem::Block as PemBlock;
pub use policy::Policy;
pub use port::{Evidence, Signer, Verified, Verifier};
pub use remote::{CommandSigner, Known, ServiceSigner};
pub use rsa::{Algorithm, RsaSigner, RsaVerifier};
pub use timestamp::{TimestampAuthority, TimestampVerifier, Timestamped};
pub use value::{Encoding, media_type};
