//! Timestamps (RFC 3161): the word of an authority that a digest was there at a time.

mod authority;
mod content;
mod token;
mod verifier;

pub use authority::TimestampAuthority;
pub use verifier::{TimestampVerifier, Timestamped};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
