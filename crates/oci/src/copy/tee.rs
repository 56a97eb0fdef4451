//! One reading of a blob for several targets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ocm_blob::{Blob, ByteStream, Digest};
use tokio::sync::{Notify, mpsc};

use super::source_blob::{Failure, SourceBlob, again, of_source};
use crate::{Error, Kind};

/// Chunks that wait for one target; the chunks are shared, so all targets together hold hardly more.
const CHUNKS_AHEAD: usize = 8;

/// How long those who are ready wait for a target that is still being asked whether it has the blob.
const LATE: Duration = Duration::from_secs(10);

/// How long all others wait for a target that does not take the next chunk. Its connection may wait for one of theirs;
/// then it goes on by itself.
const STUCK: Duration = Duration::from_mins(1);

/// A blob that is read once and passed to every target that opens it in time.
///
/// # Guarantees
/// Every target sees the blob as a whole or an error. The slowest one sets the pace; memory is bounded by a few chunks.
/// One that breaks off leaves the others alone, and reads by itself when it opens the blob again.
pub(super) struct Tee {
    content: SourceBlob,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    seats: Vec<Seat>,
    /// Whether somebody relies on the content being checked on the way.
    verified: bool,
    started: bool,
}

enum Seat {
    /// Its target has not opened the blob yet.
    Expected,
    /// It waits for the first chunk.
    Ready(mpsc::Sender<Piece>),
    /// It reads, has read, or does not need to.
    Gone,
}

#[derive(Clone)]
enum Piece {
    Chunk(Bytes),
    End,
    Failed(Arc<Error>),
}

/// Whether a target can go on by itself in the middle of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// A registry, which checks the digest of what it got in the end.
    Limited,
    /// A place that relies on one verified reading.
    Endless,
}

impl Tee {
    pub(super) fn new(content: SourceBlob, seats: usize) -> Self {
        let seats = (0..seats).map(|_| Seat::Expected).collect();
        let state = State { seats, verified: false, started: false };
        Self { content, state: Mutex::new(state), changed: Notify::new() }
    }

    /// The blob as one of the targets sees it.
    pub(super) fn share(self: &Arc<Self>, seat: usize, patience: Patience) -> Share {
        Share { tee: self.clone(), seat, patience, opened: AtomicU64::new(0), failed: Failure::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribe(&self, seat: usize, verified: bool) -> Option<mpsc::Receiver<Piece>> {
        let mut state = self.state();
        if state.started {
            return None;
        }
        let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
        state.seats[seat] = Seat::Ready(sender);
        state.verified |= verified;
        drop(state);
        self.changed.notify_one();
        Some(receiver)
    }

    fn leave(&self, seat: usize) {
        self.state().seats[seat] = Seat::Gone;
        self.changed.notify_one();
    }

    /// Waits until every target has opened the blob or does not need it; who comes too late is not waited for.
    async fn gather(&self) -> (Vec<(usize, mpsc::Sender<Piece>)>, bool) {
        loop {
            let (expected, ready) = {
                let state = self.state();
                let count = |wanted: fn(&Seat) -> bool| state.seats.iter().filter(|seat| wanted(seat)).count();
                (count(|seat| matches!(seat, Seat::Expected)), count(|seat| matches!(seat, Seat::Ready(_))))
            };
            let changed = self.changed.notified();
            match (expected, ready) {
                (0, _) => break,
                (_, 0) => changed.await,
                _ if tokio::time::timeout(LATE, changed).await.is_err() => break,
                _ => {}
            }
        }
        let mut state = self.state();
        state.started = true;
        let taken = state.seats.iter_mut().enumerate();
        let ready = taken.filter_map(|(number, seat)| match std::mem::replace(seat, Seat::Gone) {
            Seat::Ready(sender) => Some((number, sender)),
            Seat::Expected | Seat::Gone => None,
        });
        (ready.collect(), state.verified)
    }

    /// Reads the blob and passes it on. Runs beside the pushes, and ends when nobody listens any more.
    pub(super) async fn run(&self, patience: &[Patience]) {
        let (mut listeners, verified) = self.gather().await;
        if listeners.is_empty() {
            return;
        }
        let opened = if verified { self.content.open().await } else { self.content.open_unverified().await };
        let mut stream = match opened {
            Ok(stream) => stream,
            Err(error) => return self.pass_on(&mut listeners, self.failure(&error), patience).await,
        };
        loop {
            let piece = match stream.next().await {
                Some(Ok(chunk)) => Piece::Chunk(chunk),
                Some(Err(error)) => self.failure(&error),
                None => Piece::End,
            };
            let last = !matches!(piece, Piece::Chunk(_));
            self.pass_on(&mut listeners, piece, patience).await;
            if last || listeners.is_empty() {
                return;
            }
        }
    }

    fn failure(&self, error: &ocm_blob::Error) -> Piece {
        Piece::Failed(Arc::new(of_source(error, &self.content.subject())))
    }

    async fn pass_on(&self, listeners: &mut Vec<(usize, mpsc::Sender<Piece>)>, piece: Piece, patience: &[Patience]) {
        let mut stays = Vec::with_capacity(listeners.len());
        for (seat, sender) in listeners.drain(..) {
            let taken = match sender.try_send(piece.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(piece)) => match patience.get(seat) {
                    Some(Patience::Limited) => {
                        matches!(tokio::time::timeout(STUCK, sender.send(piece)).await, Ok(Ok(())))
                    }
                    _ => sender.send(piece).await.is_ok(),
                },
            };
            if taken {
                stays.push((seat, sender));
            }
        }
        *listeners = stays;
    }
}

/// A blob as one target of several sees it. Dropped, its target is not waited for.
pub(super) struct Share {
    tee: Arc<Tee>,
    seat: usize,
    patience: Patience,
    opened: AtomicU64,
    failed: Failure,
}

impl Share {
    /// Why reading failed last.
    pub(super) fn failure(&self) -> &Failure {
        &self.failed
    }

    /// Times its target opened the blob again because what it read before did not arrive.
    pub(super) fn repeats(&self) -> u64 {
        self.opened.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// The shared reading, for whoever opens the blob for the first time and soon enough.
    fn listen(&self, offset: u64, verified: bool) -> Option<ByteStream> {
        let is_first = self.opened.fetch_add(1, Ordering::AcqRel) == 0;
        if !is_first || offset > 0 {
            return None;
        }
        let receiver = self.tee.subscribe(self.seat, verified)?;
        let listening = Listening {
            tee: self.tee.clone(),
            receiver,
            position: 0,
            own: None,
            alone: self.patience == Patience::Limited,
        };
        Some(Box::pin(stream::unfold(Some(listening), |listening| async move {
            let mut listening = listening?;
            match listening.next().await {
                Ok(chunk) => chunk.map(|chunk| (Ok(chunk), Some(listening))),
                Err(error) => Some((Err(error), None)),
            }
        })))
    }

    fn watch(&self, opened: ocm_blob::Result<ByteStream>) -> ocm_blob::Result<ByteStream> {
        self.failed.forget();
        let (subject, failed) = (self.tee.content.subject(), self.failed.clone());
        let stream = opened.inspect_err(|error| failed.remember(of_source(error, &subject)))?;
        Ok(Box::pin(stream.inspect(move |chunk| {
            if let Err(error) = chunk {
                failed.remember(of_source(error, &subject));
            }
        })))
    }
}

struct Listening {
    tee: Arc<Tee>,
    receiver: mpsc::Receiver<Piece>,
    position: u64,
    /// What is left, once the others went on without this one.
    own: Option<ByteStream>,
    alone: bool,
}

impl Listening {
    async fn next(&mut self) -> ocm_blob::Result<Option<Bytes>> {
        loop {
            if let Some(own) = &mut self.own {
                return own.next().await.transpose();
            }
            match self.receiver.recv().await {
                Some(Piece::Chunk(chunk)) => {
                    self.position += chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                Some(Piece::End) => return Ok(None),
                Some(Piece::Failed(error)) => return Err(ocm_blob::Error::source(again(&error))),
                None if self.alone => self.own = Some(self.tee.content.open_at(self.position).await?),
                None => {
                    let error = Error::new(Kind::Unavailable, self.tee.content.subject(), "was not read to its end");
                    return Err(ocm_blob::Error::source(error));
                }
            }
        }
    }
}

#[async_trait]
impl Blob for Share {
    fn size(&self) -> Option<u64> {
        self.tee.content.size()
    }

    fn digest(&self) -> Option<Digest> {
        self.tee.content.digest()
    }

    fn is_verified(&self) -> bool {
        self.tee.content.is_verified()
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_unverified(&self) -> ocm_blob::Result<ByteStream> {
        match self.listen(0, false) {
            Some(stream) => self.watch(Ok(stream)),
            None => self.watch(self.tee.content.open_unverified().await),
        }
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        if let Some(stream) = self.listen(offset, true) {
            return self.watch(Ok(stream));
        }
        // This one reads by itself, so the others need not wait for it.
        self.tee.leave(self.seat);
        self.watch(self.tee.content.open_at(offset).await)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.tee.leave(self.seat);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use futures_util::future::join;
    use ocm_blob::{Unobserved, read_to_end};
    use tokio::sync::Semaphore;

    use crate::{Descriptor, MemoryRegistry, Registry as _, StoredBlob, UploadRegistry as _, media_type};

    const CHUNK: usize = 1000;
    const CHUNKS: usize = 10 * CHUNKS_AHEAD;

    /// A blob of many chunks for two targets, and its content.
    async fn tee() -> (Arc<Tee>, Bytes) {
        let registry = MemoryRegistry::new();
        let content: Bytes = (0..CHUNK * CHUNKS).map(|number| number as u8).collect();
        let mut upload = registry.upload_store("a").begin().await.unwrap();
        for chunk in content.chunks(CHUNK) {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        let blob = Descriptor::new(media_type::OCTETS, Digest::of(&content), content.len() as u64);
        upload.finish(&blob.digest).await.unwrap();
        let stored = StoredBlob::new(registry.repository("a"), blob);
        (
            Arc::new(Tee::new(SourceBlob::new(stored, Arc::new(Unobserved), None, Arc::new(Semaphore::new(1))), 2)),
            content,
        )
    }

    async fn read(share: &Share) -> Bytes {
        read_to_end(share.open().await.unwrap(), 1 << 20, "blob").await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_takes_nothing_holds_the_others_up_for_a_while_only() {
        let (tee, content) = tee().await;
        let (stuck, quick) = (tee.share(0, Patience::Limited), tee.share(1, Patience::Limited));
        let waiting = stuck.open().await.unwrap();
        let begun = tokio::time::Instant::now();
        let (all, ()) = join(read(&quick), tee.run(&[Patience::Limited; 2])).await;
        assert_eq!(all, content);
        assert!(begun.elapsed() >= STUCK && begun.elapsed() < STUCK * 2);
        // What waits for it, and then the rest by itself.
        assert_eq!(read_to_end(waiting, 1 << 20, "blob").await.unwrap(), content);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_on_this_machine_is_waited_for() {
        let (tee, content) = tee().await;
        let (slow, quick) = (tee.share(0, Patience::Endless), tee.share(1, Patience::Limited));
        let mut waiting = slow.open().await.unwrap();
        let late = async {
            let mut read = Vec::new();
            while let Some(chunk) = waiting.next().await {
                tokio::time::sleep(STUCK * 2).await;
                read.extend_from_slice(&chunk.unwrap());
            }
            read
        };
        let (all, (read, ())) = join(read(&quick), join(late, tee.run(&[Patience::Endless, Patience::Limited]))).await;
        assert_eq!((all, Bytes::from(read)), (content.clone(), content));
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_comes_late_or_does_not_need_it_is_not_waited_for() {
        let (tee, content) = tee().await;
        let (late, quick) = (tee.share(0, Patience::Limited), tee.share(1, Patience::Limited));
        let begun = tokio::time::Instant::now();
        let (all, ()) = join(read(&quick), tee.run(&[Patience::Limited; 2])).await;
        assert_eq!(all, content);
        assert_eq!(begun.elapsed(), LATE);
        assert_eq!(read(&late).await, content);

        let (tee, content) = self::tee().await;
        let (unneeded, quick) = (tee.share(0, Patience::Limited), tee.share(1, Patience::Limited));
        drop(unneeded);
        let begun = tokio::time::Instant::now();
        assert_eq!(join(read(&quick), tee.run(&[Patience::Limited; 2])).await.0, content);
        assert!(begun.elapsed() < LATE);
    }

    #[tokio::test]
    async fn one_that_breaks_off_leaves_the_others_alone() {
        let (tee, content) = tee().await;
        let (broken, whole) = (tee.share(0, Patience::Endless), tee.share(1, Patience::Endless));
        let mut stream = broken.open().await.unwrap();
        let breaks = async move {
            stream.next().await.unwrap().unwrap();
            drop(stream);
        };
        let run = tee.run(&[Patience::Endless; 2]);
        let (all, ((), ())) = join(read(&whole), join(breaks, run)).await;
        assert_eq!(all, content);
        // Opened again, it reads by itself.
        let rest = broken.open_at(1500).await.unwrap();
        assert_eq!(read_to_end(rest, 1 << 20, "blob").await.unwrap(), content.slice(1500..));
    }
}
