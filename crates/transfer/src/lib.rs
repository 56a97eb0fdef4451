//! Transfer: from a set of component versions to the same set somewhere else.
//!
//! Two front ends say what is to happen: [`prepare`] reads component versions, [`document::prepare`] a document that a dry
//! run wrote or a person. Both come down to one value, [`Prepared`]: content that has to be in places, and component versions
//! that need it. It is compared with what the targets have, can be printed and estimated, and is carried out by
//! [`execute`]. Planning does not write, executing does not decide.

mod closure;
mod compare;
mod content;
mod contexts;
mod covered;
pub mod document;
mod element;
mod error;
mod estimate;
mod execute;
mod foreseen;
mod held;
mod kept;
mod left;
mod limited;
mod merged;
mod naming;
mod options;
mod part;
mod plan;
mod prepare;
mod report;
mod settle;
mod stop;
mod tagging;
mod targets;
mod work;

pub use closure::{Lookup, circle, closure};
pub use compare::{Difference, compare};
pub use contexts::context;
pub use covered::{Computed, check_covered};
pub use element::origin;
pub use error::{Error, Kind};
pub use estimate::{Estimate, estimate};
pub use naming::{Collision, Match, Naming, Placement, Rule, Template};
pub use options::{AccessStyle, CopyMode, Existing, GlobalAccess, Options, RepositoryContexts, UploadAs};
pub use part::chosen_platforms;
pub use plan::{ElementAction, ElementKind, ElementPlan, Plan, VersionAction, VersionPlan};
pub use prepare::prepare;
pub use report::{ElementReport, ItemOutcome, NameReport, Report, TargetReport, Totals, VersionReport, execute};
pub use stop::Stop;
pub use targets::{Roots, Targets};
pub use work::Prepared;

/// Result of a step of a transfer.
pub type Result<T, E = Error> = std::result::Result<T, E>;
