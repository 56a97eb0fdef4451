use std::sync::Arc;

use ocm_blob::{Observer, Unobserved};
use ocm_http::Bucket;

use super::{PlatformChoice, Session};
use crate::{Descriptor, Manifest, Pushed};

/// How content is copied.
#[derive(Clone)]
pub struct Options {
    /// Blobs whose content is read at the same time; at least 1. As many again may be asked for, or wait until they are
    /// stored.
    pub concurrency: usize,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// What the copies of one run know of each other. A new one by default: then every copy stands alone.
    pub session: Session,
    /// Platforms that are copied of an index; empty: all of them.
    pub platforms: Vec<PlatformChoice>,
    /// Whether what others say about a manifest goes along.
    pub referrers: Referrers,
    /// Whether a manifest that is in a target vouches for what it lists.
    pub below: Below,
    /// Who stores the root of a graph.
    pub root: Root,
    /// What content draws from that moves between places on this machine; what crosses a network is counted there.
    pub pace: Option<Arc<Bucket>>,
}

/// Whether a manifest that is in a target vouches for what it lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Below {
    /// It does: it was stored last, and registries refuse one whose content is not there.
    #[default]
    Believed,
    /// It does not: everything is asked for by itself and sent where it is missing. For places that were damaged.
    AskedFor,
}

/// Who stores the root of a graph, once everything below it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Root {
    /// The copy, under its digest.
    #[default]
    Store,
    /// Whoever asked for the copy, under a tag and when it suits them: [`Copied::manifest`]. To store it under its digest
    /// before would be one more request for nothing. Referrers that go along come after their subject, so that with them
    /// the copy stores it all the same.
    HandBack,
}

/// Whether signatures, lists of contents and attestations go along with what they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referrers {
    /// They stay.
    #[default]
    Leave,
    /// They are copied after their subject: those that the referrers interface lists or the tag that stands in for it
    /// (distribution specification, *Listing Referrers*), and those under the tags of cosign.
    Carry,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 4,
            observer: Arc::new(Unobserved),
            session: Session::default(),
            platforms: Vec::new(),
            referrers: Referrers::Leave,
            below: Below::Believed,
            root: Root::Store,
            pace: None,
        }
    }
}

/// What a copy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Blobs and manifests that were sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Blobs and manifests that were in the target already or were mounted.
    pub present: u64,
    /// Times the content of a blob had to be sent once more, all of it or what was missing.
    pub repeated: u64,
}

impl Outcome {
    pub(super) fn count(&mut self, size: u64, how: Pushed) {
        if how == Pushed::Sent {
            self.sent += 1;
            self.sent_bytes += size;
        } else {
            self.present += 1;
        }
    }

    /// Adds the numbers of another copy.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.sent_bytes += other.sent_bytes;
        self.present += other.present;
        self.repeated += other.repeated;
    }
}

/// How much of a graph a target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Whole,
    /// The index as it was, but not all it lists.
    Sparse,
    /// Another index that lists the chosen platforms only, and names the one it was made from.
    Derived,
}

/// What became of a graph in one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// What stands for the root there. Its digest is another one if, and only if, the form is [`Form::Derived`].
    pub root: Descriptor,
    /// How much of it is there.
    pub form: Form,
    /// Referrers that were sent; those that were there already are not counted.
    pub referrers: u64,
    /// The root itself, if it was asked for with [`Root::HandBack`] and read on the way: then it may not be stored yet.
    /// `None` if the target has it.
    pub manifest: Option<Manifest>,
    /// What was moved, referrers and a root that was handed back included.
    pub outcome: Outcome,
}
