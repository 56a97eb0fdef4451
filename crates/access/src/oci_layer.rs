//! `ociBlob`: a single layer in a registry.

use std::sync::Arc;

use ocm_blob::Digest;
use ocm_oci::{Descriptor, Error, ImageReference, StoredBlob, media_type};

use crate::{Content, RegistrySource, Result};

pub(crate) async fn open(
    reference: &str,
    media_type: Option<String>,
    digest: &str,
    size: Option<u64>,
    images: &dyn RegistrySource,
) -> Result<Content> {
    let parsed: ImageReference = reference.parse()?;
    let digest: Digest = digest.parse().map_err(|error| Error::invalid(reference, error))?;
    let source = images.repository(&parsed).await?;
    let size = match size {
        Some(size) => size,
        None => {
            source.blob_size(&digest).await?.ok_or_else(|| Error::not_found(format!("blob {digest} of {reference}")))?
        }
    };
    let media_type = media_type.unwrap_or_else(|| media_type::OCTETS.to_owned());
    let blob = StoredBlob::new(source, Descriptor::new(media_type.clone(), digest, size));
    Ok(Content::Blob { blob: Arc::new(blob), media_type })
}
