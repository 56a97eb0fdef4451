use std::path::Path;

use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_model::{Descriptor, RepositoryReference};
use ocm_repository::{ComponentRepository, ComponentVersion};

use super::node::Document;
use super::variant;
use crate::context::Purpose;
use crate::plugins::repository::by_address;
use crate::{Context, Error, Kind, Result};

/// The repository that a version was read from, to be written to.
pub(crate) async fn writable(context: &Context, repository: &ComponentRepository) -> Result<ComponentRepository> {
    if repository.content("").location().is_some() || by_address(&repository.address()).is_some() {
        return Ok(repository.clone());
    }
    let place = RepositoryReference::ctf(repository.address());
    let opened = context.open(&place, Purpose::Write).await.map_err(Error::from);
    opened.map_err(
        |error| if Path::new(&repository.address()).exists() { error.during("cannot be changed") } else { error },
    )
}

/// Whether a version lies in a repository.
pub(crate) fn is_in(version: &ComponentVersion, repository: &ComponentRepository) -> bool {
    let own = repository.content(version.name()).address();
    let address = version.content().address();
    own == address || address == format!("{}/{COMPONENT_DESCRIPTORS}/{}", repository.address(), version.name())
}

/// A change of a descriptor leaves the signatures that it has as they were: right.
///
/// # Errors
/// A signature would be over another digest than the changed descriptor has.
pub(crate) fn check_signatures(document: &Document, changed: &Descriptor) -> Result<()> {
    check_signatures_but(document, changed, "")
}

/// As [`check_signatures`], but for the signature of a name, which is about to be replaced.
pub(crate) fn check_signatures_but(document: &Document, changed: &Descriptor, name: &str) -> Result<()> {
    let stored = &document.version.descriptor;
    for signature in stored.signatures.iter().filter(|signature| signature.name != name) {
        let Ok((algorithm, hash)) = variant::algorithms(&signature.digest) else { continue };
        let was = variant::find(stored, document.complete(), &signature.digest, algorithm, hash)?;
        let is = variant::find(changed, changed, &signature.digest, algorithm, hash)?;
        if was.is_some() && is.is_none() {
            return Err(Error::new(
                Kind::Conflict,
                format!(
                    "{}: adding digests that are missing would break the signature {}",
                    document.version, signature.name
                ),
            )
            .hint("the signature does not cover them: remove it, or sign again before"));
        }
    }
    Ok(())
}
