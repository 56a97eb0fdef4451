use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::{Content, Sources as _};
use ocm_model::access::Access;
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm, OCI_ARTEFACT_DIGEST, OCI_ARTIFACT_DIGEST};
use ocm_model::{Descriptor, DigestSpec, Resource};
use ocm_repository::{ComponentVersion, is_artifact_set};

use crate::{Context, Error, Kind, Result, presence};

/// What came out of checking the content of the resources of a version.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checked {
    /// Resources whose content is the one that the descriptor records.
    pub(crate) right: usize,
    /// Resources that take no part: without content, or excluded by a marker.
    pub(crate) excluded: usize,
}

/// Compares the content of all resources of a version with the digests that its descriptor records.
///
/// # Errors
/// Content is missing, cannot be reached or is another one; a resource with content records no digest.
pub(crate) async fn check(context: &Context, version: &ComponentVersion, at_once: usize) -> Result<Checked> {
    let resources = version.descriptor.component.resources.iter();
    stream::iter(resources)
        .map(async |resource| {
            let about = |error: Error| error.during(format!("{version} resource {}", resource.identity()));
            match &resource.digest {
                _ if !has_content(resource) => Ok(Checked { excluded: 1, ..Checked::default() }),
                Some(digest) if digest.is_excluded() => Ok(Checked { excluded: 1, ..Checked::default() }),
                Some(recorded) if recorded.is_complete() => {
                    confirm(context, version, resource, recorded).await.map_err(about)?;
                    Ok(Checked { right: 1, ..Checked::default() })
                }
                _ => Err(about(Error::new(
                    Kind::Verification,
                    "the descriptor records no digest, so that nothing says what its content has to be",
                ))),
            }
        })
        .buffer_unordered(at_once.max(1))
        .try_fold(Checked::default(), async |all, one| {
            Ok(Checked { right: all.right + one.right, excluded: all.excluded + one.excluded })
        })
        .await
}

/// Compares the content of those resources that record a digest.
///
/// # Errors
/// As [`check`].
pub(crate) async fn check_recorded(context: &Context, version: &ComponentVersion, at_once: usize) -> Result<Checked> {
    let mut recorded = version.clone();
    recorded.descriptor.component.resources.retain(|resource| resource.recorded_digest().is_some());
    check(context, &recorded, at_once).await
}

/// Compares the content of those resources whose recorded digest does not show while they move: of the manifest inside of an
/// artifact set, for instance, in whose place there could be anything. Images show theirs.
///
/// # Errors
/// As [`check`], but not where content is missing: nothing moves then.
pub(crate) async fn check_packed(context: &Context, version: &ComponentVersion) -> Result<()> {
    for resource in &version.descriptor.component.resources {
        let Some(recorded) = resource.digest.as_ref().filter(|_| is_packed(resource)) else { continue };
        let checked = match content(context, version, resource).await {
            Ok(Content::Blob { .. }) => confirm(context, version, resource, recorded).await,
            Ok(Content::Image { .. }) => Ok(()),
            Err(error) => Err(error),
        };
        match checked {
            Err(error) if error.kind() != Kind::NotFound => {
                return Err(error.during(format!("{version} resource {}", resource.identity())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_packed(resource: &Resource) -> bool {
    let Some(recorded) = resource.recorded_digest().filter(|digest| !digest.is_excluded()) else {
        return false;
    };
    let is_plain =
        recorded.normalisation_algorithm == GENERIC_BLOB_DIGEST && recorded.hash() == Some(HashAlgorithm::Sha256);
    match Access::of(&resource.access) {
        Access::LocalBlob { .. } | Access::LocalOciBlob { .. } => {
            !is_plain || resource.access.text("mediaType").is_some_and(is_artifact_set)
        }
        // What comes from elsewhere is compared when it comes, and only if it moves.
        _ => false,
    }
}

/// Computes the digests of resources that record none.
///
/// # Errors
/// The content cannot be reached.
pub(crate) async fn complete(context: &Context, version: &ComponentVersion, descriptor: &mut Descriptor) -> Result<()> {
    for resource in &mut descriptor.component.resources {
        if resource.recorded_digest().is_none() && has_content(resource) {
            let computed = digest(context, version, resource).await;
            let about = |error: Error| {
                let identity = resource.identity();
                error.during(format!("{version} resource {identity}: no digest is recorded, and it cannot be computed"))
            };
            resource.digest = Some(computed.map_err(about)?);
        }
    }
    Ok(())
}

/// Refuses a version of which content without digest does not lie with it.
///
/// # Errors
/// It names the resource.
pub(crate) fn check_stored(version: &ComponentVersion) -> Result<()> {
    let unknown = |resource: &&Resource| has_content(resource) && resource.recorded_digest().is_none();
    let is_elsewhere = |resource: &&Resource| {
        let access = Access::of(&resource.access);
        !matches!(access, Access::LocalBlob { .. } | Access::LocalOciBlob { .. } | Access::RelativeOci { .. })
    };
    match version.descriptor.component.resources.iter().filter(unknown).find(is_elsewhere) {
        None => Ok(()),
        Some(resource) => {
            let reason = format!("{version} resource {}: its content lies elsewhere", resource.identity());
            Err(Error::new(Kind::Incomplete, reason))
        }
    }
}

/// Whether there is something that could have a digest.
pub(crate) fn has_content(resource: &Resource) -> bool {
    !matches!(resource.access.kind.as_str(), "none" | "None")
}

/// The content of a resource.
async fn content(context: &Context, version: &ComponentVersion, resource: &Resource) -> Result<Content> {
    ocm_access::open(&resource.access, version, context).await?.ok_or_else(|| {
        Error::new(Kind::Other, format!("content with access type {} cannot be read here", resource.access.kind))
    })
}

/// The digest of a resource's content as it is.
async fn digest(context: &Context, version: &ComponentVersion, resource: &Resource) -> Result<DigestSpec> {
    let content = content(context, version, resource).await?;
    Ok(ocm_access::measure(content, HashAlgorithm::Sha256, context.scratch()).await?)
}

/// Reads the content of a resource and compares it with the digest that is recorded.
async fn confirm(
    context: &Context,
    version: &ComponentVersion,
    resource: &Resource,
    recorded: &DigestSpec,
) -> Result<()> {
    let normalisation = recorded.normalisation_algorithm.as_str();
    if ![GENERIC_BLOB_DIGEST, OCI_ARTIFACT_DIGEST, OCI_ARTEFACT_DIGEST].contains(&normalisation) {
        let reason = format!(
            "the descriptor records a digest of the normalisation {normalisation:?}, which is not known here: {GENERIC_BLOB_DIGEST} \
             and {OCI_ARTIFACT_DIGEST} can be checked"
        );
        return Err(Error::new(Kind::Verification, reason));
    }
    // `none/v1` and its like: whoever changes the access of what was signed takes its content away.
    if matches!(Access::of(&resource.access), Access::None) {
        let kind = &resource.access.kind;
        let reason = format!("a digest of its content is recorded, but its access ({kind}) says that there is none");
        return Err(Error::new(Kind::Verification, reason));
    }
    let content = content(context, version, resource).await?;
    let Err(error) = ocm_access::confirm(content.clone(), recorded, context.scratch()).await else { return Ok(()) };
    Err(match (error.kind(), content) {
        (ocm_oci::Kind::Invalid, _) => Error::new(Kind::Verification, error),
        // What was left out on purpose is neither damaged nor lost.
        (_, Content::Image { source, root }) => presence::explained(error.into(), version, &source, &root).await,
        _ => error.into(),
    })
}
