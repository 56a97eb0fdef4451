//! YAML as the Go programs read and write it: YAML 1.1, in which `yes` is a boolean and `010` is eight.

mod fold;
mod read;
mod scalar;
mod write;

pub(crate) use read::read_unmerged;
pub use read::{options, read};
pub use write::{member_to_string_folded, to_string, to_string_folded};
