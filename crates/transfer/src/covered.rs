//! What says what the content of a resource has to be.

use std::collections::HashMap;

use ocm_model::access::Access;
use ocm_model::{DigestSpec, Identity};
use ocm_repository::ComponentVersion;

use crate::element::{elements, travels};
use crate::{ElementKind, Error, Options, Result};

/// Digests of resources that descriptors do not record, although digests of these descriptors do rest on them: the v1 program
/// computes them whenever it signs or refers to such a version, and stores them for the signed version alone.
#[derive(Clone, Debug, Default)]
pub struct Computed(HashMap<String, Vec<Option<DigestSpec>>>);

impl Computed {
    /// Keeps the digests of all resources of a version, in their order.
    pub fn add(&mut self, version: &ComponentVersion, digests: Vec<Option<DigestSpec>>) {
        self.0.insert(key(version), digests);
    }

    /// The digest of the resource in this position.
    pub fn of(&self, version: &ComponentVersion, position: usize) -> Option<&DigestSpec> {
        self.0.get(&key(version))?.get(position)?.as_ref()
    }
}

/// Another copy of a version may have other content.
fn key(version: &ComponentVersion) -> String {
    format!("{} {} {version}", version.content().address(), version.root.digest())
}

/// Refuses what would move although nothing says what it has to be. Content without digest can stand in the place of what was
/// signed as having none, and every digest of its version would stay the same; so it would if what was signed came without content.
///
/// # Errors
/// [`Error::Uncovered`] or [`Error::Emptied`] with the first resource of that kind.
pub fn check_covered<'a>(versions: impl IntoIterator<Item = &'a ComponentVersion>, options: &Options) -> Result<()> {
    for version in versions {
        for element in elements(version).iter().filter(|element| element.kind == ElementKind::Resource) {
            let access = Access::of(element.access);
            let is_wanted = options.moves(element.kind, element.is_local) && !options.omits(element.access);
            let recorded = element.recorded(version, options).filter(|digest| digest.is_complete());
            let name = || format!("resource {}", Identity(element.identity.clone()));
            if matches!(access, Access::None) {
                // Normal forms leave out the digest where exactly these two stand; `none/v1` is signed with it.
                let is_signed = !matches!(element.access.kind.as_str(), "none" | "None");
                if is_signed && recorded.is_some_and(|digest| !digest.is_excluded()) {
                    return Err(Error::Emptied { element: name(), version: version.to_string() });
                }
                continue;
            }
            if (is_wanted || travels(&access)) && recorded.is_none() {
                return Err(Error::Uncovered { element: name(), version: version.to_string() });
            }
        }
    }
    Ok(())
}
