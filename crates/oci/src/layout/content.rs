use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ocm_blob::{
    Algorithm, Blob, ByteStream, Digest, Durability, Existing, MemoryBlob, Staged, StagedDirectory, TarOf,
    sync_filesystem, verified,
};

use super::REF_NAME;
use crate::copy::{Extent, carried};
use crate::{Descriptor, Document, Error, ImageIndex, Repository, Result, Selector, StoredBlob, media_type};

/// The file that says what this is, as the Go programs write it.
const MARKER: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// What is to be written as an image layout.
///
/// The same content always gives the same bytes: blobs sorted by digest, then `index.json`, then `oci-layout`
/// with mode 0644 and time 0.
#[derive(Clone, Default)]
pub struct LayoutContent {
    blobs: BTreeMap<Digest, Arc<dyn Blob>>,
    rows: Vec<Descriptor>,
}

impl LayoutContent {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds content under its digest; the same digest twice is one file. It is verified when it is written.
    pub fn add(&mut self, descriptor: &Descriptor, content: Arc<dyn Blob>) {
        let described = Described { digest: descriptor.digest.clone(), size: descriptor.size, content };
        self.blobs.entry(descriptor.digest.clone()).or_insert_with(|| Arc::new(described));
    }

    /// Adds a row to the index, with a name if it has one.
    pub fn list(&mut self, descriptor: Descriptor, name: Option<&str>) {
        self.rows.push(match name {
            Some(name) => descriptor.with_annotation(REF_NAME, name),
            None => descriptor,
        });
    }

    /// Adds a manifest or index of a repository with everything it needs, and a row for it.
    pub async fn add_graph(
        &mut self,
        source: &Arc<dyn Repository>,
        root: &Descriptor,
        name: Option<&str>,
    ) -> Result<()> {
        let (mut seen, mut extent) = (HashSet::new(), Extent::new(&root.digest));
        let mut open = vec![(root.digest.clone(), 0)];
        while let Some((digest, depth)) = open.pop() {
            if !seen.insert(digest.clone()) {
                continue;
            }
            extent.enter(depth)?;
            let manifest = source.manifest(&Selector::Digest(digest)).await?;
            extent.read(&manifest)?;
            self.add(&manifest.descriptor(), Arc::new(MemoryBlob::new(manifest.bytes().clone())));
            let document = manifest.document()?;
            let blobs: Vec<Descriptor> = match document {
                Document::Image(_) => carried(source, &document).await?,
                Document::Index(index) => {
                    let (manifests, blobs): (Vec<_>, Vec<_>) =
                        index.manifests.into_iter().partition(|child| media_type::is_manifest(&child.media_type));
                    open.extend(manifests.into_iter().map(|child| (child.digest, depth + 1)));
                    blobs
                }
            };
            for blob in blobs {
                self.add(&blob, Arc::new(StoredBlob::new(source.clone(), blob.clone())));
            }
        }
        self.list(root.clone(), name);
        Ok(())
    }

    /// The layout as a tar archive, streamed, its size known beforehand. The index comes first: who reads it as a stream
    /// knows what to look for.
    pub fn tar(&self) -> Result<TarOf> {
        let blobs = self.blobs.iter().map(|(digest, content)| (path(digest), content.clone()));
        let index: Arc<dyn Blob> = Arc::new(MemoryBlob::new(self.index()?));
        let marker: Arc<dyn Blob> = Arc::new(MemoryBlob::new(MARKER));
        let entries = [("index.json".to_owned(), index), ("oci-layout".to_owned(), marker)].into_iter().chain(blobs);
        TarOf::with_folders(entries).map_err(Error::blob("image layout"))
    }

    /// Writes the layout as a directory: as a whole, or not at all.
    pub async fn write_directory(&self, target: impl Into<PathBuf>, existing: Existing) -> Result<()> {
        let target = target.into();
        let failed = || Error::blob(target.display());
        let directory = StagedDirectory::beside(&target, existing).map_err(failed())?;
        let root = directory.path().to_path_buf();
        for algorithm in self.blobs.keys().map(|digest| digest.algorithm().name()).chain(["sha256"]) {
            tokio::fs::create_dir_all(root.join("blobs").join(algorithm))
                .await
                .map_err(ocm_blob::Error::Io)
                .map_err(failed())?;
        }
        for (digest, content) in &self.blobs {
            write(&root, &path(digest), content.as_ref()).await.map_err(failed())?;
        }
        write(&root, "index.json", &MemoryBlob::new(self.index()?)).await.map_err(failed())?;
        write(&root, "oci-layout", &MemoryBlob::new(MARKER)).await.map_err(failed())?;
        let persisted = tokio::task::spawn_blocking(move || {
            sync_filesystem(&root)?;
            directory.persist(existing)
        });
        persisted.await.map_err(|error| ocm_blob::Error::Io(error.into())).and_then(|done| done).map_err(failed())
    }

    fn index(&self) -> Result<Vec<u8>> {
        let index = ImageIndex { media_type: None, manifests: self.rows.clone(), ..ImageIndex::empty() };
        serde_json::to_vec(&index).map_err(|error| Error::invalid("index.json", error))
    }
}

fn path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

async fn write(root: &Path, path: &str, content: &dyn Blob) -> ocm_blob::Result<()> {
    let expected = content.digest();
    let mut staged = Staged::with_algorithm(root, expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm));
    staged.fill(verified(content.open().await?, content.size(), None)).await?;
    let finished = match expected {
        Some(expected) => staged.finish_as(&expected).await?,
        None => staged.finish().await?,
    };
    finished.persist(root.join(path), 0o644, Existing::Refuse, Durability::Deferred).await
}

/// Content with the digest and size that its descriptor promises, so that whoever writes it checks both.
struct Described {
    digest: Digest,
    size: u64,
    content: Arc<dyn Blob>,
}

#[async_trait]
impl Blob for Described {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.digest.clone())
    }

    fn is_verified(&self) -> bool {
        self.content.is_verified() && self.content.digest().as_ref() == Some(&self.digest)
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        self.content.open().await
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        self.content.open_at(offset).await
    }
}
