//! Transfers as documents: what a dry run prints, a person may edit, and `--transfer-spec` carries out.
//!
//! A document names nodes, each of which reads or stores one thing, and says with expressions which of them needs what
//! from which other. Writing one reads sources only. Reading one checks all that can be known without contacting
//! anybody; [`prepare`] then follows all expressions and finds all content: the front end of [`execute`](crate::execute) that
//! reads documents.

mod artifact;
mod described;
mod element;
mod evaluate;
mod expression;
mod field;
mod graph;
mod id;
mod node;
mod path;
mod places;
mod prepare;
mod read;
mod recorded;
mod remote;
mod run;
mod shape;
mod template;
mod text;
mod types;
mod upload;
mod write;

pub use graph::{Graph, check, targets};
pub use places::Places;
pub use prepare::prepare;
pub use read::read;
pub use text::Text;
pub use types::{Document, Transformation};
pub use write::{Origin, write};
