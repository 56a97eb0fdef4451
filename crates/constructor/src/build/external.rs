//! Copying component versions that the files refer to, with their local content and byte for byte.

use std::collections::BTreeMap;

use ocm_blob::Digest;
use ocm_model::{Access, TypedObject};
use ocm_oci::copy;
use ocm_repository::{ComponentVersion, LocalContent, NewVersion};

use super::plan::Plan;
use super::{Environment, Error, Options};

/// Copies the content of all external component versions that the target does not have.
pub(super) async fn store(plan: &Plan, environment: &Environment, options: &Options) -> Result<Vec<NewVersion>, Error> {
    let missing = plan
        .external
        .iter()
        .filter(|version| !plan.present.contains(&(version.name().to_owned(), version.version().to_owned())));
    let mut copied = Vec::new();
    for version in missing {
        copied.push(store_one(version, environment, options).await?);
    }
    Ok(copied)
}

async fn store_one(
    version: &ComponentVersion,
    environment: &Environment,
    options: &Options,
) -> Result<NewVersion, Error> {
    let (source, target) = (version.content(), environment.target.content(version.name()));
    let options = copy::Options {
        concurrency: options.concurrency.max(1),
        observer: environment.observer.clone(),
        ..copy::Options::default()
    };
    let accesses = version.descriptor.component.artifacts().map(|artifact| artifact.access);
    let mut content: BTreeMap<Digest, ocm_oci::Descriptor> = BTreeMap::new();
    for access in accesses.filter(|access| is_local(access)) {
        let found = match version.local(access).await? {
            LocalContent::Manifest(root) => {
                copy::graph(&source, &target, &root, &options).await?;
                vec![root]
            }
            LocalContent::Blob(blob) => vec![blob],
            LocalContent::Parts(parts) => parts,
        };
        let blobs = found.iter().filter(|part| !ocm_oci::media_type::is_manifest(&part.media_type)).cloned().collect();
        copy::blobs(&source, &target, blobs, &options).await?;
        content.extend(found.into_iter().map(|part| (part.digest.clone(), part)));
    }
    Ok(NewVersion {
        descriptor: version.descriptor.clone(),
        raw: Some(version.raw.clone()),
        content,
        ..NewVersion::default()
    })
}

fn is_local(access: &TypedObject) -> bool {
    matches!(Access::of(access), Access::LocalBlob { .. } | Access::LocalOciBlob { .. })
}
