use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocm_http::Bucket;
use tokio::sync::Semaphore;

use super::source_blob::again;
use super::{Options, Outcome};
use crate::{Error, Home, Pushed, Repository, Result};

/// Some of the targets, by position.
pub(super) type Targets = BTreeSet<usize>;

/// One copy: where from, where to, and what has become of each target so far.
pub(super) struct Run<'a> {
    pub(super) source: &'a Arc<dyn Repository>,
    pub(super) targets: &'a [Arc<dyn Repository>],
    /// Where the targets belong, in the same order.
    pub(super) homes: Vec<Home>,
    pub(super) options: &'a Options,
    /// Room for contents that are read at the same time.
    pub(super) reads: Arc<Semaphore>,
    progress: Mutex<Vec<Progress>>,
}

#[derive(Default)]
struct Progress {
    outcome: Outcome,
    /// Why this target was given up; the first reason counts.
    failed: Option<Error>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        source: &'a Arc<dyn Repository>,
        targets: &'a [Arc<dyn Repository>],
        options: &'a Options,
    ) -> Self {
        let homes = targets.iter().map(|target| target.home()).collect();
        let progress = Mutex::new(targets.iter().map(|_| Progress::default()).collect());
        let reads = Arc::new(Semaphore::new(options.concurrency.max(1)));
        Self { source, targets, homes, options, reads, progress }
    }

    fn progress(&self) -> MutexGuard<'_, Vec<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What content draws from here; nothing where a connection does that.
    pub(super) fn pace(&self) -> Option<Arc<Bucket>> {
        let is_here = |repository: &Arc<dyn Repository>| repository.location().is_none();
        self.options.pace.clone().filter(|_| is_here(self.source) && self.targets.iter().all(is_here))
    }

    /// Those of the targets that have not failed.
    pub(super) fn alive(&self, targets: &Targets) -> Targets {
        let progress = self.progress();
        targets.iter().copied().filter(|target| progress[*target].failed.is_none()).collect()
    }

    /// All targets that have not failed.
    pub(super) fn all_alive(&self) -> Targets {
        self.alive(&(0..self.targets.len()).collect())
    }

    pub(super) fn count(&self, target: usize, size: u64, how: Pushed) {
        self.progress()[target].outcome.count(size, how);
    }

    pub(super) fn repeated(&self, target: usize, times: u64) {
        self.progress()[target].outcome.repeated += times;
    }

    /// Gives a target up for what went wrong there.
    pub(super) fn fail(&self, target: usize, error: Error) {
        let address = self.targets[target].address();
        // With one target it is clear which; a subject often names it anyway.
        let error = match self.targets.len() {
            1 => error.on("target"),
            _ if error.subject().contains(&address) => error.on("target"),
            _ => error.on(&format!("target {address}:")),
        };
        self.give_up(target, error);
    }

    /// Gives targets up for what went wrong at the source.
    pub(super) fn fail_source(&self, targets: &Targets, error: Error) {
        let error = error.on("source");
        for target in targets {
            self.give_up(*target, again(&error));
        }
    }

    fn give_up(&self, target: usize, error: Error) {
        let failed = &mut self.progress()[target].failed;
        if failed.is_none() {
            *failed = Some(error);
        }
    }

    /// The value, or nothing where asking the target for it gave it up.
    pub(super) fn at<T>(&self, target: usize, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.fail(target, error)).ok()
    }

    pub(super) fn finish(self) -> Vec<Result<Outcome>> {
        let progress = self.progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        let result = |Progress { outcome, failed }| match failed {
            Some(error) => Err(Error::after(error, outcome.repeated)),
            None => Ok(outcome),
        };
        progress.into_iter().map(result).collect()
    }
}
