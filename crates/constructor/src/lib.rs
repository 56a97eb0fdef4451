//! Component versions from constructor files: what a person writes down becomes stored content and a descriptor.
//!
//! [`read`] understands files, with every mistake at its place; [`build`] makes component versions of what they describe.
//! The two never mix: after reading nothing is decided any more about spelling, and building prints nothing.

pub mod build;
pub mod file;
pub mod input;
mod problem;
pub mod template;

pub use file::{Component, Constructor, Dialect, Reading, Text, read};
pub use problem::{Position, Problem, Problems};
pub use template::{Engine, Variables};
