//! The questions of the protocol, one file per capability.

mod content;
mod credentials;
mod repository;
mod signing;

pub use content::{Element, Processed};
pub use credentials::Credentials;
pub use repository::{Place, VersionName};
