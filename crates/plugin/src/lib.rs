//! External programs as types: what access types, inputs, credentials, signatures and repositories nobody here knows, a
//! program in a plugin folder may know.
//!
//! [`Plugins`] finds the programs, asks each once what it offers, and starts one when a type of it is first needed. A program
//! is spoken to in JSON over HTTP through a socket of this machine; it hands content over as a file. One that misbehaves is
//! named and left out.

mod address;
mod announcement;
mod call;
mod connection;
mod discovery;
mod environment;
mod error;
mod lines;
mod location;
mod log;
mod plugin;
mod plugins;
mod program;
mod redact;
mod running;
mod schema;
mod signs;

pub use announcement::{Announcement, Capability, Offer, OfferedType};
pub use call::{Credentials, Element, Place, Processed, VersionName};
pub use discovery::candidates;
pub use error::{Error, Kind, Result};
pub use location::Location;
pub use plugin::Plugin;
pub use plugins::{Fault, Found, Plugins, Settings};
pub use program::{Program, ask};
