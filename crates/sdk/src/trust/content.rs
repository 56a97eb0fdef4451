use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::Content;
use ocm_blob::{Algorithm, Blob, Digest, Digester};
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm, OCI_ARTIFACT_DIGEST};
use ocm_model::{Descriptor, DigestSpec, Resource};
use ocm_oci::{Document, Repository};
use ocm_repository::{ArtifactSet, ComponentVersion, is_artifact_set};

use crate::{Context, Error, Kind, Result, deliver};

/// Manifests of one image that are looked into; more is no image that anybody made.
const MAX_MANIFESTS: usize = 10_000;

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
pub(crate) async fn check(
    context: &Context,
    version: &ComponentVersion,
    scratch: &Path,
    at_once: usize,
) -> Result<Checked> {
    let resources = version.descriptor.component.resources.iter();
    stream::iter(resources)
        .map(async |resource| {
            let about = |error: Error| error.during(format!("{version} resource {}", resource.identity()));
            match &resource.digest {
                _ if !has_content(resource) => Ok(Checked { excluded: 1, ..Checked::default() }),
                Some(digest) if digest.is_excluded() => Ok(Checked { excluded: 1, ..Checked::default() }),
                Some(recorded) if recorded.is_complete() => {
                    let actual =
                        digest(context, version, resource, recorded.hash(), scratch, true).await.map_err(about)?;
                    let same = actual.hash() == recorded.hash() && actual.value.eq_ignore_ascii_case(&recorded.value);
                    if same {
                        return Ok(Checked { right: 1, ..Checked::default() });
                    }
                    Err(about(Error::new(
                        Kind::Verification,
                        format!(
                            "the content has digest {}:{}, but the descriptor records {}:{} ({})",
                            actual.hash_algorithm,
                            actual.value,
                            recorded.hash_algorithm,
                            recorded.value,
                            recorded.normalisation_algorithm
                        ),
                    )))
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
pub(crate) async fn check_recorded(
    context: &Context,
    version: &ComponentVersion,
    scratch: &Path,
    at_once: usize,
) -> Result<Checked> {
    let mut recorded = version.clone();
    let has_digest = |resource: &Resource| resource.digest.as_ref().is_some_and(DigestSpec::is_complete);
    recorded.descriptor.component.resources.retain(has_digest);
    check(context, &recorded, scratch, at_once).await
}

/// Computes the digests of resources that record none.
///
/// # Errors
/// The content cannot be reached.
pub(crate) async fn complete(
    context: &Context,
    version: &ComponentVersion,
    descriptor: &mut Descriptor,
    scratch: &Path,
) -> Result<()> {
    for resource in &mut descriptor.component.resources {
        let is_known = resource.digest.as_ref().is_some_and(DigestSpec::is_complete);
        if !is_known && has_content(resource) {
            let computed = digest(context, version, resource, None, scratch, false).await;
            let about = |error: Error| {
                let identity = resource.identity();
                error.during(format!("{version} resource {identity}: no digest is recorded, and it cannot be computed"))
            };
            resource.digest = Some(computed.map_err(about)?);
        }
    }
    Ok(())
}

/// Whether there is something that could have a digest.
pub(crate) fn has_content(resource: &Resource) -> bool {
    !matches!(resource.access.kind.as_str(), "none" | "None")
}

/// The digest of a resource's content as it is. `thorough` also reads what an image consists of; without it only the manifest
/// is found.
pub(crate) async fn digest(
    context: &Context,
    version: &ComponentVersion,
    resource: &Resource,
    hash: Option<HashAlgorithm>,
    scratch: &Path,
    thorough: bool,
) -> Result<DigestSpec> {
    let content = ocm_access::open(&resource.access, version, context).await?.ok_or_else(|| {
        Error::new(Kind::Other, format!("content with access type {} cannot be read here", resource.access.kind))
    })?;
    let hash = hash.unwrap_or(HashAlgorithm::Sha256);
    match content {
        Content::Image { source, root } => image(&source, &root, thorough).await,
        Content::Blob { blob, media_type } if is_artifact_set(&media_type) => {
            let set = ArtifactSet::open(blob.as_ref(), scratch).await?;
            let root = set.main().clone();
            image(&(Arc::new(set) as Arc<dyn Repository>), &root, thorough).await
        }
        Content::Blob { blob, .. } => {
            let digest = hashed(blob.as_ref(), hash).await?;
            Ok(DigestSpec::new(hash, GENERIC_BLOB_DIGEST, digest.hex()))
        }
    }
}

async fn hashed(blob: &dyn Blob, hash: HashAlgorithm) -> Result<Digest> {
    let mut digester = Digester::new(match hash {
        HashAlgorithm::Sha256 => Algorithm::Sha256,
        HashAlgorithm::Sha512 => Algorithm::Sha512,
    });
    let mut stream = blob.open().await.map_err(deliver::file_error)?;
    while let Some(chunk) = stream.next().await {
        digester.update(&chunk.map_err(deliver::file_error)?);
    }
    Ok(digester.finish())
}

/// The digest of an image is the one of its manifest; reading everything below it shows that it is there and right.
async fn image(source: &Arc<dyn Repository>, root: &ocm_oci::Descriptor, thorough: bool) -> Result<DigestSpec> {
    if thorough {
        let mut open = vec![root.digest.clone()];
        let mut seen = 0;
        while let Some(digest) = open.pop() {
            seen += 1;
            if seen > MAX_MANIFESTS {
                return Err(Error::new(Kind::Verification, format!("has more than {MAX_MANIFESTS} manifests")));
            }
            match source.manifest(&digest.into()).await?.document()? {
                Document::Index(index) => open.extend(index.manifests.into_iter().map(|row| row.digest)),
                Document::Image(image) => {
                    for blob in std::iter::once(&image.config).chain(&image.layers) {
                        let stream = source.blob(&blob.digest, 0).await?;
                        let mut stream = ocm_blob::verified(stream, Some(blob.size), Some(blob.digest.clone()));
                        while let Some(chunk) = stream.next().await {
                            chunk.map_err(deliver::file_error)?;
                        }
                    }
                }
            }
        }
    }
    let hash = match root.digest.algorithm() {
        Algorithm::Sha256 => HashAlgorithm::Sha256,
        Algorithm::Sha512 => HashAlgorithm::Sha512,
    };
    Ok(DigestSpec::new(hash, OCI_ARTIFACT_DIGEST, root.digest.hex()))
}
