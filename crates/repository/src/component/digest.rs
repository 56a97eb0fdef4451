use ocm_blob::{Algorithm, Digester};
use ocm_model::digest::HashAlgorithm;
use ocm_model::{Descriptor, DigestSpec, normalise};
use ocm_oci::Error;

use crate::Result;

/// The digest of a component version: of its normal form, so that it does not depend on where content is stored.
///
/// # Errors
/// [`ocm_oci::Kind::Invalid`] if the descriptor has no normal form, a provider that is no JSON for instance.
pub fn digest(descriptor: &Descriptor, normalisation: normalise::Algorithm, hash: HashAlgorithm) -> Result<DigestSpec> {
    let component = &descriptor.component;
    let normal = normalise::normalise(descriptor, normalisation)
        .map_err(|error| Error::invalid(format!("{}:{}", component.name, component.version), error))?;
    let mut digester = Digester::new(match hash {
        HashAlgorithm::Sha256 => Algorithm::Sha256,
        HashAlgorithm::Sha512 => Algorithm::Sha512,
    });
    digester.update(&normal);
    Ok(DigestSpec::new(hash, normalisation.name(), digester.finish().hex()))
}

/// The digest of a component version, made the way that `like` was made.
///
/// # Errors
/// As [`digest`], and if `like` names a hash or a normalisation that is not known here.
pub fn digest_like(descriptor: &Descriptor, like: &DigestSpec) -> Result<DigestSpec> {
    let component = &descriptor.component;
    let fail = |reason: String| Error::invalid(format!("{}:{}", component.name, component.version), reason);
    let normalisation =
        like.normalisation_algorithm.parse().map_err(|error: ocm_model::Error| fail(error.to_string()))?;
    let hash = like.hash().ok_or_else(|| fail(format!("unknown hash algorithm {:?}", like.hash_algorithm)))?;
    digest(descriptor, normalisation, hash)
}
