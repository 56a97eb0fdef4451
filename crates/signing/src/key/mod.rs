//! RSA keys in the forms they are kept in.

mod encryption;
mod private;
mod public;
mod secret;

pub use encryption::EncryptionKey;
pub use private::PrivateKey;
pub use public::PublicKey;
pub use secret::Secret;
