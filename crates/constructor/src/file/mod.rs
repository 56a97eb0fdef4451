//! The constructor file: components as a person writes them down.
//!
//! A text becomes a tree in which every node knows its place, variables are put in, and the tree becomes [`Component`]s.
//! Nothing is lost on the way without a word: unknown keys, keys that appear twice and values of the wrong form are
//! problems, and all problems of all files are reported together.

mod access;
mod component;
mod element;
mod fields;
mod read;
mod rules;
mod scalar;
mod tree;

pub use component::{Component, Resource, Source};
pub use read::{Constructor, Dialect, Reading, Text, read};
pub use rules::is_date_time;

pub(crate) use fields::{Fields, Reader};
pub(crate) use tree::{Form, Kind, Node, Scalar, parse};
