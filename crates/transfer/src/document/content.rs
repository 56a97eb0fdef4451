use std::sync::Arc;

use ocm_blob::Digest;
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm, NO_DIGEST};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::{Descriptor, Repository};
use ocm_repository::LocalContent;
use serde_json::{Value, json};

use crate::{Error, Result};

/// Content that was found. Nothing of it has been read beyond its manifest's digest.
#[derive(Clone)]
pub(super) struct Content {
    /// Where it is.
    pub(super) source: Arc<dyn Repository>,
    /// What it is.
    pub(super) stored: LocalContent,
    /// What it is to its readers.
    pub(super) media_type: String,
    /// The image reference it was found by, if it is an image or a layer of one.
    pub(super) image: Option<String>,
}

impl Content {
    /// The local reference of the content: its digest, or those of its parts.
    pub(super) fn reference(&self) -> String {
        let digests: Vec<_> = self.descriptors().iter().map(|part| part.digest.to_string()).collect();
        digests.join(",")
    }

    pub(super) fn descriptors(&self) -> &[Descriptor] {
        match &self.stored {
            LocalContent::Blob(one) | LocalContent::Manifest(one) => std::slice::from_ref(one),
            LocalContent::Parts(parts) => parts,
        }
    }

    /// Its one digest; `None` if it is stored in parts.
    pub(super) fn digest(&self) -> Option<&Digest> {
        match self.descriptors() {
            [one] => Some(&one.digest),
            _ => None,
        }
    }

    /// The handle that other nodes get.
    pub(super) fn file(&self, uri: &str) -> Value {
        let mut file = json!({"type": "File/v1alpha1", "uri": uri, "mediaType": self.media_type});
        if let Some(digest) = self.digest() {
            file["digest"] = digest.to_string().into();
        }
        file
    }

    /// Compares it with a recorded digest.
    ///
    /// A digest made in another way, with another hash or over the manifest inside of an artifact set, cannot be compared
    /// without reading everything; the digest of what is stored is verified on the way in any case.
    pub(super) fn check(&self, element: &str, recorded: Option<&DigestSpec>) -> Result<()> {
        let (Some(recorded), Some(actual)) = (recorded, self.digest()) else { return Ok(()) };
        let hash = HashAlgorithm::parse(&recorded.hash_algorithm).map(HashAlgorithm::oci_name);
        let is_comparable =
            matches!(self.stored, LocalContent::Manifest(_)) || recorded.normalisation_algorithm == GENERIC_BLOB_DIGEST;
        if recorded.value.is_empty()
            || recorded.value == NO_DIGEST
            || hash != Some(actual.algorithm().name())
            || !is_comparable
        {
            return Ok(());
        }
        if recorded.value.eq_ignore_ascii_case(&actual.hex()) {
            return Ok(());
        }
        Err(Error::Content { element: element.to_owned(), expected: recorded.value.clone(), actual: actual.hex() })
    }

    /// The access of the content once it is stored with a component version. What the element's access says beyond the
    /// content itself stays.
    pub(super) fn local_access(&self, access: &TypedObject) -> TypedObject {
        let is_local = ["localBlob", "localOciBlob"].iter().any(|kind| access.base_kind().eq_ignore_ascii_case(kind));
        let told = access.text("localReference").or_else(|| access.text("digest"));
        if is_local && told.is_some_and(|told| told == self.reference()) {
            return access.clone();
        }
        let access = if access.base_kind().eq_ignore_ascii_case("localBlob") {
            access.clone()
        } else {
            TypedObject::new("LocalBlob/v1")
        };
        let media_type = match access.text("mediaType") {
            Some(media_type) if !media_type.is_empty() && !matches!(self.stored, LocalContent::Manifest(_)) => {
                media_type.to_owned()
            }
            _ => self.media_type.clone(),
        };
        access.with("localReference", self.reference()).with("mediaType", media_type)
    }

    /// The access by which anybody finds the content in a registry.
    pub(super) fn global_access(&self, repository: &Arc<dyn Repository>) -> Result<TypedObject> {
        let Some(at) = repository.location() else {
            return Err(Error::Document("globalAccessPolicy auto needs a registry, and this is an archive".into()));
        };
        let place = at.image_name();
        match &self.stored {
            LocalContent::Manifest(root) => {
                Ok(TypedObject::new("ociArtifact/v1").with("imageReference", format!("{place}@{}", root.digest)))
            }
            LocalContent::Blob(blob) => Ok(TypedObject::new("OCIImageLayer/v1")
                .with("ref", place)
                .with("mediaType", self.media_type.as_str())
                .with("digest", blob.digest.to_string())
                .with("size", blob.size)),
            LocalContent::Parts(_) => Err(Error::Document(
                "globalAccessPolicy auto: content that is stored in parts has no address of its own".into(),
            )),
        }
    }
}
