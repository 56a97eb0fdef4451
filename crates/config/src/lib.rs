//! What configuration files (`.ocmconfig`) say, as types. Texts go in; where files are found is for programs to know.
//!
//! A [`Document`] is one file. Several make a [`Configuration`], which hands out what its entries mean together:
//! [`Resolvers`], and defaults for [`Transfer`].

mod aliases;
mod configuration;
mod credentials;
mod document;
mod duration;
mod effective;
mod error;
mod explain;
mod filesystem;
mod http;
mod keys;
mod notice;
mod older;
mod pattern;
mod place;
mod plugins;
pub mod redaction;
mod resolvers;
mod signing;
mod transfer;
mod tree;
mod untrusted;

pub use configuration::{Configuration, entry_types};
pub use credentials::{Consumer, Credential, CredentialRepository, Credentials, Specificity, specificity};
pub use document::{Document, Entry};
pub use error::{Error, Result};
pub use explain::Setting;
pub use filesystem::Filesystem;
pub use http::{Http, HttpRetry, HttpSettings, Material, MaterialSource};
pub use keys::Keys;
pub use notice::Notice;
pub use older::Older;
pub use pattern::Pattern;
pub use place::Place;
pub use plugins::Plugins;
pub use resolvers::{Resolver, Resolvers, Route};
pub use signing::Signing;
pub use transfer::{CopyMode, Placed, Transfer, UploadType};
