//! Transfer: from a set of component versions to the same set somewhere else.
//!
//! Closure → plan → execution. The closure says which component versions belong together, the plan what has to happen to
//! each of their elements, the execution makes it happen. Planning does not write, executing does not decide.

mod closure;
mod compare;
pub mod document;
mod error;
mod execute;
mod options;
mod plan;
mod prepare;
mod report;

pub use closure::{Lookup, closure};
pub use compare::{Difference, compare};
pub use error::{Error, Kind};
pub use execute::execute;
pub use options::{CopyMode, Existing, Options, UploadAs};
pub use plan::{ElementAction, ElementKind, ElementPlan, Plan, VersionAction, VersionPlan};
pub use prepare::{Prepared, prepare};
pub use report::{ElementReport, Report, Totals, VersionReport};

/// Result of a step of a transfer.
pub type Result<T, E = Error> = std::result::Result<T, E>;
