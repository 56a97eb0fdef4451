use std::collections::BTreeMap;

use bytes::Bytes;
use ocm_blob::Digest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{Descriptor, Error, Result};

/// Media types of OCI and Docker documents.
pub mod media_type {
    /// OCI image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI artifact manifest, withdrawn from the specification but still stored in places.
    pub const ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
    /// Docker schema 2 manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// OCI image configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// The empty JSON object `{}`.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// Anything.
    pub const OCTETS: &str = "application/octet-stream";

    /// Every media type under which a manifest or index is served, in the order of preference of an `Accept` header.
    pub const MANIFESTS: [&str; 5] = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST, ARTIFACT];

    /// Whether content of this type is a manifest or an index.
    pub fn is_manifest(media_type: &str) -> bool {
        MANIFESTS.contains(&media_type)
    }

    /// Whether content of this type is an index (OCI or Docker).
    pub fn is_index(media_type: &str) -> bool {
        [INDEX, DOCKER_LIST].contains(&media_type)
    }
}

/// A manifest or index as it is stored: its bytes, what they are called, and their digest.
///
/// Bytes that came from somewhere are passed on as they are; [`Manifest::document`] gives the parsed form beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    media_type: String,
    digest: Digest,
    bytes: Bytes,
}

impl Manifest {
    /// Takes the bytes and computes their SHA-256 digest.
    pub fn new(media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { media_type: media_type.into(), digest: Digest::of(&bytes), bytes }
    }

    /// Takes bytes whose digest was computed while they were read (it may be SHA-512).
    pub fn with_digest(media_type: impl Into<String>, bytes: impl Into<Bytes>, digest: Digest) -> Self {
        Self { media_type: media_type.into(), digest, bytes: bytes.into() }
    }

    /// Writes an image manifest or index of our own as compact JSON.
    pub fn write(document: &impl Serialize, media_type: impl Into<String>) -> Result<Self> {
        let media_type = media_type.into();
        let mut bytes = serde_json::to_vec(document).map_err(|error| Error::invalid(&media_type, error))?;
        // Thousands of manifests may wait for their tags.
        bytes.shrink_to_fit();
        Ok(Self::new(media_type, bytes))
    }

    /// Media type of the document.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Digest of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The bytes as stored.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A bare descriptor of this manifest, with its artifact type unset.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest.clone(), self.bytes.len() as u64)
    }

    /// Parses the bytes.
    ///
    /// # Errors
    /// Not JSON, neither an image manifest nor an index, or both at once (CVE-2021-41190): a document must not be read
    /// as one thing by one program and as another by the next. The same holds for a `mediaType` inside that
    /// contradicts the type under which the document is stored.
    pub fn document(&self) -> Result<Document> {
        let fail = |reason: String| Error::invalid(format!("manifest {}", self.digest), reason);
        if signs(&self.bytes) > MOST_SIGNS {
            return Err(fail("has more values than any image or index needs".into()));
        }
        let probe: Probe =
            serde_json::from_slice(&self.bytes).map_err(|error| fail(format!("not valid JSON: {error}")))?;
        let (index, image) = (probe.manifests.is_some(), probe.config.is_some() || probe.layers.is_some());
        if index && image {
            return Err(fail("is a manifest and an index at once".into()));
        }
        if probe.fs_layers.is_some() {
            let reason = "is of Docker's schema 1, which is not supported: store the image anew with a current client";
            return Err(fail(reason.into()));
        }
        if let Some(inside) = probe.media_type.as_ref().and_then(Value::as_str)
            && media_type::is_manifest(&self.media_type)
            && inside != self.media_type
        {
            return Err(fail(format!("says it is {inside} but is stored as {}", self.media_type)));
        }
        if media_type::is_index(&self.media_type) && image || self.media_type == media_type::MANIFEST && index {
            return Err(fail(format!("is stored as {} but is something else", self.media_type)));
        }
        if index || media_type::is_index(&self.media_type) {
            serde_json::from_slice(&self.bytes).map(Document::Index).map_err(|error| fail(error.to_string()))
        } else {
            serde_json::from_slice(&self.bytes).map(Document::Image).map_err(|error| fail(error.to_string()))
        }
    }
}

/// The members that tell an index from an image.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    media_type: Option<Value>,
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

/// Signs between values in one document. A value of two bytes takes a hundred of memory: four megabytes of nothing but zeros
/// would take half a gigabyte. Rows and layers have one sign for sixteen bytes.
const MOST_SIGNS: usize = 1_000_000;

/// Commas, colons and opening brackets of a JSON text, outside of its quotes.
fn signs(json: &[u8]) -> usize {
    let (mut signs, mut is_quoted, mut is_escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            b',' | b':' | b'[' | b'{' if !is_quoted => signs += 1,
            _ => {}
        }
    }
    signs
}

/// A parsed manifest or index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// One image or artifact.
    Image(ImageManifest),
    /// A list of manifests.
    Index(ImageIndex),
}

impl Document {
    /// Descriptors of other manifests that this one needs.
    pub fn manifests(&self) -> &[Descriptor] {
        match self {
            Self::Image(_) => &[],
            Self::Index(index) => &index.manifests,
        }
    }

    /// Descriptors of the blobs that this one needs: the configuration, then the layers.
    pub fn blobs(&self) -> Vec<&Descriptor> {
        match self {
            Self::Image(image) => std::iter::once(&image.config).chain(&image.layers).collect(),
            Self::Index(_) => Vec::new(),
        }
    }

    /// The manifest that this one says something about.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }

    /// Type of the artifact: the declared one, else the media type of the configuration.
    pub fn artifact_type(&self) -> Option<&str> {
        match self {
            Self::Image(image) => {
                Some(image.artifact_type.as_deref().filter(|name| !name.is_empty()).unwrap_or(&image.config.media_type))
            }
            Self::Index(index) => index.artifact_type.as_deref().filter(|name| !name.is_empty()),
        }
    }

    /// Annotations of the document.
    pub fn annotations(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Image(image) => image.annotations.as_ref(),
            Self::Index(index) => index.annotations.as_ref(),
        }
    }
}

/// An image manifest (OCI image specification, *Image Manifest*); also reads Docker's schema 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// Media type of this document; absent in some old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Type of the artifact, if it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    #[serde(default, deserialize_with = "none_if_null")]
    pub layers: Vec<Descriptor>,
    /// The manifest that this one says something about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations, sorted by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A list of manifests (OCI image specification, *Image Index*); also reads Docker's manifest list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// Always 2.
    pub schema_version: u32,
    /// Media type of this document; absent in the `index.json` of many layouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Type of the artifact, if it is no multi-platform image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests.
    #[serde(default, deserialize_with = "none_if_null")]
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one says something about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations, sorted by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Programs in Go write `null` for a list that nothing was ever put into.
fn none_if_null<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<Descriptor>, D::Error> {
    Option::deserialize(list).map(Option::unwrap_or_default)
}

impl ImageIndex {
    /// An index that lists nothing yet and says what it is.
    pub fn empty() -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::INDEX.to_owned()),
            artifact_type: None,
            manifests: Vec::new(),
            subject: None,
            annotations: None,
            other: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_one_thing_only() {
        let both = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#);
        assert!(both.document().unwrap_err().to_string().contains("at once"));
        let lie = Manifest::new(
            media_type::INDEX,
            format!(r#"{{"schemaVersion":2,"mediaType":"{}"}}"#, media_type::MANIFEST),
        );
        assert!(lie.document().unwrap_err().to_string().contains("says it is"));
    }

    #[test]
    fn what_would_take_far_more_memory_than_its_text_is_not_kept() {
        let with = |value: &str| format!(r#"{{"schemaVersion":2,"manifests":[],"x":{value}}}"#);
        let read = |value: &str| Manifest::new(media_type::INDEX, with(value)).document();
        let error = read(&format!("[{}0]", "0,".repeat(MOST_SIGNS))).unwrap_err().to_string();
        assert!(error.contains("more values than any image or index needs"), "{error}");
        // Text is only as large as it is.
        assert!(read(&format!(r#""{}""#, r#"[,:{\",\\"#.repeat(MOST_SIGNS / 4))).is_ok());
    }

    #[test]
    fn a_list_without_entries_may_be_null() {
        let index = Manifest::new(media_type::INDEX, r#"{"schemaVersion":2,"manifests":null}"#);
        assert!(index.document().unwrap().manifests().is_empty());
        let config = r#"{"mediaType":"m","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}"#;
        let image = format!(r#"{{"schemaVersion":2,"config":{config},"layers":null}}"#);
        assert_eq!(Manifest::new(media_type::MANIFEST, image).document().unwrap().blobs().len(), 1);
    }

    #[test]
    fn the_first_schema_is_named() {
        let old = r#"{"schemaVersion":1,"name":"a","tag":"1","fsLayers":[{"blobSum":"sha256:0"}]}"#;
        let error = Manifest::new("application/vnd.docker.distribution.manifest.v1+prettyjws", old).document();
        assert!(error.unwrap_err().to_string().contains("schema 1"));
    }

    #[test]
    fn unknown_members_survive() {
        let text = r#"{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0,"new":[1]}],"other":{"a":1}}"#;
        let Document::Index(index) = Manifest::new(media_type::INDEX, text).document().unwrap() else {
            panic!("an index")
        };
        assert_eq!(serde_json::to_string(&index).unwrap(), text);
    }
}
