//! Descriptors of the new component versions, with the digests of what they refer to.

use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::Algorithm;
use ocm_model::{Component as Described, Descriptor, DigestSpec, Reference};
use ocm_repository::NewVersion;

use super::content::Stored;
use super::plan::Plan;
use super::{Error, Options};
use crate::file::Component;
use crate::problem::{Problem, Problems};

/// One new version per component of the files, in their order. A component that is kept has the descriptor it has.
pub(super) fn describe(
    components: &[Component],
    plan: &Plan,
    contents: Vec<Stored>,
    options: &Options,
) -> Result<Vec<NewVersion>, Error> {
    let mut versions: Vec<NewVersion> =
        components.iter().zip(contents).map(|(component, stored)| describe_one(component, stored, options)).collect();
    for (position, existing) in plan.existing.iter().enumerate() {
        if let (true, Some(existing)) = (plan.kept[position], existing) {
            versions[position].descriptor = existing.descriptor.clone();
        }
    }
    let mut digests: Vec<Option<DigestSpec>> = vec![None; components.len()];
    let mut problems = Vec::new();
    for position in plan.graph.order.iter().copied().filter(|position| !plan.kept[*position]) {
        for (place, reference) in &components[position].references {
            let digest = match plan.graph.find(&reference.component_name, &reference.version) {
                Some(target) => {
                    if digests[target].is_none() {
                        digests[target] = Some(digest(&versions[target].descriptor)?);
                    }
                    digests[target].clone()
                }
                None => plan
                    .external(&reference.component_name, &reference.version)
                    .map(|version| digest(&version.descriptor))
                    .transpose()?,
            };
            if let (Some(given), Some(digest)) = (&reference.digest, &digest)
                && given != digest
            {
                let message = format!(
                    "reference {:?}: {}:{} has the digest {}, but {} was given",
                    reference.name,
                    reference.component_name,
                    reference.version,
                    show(digest),
                    show(given)
                );
                problems.push(Problem::at(&components[position].file, *place, message));
            }
            let reference = Reference { digest: digest.or_else(|| reference.digest.clone()), ..reference.clone() };
            versions[position].descriptor.component.component_references.push(reference);
        }
    }
    if problems.is_empty() { Ok(versions) } else { Err(Error::File(Problems(problems).sorted())) }
}

fn describe_one(component: &Component, stored: Stored, options: &Options) -> NewVersion {
    let described = Described {
        name: component.name.clone(),
        version: component.version.clone(),
        labels: component.labels.clone(),
        creation_time: component.creation_time.clone().or_else(|| options.creation_time.clone()),
        provider: component.provider.clone(),
        resources: stored.resources,
        sources: stored.sources,
        ..Described::default()
    };
    // What is stored for it is told by its accesses.
    NewVersion { descriptor: Descriptor { component: described, ..Descriptor::default() }, ..NewVersion::default() }
}

/// The digest of a component version as references record it.
fn digest(descriptor: &Descriptor) -> Result<DigestSpec, Error> {
    Ok(ocm_repository::component::digest(descriptor, Algorithm::V4Alpha1, HashAlgorithm::Sha256)?)
}

fn show(digest: &DigestSpec) -> String {
    format!("{}:{} ({})", digest.hash_algorithm, digest.value, digest.normalisation_algorithm)
}

/// Whether two descriptors say the same about a component version; signatures and the way it took do not count.
pub(super) fn same(left: &Descriptor, right: &Descriptor) -> bool {
    let bare = |descriptor: &Descriptor| Described { repository_contexts: Vec::new(), ..descriptor.component.clone() };
    bare(left) == bare(right)
}
