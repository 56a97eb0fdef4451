//! Digests of resources that no descriptor records, of a component version and of everything it refers to.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::Algorithm;
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_transfer::Lookup as _;

use super::walk::Walker;
use super::{content, store};
use crate::lookup::Lookup;
use crate::tree::MAX_NODES;
use crate::{Context, Error, Kind, Result};

/// Component versions whose content is read at the same time.
const AT_ONCE: usize = 8;

/// What is computed, and what becomes of it.
pub(crate) struct Completion<'a> {
    pub(crate) context: &'a Context,
    /// Finds what is referred to, and learns what was completed.
    pub(crate) lookup: &'a Lookup,
    /// Where completed versions will be written: signatures that they have must not break.
    pub(crate) written: Option<&'a ComponentRepository>,
    /// Whose content is read.
    pub(crate) reach: Reach,
    /// Versions that were completed, or whose references are.
    pub(crate) done: Mutex<HashSet<(String, String)>>,
}

/// Content that is read to compute digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Wherever it lies.
    Everywhere,
    /// What is stored with its component version: nobody else is contacted.
    Stored,
}

impl Completion<'_> {
    /// The version with digests of all of its resources; the same one if it has them.
    ///
    /// # Errors
    /// Content cannot be read; a signature is over the version without these digests.
    pub(crate) async fn one(&self, version: Arc<ComponentVersion>) -> Result<Arc<ComponentVersion>> {
        let mut completed = ComponentVersion::clone(&version);
        self.lookup.fill(&mut completed);
        if self.reach == Reach::Stored {
            content::check_stored(&completed)?;
        }
        content::complete(self.context, &version, &mut completed.descriptor).await?;
        if completed.descriptor == version.descriptor {
            return Ok(version);
        }
        if self.written.is_some_and(|repository| store::is_in(&version, repository)) {
            let stored = Walker::alone(&version, Algorithm::V4Alpha1, HashAlgorithm::Sha256)?;
            store::check_signatures(stored.document()?, &completed.descriptor)?;
        }
        self.lookup.keep_computed(&completed);
        let completed = Arc::new(completed);
        self.lookup.remember(&completed);
        Ok(completed)
    }

    /// The same of everything that a version refers to, however far. Whether there was something to compute.
    ///
    /// # Errors
    /// As [`Completion::one`]. What cannot be found is left to whoever needs it.
    pub(crate) async fn references(&self, root: &ComponentVersion) -> Result<bool> {
        let targets = |version: &ComponentVersion| {
            let references = version.descriptor.component.component_references.iter();
            references.map(|one| (one.component_name.clone(), one.version.clone())).collect::<Vec<_>>()
        };
        let seen = || self.done.lock().unwrap_or_else(PoisonError::into_inner);
        seen().insert((root.name().to_owned(), root.version().to_owned()));
        let (mut next, mut changed) = (targets(root), false);
        while !next.is_empty() {
            next.retain(|key| seen().insert(key.clone()));
            if seen().len() > MAX_NODES {
                let reason = format!("{root}: its references lead to more than {MAX_NODES} versions");
                return Err(Error::new(Kind::Other, reason));
            }
            let completed: Vec<_> = stream::iter(std::mem::take(&mut next))
                .map(async |(component, version)| {
                    let Ok(found) = self.lookup.get(&component, &version).await else { return Ok::<_, Error>(None) };
                    let completed = self.one(found.clone()).await?;
                    Ok(Some((!Arc::ptr_eq(&found, &completed), targets(&found))))
                })
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            for (is_new, targets) in completed.into_iter().flatten() {
                changed |= is_new;
                next.extend(targets);
            }
        }
        Ok(changed)
    }
}
