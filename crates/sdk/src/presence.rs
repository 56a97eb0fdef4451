//! Whether content is there: looked up with its size, not read.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use ocm_blob::Digest;
use ocm_oci::{Descriptor, Error, Repository};
use ocm_repository::{ComponentVersion, LocalContent};

/// Blobs that are looked up at the same time.
const LOOK_UPS: usize = 8;

/// What is wrong with content that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It is not there.
    Missing(String),
    /// It has another size than its manifest says.
    Size(String),
    /// It could not be looked up.
    Unknown(String),
}

/// What is wrong with content that lies with a component version; nothing if all of it is there.
pub(crate) async fn local(version: &ComponentVersion, content: &LocalContent) -> Vec<Absence> {
    let place = version.content();
    match content {
        LocalContent::Blob(blob) => blobs(&place, vec![blob.clone()]).await,
        LocalContent::Parts(parts) => blobs(&place, parts.clone()).await,
        LocalContent::Manifest(root) => graph(&place, root).await,
    }
}

/// What is wrong with an image or index and everything below it.
pub(crate) async fn graph(place: &Arc<dyn Repository>, root: &Descriptor) -> Vec<Absence> {
    let mut absences = Vec::new();
    let mut seen: HashSet<Digest> = HashSet::from([root.digest.clone()]);
    let mut open = vec![root.clone()];
    let mut needed = Vec::new();
    while let Some(manifest) = open.pop() {
        let found = match place.manifest(&manifest.digest.clone().into()).await {
            Ok(found) => found,
            Err(error) => {
                absences.push(absence(place, &manifest, Err(error)));
                continue;
            }
        };
        let size = found.descriptor().size;
        if size != manifest.size {
            absences.push(absence(place, &manifest, Ok(size)));
            continue;
        }
        match found.document() {
            Ok(document) => {
                let below = document.manifests().iter().filter(|below| seen.insert(below.digest.clone()));
                open.extend(below.cloned());
                // Layers that may not be passed on are at the address their manifest names.
                let blobs = document.blobs().into_iter().filter(|blob| !blob.may_be_elsewhere());
                needed.extend(blobs.filter(|blob| seen.insert(blob.digest.clone())).cloned());
            }
            Err(error) => absences.push(Absence::Unknown(error.to_string())),
        }
    }
    absences.extend(blobs(place, needed).await);
    absences
}

async fn blobs(place: &Arc<dyn Repository>, blobs: Vec<Descriptor>) -> Vec<Absence> {
    let found = stream::iter(blobs).map(|blob| async move {
        match place.blob_size(&blob.digest).await {
            Ok(Some(size)) if size == blob.size => None,
            Ok(Some(size)) => Some(absence(place, &blob, Ok(size))),
            Ok(None) => Some(absence(place, &blob, Err(Error::not_found("")))),
            Err(error) => Some(absence(place, &blob, Err(error))),
        }
    });
    found.buffered(LOOK_UPS).filter_map(|absence| async move { absence }).collect().await
}

fn absence(place: &Arc<dyn Repository>, content: &Descriptor, found: Result<u64, Error>) -> Absence {
    let Descriptor { digest, size, .. } = content;
    match found {
        Ok(actual) => Absence::Size(format!("{digest} has {actual} bytes in {}, not {size}", place.address())),
        Err(error) if error.kind() == ocm_oci::Kind::NotFound => {
            Absence::Missing(format!("{digest} ({size} bytes) is not in {}", place.address()))
        }
        Err(error) => Absence::Unknown(error.to_string()),
    }
}
