use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::{Algorithm, Reduction, normalise_as};
use ocm_model::{Descriptor, DigestSpec};

use crate::{Error, Kind, Result};

/// What a digest was made of, where it is not the descriptor as the specification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Variant {
    /// The descriptor with the digests of everything it refers to.
    Complete,
    /// The descriptor without those digests of references that are not recorded: they are not covered.
    AsStored,
    /// What the Go program of OCM v2 keeps of a descriptor: label versions, for instance, are not covered.
    GoV2,
    /// The descriptor without members that are `null`.
    WithoutNulls,
    /// The descriptor with digests of resources that it does not record: they were computed from the content as it is.
    Computed,
}

/// The names of a digest, understood.
pub(crate) fn algorithms(digest: &DigestSpec) -> Result<(Algorithm, HashAlgorithm)> {
    let refuse = |reason: String| Error::new(Kind::Verification, reason);
    let normalisation = digest.normalisation_algorithm.parse().map_err(|error| refuse(format!("{error}")))?;
    let hash = digest.hash();
    let hash = hash.ok_or_else(|| refuse(format!("unknown hash algorithm {:?}", digest.hash_algorithm)))?;
    Ok((normalisation, hash))
}

/// The normal form of one variant.
pub(crate) fn form(descriptor: &Descriptor, algorithm: Algorithm, variant: Variant) -> Result<Vec<u8>> {
    let (algorithm, reduction) = match variant {
        Variant::Complete | Variant::AsStored | Variant::Computed => (algorithm, Reduction::None),
        Variant::GoV2 => (algorithm, Reduction::GoV2),
        Variant::WithoutNulls => (Algorithm::V4Alpha1, Reduction::None),
    };
    normalise_as(descriptor, algorithm, reduction).map_err(|error| Error::new(Kind::Verification, error))
}

/// The digest of a normal form.
pub(crate) fn digest_of(form: &[u8], algorithm: Algorithm, hash: HashAlgorithm) -> DigestSpec {
    let mut digester = ocm_blob::Digester::new(match hash {
        HashAlgorithm::Sha256 => ocm_blob::Algorithm::Sha256,
        HashAlgorithm::Sha512 => ocm_blob::Algorithm::Sha512,
    });
    digester.update(form);
    DigestSpec::new(hash, algorithm.name(), digester.finish().hex())
}

/// Whether two digests say the same. Case and spelling of names do not matter, content does.
pub(crate) fn same(left: &DigestSpec, right: &DigestSpec) -> bool {
    left.hash().is_some() && left.hash() == right.hash() && left.value.eq_ignore_ascii_case(&right.value)
}

/// Finds what a digest was made of, the pure form first; `None` if it is none of this descriptor.
///
/// `complete` is the descriptor with the digests of its references, `stored` the one that was read.
pub(crate) fn find(
    stored: &Descriptor,
    complete: &Descriptor,
    expected: &DigestSpec,
    algorithm: Algorithm,
    hash: HashAlgorithm,
) -> Result<Option<Variant>> {
    let mut candidates = vec![(Variant::Complete, Variant::Complete, complete)];
    let differs = stored.component.component_references != complete.component.component_references;
    if differs {
        candidates.push((Variant::AsStored, Variant::AsStored, stored));
    }
    match algorithm {
        Algorithm::V4Alpha1 => {
            candidates.push((Variant::GoV2, Variant::GoV2, complete));
            if differs {
                // That references are not covered matters more than what the program leaves out of a descriptor.
                candidates.push((Variant::AsStored, Variant::GoV2, stored));
            }
        }
        Algorithm::V3 => candidates.push((Variant::WithoutNulls, Variant::WithoutNulls, complete)),
        Algorithm::V1 | Algorithm::V2 => {}
    }
    for (made_of, variant, descriptor) in candidates {
        if same(&digest_of(&form(descriptor, algorithm, variant)?, algorithm, hash), expected) {
            return Ok(Some(made_of));
        }
    }
    Ok(None)
}
