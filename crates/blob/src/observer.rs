use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt as _;

use crate::{Blob, ByteStream, Digest, OpenFile, Result};

/// One thing that a verb works on, for progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// What a person calls it: `acme.org/product:1.0.0 image[ociImage]`.
    pub name: String,
    /// What is being done with it: `copy`, `pack`, `download`.
    pub action: String,
    /// The place it goes to, where there are several.
    pub target: Option<String>,
    /// How many bytes it has, if that is known.
    pub bytes: Option<u64>,
}

/// How an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Completed,
    /// There was nothing to do.
    Present,
    /// It failed; the verb's error says why.
    Failed,
}

/// Is told what is being done and how many bytes have moved. Methods are called from several threads and must not block.
pub trait Observer: Send + Sync {
    /// Work on an item begins.
    fn started(&self, _item: &Item) {}

    /// So many more bytes of content have been moved.
    fn moved(&self, _bytes: u64) {}

    /// Work on an item has ended.
    fn ended(&self, _item: &Item, _outcome: Outcome) {}

    /// Something a person should know although the work goes on.
    fn warned(&self, _message: &str) {}
}

/// Watches nothing.
pub struct Unobserved;

impl Observer for Unobserved {}

/// Tells an observer how much of a stream passes.
pub fn observe(stream: ByteStream, observer: &Arc<dyn Observer>) -> ByteStream {
    let observer = observer.clone();
    Box::pin(stream.inspect(move |chunk| {
        if let Ok(chunk) = chunk {
            observer.moved(chunk.len() as u64);
        }
    }))
}

/// A blob that tells an observer how much of it was read, and its owner how that went.
#[derive(Clone)]
pub struct Observed {
    blob: Arc<dyn Blob>,
    observer: Arc<dyn Observer>,
    opened: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
}

impl Observed {
    /// The same blob, watched.
    pub fn new(blob: Arc<dyn Blob>, observer: Arc<dyn Observer>) -> Self {
        Self { blob, observer, opened: Arc::default(), failed: Arc::default() }
    }

    /// Times it was opened again because what was read before did not arrive.
    pub fn repeats(&self) -> u64 {
        self.opened.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Whether it could not be read the last time. Where it was to be stored, that is not the fault of the place: a disk that
    /// is full there is another matter.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn observe(&self, opened: Result<ByteStream>) -> Result<ByteStream> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.failed.store(opened.is_err(), Ordering::Relaxed);
        let failed = self.failed.clone();
        Ok(Box::pin(observe(opened?, &self.observer).inspect(move |chunk| {
            if chunk.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
        })))
    }
}

#[async_trait]
impl Blob for Observed {
    fn size(&self) -> Option<u64> {
        self.blob.size()
    }

    fn digest(&self) -> Option<Digest> {
        self.blob.digest()
    }

    fn is_verified(&self) -> bool {
        self.blob.is_verified()
    }

    async fn open(&self) -> Result<ByteStream> {
        self.observe(self.blob.open().await)
    }

    async fn open_unverified(&self) -> Result<ByteStream> {
        self.observe(self.blob.open_unverified().await)
    }

    async fn open_at(&self, offset: u64) -> Result<ByteStream> {
        self.observe(self.blob.open_at(offset).await)
    }

    async fn open_file(&self, offset: u64) -> Result<Option<OpenFile>> {
        let Some(file) = self.blob.open_file(offset).await? else { return Ok(None) };
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Some(file.watched(|passing| observe(passing, &self.observer))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{MemoryBlob, read_to_end};

    #[derive(Default)]
    struct Sum(AtomicU64);

    impl Observer for Sum {
        fn moved(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Breaks off the first time.
    struct Broken(AtomicU64);

    #[async_trait]
    impl Blob for Broken {
        fn size(&self) -> Option<u64> {
            None
        }

        fn digest(&self) -> Option<Digest> {
            None
        }

        async fn open(&self) -> Result<ByteStream> {
            let error = (self.0.fetch_add(1, Ordering::Relaxed) == 0).then(|| Err(crate::Error::source("broken")));
            Ok(Box::pin(futures_util::stream::iter(error)))
        }
    }

    #[tokio::test]
    async fn whether_reading_failed_is_told_until_it_is_read_again() {
        let blob = Observed::new(Arc::new(Broken(AtomicU64::new(0))), Arc::new(Unobserved));
        assert!(read_to_end(blob.open().await.unwrap(), 100, "blob").await.is_err() && blob.has_failed());
        assert!(read_to_end(blob.open().await.unwrap(), 100, "blob").await.is_ok() && !blob.has_failed());
    }

    #[tokio::test]
    async fn what_is_read_is_counted_and_nothing_else_changes() {
        let sum = Arc::new(Sum::default());
        let blob = Observed::new(Arc::new(MemoryBlob::new("0123456789")), sum.clone());
        assert_eq!((blob.size(), blob.is_verified()), (Some(10), true));
        assert_eq!(read_to_end(blob.open().await.unwrap(), 100, "blob").await.unwrap(), "0123456789");
        assert_eq!(read_to_end(blob.open_at(7).await.unwrap(), 100, "blob").await.unwrap(), "789");
        assert_eq!(sum.0.load(Ordering::Relaxed), 13);
        assert_eq!(blob.repeats(), 1);
    }
}
