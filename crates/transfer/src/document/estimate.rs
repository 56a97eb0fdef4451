use std::collections::{HashMap, HashSet};

use ocm_blob::Digest;
use ocm_oci::{Descriptor, Document, Repository, media_type};
use ocm_repository::LocalContent;
use schemars::JsonSchema;
use serde::Serialize;

use super::prepare::Prepared;
use crate::{Result, VersionAction};

/// Nesting and number of manifests beyond which sizes are not added up any more; copying has the same limits.
const MANIFEST_LIMIT: usize = 10_000;

/// What a document would move.
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
    /// Blobs and manifests that the targets have already.
    pub items_present: u64,
    /// Their bytes.
    pub bytes_present: u64,
}

/// Adds up what [`execute`](super::execute) would move. Manifests and sizes are read, content is not.
pub async fn estimate(prepared: &Prepared) -> Result<Estimate> {
    let mut estimate = Estimate::default();
    for version in &prepared.versions {
        match version.action {
            VersionAction::Present | VersionAction::Keep => estimate.versions_present += 1,
            _ => estimate.versions_to_move += 1,
        }
    }
    let mut counted: HashMap<String, HashSet<Digest>> = HashMap::new();
    for job in &prepared.jobs {
        let seen = counted.entry(job.target.address()).or_default();
        for part in parts(&job.content.stored, job.content.source.as_ref()).await? {
            if !seen.insert(part.digest.clone()) {
                continue;
            }
            let is_present = if media_type::is_manifest(&part.media_type) {
                job.target.resolve(&part.digest.clone().into()).await?.is_some()
            } else {
                job.target.blob_size(&part.digest).await?.is_some()
            };
            if is_present {
                estimate.items_present += 1;
                estimate.bytes_present += part.size;
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
