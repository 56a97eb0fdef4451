//! The library behind the programs: a [`Context`] with everything a run needs, and one module per verb in [`ops`].
//!
//! A verb takes a *request*, does its work, and returns a *report*; both are plain values that serialise. Programs turn
//! words into requests and reports into words, nothing else.

mod absence;
mod authenticator;
mod chart;
mod connections;
mod context;
mod deliver;
mod descriptor_diff;
mod error;
mod file_name;
mod folders;
mod hazard;
mod interpret;
mod lookup;
pub mod ops;
mod plugins;
mod presence;
mod relocate;
mod select;
mod tree;
mod trust;

pub use connections::{authorities, connections};
pub use context::{Builder, Context};
pub use error::{Error, Kind};
pub use ocm_blob::{Item, Observer, Outcome, Unobserved, folder_of};
pub use ocm_config as config;
pub use ocm_credentials as credentials;
pub use ocm_credentials::DockerSources;
pub use ocm_http as http;
pub use ocm_model as model;
pub use ocm_plugin as plugin;
pub use ocm_signing as signing;

/// Result of a verb.
pub type Result<T, E = Error> = std::result::Result<T, E>;
