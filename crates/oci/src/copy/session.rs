use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocm_blob::Digest;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};

use crate::Home;

/// Blobs that go into several targets at once, over all copies of a session. Each holds a connection to every target
/// while the slowest one takes its time, so there must be fewer than a host grants.
const SHARED_READS: usize = 4;

/// What the copies of one run know of each other, so that nothing is asked, read or sent twice. Clones share it.
///
/// # Guarantees
/// Copies of the same blob into the same place wait for each other, in whatever repositories of it; the later ones find
/// it there or mount it. What was found or stored is believed to stay as long as the session lives.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    reads: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    /// Names of the repositories of a place that have a blob.
    blobs: HashMap<(String, Digest), BTreeSet<String>>,
    /// Blobs that are being stored; the sender goes when that has ended.
    blob_turns: HashMap<(String, Digest), watch::Receiver<()>>,
    /// Graphs that are complete in a repository.
    graphs: HashSet<(Home, Digest)>,
    /// Graphs that are not in a repository, as far as anybody knows.
    absent: HashSet<(Home, Digest)>,
    graph_turns: HashMap<(Home, Digest), Arc<AsyncMutex<()>>>,
    /// Roots that were handed back to be stored in a repository.
    handed_back: HashSet<(Home, Digest)>,
    /// Places that refused a sparse index.
    refuse_sparse: HashSet<String>,
}

impl Default for Session {
    fn default() -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), reads: Arc::new(Semaphore::new(SHARED_READS)) }))
    }
}

/// The answer to whoever wants to store a blob.
pub(super) enum Claim {
    /// The repository has it.
    Present,
    /// Somebody is storing it in the same place; wait, then ask again.
    Taken(Wait),
    /// Nobody else is.
    Granted(Turn),
}

/// Until somebody else has stored a blob, or has not been able to.
pub(super) struct Wait(watch::Receiver<()>);

impl Wait {
    pub(super) async fn end(mut self) {
        // Nothing is ever sent: the sender goes.
        let _ = self.0.changed().await;
    }
}

/// The right to store a blob in a place, until it is dropped.
pub(super) struct Turn {
    session: Session,
    key: (String, Digest),
    _ends: watch::Sender<()>,
    /// A repository of the same place that has the blob.
    pub(super) elsewhere: Option<String>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.session.state().blob_turns.remove(&self.key);
    }
}

/// The right to copy a graph into some repositories, until it is dropped.
pub(super) struct GraphTurns {
    session: Session,
    held: Vec<((Home, Digest), OwnedMutexGuard<()>)>,
}

impl Drop for GraphTurns {
    fn drop(&mut self) {
        for (key, guard) in self.held.drain(..) {
            drop(guard);
            let turns = &mut self.session.state().graph_turns;
            if turns.get(&key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
                turns.remove(&key);
            }
        }
    }
}

impl Session {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claim(&self, home: &Home, digest: &Digest) -> Claim {
        let key = (home.place.clone(), digest.clone());
        let mut state = self.state();
        let names = state.blobs.get(&key);
        if names.is_some_and(|names| names.contains(&home.name)) {
            return Claim::Present;
        }
        let elsewhere = names.and_then(|names| names.first().cloned());
        if let Some(turn) = state.blob_turns.get(&key) {
            return Claim::Taken(Wait(turn.clone()));
        }
        let (ends, turn) = watch::channel(());
        state.blob_turns.insert(key.clone(), turn);
        Claim::Granted(Turn { session: self.clone(), key, _ends: ends, elsewhere })
    }

    /// A repository has a blob.
    pub(super) fn has_blob(&self, home: &Home, digest: &Digest) {
        let key = (home.place.clone(), digest.clone());
        self.state().blobs.entry(key).or_default().insert(home.name.clone());
    }

    /// The turn to copy a graph into these repositories. Always taken in the same order, so that two copies with the same
    /// targets do not wait for each other.
    pub(super) async fn graph_turns(&self, homes: &[Home], root: &Digest) -> GraphTurns {
        let mut turns = GraphTurns { session: self.clone(), held: Vec::new() };
        for home in homes.iter().cloned().collect::<BTreeSet<_>>() {
            let key = (home, root.clone());
            let turn = self.state().graph_turns.entry(key.clone()).or_default().clone();
            turns.held.push((key, turn.lock_owned().await));
        }
        turns
    }

    pub(super) fn has_graph(&self, home: &Home, root: &Digest) -> bool {
        self.state().graphs.contains(&(home.clone(), root.clone()))
    }

    /// Tells the session that a repository most likely does not have a graph, so that no copy asks for its root: the name
    /// that it is to get is free. Where it is there after all, what it consists of is found blob by blob.
    pub fn assume_absent(&self, home: Home, root: Digest) {
        self.state().absent.insert((home, root));
    }

    pub(super) fn lacks_graph(&self, home: &Home, root: &Digest) -> bool {
        self.state().absent.contains(&(home.clone(), root.clone()))
    }

    /// All of a graph is in a repository.
    pub(super) fn graph_is_complete(&self, home: &Home, root: &Digest) {
        let (mut state, key) = (self.state(), (home.clone(), root.clone()));
        state.absent.remove(&key);
        state.graphs.insert(key);
    }

    /// A root for a repository is handed back; `false` if it was before.
    pub(super) fn hands_back(&self, home: &Home, root: &Digest) -> bool {
        self.state().handed_back.insert((home.clone(), root.clone()))
    }

    pub(super) fn refuses_sparse(&self, place: &str) -> bool {
        self.state().refuse_sparse.contains(place)
    }

    pub(super) fn sparse_was_refused(&self, place: &str) {
        self.state().refuse_sparse.insert(place.to_owned());
    }

    /// The turn to read a blob for several targets.
    pub(super) async fn shared_read(&self) -> Option<OwnedSemaphorePermit> {
        self.0.reads.clone().acquire_owned().await.ok()
    }
}
