//! The questions of the protocol, one file per capability.

mod content;
mod credentials;
mod signing;

pub use content::Element;
pub use credentials::Credentials;
