//! Indexes that are stored without all they list.

use std::sync::Arc;

use ocm_blob::Digest;

use super::run::Run;
use crate::reference::referrers_tag;
use crate::{Document, Kind, Manifest, Pushed, Repository, Result, Selector, media_type};

/// The tag of an index that a registry holds without all it lists.
///
/// A registry cannot be asked whether an index is complete without asking for every row; with this, one more question is
/// enough. The tag stays when the rest comes: it says only that somebody has to look, and not every registry can remove
/// a tag without the manifest.
pub fn sparse_tag(index: &Digest) -> String {
    format!("{}.sparse", referrers_tag(index))
}

/// Whether an index that is there may lack some of what it lists. A place that leaves the index to another one that is not
/// at hand, as a differential archive does, cannot show it: the source can.
pub(super) async fn is_marked(
    target: &Arc<dyn Repository>,
    source: &Arc<dyn Repository>,
    index: &Digest,
) -> Result<bool> {
    if target.location().is_some() {
        return Ok(target.resolve(&Selector::Tag(sparse_tag(index))).await?.is_some());
    }
    // On this machine it costs nothing to look.
    let selector = Selector::from(index.clone());
    let manifest = match target.manifest(&selector).await {
        Err(error) if error.kind() == Kind::NotFound => source.manifest(&selector).await?,
        manifest => manifest?,
    };
    let Document::Index(document) = manifest.document()? else { return Ok(false) };
    for row in document.manifests.iter().filter(|row| media_type::is_manifest(&row.media_type)) {
        if target.resolve(&row.digest.clone().into()).await?.is_none() && !row.may_be_elsewhere() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Stores an index without all it lists; `false` if the target does not take that.
pub(super) async fn push(run: &Run<'_>, target: usize, index: &Manifest, left_out: &[Digest]) -> Result<bool> {
    let (repository, session) = (&run.targets[target], &run.options.session);
    let place = &run.homes[target].place;
    if session.refuses_sparse(place) {
        return Ok(false);
    }
    let tag = repository.location().map(|_| sparse_tag(index.digest()));
    match repository.push_sparse(index, tag.as_deref(), left_out).await {
        Ok(()) => {
            let size = index.bytes().len() as u64;
            run.count(target, size, Pushed::Sent);
            run.options.observer.moved(size);
            Ok(true)
        }
        Err(error) if matches!(error.kind(), Kind::Unsupported | Kind::Invalid | Kind::NotFound) => {
            tracing::debug!(place, cause = error.reason(), "takes no index without all it lists");
            session.sparse_was_refused(place);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
