use std::collections::{HashMap, HashSet};

use ocm_blob::Digest;
use ocm_oci::{Descriptor, Document, Repository, media_type};
use ocm_repository::LocalContent;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Result;
use crate::content::Place;
use crate::work::Prepared;

/// Nesting and number of manifests beyond which sizes are not added up any more; copying has the same limits.
const MANIFEST_LIMIT: usize = 10_000;

/// What a transfer would move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Component versions that would be stored.
    pub versions_to_move: u64,
    /// Component versions that the targets have already.
    pub versions_present: u64,
    /// Blobs and manifests that would be moved.
    pub items_to_move: u64,
    /// Their bytes.
    pub bytes_to_move: u64,
    /// Blobs that the targets can take over from another of their repositories.
    pub items_to_mount: u64,
    /// Their bytes.
    pub bytes_to_mount: u64,
    /// Blobs and manifests that the targets have already.
    pub items_present: u64,
    /// Their bytes.
    pub bytes_present: u64,
    /// Contents whose size shows only while they are read.
    pub items_of_unknown_size: u64,
}

/// Adds up what [`execute`](crate::execute) would move. Manifests and sizes are read, content is not.
///
/// # Errors
/// A manifest of the source or an answer of a target that cannot be had.
pub async fn estimate(prepared: &Prepared) -> Result<Estimate> {
    let mut estimate = Estimate::default();
    for version in &prepared.versions {
        if version.is_stored() {
            estimate.versions_to_move += 1;
        } else {
            estimate.versions_present += 1;
        }
    }
    let mut seen: HashMap<String, HashSet<Digest>> = HashMap::new();
    // What a registry or an archive has, or will have, in any of its repositories.
    let mut held: HashMap<String, HashSet<Digest>> = HashMap::new();
    for job in prepared.jobs.iter().filter(|job| job.is_needed) {
        let seen = seen.entry(job.place.address()).or_default();
        let held = held.entry(job.place.home().place).or_default();
        let (found, is_mountable) = match &job.content.place {
            Place::Stored(source, stored) => {
                let registry = |place: &dyn Repository| place.location().map(|at| at.registry);
                let target = registry(job.place.as_ref());
                let is_mountable = target.is_some() && target == registry(source.as_ref());
                (parts(stored, source.as_ref()).await?, is_mountable)
            }
            Place::Loose(_) => (job.content.descriptors(), false),
        };
        if found.is_empty() {
            estimate.items_of_unknown_size += 1;
            estimate.items_to_move += 1;
        }
        for part in found {
            if !seen.insert(part.digest.clone()) {
                continue;
            }
            let is_manifest = media_type::is_manifest(&part.media_type);
            let is_present = if is_manifest {
                job.place.resolve(&part.digest.clone().into()).await?.is_some()
            } else {
                job.place.blob_size(&part.digest).await?.is_some()
            };
            let is_held = !held.insert(part.digest.clone());
            if is_present {
                estimate.items_present += 1;
                estimate.bytes_present += part.size;
            } else if !is_manifest && (is_mountable || is_held) {
                estimate.items_to_mount += 1;
                estimate.bytes_to_mount += part.size;
            } else {
                estimate.items_to_move += 1;
                estimate.bytes_to_move += part.size;
            }
        }
    }
    Ok(estimate)
}

/// All blobs and manifests of some content.
async fn parts(stored: &LocalContent, source: &dyn Repository) -> Result<Vec<Descriptor>> {
    let mut open = match stored {
        LocalContent::Blob(blob) => return Ok(vec![blob.clone()]),
        LocalContent::Parts(parts) => return Ok(parts.clone()),
        LocalContent::Manifest(root) => vec![root.clone()],
    };
    let mut found: Vec<Descriptor> = Vec::new();
    let mut seen = HashSet::new();
    while let Some(descriptor) = open.pop() {
        if !seen.insert(descriptor.digest.clone()) {
            continue;
        }
        if media_type::is_manifest(&descriptor.media_type) {
            if seen.len() > MANIFEST_LIMIT {
                return Err(ocm_oci::Error::invalid(&descriptor.digest, "the index lists too many manifests").into());
            }
            match source.manifest(&descriptor.digest.clone().into()).await?.document()? {
                Document::Index(index) => open.extend(index.manifests),
                image @ Document::Image(_) => found.extend(image.blobs().into_iter().cloned()),
            }
        }
        found.push(descriptor);
    }
    Ok(found)
}
