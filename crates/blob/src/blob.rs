use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, stream};

use crate::{Digest, OpenFile, Result};

/// Content that is being read: chunks in order, an error ends it.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Content that can be opened again and again, so that an upload can start anew after a broken connection.
#[async_trait]
pub trait Blob: Send + Sync {
    /// Number of bytes, if it is known before reading.
    fn size(&self) -> Option<u64>;

    /// The digest, if it is known before reading. Whoever needs certainty reads through [`crate::verified`].
    fn digest(&self) -> Option<Digest>;

    /// Whether [`Blob::open`] itself checks the content against [`Blob::digest`]. Hashing is what limits the speed of a
    /// transfer, so content is hashed once: whoever takes it in does not check it again if this is `true`.
    fn is_verified(&self) -> bool {
        false
    }

    /// Opens the content at its first byte.
    async fn open(&self) -> Result<ByteStream>;

    /// Opens the content at its first byte without checking it against [`Blob::digest`], where that saves hashing it.
    ///
    /// For one purpose: to hand the bytes to a place that is known to compare them with the digest itself and to refuse
    /// what differs (a registry that was seen doing it). Whoever keeps, shows or interprets content calls
    /// [`Blob::open`]. A size that is known is checked here too. The default is [`Blob::open`].
    async fn open_unverified(&self) -> Result<ByteStream> {
        self.open().await
    }

    /// Opens the content at a later byte. The default reads and drops what comes before.
    async fn open_at(&self, offset: u64) -> Result<ByteStream> {
        Ok(skip(self.open().await?, offset))
    }

    /// The content from a byte on as the part of a file that it is, for the purpose of [`Blob::open_unverified`]: whoever
    /// takes it does not see the bytes. `None`, the default, if it does not lie in one file as it is.
    async fn open_file(&self, _offset: u64) -> Result<Option<OpenFile>> {
        Ok(None)
    }
}

/// A stream of one chunk.
pub fn once(content: impl Into<Bytes>) -> ByteStream {
    let content = content.into();
    Box::pin(stream::once(async move { Ok(content) }))
}

/// Drops the first bytes of a stream: for sources that can only be read from their start.
pub fn skip<E: Send + 'static>(
    stream: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    offset: u64,
) -> Pin<Box<dyn Stream<Item = Result<Bytes, E>> + Send>> {
    use futures_util::StreamExt as _;
    if offset == 0 {
        return Box::pin(stream);
    }
    let mut left = offset;
    Box::pin(stream.filter_map(move |chunk| {
        let kept = match chunk {
            Ok(chunk) if left >= chunk.len() as u64 => {
                left -= chunk.len() as u64;
                None
            }
            Ok(chunk) => Some(Ok(chunk.slice(std::mem::take(&mut left) as usize..))),
            Err(error) => Some(Err(error)),
        };
        std::future::ready(kept)
    }))
}

/// Content in memory; for manifests, descriptors and other small things.
#[derive(Clone, Debug)]
pub struct MemoryBlob {
    content: Bytes,
    digest: Digest,
}

impl MemoryBlob {
    /// Takes the content and computes its SHA-256 digest.
    pub fn new(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let digest = Digest::of(&content);
        Self { content, digest }
    }

    /// The content.
    pub fn bytes(&self) -> &Bytes {
        &self.content
    }
}

#[async_trait]
impl Blob for MemoryBlob {
    fn size(&self) -> Option<u64> {
        Some(self.content.len() as u64)
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.digest.clone())
    }

    fn is_verified(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<ByteStream> {
        Ok(once(self.content.clone()))
    }
}
