use std::sync::Arc;

use ocm_blob::Blob;
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::{Descriptor, Repository};
use ocm_repository::ComponentVersion;

use crate::{RegistrySource, Result, local_blob, oci_artifact, oci_layer};

/// The content of an artifact.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a verb holds one at a time")]
pub enum Content {
    /// Bytes, verified while they are read.
    Blob {
        /// The bytes.
        blob: Arc<dyn Blob>,
        /// What they are.
        media_type: String,
    },
    /// An image, an index, or another artifact with a manifest.
    Image {
        /// Where it lies with everything it needs.
        source: Arc<dyn Repository>,
        /// Its manifest or index.
        root: Descriptor,
    },
}

/// Finds the content of an access of `version`; `None` for a type that is not known here and for `none`.
///
/// # Errors
/// The content does not exist, the place cannot be reached, or the access is incomplete.
pub async fn open(
    access: &TypedObject,
    version: &ComponentVersion,
    images: &dyn RegistrySource,
) -> Result<Option<Content>> {
    match Access::of(access) {
        Access::LocalBlob { .. } => local_blob::open(access, version).map(Some),
        Access::OciImage { image_reference } => oci_artifact::open(&image_reference, images).await.map(Some),
        Access::OciLayer { reference, media_type, digest, size } => {
            oci_layer::open(&reference, media_type, &digest, size, images).await.map(Some)
        }
        _ => Ok(None),
    }
}
