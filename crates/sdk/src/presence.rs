//! Whether content is there: looked up with its size, and read where somebody wants to be sure.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, stream};
use ocm_blob::Digest;
use ocm_oci::copy::{self, PlatformChoice};
use ocm_oci::{Descriptor, Error, Repository, Selector};
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
    /// It has the size that its manifest says, but is other content.
    Damaged(String),
    /// Platforms of an image were left out on purpose.
    Sparse(String),
    /// It could not be looked up.
    Unknown(String),
}

/// What has been read, for those who want more than a look at the size: content that several have is read once.
#[derive(Debug, Default)]
pub(crate) struct Reading(Mutex<HashSet<(String, Digest)>>);

impl Reading {
    /// What is wrong with content of the right size.
    async fn judge(&self, place: &Arc<dyn Repository>, blob: &Descriptor) -> Option<Absence> {
        let key = (place.address(), blob.digest.clone());
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return None;
        }
        let read = async {
            let mut stream = place.blob(&blob.digest, 0).await?;
            while let Some(chunk) = stream.next().await {
                chunk.map_err(Error::blob(format!("{}@{}", place.address(), blob.digest)))?;
            }
            Ok::<_, Error>(())
        };
        match read.await {
            Ok(()) => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
                None
            }
            Err(error) => Some(absence(place, blob, Err(error))),
        }
    }
}

/// What is wrong with content that lies with a component version; nothing if all of it is there.
pub(crate) async fn local(
    version: &ComponentVersion,
    content: &LocalContent,
    reading: Option<&Reading>,
) -> Vec<Absence> {
    let place = version.content();
    match content {
        LocalContent::Blob(blob) => blobs(&place, vec![blob.clone()], reading).await,
        LocalContent::Parts(parts) => blobs(&place, parts.clone(), reading).await,
        LocalContent::Manifest(root) => graph(version, &place, root, reading).await,
    }
}

/// What is wrong with an image or index of `version` and everything below it.
pub(crate) async fn graph(
    version: &ComponentVersion,
    place: &Arc<dyn Repository>,
    root: &Descriptor,
    reading: Option<&Reading>,
) -> Vec<Absence> {
    let mut absences = Vec::new();
    let mut seen: HashSet<Digest> = HashSet::from([root.digest.clone()]);
    let mut open = vec![(root.clone(), None)];
    let mut indexes: Vec<Index> = Vec::new();
    let mut needed = Vec::new();
    while let Some((manifest, parent)) = open.pop() {
        let found = match place.manifest(&manifest.digest.clone().into()).await {
            Ok(found) => found,
            Err(error) => {
                match parent.and_then(|parent: usize| indexes.get_mut(parent)) {
                    Some(index) if error.kind() == ocm_oci::Kind::NotFound => index.missing.push(manifest),
                    _ => absences.push(absence(place, &manifest, Err(error))),
                }
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
                let rows = document.manifests();
                let below = rows.iter().filter(|below| seen.insert(below.digest.clone()));
                open.extend(below.map(|below| (below.clone(), Some(indexes.len()))));
                if !rows.is_empty() {
                    let rows = rows.to_vec();
                    indexes.push(Index { digest: manifest.digest, rows, missing: Vec::new() });
                }
                // What may not be passed on stays where it was; an address alone is no reason for others to be missing.
                let blobs = document.blobs().into_iter().filter(|blob| !blob.is_non_distributable());
                needed.extend(blobs.filter(|blob| seen.insert(blob.digest.clone())).cloned());
            }
            Err(error) => absences.push(Absence::Unknown(error.to_string())),
        }
    }
    for index in indexes {
        absences.extend(index.absences(version, place).await);
    }
    absences.extend(blobs(place, needed, reading).await);
    absences
}

/// An index, and what it lists and is not there.
struct Index {
    digest: Digest,
    rows: Vec<Descriptor>,
    missing: Vec<Descriptor>,
}

impl Index {
    /// Tells what was left out on purpose from what was lost.
    async fn absences(self, version: &ComponentVersion, place: &Arc<dyn Repository>) -> Vec<Absence> {
        let (lost, left_out) = lost_and_left_out(version, place, &self.digest, &self.missing).await;
        let mut absences: Vec<Absence> =
            lost.iter().map(|row| absence(place, row, Err(Error::not_found("")))).collect();
        if !left_out.is_empty() {
            let names = |rows: &mut dyn Iterator<Item = &Descriptor>| {
                let names: BTreeSet<String> = rows.filter_map(copy::platform_of).collect();
                names.into_iter().collect::<Vec<_>>().join(", ")
            };
            let there = names(&mut self.rows.iter().filter(|row| !self.missing.contains(row)));
            let away = names(&mut left_out.iter());
            absences.push(Absence::Sparse(format!(
                "sparse: platforms {there}; {away} were left out with --platform when it was transferred to {}; transfer it \
                 there again without --platform, or for these platforms, to complete it",
                place.address()
            )));
        }
        absences
    }
}

/// Divides what an index of `version` lists and is not there: what is lost, and what was left out on purpose.
pub(crate) async fn lost_and_left_out(
    version: &ComponentVersion,
    place: &Arc<dyn Repository>,
    index: &Digest,
    missing: &[Descriptor],
) -> (Vec<Descriptor>, Vec<Descriptor>) {
    let chosen: Vec<PlatformChoice> =
        ocm_transfer::chosen_platforms(version).iter().filter_map(|platform| platform.parse().ok()).collect();
    // A version that was stored as a whole may share an index with one that was not.
    let is_sparse = !missing.is_empty()
        && (!chosen.is_empty() || matches!(place.resolve(&Selector::Tag(copy::sparse_tag(index))).await, Ok(Some(_))));
    let is_lost = |row: &Descriptor| !is_sparse || chosen.iter().any(|platform| platform.is_of(row));
    missing.iter().cloned().partition(is_lost)
}

/// An error of content that is not there, explained where it was left out on purpose.
pub(crate) async fn explained(
    error: crate::Error,
    version: &ComponentVersion,
    place: &Arc<dyn Repository>,
    root: &Descriptor,
) -> crate::Error {
    if error.kind() != crate::Kind::NotFound {
        return error;
    }
    let absences = graph(version, place, root, None).await;
    match absences.as_slice() {
        [Absence::Sparse(reason)] => crate::Error::new(crate::Kind::Incomplete, reason),
        _ => error,
    }
}

async fn blobs(place: &Arc<dyn Repository>, blobs: Vec<Descriptor>, reading: Option<&Reading>) -> Vec<Absence> {
    let found = stream::iter(blobs).map(|blob| async move {
        match place.blob_size(&blob.digest).await {
            Ok(Some(size)) if size == blob.size => match reading {
                Some(reading) => reading.judge(place, &blob).await,
                None => None,
            },
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
        Err(error) if error.kind() == ocm_oci::Kind::Invalid => Absence::Damaged(error.to_string()),
        Err(error) => Absence::Unknown(error.to_string()),
    }
}
