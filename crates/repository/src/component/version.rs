use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Blob, Digest};
use ocm_model::access::Access;
use ocm_model::{Descriptor, TypedObject};
use ocm_oci::{Error, ImageManifest, Kind, Manifest, Repository, StoredBlob};

use crate::Result;
use crate::component::joined::Joined;

/// A descriptor as it is stored: its bytes, and the media type that tells how to read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawDescriptor {
    /// Media type of the layer.
    pub media_type: String,
    /// The layer: JSON, YAML, or a tar with a YAML file.
    pub bytes: Bytes,
}

/// A component version that was read: its descriptor, the bytes it came from, and where its local content is.
#[derive(Clone)]
pub struct ComponentVersion {
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The descriptor as stored; what is passed on when nothing changes.
    pub raw: RawDescriptor,
    /// What the tag points to: the manifest or, if local manifests belong to the version, an index.
    pub root: Manifest,
    /// The manifest with the descriptor; the root itself unless that is an index.
    pub manifest: Manifest,
    pub(crate) rows: Vec<ocm_oci::Descriptor>,
    pub(crate) image: ImageManifest,
    pub(crate) content: Arc<dyn Repository>,
}

/// Where the content of a local access is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalContent {
    /// In one blob.
    Blob(ocm_oci::Descriptor),
    /// In several blobs, one behind the other.
    Parts(Vec<ocm_oci::Descriptor>),
    /// An image or index that lies beside the component version, with everything it needs.
    Manifest(ocm_oci::Descriptor),
}

impl ComponentVersion {
    /// Name of the component.
    pub fn name(&self) -> &str {
        &self.descriptor.component.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.descriptor.component.version
    }

    /// The repository that holds the component version and its local content.
    pub fn content(&self) -> Arc<dyn Repository> {
        self.content.clone()
    }

    /// Finds the content of a local access: first among the manifests beside the component version, then its layers.
    ///
    /// # Errors
    /// [`Kind::Invalid`] if the access names no digest, [`Kind::NotFound`] if nothing with it belongs to the version, and if it
    /// names a file that a component archive lacks: those that are there have become digests.
    pub async fn local(&self, access: &TypedObject) -> Result<LocalContent> {
        if let Access::LocalFilesystemBlob { file_name, .. } = Access::of(access) {
            let reason = match file_name.as_str() {
                "" => format!("access {} names no file", access.kind),
                name => format!("the component archive lacks {name}, a file of its content"),
            };
            return Err(Error::new(Kind::NotFound, self, reason));
        }
        let reference = local_reference(access)
            .ok_or_else(|| Error::invalid(self, format!("access {} names no local content", access.kind)))?;
        let digests = digests(reference).map_err(|reason| Error::invalid(self, reason))?;
        if let [digest] = digests.as_slice() {
            if let Some(row) = self.row(digest) {
                return Ok(LocalContent::Manifest(alone(row)));
            }
            return self.layer(digest).await.map(LocalContent::Blob);
        }
        let mut parts = Vec::new();
        for digest in &digests {
            parts.push(self.layer(digest).await?);
        }
        Ok(LocalContent::Parts(parts))
    }

    /// What the index of the version says of an image or index beside it, with the annotations that name the artifacts it is for.
    pub fn row(&self, digest: &Digest) -> Option<&ocm_oci::Descriptor> {
        self.rows.iter().find(|row| row.digest == *digest)
    }

    async fn layer(&self, digest: &Digest) -> Result<ocm_oci::Descriptor> {
        let layer = match self.image.layers.iter().find(|layer| layer.digest == *digest) {
            Some(layer) => Some(alone(layer)),
            None => self.content.unlisted(digest).await?,
        };
        layer.ok_or_else(|| Error::new(Kind::NotFound, self, format!("local content {digest} is not stored with it")))
    }

    /// Local content as bytes, verified while they are read. A manifest gives the manifest alone.
    pub fn blob(&self, content: &LocalContent) -> Arc<dyn Blob> {
        match content {
            LocalContent::Blob(blob) => Arc::new(StoredBlob::new(self.content.clone(), blob.clone())),
            LocalContent::Parts(parts) => Arc::new(Joined::new(&self.content, parts)),
            LocalContent::Manifest(manifest) => {
                Arc::new(crate::component::joined::ManifestBlob::new(&self.content, manifest))
            }
        }
    }
}

impl fmt::Display for ComponentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name(), self.version())
    }
}

/// What a layer or row says of its content. Its annotations are about the component version: they name all artifacts that have
/// the content, and a copy for each of those would take their number squared.
fn alone(content: &ocm_oci::Descriptor) -> ocm_oci::Descriptor {
    ocm_oci::Descriptor::new(&*content.media_type, content.digest.clone(), content.size)
}

/// Whether an access is about content that lies with the component version.
pub(crate) fn is_local(access: &TypedObject) -> bool {
    ["localBlob", "localOciBlob"].iter().any(|kind| access.base_kind().eq_ignore_ascii_case(kind))
}

/// What a local access refers to.
pub(crate) fn local_reference(access: &TypedObject) -> Option<&str> {
    let reference = if access.base_kind().eq_ignore_ascii_case("localOciBlob") { access.text("digest") } else { None };
    reference.or_else(|| access.text("localReference")).filter(|reference| !reference.is_empty())
}

/// The digests of a reference: one, or several with commas between them for content in parts.
pub(crate) fn digests(reference: &str) -> Result<Vec<Digest>, String> {
    let digest = |text: &str| {
        Digest::from_file_name(text.trim()).map_err(|_| format!("local reference {reference:?} is no digest"))
    };
    reference.split(',').map(digest).collect()
}
