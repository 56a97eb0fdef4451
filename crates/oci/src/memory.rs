use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ocm_blob::{Algorithm, Blob, ByteStream, Digest, Digester, verified};

use crate::{
    Descriptor, Error, Home, Kind, Manifest, Pushed, Registry, Repository, Result, Selector, Upload, UploadRegistry,
    UploadStore, media_type,
};

/// A registry in memory, for tests and for programs that put small things together before they send them.
///
/// Blobs are kept once for all repositories, and every repository knows which of them are its own: what was pushed to
/// one is not visible in another until it is mounted. Clones share their content. What a manifest needs is not checked
/// when it is pushed; that is the business of whoever pushes, or of the server in front.
#[derive(Clone, Default)]
pub struct MemoryRegistry(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    blobs: HashMap<Digest, Stored>,
    repositories: BTreeMap<String, Content>,
}

/// What one repository holds.
#[derive(Default)]
struct Content {
    blobs: HashSet<Digest>,
    manifests: BTreeMap<Digest, Entry>,
    tags: BTreeMap<String, Digest>,
}

/// A manifest and what the referrers list needs to know of it.
struct Entry {
    manifest: Manifest,
    subject: Option<Digest>,
    referrer: Descriptor,
}

/// A blob in the pieces in which it arrived; nothing is copied on the way in or out.
#[derive(Clone)]
struct Stored {
    chunks: Arc<[Bytes]>,
    size: u64,
}

impl Stored {
    fn open_at(&self, mut offset: u64) -> ByteStream {
        let mut rest = Vec::new();
        for chunk in self.chunks.iter() {
            let skipped = offset.min(chunk.len() as u64);
            offset -= skipped;
            if skipped < chunk.len() as u64 {
                rest.push(Ok(chunk.slice(skipped as usize..)));
            }
        }
        Box::pin(stream::iter(rest))
    }
}

impl MemoryRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory_repository(&self, name: &str) -> MemoryRepository {
        MemoryRepository { registry: self.clone(), name: name.to_owned() }
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    fn address(&self) -> String {
        "memory".to_owned()
    }

    fn repository(&self, name: &str) -> Arc<dyn Repository> {
        Arc::new(self.memory_repository(name))
    }

    async fn repositories(&self) -> Result<Vec<String>> {
        Ok(self.read().repositories.keys().cloned().collect())
    }
}

impl UploadRegistry for MemoryRegistry {
    fn upload_store(&self, name: &str) -> Arc<dyn UploadStore> {
        Arc::new(self.memory_repository(name))
    }
}

#[derive(Clone)]
struct MemoryRepository {
    registry: MemoryRegistry,
    name: String,
}

impl MemoryRepository {
    fn subject(&self, selector: &impl std::fmt::Display) -> String {
        format!("memory/{}@{selector}", self.name)
    }

    /// Looks at the content of this repository; `None` if nothing was ever pushed to it.
    fn look<T>(&self, with: impl FnOnce(&Content) -> Option<T>) -> Option<T> {
        self.registry.read().repositories.get(&self.name).and_then(with)
    }

    fn find<T>(&self, selector: &Selector, with: impl FnOnce(&Manifest) -> T) -> Option<T> {
        self.look(|content| {
            let digest = match selector {
                Selector::Tag(tag) => content.tags.get(tag)?,
                Selector::Digest(digest) => digest,
            };
            content.manifests.get(digest).map(|entry| with(&entry.manifest))
        })
    }

    fn store(&self, digest: &Digest, chunks: Vec<Bytes>, size: u64) {
        let mut state = self.registry.write();
        state.blobs.entry(digest.clone()).or_insert_with(|| Stored { chunks: chunks.into(), size });
        state.repositories.entry(self.name.clone()).or_default().blobs.insert(digest.clone());
    }

    fn upload(&self) -> MemoryUpload {
        let digester = Digester::new(Algorithm::Sha256);
        MemoryUpload { repository: self.clone(), chunks: Vec::new(), size: 0, digester }
    }
}

#[async_trait]
impl Repository for MemoryRepository {
    fn address(&self) -> String {
        format!("memory/{}", self.name)
    }

    fn home(&self) -> Home {
        Home { place: format!("memory {:p}", Arc::as_ptr(&self.registry.0)), name: self.name.clone() }
    }

    async fn resolve(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        Ok(self.find(selector, Manifest::descriptor))
    }

    async fn manifest(&self, selector: &Selector) -> Result<Manifest> {
        self.find(selector, Manifest::clone).ok_or_else(|| Error::not_found(self.subject(selector)))
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        let state = self.registry.read();
        let own = state.repositories.get(&self.name).is_some_and(|content| content.blobs.contains(digest));
        Ok(state.blobs.get(digest).filter(|_| own).map(|stored| stored.size))
    }

    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        let state = self.registry.read();
        let own = state.repositories.get(&self.name).is_some_and(|content| content.blobs.contains(digest));
        let stored = state.blobs.get(digest).filter(|_| own).ok_or_else(|| Error::not_found(self.subject(digest)))?;
        Ok(match offset {
            0 => verified(stored.open_at(0), Some(stored.size), Some(digest.clone())),
            offset => stored.open_at(offset),
        })
    }

    async fn push_blob(&self, content: &dyn Blob) -> Result<(Descriptor, Pushed)> {
        let announced = content.digest();
        if let Some(digest) = &announced
            && let Some(size) = self.blob_size(digest).await?
        {
            return Ok((Descriptor::new(media_type::OCTETS, digest.clone(), size), Pushed::Present));
        }
        let fail = || Error::blob(self.address());
        let mut stream = verified(content.open().await.map_err(fail())?, content.size(), announced.clone());
        let mut upload = self.upload();
        while let Some(chunk) = stream.next().await.transpose().map_err(fail())? {
            upload.write(chunk).await?;
        }
        let digest = announced.unwrap_or_else(|| upload.digester.clone().finish());
        self.store(&digest, upload.chunks, upload.size);
        Ok((Descriptor::new(media_type::OCTETS, digest, upload.size), Pushed::Sent))
    }

    async fn mount(&self, digest: &Digest, from: &str) -> Result<bool> {
        let mut state = self.registry.write();
        let there = state.repositories.get(from).is_some_and(|content| content.blobs.contains(digest));
        if there {
            state.repositories.entry(self.name.clone()).or_default().blobs.insert(digest.clone());
        }
        Ok(there)
    }

    async fn push_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<()> {
        let document = manifest.document()?;
        let referrer = Descriptor {
            artifact_type: document.artifact_type().map(str::to_owned),
            annotations: document.annotations().cloned(),
            ..manifest.descriptor()
        };
        let subject = document.subject().map(|subject| subject.digest.clone());
        let mut state = self.registry.write();
        let content = state.repositories.entry(self.name.clone()).or_default();
        content.manifests.insert(manifest.digest().clone(), Entry { manifest: manifest.clone(), subject, referrer });
        if let Some(tag) = tag {
            content.tags.insert(tag.to_owned(), manifest.digest().clone());
        }
        Ok(())
    }

    async fn tags(&self) -> Result<Vec<String>> {
        Ok(self.look(|content| Some(content.tags.keys().cloned().collect())).unwrap_or_default())
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let found = self.look(|content| {
            let named = content.manifests.values().filter(|entry| entry.subject.as_ref() == Some(subject));
            Some(named.map(|entry| entry.referrer.clone()).collect())
        });
        Ok(found.unwrap_or_default())
    }

    async fn delete_manifest(&self, selector: &Selector) -> Result<bool> {
        let mut state = self.registry.write();
        let Some(content) = state.repositories.get_mut(&self.name) else { return Ok(false) };
        Ok(match selector {
            Selector::Tag(tag) => content.tags.remove(tag).is_some(),
            Selector::Digest(digest) => {
                content.tags.retain(|_, tagged| tagged != digest);
                content.manifests.remove(digest).is_some()
            }
        })
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<bool> {
        let mut state = self.registry.write();
        let removed = state.repositories.get_mut(&self.name).is_some_and(|content| content.blobs.remove(digest));
        if removed && !state.repositories.values().any(|content| content.blobs.contains(digest)) {
            state.blobs.remove(digest);
        }
        Ok(removed)
    }
}

#[async_trait]
impl UploadStore for MemoryRepository {
    async fn begin(&self) -> Result<Box<dyn Upload>> {
        Ok(Box::new(self.upload()))
    }
}

struct MemoryUpload {
    repository: MemoryRepository,
    chunks: Vec<Bytes>,
    size: u64,
    digester: Digester,
}

#[async_trait]
impl Upload for MemoryUpload {
    fn size(&self) -> u64 {
        self.size
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.digester.update(&bytes);
        self.size += bytes.len() as u64;
        self.chunks.push(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>, expected: &Digest) -> Result<()> {
        let actual = match expected.algorithm() {
            Algorithm::Sha256 => self.digester.finish(),
            // The algorithm is known only now, so the running digest may be of the wrong kind.
            Algorithm::Sha512 => {
                let mut digester = Digester::new(Algorithm::Sha512);
                self.chunks.iter().for_each(|chunk| digester.update(chunk));
                digester.finish()
            }
        };
        if actual != *expected {
            let reason = format!("content has digest {actual}, but {expected} was expected");
            return Err(Error::new(Kind::Invalid, self.repository.address(), reason));
        }
        self.repository.store(expected, self.chunks, self.size);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ocm_blob::{MemoryBlob, read_to_end};

    #[tokio::test]
    async fn a_blob_belongs_to_the_repositories_it_was_pushed_or_mounted_to() {
        let registry = MemoryRegistry::new();
        let (one, two) = (registry.repository("one"), registry.repository("two"));
        let (descriptor, pushed) = one.push_blob(&MemoryBlob::new("content")).await.unwrap();
        assert_eq!(pushed, Pushed::Sent);
        assert_eq!(one.push_blob(&MemoryBlob::new("content")).await.unwrap().1, Pushed::Present);
        assert_eq!(two.blob_size(&descriptor.digest).await.unwrap(), None);
        assert!(!one.mount(&descriptor.digest, "three").await.unwrap());
        assert!(two.mount(&descriptor.digest, "one").await.unwrap());
        assert!(one.delete_blob(&descriptor.digest).await.unwrap());
        assert_eq!(one.blob_size(&descriptor.digest).await.unwrap(), None);
        let rest = two.blob(&descriptor.digest, 3).await.unwrap();
        assert_eq!(read_to_end(rest, 100, "rest").await.unwrap(), "tent");
        assert!(two.delete_blob(&descriptor.digest).await.unwrap());
        assert!(registry.read().blobs.is_empty());
    }

    #[tokio::test]
    async fn an_upload_is_stored_under_the_digest_that_was_asked_for() {
        let store = MemoryRegistry::new().upload_store("one");
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let mut digester = Digester::new(algorithm);
            digester.update(b"content");
            let digest = digester.finish();
            let mut upload = store.begin().await.unwrap();
            upload.write(Bytes::from_static(b"con")).await.unwrap();
            upload.write(Bytes::from_static(b"tent")).await.unwrap();
            upload.finish(&digest).await.unwrap();
            assert_eq!(store.blob_size(&digest).await.unwrap(), Some(7));
        }
        let upload = store.begin().await.unwrap();
        assert_eq!(upload.finish(&Digest::of("other")).await.unwrap_err().kind(), Kind::Invalid);
    }

    #[tokio::test]
    async fn deleting_a_manifest_takes_its_tags_along() {
        let repository = MemoryRegistry::new().repository("one");
        let index = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
        repository.push_manifest(&index, Some("b")).await.unwrap();
        repository.push_manifest(&index, Some("a")).await.unwrap();
        assert_eq!(repository.tags().await.unwrap(), ["a", "b"]);
        assert!(repository.delete_manifest(&Selector::Tag("a".into())).await.unwrap());
        assert!(repository.resolve(&index.digest().clone().into()).await.unwrap().is_some());
        assert!(repository.delete_manifest(&index.digest().clone().into()).await.unwrap());
        assert!(repository.tags().await.unwrap().is_empty());
        assert_eq!(repository.manifest(&Selector::Tag("b".into())).await.unwrap_err().kind(), Kind::NotFound);
    }
}
