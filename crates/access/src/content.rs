use std::sync::Arc;

use ocm_blob::Blob;
use ocm_model::access::Access;
use ocm_model::{DigestSpec, Resource, TypedObject};
use ocm_oci::{Descriptor, Repository};
use ocm_repository::ComponentVersion;

use crate::{Result, Sources, github, helm, local_blob, maven, npm, oci_layer, relative, relocation, s3, wget};

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

/// Finds the content of an access of `version`; `None` for a type that is not known here, for `none`, and for types whose
/// content is left where it is (`file`: what a descriptor of others names on this machine is not for it to read). A type that
/// is not known here may be known to the sources.
///
/// What is found is not compared with what the descriptor records yet: [`crate::check`] does that.
///
/// # Errors
/// The content does not exist, the place cannot be reached, or the access is incomplete.
pub async fn open(access: &TypedObject, version: &ComponentVersion, sources: &dyn Sources) -> Result<Option<Content>> {
    match Access::of(access) {
        Access::LocalBlob { .. } | Access::LocalOciBlob { .. } | Access::LocalFilesystemBlob { .. } => {
            local_blob::open(access, version).await.map(Some)
        }
        Access::OciImage { image_reference } => {
            let recorded = recorded(access, version);
            let found = relocation::locate(&image_reference, recorded, version, sources).await?;
            Ok(Some(Content::Image { source: found.source, root: found.root }))
        }
        Access::OciLayer { reference, media_type, digest, size } => {
            oci_layer::open(&reference, media_type, &digest, size, version, sources).await.map(Some)
        }
        Access::RelativeOci { reference } => {
            relative::open(&reference, recorded(access, version), version, sources).await.map(Some)
        }
        Access::Other | Access::Git { .. } => sources.foreign(access, resource_of(access, version)).await,
        _ => remote(access, sources).await,
    }
}

/// Finds content for which it does not matter where the component version is.
pub async fn remote(access: &TypedObject, sources: &dyn Sources) -> Result<Option<Content>> {
    match Access::of(access) {
        Access::OciLayer { reference, digest, .. } => oci_layer::look_up(&reference, &digest, sources).await.map(Some),
        Access::Wget { .. } => wget::open(access, sources).await.map(Some),
        Access::Helm { .. } => helm::open(access, sources).await.map(Some),
        Access::GitHub { .. } => github::open(access, sources).await.map(Some),
        Access::S3 { .. } => s3::open(access, sources).await.map(Some),
        Access::Npm { .. } => npm::open(access, sources).await.map(Some),
        Access::Maven { .. } => maven::open(access, sources).await,
        Access::Other | Access::Git { .. } => sources.foreign(access, None).await,
        _ => Ok(None),
    }
}

/// The digest that a descriptor records for the content of one of its accesses.
fn recorded<'a>(access: &TypedObject, version: &'a ComponentVersion) -> Option<&'a DigestSpec> {
    resource_of(access, version)?.digest.as_ref()
}

fn resource_of<'a>(access: &TypedObject, version: &'a ComponentVersion) -> Option<&'a Resource> {
    version.descriptor.component.resources.iter().find(|resource| resource.access == *access)
}
