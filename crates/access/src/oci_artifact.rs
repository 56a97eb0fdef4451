//! `ociArtifact` (`OCIImage`, `ociRegistry`, `ociImage`): an image, an index or another artifact in a registry.

use ocm_blob::Digest;
use ocm_model::TypedObject;
use ocm_oci::{Error, ImageReference};

use crate::{Result, Sources};

/// The access with a reference that always means the same content, and the digest of that.
pub(crate) async fn pinned(
    access: &TypedObject,
    image_reference: &str,
    sources: &dyn Sources,
) -> Result<(TypedObject, Digest)> {
    let reference: ImageReference = image_reference.parse()?;
    let source = sources.repository(&reference).await?;
    let root = source.resolve(&reference.selector()).await?;
    let root = root.ok_or_else(|| Error::not_found(format!("image {image_reference}")))?;
    let mut pinned = access.clone();
    if !image_reference.contains('@')
        && let Some((_, written)) =
            pinned.members.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("imageReference"))
    {
        *written = format!("{image_reference}@{}", root.digest).into();
    }
    Ok((pinned, root.digest))
}
