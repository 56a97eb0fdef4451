//! `plugin`: what plugins there are, which ones a registry of plugins has, and how one is installed.

mod install;
mod list;
mod registry;

pub use install::{Install, Installed, install};
pub use list::{Fault, List, Offered, Plugin, list};
pub use registry::{Listed, Registry, RegistryReport, registry};
