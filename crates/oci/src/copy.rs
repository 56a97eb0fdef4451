//! Copying: a manifest with everything it needs, from one repository to another.
//!
//! Children come before their parents, blobs before the manifests that need them, so that the target never holds a
//! manifest whose content is missing. What the target has already is not read from the source.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_blob::{Blob, ByteStream, Digest, Observer, Unobserved};

use crate::{
    Descriptor, Document, Error, Kind, Manifest, Pushed, Repository, Result, Selector, StoredBlob, media_type,
};

/// Nesting of indexes beyond which a graph is refused; real ones have two or three levels.
const MAX_DEPTH: usize = 16;

/// Manifests in one graph beyond which it is refused.
const MAX_MANIFESTS: usize = 10_000;

/// Bytes of all manifests in one graph beyond which it is refused: they are in memory together.
const MAX_BYTES: usize = 256 << 20;

/// How far a graph was followed, so that one made to exhaust whoever follows it is refused.
pub(crate) struct Extent<'a> {
    root: &'a Digest,
    manifests: usize,
    bytes: usize,
}

impl<'a> Extent<'a> {
    /// Nothing of the graph below `root` yet.
    pub(crate) fn new(root: &'a Digest) -> Self {
        Self { root, manifests: 0, bytes: 0 }
    }

    /// One more manifest, `depth` levels below the root.
    pub(crate) fn enter(&mut self, depth: usize) -> Result<()> {
        self.manifests += 1;
        if depth > MAX_DEPTH || self.manifests > MAX_MANIFESTS {
            return Err(Error::invalid(self.root, "the index is nested too deeply or lists too many manifests"));
        }
        Ok(())
    }

    /// What that manifest turned out to be.
    pub(crate) fn read(&mut self, manifest: &Manifest) -> Result<()> {
        self.bytes += manifest.bytes().len();
        if self.bytes > MAX_BYTES {
            let reason = format!("the manifests of the index have more than {} MiB together", MAX_BYTES >> 20);
            return Err(Error::invalid(self.root, reason));
        }
        Ok(())
    }
}

/// How a graph is copied.
#[derive(Clone)]
pub struct Options {
    /// Blobs that are moved at the same time; at least 1.
    pub concurrency: usize,
    /// Name of the source repository if source and target are the same registry: blobs are then mounted.
    pub mount_from: Option<String>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self { concurrency: 4, mount_from: None, observer: Arc::new(Unobserved) }
    }
}

/// What a copy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Blobs and manifests that were sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Blobs and manifests that were in the target already or were mounted.
    pub present: u64,
}

impl Outcome {
    fn count(&mut self, size: u64, how: Pushed) {
        if how == Pushed::Sent {
            self.sent += 1;
            self.sent_bytes += size;
        } else {
            self.present += 1;
        }
    }

    /// Adds the numbers of another copy.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.sent_bytes += other.sent_bytes;
        self.present += other.present;
    }
}

/// Copies the manifest or index `root` and everything below it. The target gets it under its digest only; tags are the
/// caller's business.
///
/// # Errors
/// Names the side that failed. A graph that was partly copied when it failed is invisible: its root is pushed last.
pub async fn graph(
    source: &Arc<dyn Repository>,
    target: &Arc<dyn Repository>,
    root: &Descriptor,
    options: &Options,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    if on(Side::Target, target.resolve(&root.digest.clone().into()).await)?.is_some() {
        outcome.present += 1;
        return Ok(outcome);
    }
    let graph = Graph::walk(source, target, root).await?;
    outcome.present += graph.present;
    outcome.add(blobs(source, target, graph.blobs, options).await?);
    for manifest in &graph.manifests {
        on(Side::Target, target.push_manifest(manifest, None).await)?;
        let descriptor = manifest.descriptor();
        outcome.count(descriptor.size, Pushed::Sent);
        options.observer.moved(descriptor.size);
    }
    Ok(outcome)
}

/// Copies blobs, each digest once.
pub async fn blobs(
    source: &Arc<dyn Repository>,
    target: &Arc<dyn Repository>,
    mut wanted: Vec<Descriptor>,
    options: &Options,
) -> Result<Outcome> {
    let mut seen = HashSet::new();
    wanted.retain(|blob| seen.insert(blob.digest.clone()));
    let mut concurrency = options.concurrency.max(1);
    if wanted.iter().any(|blob| source.position(&blob.digest).is_some()) {
        wanted.sort_by_key(|blob| source.position(&blob.digest));
        concurrency = 1;
    }
    stream::iter(wanted.into_iter().map(|blob| async move {
        let how = copy_blob(source, target, &blob, options).await?;
        let mut outcome = Outcome::default();
        outcome.count(blob.size, how);
        Ok(outcome)
    }))
    .buffer_unordered(concurrency)
    .try_fold(Outcome::default(), |mut all, one| async move {
        all.add(one);
        Ok(all)
    })
    .await
}

async fn copy_blob(
    source: &Arc<dyn Repository>,
    target: &Arc<dyn Repository>,
    blob: &Descriptor,
    options: &Options,
) -> Result<Pushed> {
    if let Some(from) = &options.mount_from
        && on(Side::Target, target.mount(&blob.digest, from).await)?
    {
        return Ok(Pushed::Mounted);
    }
    let content = Watched {
        blob: StoredBlob::new(source.clone(), blob.clone()),
        observer: options.observer.clone(),
        failed: Arc::default(),
    };
    match target.push_blob(&content).await {
        Ok((_, how)) => Ok(how),
        // A source that broke off shows as a failed push; the person must look at the other side.
        Err(error) => {
            let source_failed = content.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(source_failed.map_or_else(|| Side::Target.names(error), |error| Side::Source.names(error)))
        }
    }
}

/// A blob whose bytes are counted on their way, and which remembers why reading it failed.
struct Watched {
    blob: StoredBlob,
    observer: Arc<dyn Observer>,
    failed: Arc<Mutex<Option<Error>>>,
}

#[async_trait]
impl Blob for Watched {
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

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        let remember = |failed: &Mutex<Option<Error>>, error: &ocm_blob::Error, subject: &str| {
            let error = match error {
                ocm_blob::Error::Source(error) => match error.downcast_ref::<Error>() {
                    Some(error) => Error::new(error.kind(), error.subject(), error.reason()),
                    None => Error::new(Kind::Unavailable, subject, error),
                },
                error => Error::new(Kind::Invalid, subject, error),
            };
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        };
        let subject = self.blob.digest().map(|digest| format!("blob {digest}")).unwrap_or_default();
        let stream = self.blob.open_at(offset).await.inspect_err(|error| remember(&self.failed, error, &subject))?;
        let (observer, failed) = (self.observer.clone(), self.failed.clone());
        Ok(Box::pin(stream.inspect(move |chunk| match chunk {
            Ok(chunk) => observer.moved(chunk.len() as u64),
            Err(error) => remember(&failed, error, &subject),
        })))
    }
}

/// Everything below one manifest that the target does not have.
struct Graph {
    /// Children before parents, the root last.
    manifests: Vec<Manifest>,
    blobs: Vec<Descriptor>,
    present: u64,
}

impl Graph {
    async fn walk(source: &Arc<dyn Repository>, target: &Arc<dyn Repository>, root: &Descriptor) -> Result<Self> {
        let mut graph = Self { manifests: Vec::new(), blobs: Vec::new(), present: 0 };
        let (mut seen, mut extent) = (HashSet::new(), Extent::new(&root.digest));
        // Depth first with an explicit stack: an index is taken up again after its children.
        let mut stack = vec![Step::Enter(root.clone(), 0)];
        while let Some(step) = stack.pop() {
            let (descriptor, depth) = match step {
                Step::Leave(manifest) => {
                    graph.manifests.push(manifest);
                    continue;
                }
                Step::Enter(descriptor, depth) => (descriptor, depth),
            };
            if !seen.insert(descriptor.digest.clone()) {
                continue;
            }
            extent.enter(depth)?;
            let selector = Selector::Digest(descriptor.digest.clone());
            if depth > 0 && on(Side::Target, target.resolve(&selector).await)?.is_some() {
                graph.present += 1;
                continue;
            }
            let manifest = on(Side::Source, source.manifest(&selector).await)?;
            extent.read(&manifest)?;
            let document = on(Side::Source, manifest.document())?;
            stack.push(Step::Leave(manifest));
            match document {
                Document::Image(_) => graph.blobs.extend(on(Side::Source, carried(source, &document).await)?),
                Document::Index(index) => {
                    for child in index.manifests.into_iter().rev() {
                        if media_type::is_manifest(&child.media_type) {
                            stack.push(Step::Enter(child, depth + 1));
                        } else {
                            graph.blobs.push(child);
                        }
                    }
                }
            }
        }
        Ok(graph)
    }
}

enum Step {
    Enter(Descriptor, usize),
    Leave(Manifest),
}

/// The blobs of an image that go wherever its manifest goes: all but non-distributable layers that have an address of
/// their own or are not in the source either.
pub(crate) async fn carried(source: &Arc<dyn Repository>, document: &Document) -> Result<Vec<Descriptor>> {
    let mut carried = Vec::new();
    for blob in document.blobs() {
        let left = blob.is_non_distributable() && (blob.has_urls() || source.blob_size(&blob.digest).await?.is_none());
        if !left {
            carried.push(blob.clone());
        }
    }
    Ok(carried)
}

/// Which side of a copy an error belongs to.
#[derive(Clone, Copy)]
enum Side {
    Source,
    Target,
}

impl Side {
    fn names(self, error: Error) -> Error {
        error.on(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

fn on<T>(side: Side, result: Result<T>) -> Result<T> {
    result.map_err(|error| side.names(error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn graphs_made_to_exhaust_are_refused() {
        let root = Digest::of("root");
        let mut extent = Extent::new(&root);
        assert!(extent.enter(MAX_DEPTH + 1).is_err());
        (1..MAX_MANIFESTS).for_each(|_| extent.enter(1).unwrap());
        assert!(extent.enter(1).is_err());

        let manifest = Manifest::with_digest(media_type::INDEX, vec![b' '; 4 << 20], root.clone());
        (0..MAX_BYTES / (4 << 20)).for_each(|_| extent.read(&manifest).unwrap());
        assert!(extent.read(&manifest).unwrap_err().to_string().contains("256 MiB"));
    }
}
