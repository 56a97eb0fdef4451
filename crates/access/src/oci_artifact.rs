//! `ociArtifact` (`OCIImage`, `ociRegistry`, `ociImage`): an image, an index or another artifact in a registry.

use ocm_model::access::Access;
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::{Descriptor, Error, ImageReference};

use crate::{Content, RegistrySource, Result};

/// An access whose content was looked up: the pinned access, and the digest of the content.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The access with a reference that always means the same content.
    pub access: TypedObject,
    /// Digest of the content.
    pub digest: DigestSpec,
}

/// Looks up what an access refers to and pins it: `app:1.0` becomes `app:1.0@sha256:…`, in the spelling of its author.
///
/// `None` for types whose content cannot be looked up here.
///
/// # Errors
/// The image does not exist, its registry cannot be reached, or it does not have the digest that was given.
pub async fn resolve(
    access: &TypedObject,
    given: Option<&DigestSpec>,
    images: &dyn RegistrySource,
) -> Result<Option<Resolved>> {
    let Access::OciImage { image_reference } = Access::of(access) else { return Ok(None) };
    let (_, root) = look_up(&image_reference, images).await?;
    let digest = match given {
        // Only the value is compared: descriptors carry more than one name for what was hashed.
        Some(given) if given.value.eq_ignore_ascii_case(&root.digest.hex()) => given.clone(),
        Some(given) => {
            let reason = format!("has the digest {}, but {} was given", root.digest.hex(), given.value);
            return Err(Error::new(ocm_oci::Kind::Invalid, format!("image {image_reference}"), reason));
        }
        None => {
            let hash = HashAlgorithm::parse(root.digest.algorithm().name()).unwrap_or(HashAlgorithm::Sha256);
            DigestSpec::new(hash, GENERIC_BLOB_DIGEST, root.digest.hex())
        }
    };
    let mut pinned = access.clone();
    if !image_reference.contains('@')
        && let Some((_, written)) =
            pinned.members.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("imageReference"))
    {
        *written = format!("{image_reference}@{}", root.digest).into();
    }
    Ok(Some(Resolved { access: pinned, digest }))
}

pub(crate) async fn open(image_reference: &str, images: &dyn RegistrySource) -> Result<Content> {
    let (source, root) = look_up(image_reference, images).await?;
    Ok(Content::Image { source, root })
}

async fn look_up(
    image_reference: &str,
    images: &dyn RegistrySource,
) -> Result<(std::sync::Arc<dyn ocm_oci::Repository>, Descriptor)> {
    let reference: ImageReference = image_reference.parse()?;
    let source = images.repository(&reference).await?;
    let root = source.resolve(&reference.selector()).await?;
    let root = root.ok_or_else(|| Error::not_found(format!("image {image_reference}")))?;
    Ok((source, root))
}
