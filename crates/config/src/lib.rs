//! What configuration files (`.ocmconfig`) say, as types. Texts go in; where files are found is for programs to know.
//!
//! A [`Document`] is one file. Several make a [`Configuration`], which hands out what its entries mean together:
//! [`Resolvers`], and defaults for [`Transfer`].

mod configuration;
mod credentials;
mod document;
mod duration;
mod error;
mod http;
mod notice;
mod pattern;
mod place;
mod resolvers;
mod signing;
mod transfer;
mod tree;

pub use configuration::Configuration;
pub use credentials::{Consumer, Credential, CredentialRepository, Credentials};
pub use document::{Document, Entry};
pub use error::{Error, Result};
pub use http::{Http, HttpRetry, HttpSettings, Material, MaterialSource};
pub use notice::Notice;
pub use pattern::Pattern;
pub use place::Place;
pub use resolvers::{Resolver, Resolvers, Route};
pub use signing::Signing;
pub use transfer::{CopyMode, Placed, Transfer, UploadType};
