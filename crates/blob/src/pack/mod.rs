//! Writing tar archives whose bytes depend on nothing but their content.

mod directory;
mod entries;
mod header;
mod pattern;

pub use directory::{DirectoryNames, DirectoryTar, PackOptions};
pub use entries::TarOf;
pub(crate) use header::{Fields, TRAILER, encode, padding};
pub use pattern::{InvalidPattern, Pattern};
