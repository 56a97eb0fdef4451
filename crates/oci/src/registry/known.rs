use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocm_blob::Digest;
use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::upload_session::Session;
use crate::Descriptor;

/// Mounts refused in a row after which the registry is not asked again: each costs a session nobody may need.
const MOUNTS_REFUSED: u32 = 3;

/// Different warnings of one registry that are passed on.
const WARNINGS: usize = 20;

/// A blob in a repository.
type Key = (String, Digest);

/// What was learnt about a registry on the way, so that nothing is asked twice.
#[derive(Default)]
pub(super) struct Known {
    state: Mutex<State>,
    mounts_refused: AtomicU32,
    without_referrers: AtomicBool,
    without_head: AtomicBool,
    breaks_on_missing: AtomicBool,
    /// Whether it refuses content with a wrong digest.
    pub(super) checks_digests: OnceCell<bool>,
}

#[derive(Default)]
struct State {
    /// Blobs that are there, with their size.
    present: HashMap<Key, u64>,
    /// Manifests that are there.
    manifests: HashMap<Key, Descriptor>,
    /// Blobs being pushed.
    turns: HashMap<Key, Arc<AsyncMutex<()>>>,
    /// Upload sessions that a refused mount opened.
    sessions: HashMap<Key, Session>,
    /// Warnings that were passed on.
    warnings: HashSet<String>,
    /// One writer at a time for a fallback list of referrers.
    lists: HashMap<Key, Arc<AsyncMutex<()>>>,
}

impl Known {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn size(&self, repository: &str, digest: &Digest) -> Option<u64> {
        self.state().present.get(&(repository.to_owned(), digest.clone())).copied()
    }

    pub(super) fn learn(&self, repository: &str, digest: &Digest, size: u64) {
        let key = (repository.to_owned(), digest.clone());
        let mut state = self.state();
        state.turns.remove(&key);
        state.sessions.remove(&key);
        state.present.insert(key, size);
    }

    pub(super) fn forget(&self, repository: &str, digest: &Digest) {
        self.state().present.remove(&(repository.to_owned(), digest.clone()));
    }

    /// A manifest that was found or stored.
    pub(super) fn manifest(&self, repository: &str, digest: &Digest) -> Option<Descriptor> {
        self.state().manifests.get(&(repository.to_owned(), digest.clone())).cloned()
    }

    pub(super) fn learn_manifest(&self, repository: &str, manifest: &Descriptor) {
        let key = (repository.to_owned(), manifest.digest.clone());
        self.state().manifests.insert(key, manifest.clone());
    }

    /// Something was removed from a repository; with a tag, some registries remove what it led to.
    pub(super) fn forget_manifests(&self, repository: &str) {
        self.state().manifests.retain(|(name, _), _| name != repository);
    }

    /// The turn to push a blob: whoever comes later waits and then finds it present.
    pub(super) fn turn(&self, repository: &str, digest: &Digest) -> Arc<AsyncMutex<()>> {
        self.state().turns.entry((repository.to_owned(), digest.clone())).or_default().clone()
    }

    /// The turn to change the list of referrers of a manifest.
    pub(super) fn list_turn(&self, repository: &str, subject: &Digest) -> Arc<AsyncMutex<()>> {
        self.state().lists.entry((repository.to_owned(), subject.clone())).or_default().clone()
    }

    pub(super) fn keep_session(&self, repository: &str, digest: &Digest, session: Session) {
        self.state().sessions.insert((repository.to_owned(), digest.clone()), session);
    }

    pub(super) fn take_session(&self, repository: &str, digest: &Digest) -> Option<Session> {
        self.state().sessions.remove(&(repository.to_owned(), digest.clone()))
    }

    /// Gives all of them up.
    pub(super) fn drop_sessions(&self) {
        let sessions = std::mem::take(&mut self.state().sessions);
        drop(sessions);
    }

    /// Whether a warning is news.
    pub(super) fn is_new_warning(&self, text: &str) -> bool {
        let mut state = self.state();
        state.warnings.len() < WARNINGS && state.warnings.insert(text.to_owned())
    }

    pub(super) fn mounts(&self) -> bool {
        self.mounts_refused.load(Ordering::Relaxed) < MOUNTS_REFUSED
    }

    pub(super) fn mount_answered(&self, mounted: bool) {
        if mounted {
            self.mounts_refused.store(0, Ordering::Relaxed);
        } else {
            self.mounts_refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether `HEAD` is worth a request for blobs.
    pub(super) fn has_head(&self) -> bool {
        !self.without_head.load(Ordering::Relaxed)
    }

    pub(super) fn lacks_head(&self) {
        self.without_head.store(true, Ordering::Relaxed);
    }

    /// Whether 500 is what it says of a blob that it does not have.
    pub(super) fn breaks_on_missing(&self) -> bool {
        self.breaks_on_missing.load(Ordering::Relaxed)
    }

    pub(super) fn broke_on_missing(&self) {
        self.breaks_on_missing.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_referrers(&self) -> bool {
        !self.without_referrers.load(Ordering::Relaxed)
    }

    pub(super) fn lacks_referrers(&self) {
        self.without_referrers.store(true, Ordering::Relaxed);
    }
}
