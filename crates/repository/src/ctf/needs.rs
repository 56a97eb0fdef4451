//! What is needed by which manifest, so that nothing is removed that somebody still needs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ocm_blob::{Algorithm, Digest};

use crate::ctf::batch::Batch;
use crate::ctf::index::{Index, Rows};

/// Which manifests mention which content. Each manifest is read once, however much is removed.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// The state of the index that was taken in last.
    generation: Option<u64>,
    read: HashMap<Arc<str>, HashSet<Digest>>,
    by_content: HashMap<Digest, Vec<(Arc<str>, Digest)>>,
}

impl Needs {
    /// The manifests of an index that were not read yet; none if nothing changed since the last time.
    pub(crate) fn unread(&self, index: &Index, generation: u64) -> Vec<(String, Digest)> {
        if self.generation == Some(generation) {
            return Vec::new();
        }
        let mut unread = Vec::new();
        for name in index.repositories() {
            let read = self.read.get(name);
            for manifest in index.repository(name).into_iter().flat_map(Rows::manifests) {
                if read.is_none_or(|read| !read.contains(manifest)) {
                    unread.push((name.to_owned(), manifest.clone()));
                }
            }
        }
        unread
    }

    /// Takes in a manifest.
    pub(crate) fn add(&mut self, repository: &str, manifest: &Digest, bytes: &[u8]) {
        let repository: Arc<str> = repository.into();
        for content in mentions(bytes).chain([manifest.clone()]) {
            self.by_content.entry(content).or_default().push((repository.clone(), manifest.clone()));
        }
        self.read.entry(repository).or_default().insert(manifest.clone());
    }

    /// Says that everything in this state of the index was taken in.
    pub(crate) fn is_complete(&mut self, generation: u64) {
        self.generation = Some(generation);
    }

    /// A repository, other than the one given, in which a manifest mentions some content.
    pub(crate) fn elsewhere(&self, index: &Index, repository: &str, content: &Digest) -> Option<String> {
        let mentioned = self.by_content.get(content)?.iter();
        let holds = |name: &str, manifest| index.repository(name).is_some_and(|rows| rows.contains(manifest));
        let found = mentioned.filter(|(name, _)| **name != *repository).find(|(name, manifest)| holds(name, manifest));
        found.map(|(name, _)| name.to_string())
    }
}

/// All digests in a text. Whatever mentions content may need it, as a layer, a subject, or in a way nobody knows here.
fn mentions(bytes: &[u8]) -> impl Iterator<Item = Digest> {
    let words = bytes.split(|byte| !byte.is_ascii_hexdigit());
    words.filter_map(|word| {
        let algorithm = match word.len() {
            64 => Algorithm::Sha256,
            128 => Algorithm::Sha512,
            _ => return None,
        };
        Digest::from_hex(algorithm, std::str::from_utf8(word).ok()?).ok()
    })
}

/// Manifests that other writers have added since the first content of a batch was removed: they may need it. Only under the
/// lock of the archive this can be known.
pub(crate) fn of_others(index: &Index, batch: &Batch) -> Vec<Digest> {
    let Some(seen) = batch.seen.as_ref().filter(|_| !batch.removed.is_empty()) else { return Vec::new() };
    let rows = index.repositories().filter_map(|name| index.repository(name));
    let manifests = rows.flat_map(Rows::manifests);
    manifests.filter(|manifest| !seen.contains(manifest) && !batch.staged.contains_key(manifest)).cloned().collect()
}

/// What is to be removed, but is mentioned in a manifest.
pub(crate) fn still_needed(batch: &Batch, manifest: &[u8]) -> impl Iterator<Item = Digest> {
    mentions(manifest).filter(|digest| batch.removed.contains(digest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_wherever_they_stand() {
        let (one, other) = (Digest::of("x"), Digest::of("y"));
        let text = format!(r#"{{"a":"{one}","b":"sha256.{}/x","c":"{}0"}}"#, other.hex(), one.hex());
        assert_eq!(mentions(text.as_bytes()).collect::<Vec<_>>(), [one, other]);
    }
}
