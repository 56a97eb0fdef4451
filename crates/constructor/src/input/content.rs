use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Blob, Gzipped};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::{Descriptor, Repository};

use crate::file::Dialect;

/// What an input turned out to be.
#[derive(Clone)]
pub enum Content {
    /// Bytes.
    Blob {
        /// The bytes as they will be stored.
        blob: Arc<dyn Blob>,
        /// What they are.
        media_type: String,
    },
    /// An image that lies in a layout or registry, to be copied as it is.
    Image {
        /// The layout, or the repository of the registry.
        source: Arc<dyn Repository>,
        /// Its manifest or index.
        root: Box<Descriptor>,
        /// Name under which it is to be uploaded elsewhere later.
        reference_name: Option<String>,
    },
    /// An artifact whose manifest is written once its parts are stored.
    Artifact(Artifact),
    /// Content that lies elsewhere and stays there.
    Elsewhere {
        /// Where.
        access: TypedObject,
        /// Its digest, if that was said; it is checked like one in the constructor file.
        digest: Option<DigestSpec>,
    },
}

/// An OCI artifact in parts.
#[derive(Clone)]
pub struct Artifact {
    /// Media type and bytes of its configuration.
    pub config: (String, Bytes),
    /// Its layers, first one first.
    pub layers: Vec<Part>,
    /// Annotations of its manifest.
    pub annotations: BTreeMap<String, String>,
    /// Name under which it is to be uploaded elsewhere later.
    pub reference_name: Option<String>,
}

/// A layer of an artifact.
#[derive(Clone)]
pub struct Part {
    /// Media type of the layer.
    pub media_type: String,
    /// Its content.
    pub content: Arc<dyn Blob>,
}

impl Content {
    /// A blob, compressed if asked for. The current program adds `+gzip` to the media type, the older one does not.
    pub(super) fn blob(blob: Arc<dyn Blob>, media_type: &str, compress: bool, dialect: Dialect) -> Self {
        if !compress {
            return Self::Blob { blob, media_type: media_type.to_owned() };
        }
        let suffix = if dialect == Dialect::V2 { "+gzip" } else { "" };
        Self::Blob { blob: Arc::new(Gzipped::new(blob)), media_type: format!("{media_type}{suffix}") }
    }
}
