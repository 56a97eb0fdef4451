//! X.509 certificates: reading, making, and the way from a signer to a root (OCM specification, *Signing*; RFC 5280).

mod bare;
mod issue;
mod limits;
mod name;
mod parsed;
mod subject;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod trust;

pub use issue::create_certificate;
pub(crate) use limits::{Limits, check_bits};
pub use name::DistinguishedName;
pub use parsed::Certificate;
pub use subject::Subject;
pub(crate) use trust::Purpose;
pub use trust::TrustStore;
