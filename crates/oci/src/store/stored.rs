use std::sync::Arc;

use async_trait::async_trait;
use ocm_blob::{Blob, ByteStream, Digest, OpenFile, verified};

use crate::{Descriptor, Repository};

/// A blob in some repository as content that can be opened again and again.
#[derive(Clone)]
pub struct StoredBlob {
    repository: Arc<dyn Repository>,
    descriptor: Descriptor,
}

impl StoredBlob {
    /// The blob that `descriptor` names in `repository`.
    pub fn new(repository: Arc<dyn Repository>, descriptor: Descriptor) -> Self {
        Self { repository, descriptor }
    }

    /// The repository and digest, for messages.
    pub(crate) fn reference(&self) -> String {
        format!("{}@{}", self.repository.address(), self.descriptor.digest)
    }
}

#[async_trait]
impl Blob for StoredBlob {
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
        self.open_at(0).await
    }

    async fn open_unverified(&self) -> ocm_blob::Result<ByteStream> {
        let stream = self.repository.blob_unverified(&self.descriptor.digest).await.map_err(ocm_blob::Error::source)?;
        Ok(verified(stream, Some(self.descriptor.size), None))
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        let stream = self.repository.blob(&self.descriptor.digest, offset).await.map_err(ocm_blob::Error::source)?;
        // The digest is checked below; a wrong size has to show here too, or the receiving side would be blamed for it.
        Ok(verified(stream, self.descriptor.size.checked_sub(offset), None))
    }

    async fn open_file(&self, offset: u64) -> ocm_blob::Result<Option<OpenFile>> {
        let size = self.descriptor.size.checked_sub(offset);
        let file = self.repository.blob_file(&self.descriptor.digest, offset).await.map_err(ocm_blob::Error::source)?;
        Ok(file.map(|file| file.watched(|passing| verified(passing, size, None))))
    }
}
