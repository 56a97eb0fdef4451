//! Transfers as documents: what a dry run prints, a person may edit, and `--transfer-spec` carries out.
//!
//! A document names nodes, each of which reads or stores one thing, and says with expressions which of them needs what
//! from which other. Writing one reads sources only. Reading one checks all that can be known without contacting
//! anybody; [`prepare`] then follows all expressions and finds all content, [`execute`] moves it and publishes.

mod content;
mod estimate;
mod evaluate;
mod execute;
mod expression;
mod field;
mod graph;
mod id;
mod node;
mod path;
mod places;
mod prepare;
mod read;
mod run;
mod settle;
mod template;
mod types;
mod write;

pub use estimate::{Estimate, estimate};
pub use execute::execute;
pub use graph::{Graph, check};
pub use places::Places;
pub use prepare::{Prepared, prepare};
pub use read::read;
pub use types::{Document, Transformation};
pub use write::{Origin, write};
