//! Who the program is to others, as configuration files say it (`credentials.config.ocm.software`).

mod consumer;
mod glob;
mod matching;
mod read;

pub use consumer::{Consumer, Credential, CredentialRepository, Credentials};
pub use matching::{Specificity, specificity};
