//! What configuration files (`.ocmconfig`) say, as types. Texts go in; where files are found is for programs to know.
//!
//! A [`Document`] is one file. Several make a [`Configuration`], which hands out what its entries mean together:
//! [`Resolvers`], and defaults for [`Transfer`].

mod configuration;
mod document;
mod error;
mod notice;
mod pattern;
mod place;
mod resolvers;
mod transfer;

pub use configuration::Configuration;
pub use document::{Document, Entry};
pub use error::{Error, Result};
pub use notice::Notice;
pub use pattern::Pattern;
pub use place::Place;
pub use resolvers::{Resolver, Resolvers, Route};
pub use transfer::{CopyMode, Transfer, UploadType};
