use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ocm_blob::{Blob, ByteStream, Digest, Limits, OpenFile, read_to_end, verified};
use serde_json::Value;

use super::files::Files;
use super::{REF_NAME, TAGS};
use crate::reference::referrers_tag;
use crate::{
    Descriptor, Document, Error, ImageIndex, Kind, Manifest, Pushed, Repository, Result, Selector, media_type,
};

/// Largest manifest in bytes.
const MANIFEST_LIMIT: u64 = 4 << 20;

/// Largest index file in bytes; it lists every manifest of the layout.
const INDEX_LIMIT: u64 = 16 << 20;

/// Largest `oci-layout` file in bytes.
const MARKER_LIMIT: u64 = 64 << 10;

/// An image layout or artifact set, open for reading.
///
/// # Guarantees
/// As for every [`Repository`]: whatever is read from its start was checked against its digest. Symbolic links in a
/// directory are not followed; entries of an archive are read where they lie. Pushing and deleting is
/// [`Kind::Unsupported`].
pub struct Layout {
    files: Files,
    index: ImageIndex,
    /// Media types of manifests that an index named when it was read; most manifests also say it themselves.
    media_types: Mutex<HashMap<Digest, String>>,
}

impl Layout {
    /// Opens a layout: a directory, a tar archive, or one compressed with gzip.
    ///
    /// # Errors
    /// Not a layout (no index, no valid `oci-layout` file), or an archive that [`ocm_blob::Archive`] refuses.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Limits::default()).await
    }

    /// The same with other limits for what is compressed.
    pub async fn open_with(path: impl AsRef<Path>, limits: Limits) -> Result<Self> {
        let files = Files::open(path.as_ref(), limits).await?;
        let index = read_index(&files).await?;
        let named = index.manifests.iter().filter(|row| !row.media_type.is_empty());
        let media_types = named.map(|row| (row.digest.clone(), row.media_type.clone())).collect();
        Ok(Self { files, index, media_types: Mutex::new(media_types) })
    }

    /// The index: one row for each manifest and each of its names.
    pub fn index(&self) -> &ImageIndex {
        &self.index
    }

    /// Whether the layout can only be read forwards; see [`Repository::position`].
    pub fn is_sequential(&self) -> bool {
        matches!(&self.files, Files::Archive(archive) if archive.is_sequential())
    }

    /// An error about this layout.
    pub(super) fn invalid(&self, reason: impl std::fmt::Display) -> Error {
        Error::invalid(self.files.path().display(), reason)
    }

    fn subject(&self, selector: impl std::fmt::Display) -> String {
        format!("{}@{selector}", self.files.path().display())
    }

    fn read_only<T>(&self) -> Result<T> {
        Err(Error::new(
            Kind::Unsupported,
            self.files.path().display(),
            "an image layout can only be read; write a new one instead",
        ))
    }

    /// The row with a tag: by its whole name, else by the tag at the end of a name like `example.com/image:v1`.
    fn tagged(&self, tag: &str) -> Result<Option<&Descriptor>> {
        let whole = |row: &&Descriptor| names(row).any(|name| name == tag);
        let end = |row: &&Descriptor| names(row).any(|name| name.rsplit_once(':').is_some_and(|(_, end)| end == tag));
        let mut rows: Vec<_> = self.index.manifests.iter().filter(whole).collect();
        if rows.is_empty() {
            rows = self.index.manifests.iter().filter(end).collect();
        }
        match rows.split_first() {
            None => Ok(None),
            Some((first, others)) if others.iter().all(|row| row.digest == first.digest) => Ok(Some(first)),
            Some(_) => Err(self.invalid(format!("several manifests are named {tag:?}: name one by its digest"))),
        }
    }

    fn digest_of(&self, selector: &Selector) -> Result<Option<Digest>> {
        match selector {
            Selector::Digest(digest) => Ok(Some(digest.clone())),
            Selector::Tag(tag) => Ok(self.tagged(tag)?.map(|row| row.digest.clone())),
        }
    }

    /// A manifest by its digest; `None` if there is no such content, or if it is something else.
    async fn find(&self, digest: &Digest) -> Result<Option<Manifest>> {
        let known = self.media_types.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        let Some(content) = self.files.content(digest)? else { return Ok(None) };
        if known.is_none() && content.size().is_some_and(|size| size > MANIFEST_LIMIT) {
            return Ok(None);
        }
        let failed = || Error::blob(self.subject(digest));
        let stream = verified(content.open().await.map_err(failed())?, content.size(), Some(digest.clone()));
        let bytes = read_to_end(stream, MANIFEST_LIMIT, &format!("manifest {digest}")).await.map_err(failed())?;
        let Some(media_type) = known.or_else(|| media_type_of(&bytes)) else { return Ok(None) };
        let manifest = Manifest::with_digest(media_type, bytes, digest.clone());
        if media_type::is_index(manifest.media_type()) {
            self.learn(&manifest)?;
        }
        Ok(Some(manifest))
    }

    /// Remembers what an index says about its manifests: one without a media type inside is called what its index calls it.
    fn learn(&self, manifest: &Manifest) -> Result<()> {
        let document = manifest.document()?;
        let mut media_types = self.media_types.lock().unwrap_or_else(PoisonError::into_inner);
        for child in document.manifests().iter().filter(|child| media_type::is_manifest(&child.media_type)) {
            media_types.entry(child.digest.clone()).or_insert_with(|| child.media_type.clone());
        }
        Ok(())
    }
}

/// The names of a row: what the image layout specification knows, and the list of artifact sets.
pub(super) fn names(row: &Descriptor) -> impl Iterator<Item = &str> {
    let listed = row.annotation(TAGS).into_iter().flat_map(|tags| tags.split(',')).map(str::trim);
    row.annotation(REF_NAME).into_iter().chain(listed).filter(|name| !name.is_empty())
}

async fn read_index(files: &Files) -> Result<ImageIndex> {
    let subject = || files.path().display();
    let (name, bytes) = match files.read("index.json", INDEX_LIMIT).await? {
        Some(bytes) => {
            check_marker(files).await?;
            ("index.json", bytes)
        }
        // The oldest form of an artifact set; it has no marker.
        None => match files.read("artifact-descriptor.json", INDEX_LIMIT).await? {
            Some(bytes) => ("artifact-descriptor.json", bytes),
            None => return Err(Error::invalid(subject(), "not an OCI image layout: it has no index.json")),
        },
    };
    let shown = files.shown(name);
    let index: ImageIndex = serde_json::from_slice(&bytes)
        .map_err(|error| Error::invalid(shown.display(), format!("not a valid image index: {error}")))?;
    if index.schema_version != 2 {
        let reason = format!("not a valid image index: schemaVersion is {}, 2 was expected", index.schema_version);
        return Err(Error::invalid(shown.display(), reason));
    }
    Ok(index)
}

/// The file that says what this is (OCI image specification, *Image Layout*, `oci-layout` file).
async fn check_marker(files: &Files) -> Result<()> {
    let shown = files.shown("oci-layout");
    let invalid = |reason: String| Error::invalid(shown.display(), reason);
    let Some(bytes) = files.read("oci-layout", MARKER_LIMIT).await? else {
        return Err(Error::invalid(files.path().display(), "not an OCI image layout: it has no file oci-layout"));
    };
    let marker: Value = serde_json::from_slice(&bytes).map_err(|error| invalid(format!("not valid JSON: {error}")))?;
    match marker.get("imageLayoutVersion").and_then(Value::as_str) {
        Some(version) if version.starts_with("1.") => Ok(()),
        Some(version) => Err(invalid(format!("imageLayoutVersion {version:?} is not supported, 1.0.0 was expected"))),
        None => Err(invalid("has no imageLayoutVersion".into())),
    }
}

/// What a manifest is that no index has named: what it says itself, else what it looks like.
fn media_type_of(bytes: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    value.get("schemaVersion")?.as_u64().filter(|version| *version == 2)?;
    match value.get("mediaType").and_then(Value::as_str) {
        Some(inside) => media_type::is_manifest(inside).then(|| inside.to_owned()),
        None if value.get("manifests").is_some_and(Value::is_array) => Some(media_type::INDEX.to_owned()),
        None if value.get("config").is_some_and(Value::is_object) => Some(media_type::MANIFEST.to_owned()),
        None => None,
    }
}

#[async_trait]
impl Repository for Layout {
    fn address(&self) -> String {
        self.files.path().display().to_string()
    }

    async fn resolve(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        let Some(digest) = self.digest_of(selector)? else { return Ok(None) };
        Ok(self.find(&digest).await?.map(|manifest| manifest.descriptor()))
    }

    async fn manifest(&self, selector: &Selector) -> Result<Manifest> {
        let found = match self.digest_of(selector)? {
            Some(digest) => self.find(&digest).await?,
            None => None,
        };
        found.ok_or_else(|| Error::not_found(self.subject(selector)))
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.files.content(digest)?.and_then(|content| content.size()))
    }

    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        let content = self.files.content(digest)?.ok_or_else(|| Error::not_found(self.subject(digest)))?;
        let stream = content.open_at(offset).await.map_err(Error::blob(self.subject(digest)))?;
        Ok(if offset == 0 { verified(stream, content.size(), Some(digest.clone())) } else { stream })
    }

    async fn blob_unverified(&self, digest: &Digest) -> Result<ByteStream> {
        let content = self.files.content(digest)?.ok_or_else(|| Error::not_found(self.subject(digest)))?;
        let stream = content.open().await.map_err(Error::blob(self.subject(digest)))?;
        Ok(verified(stream, content.size(), None))
    }

    async fn blob_file(&self, digest: &Digest, offset: u64) -> Result<Option<OpenFile>> {
        let content = self.files.content(digest)?.ok_or_else(|| Error::not_found(self.subject(digest)))?;
        content.open_file(offset).await.map_err(Error::blob(self.subject(digest)))
    }

    async fn push_blob(&self, _: &dyn Blob) -> Result<(Descriptor, Pushed)> {
        self.read_only()
    }

    async fn mount(&self, _: &Digest, _: &str) -> Result<bool> {
        Ok(false)
    }

    async fn push_manifest(&self, _: &Manifest, _: Option<&str>) -> Result<()> {
        self.read_only()
    }

    async fn tags(&self) -> Result<Vec<String>> {
        let names: BTreeSet<&str> = self.index.manifests.iter().flat_map(names).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        // Of old clients: an index under a tag made of the digest (OCI distribution specification, *Referrers Tag Schema*).
        let fallback = referrers_tag(subject);
        let mut found: Vec<Descriptor> = Vec::new();
        if let Some(row) = self.tagged(&fallback)?
            && let Some(Document::Index(index)) =
                self.find(&row.digest).await?.map(|manifest| manifest.document()).transpose()?
        {
            found = index.manifests;
        }
        for row in &self.index.manifests {
            if found.iter().any(|known| known.digest == row.digest) {
                continue;
            }
            let Some(manifest) = self.find(&row.digest).await? else { continue };
            let document = manifest.document()?;
            if document.subject().is_some_and(|named| named.digest == *subject) {
                found.push(Descriptor {
                    artifact_type: document.artifact_type().map(str::to_owned),
                    annotations: document.annotations().cloned(),
                    ..manifest.descriptor()
                });
            }
        }
        Ok(found)
    }

    fn position(&self, digest: &Digest) -> Option<u64> {
        self.files.position(digest)
    }

    async fn delete_manifest(&self, _: &Selector) -> Result<bool> {
        self.read_only()
    }

    async fn delete_blob(&self, _: &Digest) -> Result<bool> {
        self.read_only()
    }
}
