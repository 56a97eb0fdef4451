use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_blob::{Blob, ByteStream, Digest, once};
use ocm_oci::{Descriptor, Repository, StoredBlob};

/// Several stored blobs, one behind the other, as one: how the older program stores what is too large for its registry.
pub(crate) struct Joined {
    parts: Vec<StoredBlob>,
}

impl Joined {
    pub(crate) fn new(repository: &Arc<dyn Repository>, parts: &[Descriptor]) -> Self {
        Self { parts: parts.iter().map(|part| StoredBlob::new(repository.clone(), part.clone())).collect() }
    }
}

#[async_trait]
impl Blob for Joined {
    fn size(&self) -> Option<u64> {
        self.parts.iter().map(Blob::size).sum()
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let parts = stream::iter(self.parts.clone()).then(|part| async move { part.open().await });
        Ok(Box::pin(parts.try_flatten()))
    }
}

/// The bytes of a stored manifest as content; registries do not serve manifests as blobs.
pub(crate) struct ManifestBlob {
    repository: Arc<dyn Repository>,
    descriptor: Descriptor,
}

impl ManifestBlob {
    pub(crate) fn new(repository: &Arc<dyn Repository>, descriptor: &Descriptor) -> Self {
        Self { repository: repository.clone(), descriptor: descriptor.clone() }
    }
}

#[async_trait]
impl Blob for ManifestBlob {
    fn size(&self) -> Option<u64> {
        Some(self.descriptor.size)
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.descriptor.digest.clone())
    }

    fn is_verified(&self) -> bool {
        true
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let selector = self.descriptor.digest.clone().into();
        let manifest = self.repository.manifest(&selector).await.map_err(ocm_blob::Error::source)?;
        Ok(once(manifest.bytes().clone()))
    }
}
