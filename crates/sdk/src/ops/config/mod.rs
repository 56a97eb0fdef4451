//! `config`: which configuration files are trusted, and what counts for a host or a component.

mod explain;
mod trusted;

pub use explain::{Explanation, Line, Subject, explain};
pub use trusted::{LARGEST_FILE, TrustedFile, TrustedFiles};
