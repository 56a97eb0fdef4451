//! The normal forms of a descriptor: the bytes whose digest is signed (OCM specification, *Normalization*).
//!
//! They are made of what the older programs know of a descriptor and of nothing else, so that their digests come out.

mod algorithm;
mod canonical;
mod difference;
mod entries;
mod labels;
mod piece;
mod unambiguous;
mod v1;
mod v2;

pub use algorithm::{Algorithm, Reduction, normalise, normalise_as};
pub use difference::{Difference, first_difference};
pub use unambiguous::check_unambiguous;
