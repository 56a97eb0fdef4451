//! Why a digest is another one, as far as that can be found out.

use ocm_model::digest::{GENERIC_BLOB_DIGEST, OCI_ARTIFACT_DIGEST};
use ocm_model::normalise::first_difference;
use ocm_model::{Descriptor, DigestSpec};
use ocm_repository::ComponentRepository;

use super::node::Document;
use super::variant::{self, Variant};

/// Resources up to which each is tried alone.
const SEARCHED: usize = 50;

/// A sentence about what differs from what was signed: compared with another copy of the version, or with what transfers of the
/// older programs are known to change.
pub(crate) async fn difference(
    document: &Document,
    signed: &DigestSpec,
    copies: &[ComponentRepository],
) -> Option<String> {
    let (algorithm, hash) = variant::algorithms(signed).ok()?;
    for (change, changed) in known_changes(document.complete()) {
        let form = variant::form(&changed, algorithm, Variant::Complete).ok()?;
        if variant::same(&variant::digest_of(&form, algorithm, hash), signed) {
            return Some(change.to_owned());
        }
    }
    for copy in copies {
        let Ok(other) = copy.get(document.version.name(), document.version.version()).await else { continue };
        let mut descriptor = other.descriptor.clone();
        // Digests of references that neither copy records are the same in both.
        for (own, known) in descriptor
            .component
            .component_references
            .iter_mut()
            .zip(&document.complete().component.component_references)
        {
            if own.recorded_digest().is_none() && own.identity() == known.identity() {
                own.digest.clone_from(&known.digest);
            }
        }
        let Ok(form) = variant::form(&descriptor, algorithm, Variant::Complete) else { continue };
        if !variant::same(&variant::digest_of(&form, algorithm, hash), signed) {
            continue;
        }
        let difference = first_difference(&form, &document.normal)?;
        return Some(format!("compared with the copy in {}, which is as it was signed, {difference}", copy.address()));
    }
    None
}

/// What was signed, if one of these things happened to it since.
fn known_changes(descriptor: &Descriptor) -> Vec<(&'static str, Descriptor)> {
    let mut changes = Vec::new();
    for (from, to, change) in [
        (
            GENERIC_BLOB_DIGEST,
            OCI_ARTIFACT_DIGEST,
            "component.resources[].digest.normalisationAlgorithm was changed from ociArtifactDigest/v1 to genericBlobDigest/v1, \
             as transfers of the Go program of OCM v2 do",
        ),
        (
            OCI_ARTIFACT_DIGEST,
            GENERIC_BLOB_DIGEST,
            "component.resources[].digest.normalisationAlgorithm was changed from genericBlobDigest/v1 to ociArtifactDigest/v1",
        ),
    ] {
        // One resource, or all of them: other mixtures are not worth the search.
        let count = descriptor.component.resources.len();
        let singles = if count <= SEARCHED { count } else { 0 };
        for only in (0..singles).map(Some).chain([None]) {
            let mut other = descriptor.clone();
            for (position, resource) in other.component.resources.iter_mut().enumerate() {
                if let Some(digest) = &mut resource.digest
                    && only.is_none_or(|only| only == position)
                    && digest.normalisation_algorithm == from
                {
                    digest.normalisation_algorithm = to.into();
                }
            }
            if other != *descriptor {
                changes.push((change, other));
            }
        }
    }
    changes
}
