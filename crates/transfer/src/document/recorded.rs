//! What a document writes into a descriptor by itself, and not as a node handed it out.

use ocm_blob::Digest;
use ocm_model::digest::GENERIC_BLOB_DIGEST;
use ocm_model::{Descriptor, Resource};

use crate::{Error, Result};

/// Compares the digests that a descriptor records for blobs beside it with the digests by which it refers to them.
///
/// Images, artifact sets and charts, which record the digest of something in them, are left to whoever reads them.
///
/// # Errors
/// [`Error::Content`] for the first blob that is another one.
pub(super) fn check(descriptor: &Descriptor) -> Result<()> {
    let component = &descriptor.component;
    component.resources.iter().try_for_each(|resource| match differing(resource) {
        None => Ok(()),
        Some((expected, actual)) => Err(Error::Content {
            element: format!("resource {} of {}:{}", resource.identity(), component.name, component.version),
            origin: String::new(),
            expected: expected.to_string(),
            actual: actual.to_string(),
        }),
    })
}

/// The digest that is recorded, and the one of the blob, where these are two.
fn differing(resource: &Resource) -> Option<(Digest, Digest)> {
    let access = &resource.access;
    let is_image = access.text("mediaType").is_some_and(|media_type| media_type.contains("oci.image"));
    if !access.base_kind().eq_ignore_ascii_case("localBlob") || is_image {
        return None;
    }
    let stored: Digest = access.text("localReference")?.parse().ok()?;
    let spec = resource.digest.as_ref().filter(|spec| spec.normalisation_algorithm == GENERIC_BLOB_DIGEST)?;
    let recorded = ocm_access::recorded(Some(spec)).ok()??;
    let is_other = recorded.algorithm() == stored.algorithm() && recorded != stored;
    is_other.then_some((recorded, stored))
}
