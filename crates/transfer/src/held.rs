//! Roots of images that are held back until they get their names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use ocm_oci::copy;
use tokio::time::Instant;

use crate::Error;
use crate::execute::{Done, Moved};
use crate::work::{Job, Prepared};

/// Bytes of roots that are held back; they are in memory.
const LIMIT: usize = 16 << 20;

/// How long they are held back. Registries remove blobs that no manifest needs, some of them (Quay, zot) after an hour.
const LONGEST: Duration = Duration::from_mins(5);

/// Roots that are stored at the same time.
const AT_ONCE: usize = 16;

/// An image that gets a name needs no other: its root is stored once, under that name, when everything else of the transfer
/// is there. Until then it is held here, if that does not take too long or too much memory.
pub(crate) struct Held {
    bytes: AtomicUsize,
    /// When what is held has to be stored; `None` once it was.
    deadline: Mutex<Option<Instant>>,
}

impl Held {
    pub(crate) fn new() -> Self {
        Self { bytes: AtomicUsize::new(0), deadline: Mutex::new(Some(Instant::now() + LONGEST)) }
    }

    fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who stores the root of the content of these jobs.
    pub(crate) fn who_stores(&self, jobs: &[&Job]) -> copy::Root {
        let is_room = self.bytes.load(Ordering::Relaxed) < LIMIT && self.deadline().is_some();
        if is_room && jobs.iter().all(|job| job.tag.is_some()) { copy::Root::HandBack } else { copy::Root::Store }
    }

    pub(crate) fn add(&self, moved: Option<&Moved>) {
        let root = moved.and_then(|moved| moved.root.as_ref());
        self.bytes.fetch_add(root.map_or(0, |root| root.bytes().len()), Ordering::Relaxed);
    }

    /// Ends when what is held has to be stored.
    pub(crate) async fn grows_old(&self) {
        match self.deadline() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }

    /// Stores what is held under its digest, and holds nothing from now on.
    pub(crate) async fn store(&self, prepared: &Prepared, done: &mut Done) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let all: Vec<usize> = (0..prepared.jobs.len()).collect();
        store(prepared, &all, done).await;
    }

    /// Stores what was still handed back, if nothing is to be held any more.
    pub(crate) async fn came_late(&self, prepared: &Prepared, positions: &[usize], done: &mut Done) {
        if self.deadline().is_none() {
            store(prepared, positions, done).await;
        }
    }
}

async fn store(prepared: &Prepared, positions: &[usize], done: &mut Done) {
    let roots = positions.iter().filter_map(|position| {
        let root = done.moved[*position].as_ref()?.root.clone()?;
        Some((*position, root))
    });
    let roots: Vec<_> = roots.collect();
    let stored = stream::iter(roots).map(|(position, root)| async move {
        let job = &prepared.jobs[position];
        (position, job.place.push_manifest(&root, None).await)
    });
    let stored: Vec<(usize, ocm_oci::Result<()>)> = stored.buffer_unordered(AT_ONCE).collect().await;
    for (position, stored) in stored {
        let Err(error) = stored else { continue };
        let job = &prepared.jobs[position];
        let source = error.on("target");
        done.fail(job, position, Error::Element { element: job.subject(), version: job.owner.clone(), source });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use async_trait::async_trait;
    use ocm_blob::{Blob, ByteStream, Digest};
    use ocm_model::TypedObject;
    use ocm_oci::{MemoryRegistry, Registry as _, Repository, Selector};
    use ocm_repository::LocalContent;
    use ocm_testkit::fixtures;

    use super::*;
    use crate::content::{Content, Place};
    use crate::execute::carry_out;
    use crate::{ElementAction, ElementKind, Options};

    /// Content that takes its time, and sees then whether a manifest is there, without a name.
    struct Slow {
        place: Arc<dyn Repository>,
        digest: Digest,
        seen: Arc<AtomicBool>,
    }

    #[async_trait]
    impl Blob for Slow {
        fn size(&self) -> Option<u64> {
            None
        }

        fn digest(&self) -> Option<Digest> {
            None
        }

        async fn open(&self) -> ocm_blob::Result<ByteStream> {
            let is_there = async |selector: Selector| self.place.resolve(&selector).await.is_ok_and(|it| it.is_some());
            assert!(!is_there(self.digest.clone().into()).await);
            tokio::time::sleep(2 * LONGEST).await;
            let seen = is_there(self.digest.clone().into()).await && !is_there(Selector::Tag("1".into())).await;
            self.seen.store(seen, Ordering::Relaxed);
            Ok(ocm_blob::once("content"))
        }
    }

    fn job(content: Place, place: &Arc<dyn Repository>, tag: Option<&str>) -> Job {
        Job {
            name: "image".into(),
            element: ElementKind::Resource,
            identity: "image".into(),
            owner: "acme.org/x:1.0.0".into(),
            access: TypedObject::new("none"),
            content: Content { place: content, media_type: String::new(), origin: None },
            place: place.clone(),
            is_local: false,
            tag: tag.map(str::to_owned),
            is_extra: false,
            found: None,
            action: ElementAction::Reference { reason: String::new(), is_wanted: false },
            is_needed: true,
            targets: Vec::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_root_that_waits_too_long_for_its_name_is_stored_without() {
        let (source, target) = (MemoryRegistry::new().repository("a"), MemoryRegistry::new().repository("b"));
        let graph = fixtures::image(1, 100);
        graph.push(source.as_ref(), None).await.unwrap();
        let seen = Arc::new(AtomicBool::new(false));
        let slow = Slow { place: target.clone(), digest: graph.root().digest.clone(), seen: seen.clone() };
        let image = Place::Stored(source, LocalContent::Manifest(graph.root().clone()));
        let jobs = vec![job(image, &target, Some("1")), job(Place::Loose(Arc::new(slow)), &target, None)];
        let prepared = Prepared { jobs, ..Prepared::default() };
        let done = carry_out(&prepared, &Options::default()).await;
        assert!(done.stray.is_none() && seen.load(Ordering::Relaxed));
        let named = target.resolve(&Selector::Tag("1".into())).await.unwrap().unwrap();
        assert_eq!(named.digest, graph.root().digest);
    }
}
