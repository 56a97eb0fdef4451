//! Whether component versions are the ones whose digests references record.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use ocm_model::DigestSpec;
use ocm_repository::ComponentVersion;

use super::complete::{Completion, Reach};
use super::walk::{Keep, Walker};
use crate::lookup::Lookup;
use crate::{Context, Kind, Result};

/// Judges versions whose stored descriptors have other digests than references to them record. What was found out about one
/// counts for the next: a tree is walked once, however many of its references are in doubt.
pub(crate) struct Meant<'a> {
    /// As they are stored.
    stored: Walker<'a>,
    /// With digests of resources that are recorded nowhere, as the v1 program computes them before it refers to a version.
    computed: Walker<'a>,
    completion: Completion<'a>,
}

impl<'a> Meant<'a> {
    /// `afresh` is a lookup of the same places, which learns what was computed.
    pub(crate) fn new(context: &'a Context, lookup: &'a Lookup, afresh: &'a Lookup, reach: Reach) -> Self {
        Self {
            stored: Walker::new(lookup, Keep::Documents),
            computed: Walker::new(afresh, Keep::Documents),
            completion: Completion { context, lookup: afresh, written: None, reach, done: Mutex::default() },
        }
    }

    /// Whether a version, with everything it refers to, is the one whose digest is recorded.
    ///
    /// # Errors
    /// Content that it takes to tell is out of reach: nobody knows whether the version is another one.
    pub(crate) async fn is(&self, version: &Arc<ComponentVersion>, recorded: &DigestSpec) -> Result<bool> {
        if self.stored.is_meant(version, recorded).boxed().await.unwrap_or(false) {
            return Ok(true);
        }
        match self.is_computed(version, recorded).boxed().await {
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Denied) => Err(error),
            Err(error) => {
                tracing::debug!(target: "ocm", %version, %error, "digests cannot be computed");
                Ok(false)
            }
            is_computed => is_computed,
        }
    }

    async fn is_computed(&self, version: &Arc<ComponentVersion>, recorded: &DigestSpec) -> Result<bool> {
        let completed = self.completion.one(version.clone()).await?;
        self.completion.references(&completed).await?;
        self.computed.is_meant(&completed, recorded).await
    }
}
