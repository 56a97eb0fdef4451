use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ocm_blob::Digest;
use ocm_oci::Descriptor;

use crate::ctf::index::Change;
use crate::ctf::staging::{StagedFile, Staging};

/// Everything that was pushed since the last commit.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Changes of the index, in the order in which they were made.
    pub(crate) changes: Vec<Change>,
    /// New content.
    pub(crate) staged: HashMap<Digest, Arc<StagedFile>>,
    /// Content that goes away unless a row of the index names it by then.
    pub(crate) removed: HashSet<Digest>,
    /// The manifests that were known when the first content of this batch was removed.
    pub(crate) seen: Option<HashSet<Digest>>,
    /// Content that was not pushed because it was there, and must still be there when this is committed.
    pub(crate) relied: HashSet<Digest>,
    /// Changes of lists of referrers, in the order in which they were made.
    pub(crate) referrers: Vec<Referral>,
    /// The folder of the staged files.
    pub(crate) staging: Option<Arc<Staging>>,
}

/// A manifest that has a subject came or went.
#[derive(Clone, Debug)]
pub(crate) struct Referral {
    /// Repository of both.
    pub(crate) repository: String,
    /// The manifest that something is said about.
    pub(crate) subject: Digest,
    /// The manifest that says it.
    pub(crate) referrer: Descriptor,
    /// Whether it is there now.
    pub(crate) present: bool,
}

impl Batch {
    /// Whether there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.staged.is_empty() && self.removed.is_empty() && self.referrers.is_empty()
    }

    /// Puts what came later behind this.
    pub(crate) fn append(&mut self, later: Self) {
        self.removed.retain(|digest| !later.staged.contains_key(digest));
        self.changes.extend(later.changes);
        self.staged.extend(later.staged);
        self.removed.extend(later.removed);
        self.relied.extend(later.relied);
        self.seen = self.seen.take().or(later.seen);
        self.referrers.extend(later.referrers);
        self.staging = later.staging.or_else(|| self.staging.take());
    }
}
