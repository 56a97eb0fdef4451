//! `ociBlob`: a single layer in a registry.

use std::sync::Arc;

use ocm_blob::Digest;
use ocm_oci::{Descriptor, Error, ImageReference, StoredBlob, media_type};
use ocm_repository::ComponentVersion;

use crate::relocation::locate_layer;
use crate::{Content, Result, Sources};

pub(crate) async fn open(
    reference: &str,
    media_type: Option<String>,
    digest: &str,
    size: Option<u64>,
    version: &ComponentVersion,
    sources: &dyn Sources,
) -> Result<Content> {
    let parsed: ImageReference = reference.parse()?;
    let digest: Digest = digest.parse().map_err(|error| Error::invalid(reference, error))?;
    let (source, found) = locate_layer(&parsed, &digest, version, sources).await?;
    let size = size.unwrap_or(found);
    let media_type = media_type.unwrap_or_else(|| media_type::OCTETS.to_owned());
    let blob = StoredBlob::new(source, Descriptor::new(media_type.clone(), digest, size));
    Ok(Content::Blob { blob: Arc::new(blob), media_type })
}

/// Opens a layer that belongs to no component version yet.
pub(crate) async fn look_up(reference: &str, digest: &str, sources: &dyn Sources) -> Result<Content> {
    let parsed: ImageReference = reference.parse()?;
    let digest: Digest = digest.parse().map_err(|error| Error::invalid(reference, error))?;
    let source = sources.repository(&parsed).await?;
    let size = source.blob_size(&digest).await?;
    let size = size.ok_or_else(|| Error::not_found(format!("blob {digest} of {reference}")))?;
    let blob = StoredBlob::new(source, Descriptor::new(media_type::OCTETS.to_owned(), digest, size));
    Ok(Content::Blob { blob: Arc::new(blob), media_type: media_type::OCTETS.to_owned() })
}
