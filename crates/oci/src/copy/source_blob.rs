use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use ocm_blob::{Blob, ByteStream, Digest, Observer, OpenFile};
use ocm_http::Bucket;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, Kind, StoredBlob};

/// A blob of a source whose bytes are counted on their way, and which remembers why reading it failed.
pub(super) struct SourceBlob {
    blob: StoredBlob,
    observer: Arc<dyn Observer>,
    pace: Option<Arc<Bucket>>,
    /// Room for contents that are read at the same time.
    places: Arc<Semaphore>,
    /// Its place among them, from the first opening to the end of the content.
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    failed: Failure,
    opened: AtomicU64,
}

/// Why reading failed last; what came of a push that failed for it belongs to the other side.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    pub(super) fn remember(&self, error: Error) {
        *locked(&self.0) = Some(error);
    }

    pub(super) fn forget(&self) {
        drop(self.take());
    }

    pub(super) fn take(&self) -> Option<Error> {
        locked(&self.0).take()
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an error of content says about its source.
pub(super) fn of_source(error: &ocm_blob::Error, subject: &str) -> Error {
    match error {
        ocm_blob::Error::Source(error) => match error.downcast_ref::<Error>() {
            Some(error) => again(error),
            None => Error::new(Kind::Unavailable, subject, error),
        },
        error => Error::new(Kind::Invalid, subject, error),
    }
}

/// The same error once more, for another who has to know.
pub(super) fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.subject(), error.reason())
}

impl SourceBlob {
    pub(super) fn new(
        blob: StoredBlob,
        observer: Arc<dyn Observer>,
        pace: Option<Arc<Bucket>>,
        places: Arc<Semaphore>,
    ) -> Self {
        let (place, failed) = (Arc::default(), Failure::default());
        Self { blob, observer, pace, places, place, failed, opened: AtomicU64::new(0) }
    }

    /// Why reading failed last.
    pub(super) fn failure(&self) -> &Failure {
        &self.failed
    }

    /// Times it was read again because what was read before did not arrive.
    pub(super) fn repeats(&self) -> u64 {
        self.opened.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// What is read, for messages.
    pub(super) fn subject(&self) -> String {
        self.blob.reference()
    }

    async fn watch(
        &self,
        opening: impl Future<Output = ocm_blob::Result<ByteStream>> + Send,
    ) -> ocm_blob::Result<ByteStream> {
        // Content that is sent once more still has the place of before: waiting for another one could be waiting for itself.
        let held = locked(&self.place).take();
        let place = match held {
            Some(place) => Some(place),
            None => self.places.clone().acquire_owned().await.ok(),
        };
        *locked(&self.place) = place;
        let opened = opening.await;
        self.failed.forget();
        self.opened.fetch_add(1, Ordering::Relaxed);
        let (subject, failed) = (self.subject(), self.failed.clone());
        let stream = opened.inspect_err(|error| failed.remember(of_source(error, &subject)))?;
        let observer = self.observer.clone();
        let pace = self.pace.clone();
        let stream = stream.then(move |chunk| {
            let pace = pace.clone().filter(|_| chunk.is_ok());
            async move {
                if let (Some(pace), Ok(chunk)) = (pace, &chunk) {
                    pace.take(chunk.len()).await;
                }
                chunk
            }
        });
        let stream = stream.inspect(move |chunk| match chunk {
            Ok(chunk) => observer.moved(chunk.len() as u64),
            Err(error) => failed.remember(of_source(error, &subject)),
        });
        // Not the end of the push: while a registry stores what it has got, the next content is on its way.
        let place = self.place.clone();
        let end = stream::poll_fn(move |_| {
            locked(&place).take();
            Poll::Ready(None)
        });
        Ok(Box::pin(stream.chain(end)))
    }
}

#[async_trait]
impl Blob for SourceBlob {
    fn size(&self) -> Option<u64> {
        self.blob.size()
    }

    fn digest(&self) -> Option<Digest> {
        self.blob.digest()
    }

    fn is_verified(&self) -> bool {
        self.blob.is_verified()
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_unverified(&self) -> ocm_blob::Result<ByteStream> {
        self.watch(self.blob.open_unverified()).await
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        self.watch(self.blob.open_at(offset)).await
    }

    async fn open_file(&self, offset: u64) -> ocm_blob::Result<Option<OpenFile>> {
        match self.blob.open_file(offset).await {
            Ok(Some(file)) => {
                let passing = self.watch(async { Ok(file.passing) }).await?;
                Ok(Some(OpenFile { passing, ..file }))
            }
            Ok(None) => Ok(None),
            Err(error) => self.watch(async { Err(error) }).await.map(|_| None),
        }
    }
}
