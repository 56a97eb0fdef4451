use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocm_blob::Digest;
use ocm_oci::Descriptor;
use ocm_repository::{ComponentRepository, Holder};

use crate::Result;
use crate::work::Resolved;

/// Repositories that are to receive component versions, each with its name, opened or with what kept it from that.
pub struct Targets {
    pub(crate) all: Vec<(String, Result<ComponentRepository>)>,
    roots: Arc<Roots>,
}

impl Targets {
    /// Those that could be opened.
    pub fn opened(&self) -> impl Iterator<Item = &ComponentRepository> {
        self.all.iter().filter_map(|(_, opened)| opened.as_ref().ok())
    }

    /// What targets have under the names of component versions, for those who read these versions before [`crate::prepare`] does
    /// its comparison: no question is asked twice.
    pub fn roots(&self) -> Arc<Roots> {
        self.roots.clone()
    }
}

impl From<Vec<(String, Result<ComponentRepository>)>> for Targets {
    fn from(all: Vec<(String, Result<ComponentRepository>)>) -> Self {
        let asked = all.iter().map(|(_, opened)| Asked {
            repository: opened.as_ref().ok().cloned(),
            has_failed: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        let roots = Arc::new(Roots { targets: asked.collect() });
        Self { all, roots }
    }
}

/// What the targets of a transfer have under the names of component versions.
pub struct Roots {
    /// In the order of the targets.
    targets: Vec<Asked>,
}

struct Asked {
    repository: Option<ComponentRepository>,
    /// Whether it failed to answer; it is not asked ahead of time again.
    has_failed: AtomicBool,
    /// Answers that nobody has needed yet, by component and version.
    seen: Mutex<HashMap<(String, String), ocm_oci::Result<Resolved>>>,
}

impl Roots {
    /// A repository with everything that this root leads to, because a target has it under the same name. What has a digest
    /// can be read there as well: a component version that is transferred again is not read twice at its source.
    pub async fn holder(&self, component: &str, version: &str, root: &Digest) -> Option<Holder<'_>> {
        for target in &self.targets {
            let Some(repository) = &target.repository else { continue };
            if target.has_failed.load(Ordering::Relaxed) {
                continue;
            }
            let answer = repository.root(component, version).await.map(Resolved::now);
            let is_same = answer.as_ref().is_ok_and(|seen| seen.there.as_ref().is_some_and(|it| it.digest == *root));
            if answer.is_err() {
                target.has_failed.store(true, Ordering::Relaxed);
            }
            target.lock().insert((component.to_owned(), version.to_owned()), answer);
            if is_same {
                return Some(Holder { content: repository.content(component), has_failed: &target.has_failed });
            }
        }
        None
    }

    /// What the target at this position has, as it was seen a moment ago or as it is now.
    pub(crate) async fn of(
        &self,
        position: usize,
        component: &str,
        version: &str,
    ) -> ocm_oci::Result<Option<Descriptor>> {
        let Some(target) = self.targets.get(position) else { return Ok(None) };
        let Some(repository) = &target.repository else { return Ok(None) };
        let seen = target.lock().remove(&(component.to_owned(), version.to_owned()));
        match seen {
            Some(Ok(seen)) if seen.is_fresh() => Ok(seen.there),
            Some(Err(error)) => Err(error),
            _ => repository.root(component, version).await,
        }
    }
}

impl Asked {
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), ocm_oci::Result<Resolved>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
