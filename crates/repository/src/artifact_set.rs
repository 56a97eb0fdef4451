//! Artifact sets: one OCI artifact packed as a blob, as the older program stores images with a component version.

use std::path::Path;

use async_trait::async_trait;
use ocm_blob::{Blob, ByteStream, Digest, Finished, Staged, verified};
use ocm_oci::{Descriptor, Error, Layout, Manifest, Pushed, Repository, Selector, media_type};

use crate::Result;

/// Whether content of this media type is an artifact set: the type of a manifest or index with `+tar` or `+tar+gzip`.
pub fn is_artifact_set(media_type: &str) -> bool {
    let packed = media_type.strip_suffix("+gzip").unwrap_or(media_type);
    packed.strip_suffix("+tar").is_some_and(|inside| {
        let inside = inside.strip_suffix("+json").unwrap_or(inside);
        media_type::MANIFESTS.iter().any(|known| known.strip_suffix("+json") == Some(inside))
    })
}

/// An artifact set, open for reading as a repository of its own.
pub struct ArtifactSet {
    layout: Layout,
    main: Descriptor,
    /// Removed with this value.
    _file: Finished,
}

impl ArtifactSet {
    /// Opens an artifact set. A packed one cannot be read in any order where it lies, so it is copied into a temporary
    /// file in `scratch` first, which is removed with this value.
    ///
    /// # Errors
    /// Not an artifact set, or one that does not tell which of its manifests it is about.
    pub async fn open(content: &dyn Blob, scratch: &Path) -> Result<Self> {
        let subject = match content.digest() {
            Some(digest) => format!("artifact set {digest}"),
            None => "artifact set".to_owned(),
        };
        let fail = || Error::blob(&subject);
        let unchecked = content.digest().filter(|_| !content.is_verified());
        let stream = verified(content.open().await.map_err(fail())?, content.size(), unchecked);
        let mut staged = Staged::new(scratch);
        staged.fill(stream).await.map_err(fail())?;
        let file = staged.finish().await.map_err(fail())?;
        let layout =
            Layout::open(file.path()).await.map_err(|error| Error::new(error.kind(), &subject, error.reason()))?;
        let main = layout.top_level().await.map_err(|error| Error::new(error.kind(), &subject, error.reason()))?;
        Ok(Self { layout, main, _file: file })
    }

    /// The manifest or index that the set is about.
    pub fn main(&self) -> &Descriptor {
        &self.main
    }
}

#[async_trait]
impl Repository for ArtifactSet {
    fn address(&self) -> String {
        format!("artifact set of {}", self.main.digest)
    }

    async fn resolve(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        self.layout.resolve(selector).await
    }

    async fn manifest(&self, selector: &Selector) -> Result<Manifest> {
        self.layout.manifest(selector).await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.layout.blob_size(digest).await
    }

    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        self.layout.blob(digest, offset).await
    }

    async fn push_blob(&self, content: &dyn Blob) -> Result<(Descriptor, Pushed)> {
        self.layout.push_blob(content).await
    }

    async fn mount(&self, digest: &Digest, from: &str) -> Result<bool> {
        self.layout.mount(digest, from).await
    }

    async fn push_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<()> {
        self.layout.push_manifest(manifest, tag).await
    }

    async fn tags(&self) -> Result<Vec<String>> {
        self.layout.tags().await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.layout.referrers(subject).await
    }

    fn position(&self, digest: &Digest) -> Option<u64> {
        self.layout.position(digest)
    }

    async fn delete_manifest(&self, selector: &Selector) -> Result<bool> {
        self.layout.delete_manifest(selector).await
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<bool> {
        self.layout.delete_blob(digest).await
    }
}
