//! What an access means today, so that it means the same tomorrow.

use futures_util::StreamExt as _;
use ocm_blob::{Algorithm, Digest, Digester};
use ocm_model::access::Access;
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::{Error, Kind};

use crate::content::remote;
use crate::{Content, Result, Sources, github, helm, oci_artifact};

/// An access whose content was looked up: the pinned access, and the digest of the content.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The access with a reference that always means the same content.
    pub access: TypedObject,
    /// Digest of the content.
    pub digest: DigestSpec,
    /// What the digest was made of.
    pub of: Subject,
}

/// What a digest was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The manifest or index of an OCI artifact.
    Artifact,
    /// The bytes themselves; for a chart that comes by HTTP, those of its packed file.
    Bytes,
}

/// Looks up what an access refers to, computes its digest, and pins it: `app:1.0` becomes `app:1.0@sha256:…` in the spelling
/// of its author, a branch of GitHub gets its commit, a chart without a version the one that is newest now.
///
/// A digest that was `given` is compared, and its names are kept. `None` for types whose content cannot be looked up here.
///
/// # Errors
/// The content does not exist, its place cannot be reached, or it does not have the digest that was given.
pub async fn resolve(
    access: &TypedObject,
    given: Option<&DigestSpec>,
    sources: &dyn Sources,
) -> Result<Option<Resolved>> {
    let (access, digest, of) = match Access::of(access) {
        Access::OciImage { image_reference } => {
            let (access, digest) = oci_artifact::pinned(access, &image_reference, sources).await?;
            (access, digest, Subject::Artifact)
        }
        Access::Helm { .. } => {
            let (pinned, told) = helm::pinned(access, sources).await?;
            let is_oci = helm::Remote::of(&pinned)?.is_oci();
            let wants_other = given.is_some_and(|given| given.hash() != Some(HashAlgorithm::Sha256));
            let digest = match told.filter(|_| !wants_other) {
                // The index is the repository's own word for its bytes, and spares the download.
                Some(told) => Some(told),
                None => helm::digest(&helm::open(&pinned, sources).await?, is_oci).await?,
            };
            let Some(digest) = digest else { return Ok(None) };
            (pinned, digest, if is_oci { Subject::Artifact } else { Subject::Bytes })
        }
        _ => {
            let access = match Access::of(access) {
                Access::GitHub { .. } => github::pinned(access, sources).await?,
                _ => access.clone(),
            };
            if let (Access::Other | Access::Git { .. }, Some((access, digest))) =
                (Access::of(&access), sources.foreign_digest(&access).await?)
            {
                return foreign(access, given, digest).map(Some);
            }
            let Some(content) = remote(&access, sources).await? else { return Ok(None) };
            let algorithm = match given.and_then(DigestSpec::hash) {
                Some(HashAlgorithm::Sha512) => Algorithm::Sha512,
                _ => Algorithm::Sha256,
            };
            (access.clone(), measured(content, algorithm, &access).await?, Subject::Bytes)
        }
    };
    let digest = named(&access, given, &digest)?;
    Ok(Some(Resolved { access, digest, of }))
}

/// What somebody else looked up, compared with the digest that was given.
fn foreign(access: TypedObject, given: Option<&DigestSpec>, digest: DigestSpec) -> Result<Resolved> {
    match given {
        Some(given) if !(given.value.eq_ignore_ascii_case(&digest.value) && given.hash() == digest.hash()) => {
            let reason = format!("has the digest {}, but {} was given", digest.value, given.value);
            Err(Error::new(Kind::Invalid, shown(&access), reason))
        }
        _ => Ok(Resolved { digest: given.cloned().unwrap_or(digest), access, of: Subject::Bytes }),
    }
}

/// The digest with its names, compared with the one that was given.
fn named(access: &TypedObject, given: Option<&DigestSpec>, digest: &Digest) -> Result<DigestSpec> {
    match given {
        // Only the value is compared: descriptors carry more than one name for what was hashed.
        Some(given) if given.value.eq_ignore_ascii_case(&digest.hex()) => Ok(given.clone()),
        Some(given) => {
            let reason = format!("has the digest {}, but {} was given", digest.hex(), given.value);
            Err(Error::new(Kind::Invalid, shown(access), reason))
        }
        None => {
            let hash = HashAlgorithm::parse(digest.algorithm().name()).unwrap_or(HashAlgorithm::Sha256);
            Ok(DigestSpec::new(hash, GENERIC_BLOB_DIGEST, digest.hex()))
        }
    }
}

/// The content of an access as a message names it.
fn shown(access: &TypedObject) -> String {
    match Access::of(access) {
        Access::OciImage { image_reference } => format!("image {image_reference}"),
        Access::Helm { repository, chart, .. } => format!("chart {chart} of {}", ocm_http::redacted(repository)),
        Access::Wget { url, .. } => ocm_http::redacted(url),
        Access::GitHub { repository, .. } => ocm_http::redacted(repository),
        Access::S3 { bucket, key, .. } => format!("s3://{bucket}/{key}"),
        _ => format!("content of the access type {}", access.kind),
    }
}

async fn measured(content: Content, algorithm: Algorithm, access: &TypedObject) -> Result<Digest> {
    let blob = match content {
        Content::Image { root, .. } => return Ok(root.digest),
        Content::Blob { blob, .. } => blob,
    };
    let mut digester = Digester::new(algorithm);
    let mut stream = blob.open().await.map_err(Error::blob(shown(access)))?;
    while let Some(chunk) = stream.next().await.transpose().map_err(Error::blob(shown(access)))? {
        digester.update(&chunk);
    }
    Ok(digester.finish())
}
