//! RSA keys in the forms they are kept in.

mod encryption;
mod private;
mod public;

pub use encryption::EncryptionKey;
pub use private::PrivateKey;
pub use public::PublicKey;

/// A key or a passphrase.
pub type Secret = ocm_http::Secret<Vec<u8>>;
