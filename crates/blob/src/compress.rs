use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzEncoder;
use futures_util::StreamExt as _;

use crate::archive::Decompressed;
use crate::{Blob, ByteStream, Digest, Limits, Result, bridge};

/// Whether content that begins so is compressed with gzip (RFC 1952, 2.3.1).
pub fn is_gzip(beginning: &[u8]) -> bool {
    beginning.starts_with(&[0x1f, 0x8b])
}

/// Content compressed with gzip while it is read: no name, no time, system "unknown", default level.
///
/// The same content gives the same bytes with the same version of this program only: what identifies compressed content
/// is the digest of its bytes as they are stored, so nothing that has one is ever compressed again.
#[derive(Clone)]
pub struct Gzipped(Arc<dyn Blob>);

impl Gzipped {
    /// Wraps content.
    pub fn new(content: Arc<dyn Blob>) -> Self {
        Self(content)
    }
}

#[async_trait]
impl Blob for Gzipped {
    fn size(&self) -> Option<u64> {
        None
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> Result<ByteStream> {
        Ok(gzip(self.0.open().await?))
    }
}

/// Compresses a stream.
pub fn gzip(stream: ByteStream) -> ByteStream {
    bridge::through(stream, |reader| GzEncoder::new(reader, Compression::default()))
}

/// Decompresses a stream of one or more gzip members. The end is reached only if every checksum was right.
pub fn gunzip(stream: ByteStream, limits: Limits) -> ByteStream {
    bridge::through(stream, move |reader| Decompressed::new(reader, limits))
}

/// Decompresses a stream if it begins like gzip; passes it on unchanged otherwise.
pub async fn gunzip_if_compressed(mut stream: ByteStream, limits: Limits) -> Result<ByteStream> {
    let mut beginning = Vec::new();
    while beginning.len() < 2 {
        match stream.next().await.transpose()? {
            Some(chunk) => beginning.extend_from_slice(&chunk),
            None => break,
        }
    }
    let compressed = is_gzip(&beginning);
    let first = futures_util::stream::iter((!beginning.is_empty()).then(|| Ok(Bytes::from(beginning))));
    let whole: ByteStream = Box::pin(first.chain(stream));
    Ok(if compressed { gunzip(whole, limits) } else { whole })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Error, MemoryBlob, once, read_to_end};

    async fn compressed(content: Vec<u8>) -> Bytes {
        let blob = Gzipped::new(Arc::new(MemoryBlob::new(content)));
        read_to_end(blob.open().await.unwrap(), 1 << 30, "gzip").await.unwrap()
    }

    #[tokio::test]
    async fn the_header_tells_nothing() {
        let bytes = compressed(b"hello".to_vec()).await;
        assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
        assert_eq!(read_to_end(gunzip(once(bytes), Limits::default()), 10, "text").await.unwrap(), "hello");
    }

    #[tokio::test]
    async fn members_follow_each_other() {
        let both = [compressed(b"one ".to_vec()).await, compressed(b"two".to_vec()).await].concat();
        assert_eq!(read_to_end(gunzip(once(both), Limits::default()), 10, "text").await.unwrap(), "one two");
        let plain = gunzip_if_compressed(once("plain"), Limits::default()).await.unwrap();
        assert_eq!(read_to_end(plain, 10, "text").await.unwrap(), "plain");
    }

    #[tokio::test]
    async fn damage_truncation_and_bombs_are_errors() {
        let zeros = compressed(vec![0; 4 << 20]).await;
        let bomb = Limits { ratio: 100, ratio_from: 1 << 20, ..Limits::default() };
        let absolute = Limits { expanded: 1 << 20, ..Limits::default() };
        let mut damaged = zeros.to_vec();
        let crc = damaged.len() - 6;
        damaged[crc] ^= 1;
        for (bytes, limits, reason) in [
            (zeros.clone(), bomb, "bomb"),
            (zeros.clone(), absolute, "limit"),
            (zeros.slice(..zeros.len() - 9), Limits::default(), "truncated"),
            (damaged.into(), Limits::default(), "damaged"),
            ([&zeros[..], b"garbage after the end"].concat().into(), Limits::default(), "damaged"),
        ] {
            let error = read_to_end(gunzip(once(bytes), limits), 1 << 30, "zeros").await.unwrap_err();
            assert!(matches!(&error, Error::Archive(text) if text.contains(reason)), "{error}");
        }
    }
}
