//! What signing, verifying and hashing have in common: digests of component versions with everything they refer to, digests of
//! content, and writing a descriptor back.

pub(crate) mod content;
pub(crate) mod explain;
mod remote;
pub(crate) mod store;
pub(crate) mod timestamp;
pub(crate) mod variant;
pub(crate) mod walk;

use ocm_model::Version;

use crate::select::Selected;

/// The order in which the older program works and its scripts read what was printed.
pub(crate) fn oldest_first(mut selected: Vec<Selected>) -> Vec<Selected> {
    selected.sort_by_cached_key(|one| (one.component.clone(), Version::parse(&one.version).ok(), one.version.clone()));
    selected
}
