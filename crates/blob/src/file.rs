use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::sync::mpsc;

use crate::{Blob, ByteStream, Digest, Error, OpenFile, Result};

/// Bytes read from a file at once. Large enough that a chunk costs more to hash than to hand over.
pub const CHUNK: usize = 256 * 1024;

/// Chunks that may wait between the reading thread and the consumer.
const CHUNKS_AHEAD: usize = 4;

/// Chunks whose memory is used again: those that wait, and the ones the consumer has in its hands.
const CHUNKS_KEPT: usize = CHUNKS_AHEAD + 4;

/// A file, or a part of one, as content.
#[derive(Clone, Debug)]
pub struct FileBlob {
    path: PathBuf,
    offset: u64,
    size: u64,
    digest: Option<Digest>,
}

impl FileBlob {
    /// The whole file. Fails if it does not exist or is not a regular file.
    pub fn whole(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let metadata = std::fs::metadata(&path).map_err(Error::at(&path))?;
        if !metadata.is_file() {
            return Err(Error::at(&path)(std::io::Error::other("not a regular file")));
        }
        Ok(Self { path, offset: 0, size: metadata.len(), digest: None })
    }

    /// The `size` bytes from `offset` on.
    pub fn part(path: impl Into<PathBuf>, offset: u64, size: u64) -> Self {
        Self { path: path.into(), offset, size, digest: None }
    }

    /// Says which digest the content has; it is not checked here.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[async_trait]
impl Blob for FileBlob {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn digest(&self) -> Option<Digest> {
        self.digest.clone()
    }

    async fn open(&self) -> Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_at(&self, offset: u64) -> Result<ByteStream> {
        let (path, start) = (self.path.clone(), self.offset.saturating_add(offset));
        let size = self.size.saturating_sub(offset);
        Ok(read_part_in_background(size, move || {
            let mut file = File::open(&path).map_err(Error::at(&path))?;
            file.seek(SeekFrom::Start(start)).map_err(Error::at(&path))?;
            Ok(file)
        }))
    }

    async fn open_file(&self, offset: u64) -> Result<Option<OpenFile>> {
        let (path, start) = (self.path.clone(), self.offset.saturating_add(offset));
        let size = self.size.saturating_sub(offset);
        OpenFile::open(move || OpenFile::new(File::open(&path).map_err(Error::at(&path))?, path, start, size)).await
    }
}

/// Reads a blocking source on its own thread, a few chunks ahead of the consumer.
///
/// `open` runs on that thread too; its error is the first item of the stream. The thread ends when the stream is dropped.
pub fn read_in_background<R, F>(open: F) -> ByteStream
where
    R: Read,
    F: FnOnce() -> Result<R> + Send + 'static,
{
    read_part_in_background(u64::MAX, open)
}

/// As [`read_in_background`], but no more than the first `size` bytes: what is small takes no more memory than it has bytes,
/// and whoever keeps thousands of small documents keeps nothing else.
pub(crate) fn read_part_in_background<R, F>(size: u64, open: F) -> ByteStream
where
    R: Read,
    F: FnOnce() -> Result<R> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel::<Result<Bytes>>(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut source = match open() {
            Ok(source) => source,
            Err(error) => {
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        let mut buffers = Buffers::default();
        let mut left = size;
        while left > 0 {
            match buffers.fill(&mut source, left) {
                Ok(chunk) if chunk.is_empty() => return,
                Ok(chunk) => {
                    left -= chunk.len() as u64;
                    if sender.blocking_send(Ok(chunk)).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let _ = sender.blocking_send(Err(Error::from_read(error)));
                    return;
                }
            }
        }
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    }))
}

/// The chunks handed out last. Their memory is used again once nobody holds it any more: getting memory and clearing it
/// costs as much as half of reading a file.
#[derive(Default)]
struct Buffers(VecDeque<Bytes>);

impl Buffers {
    /// Fills one chunk as far as the source goes, at most with `limit` bytes; empty at the end.
    fn fill(&mut self, source: &mut impl Read, limit: u64) -> std::io::Result<Bytes> {
        let size = usize::try_from(limit).map_or(CHUNK, |limit| limit.min(CHUNK));
        let oldest = if self.0.len() < CHUNKS_KEPT { None } else { self.0.pop_front() };
        let used = oldest.and_then(|chunk| chunk.try_into_mut().ok()).filter(|chunk| chunk.len() == CHUNK);
        let mut chunk = used.unwrap_or_else(|| BytesMut::zeroed(size));
        let mut filled = 0;
        while filled < size {
            match source.read(&mut chunk[filled..size]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        chunk.truncate(filled);
        let chunk = chunk.freeze();
        self.0.push_back(chunk.clone());
        Ok(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_to_end;

    #[tokio::test]
    async fn reads_a_part_from_an_offset() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "0123456789").unwrap();
        let part = FileBlob::part(&path, 2, 6);
        assert_eq!(read_to_end(part.open().await.unwrap(), 100, "part").await.unwrap(), "234567");
        assert_eq!(read_to_end(part.open_at(4).await.unwrap(), 100, "part").await.unwrap(), "67");
    }

    #[test]
    fn memory_is_used_again_only_when_nobody_holds_it() {
        let mut buffers = Buffers::default();
        let mut source = std::io::repeat(1);
        let held = buffers.fill(&mut source, u64::MAX).unwrap();
        let addresses: Vec<_> =
            (1..CHUNKS_KEPT).map(|_| buffers.fill(&mut source, u64::MAX).unwrap().as_ptr()).collect();
        let mut source = std::io::repeat(2);
        // The oldest chunk is still held, the one after it is not.
        assert!(!addresses.contains(&buffers.fill(&mut source, u64::MAX).unwrap().as_ptr()));
        assert_eq!(buffers.fill(&mut source, u64::MAX).unwrap().as_ptr(), addresses[0]);
        assert!(held.iter().all(|byte| *byte == 1));
    }

    #[tokio::test]
    async fn a_small_file_takes_no_more_memory_than_it_has_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "0123456789").unwrap();
        let content = read_to_end(FileBlob::whole(&path).unwrap().open().await.unwrap(), 100, "file").await.unwrap();
        assert_eq!(content.try_into_mut().unwrap().capacity(), 10);
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let blob = FileBlob::part("/nowhere/at/all", 0, 1);
        let error = read_to_end(blob.open().await.unwrap(), 100, "file").await.unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/at/all: "), "{error}");
    }
}
