use std::sync::Arc;

use ocm_blob::{Blob, Digest};
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm, NO_DIGEST, OCI_ARTEFACT_DIGEST, OCI_ARTIFACT_DIGEST};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::{Descriptor, Kind, Repository, media_type};
use ocm_repository::{LocalContent, is_artifact_set};
use serde_json::{Value, json};

use crate::{Error, GlobalAccess, Result};

/// The member of an access with another one that leads to the same content under the address of a registry.
const GLOBAL_ACCESS: &str = "globalAccess";

/// Content that was found. Nothing of it has been read beyond its manifest's digest.
#[derive(Clone)]
pub(crate) struct Content {
    /// Where it is.
    pub(crate) place: Place,
    /// What it is to its readers.
    pub(crate) media_type: String,
    /// The reference it was found by, if it does not belong to a component version: an image, an address.
    pub(crate) origin: Option<String>,
}

/// Where content is.
#[derive(Clone)]
pub(crate) enum Place {
    /// In a repository, under digests.
    Stored(Arc<dyn Repository>, LocalContent),
    /// Anywhere else; its digest may show only while it is read.
    Loose(Arc<dyn Blob>),
}

impl Content {
    /// What was found behind an access.
    pub(crate) fn opened(content: ocm_access::Content, origin: String) -> Self {
        match content {
            ocm_access::Content::Image { source, root } => {
                let media_type = root.media_type.clone();
                Self { place: Place::Stored(source, LocalContent::Manifest(root)), media_type, origin: Some(origin) }
            }
            ocm_access::Content::Blob { blob, media_type } => {
                Self { place: Place::Loose(blob), media_type, origin: Some(origin) }
            }
        }
    }

    /// The local reference of the content: its digest, or those of its parts; empty if that shows only while it is read.
    pub(crate) fn reference(&self) -> String {
        let digests: Vec<_> = self.descriptors().iter().map(|part| part.digest.to_string()).collect();
        digests.join(",")
    }

    /// What it is stored as, as far as that is known.
    pub(crate) fn descriptors(&self) -> Vec<Descriptor> {
        match &self.place {
            Place::Stored(_, LocalContent::Blob(one) | LocalContent::Manifest(one)) => vec![one.clone()],
            Place::Stored(_, LocalContent::Parts(parts)) => parts.clone(),
            Place::Loose(blob) => match (blob.digest(), blob.size()) {
                (Some(digest), Some(size)) => vec![Descriptor::new(self.media_type.clone(), digest, size)],
                _ => Vec::new(),
            },
        }
    }

    /// Its manifest or index, if it is an image or another artifact with one.
    pub(crate) fn root(&self) -> Option<&Descriptor> {
        match &self.place {
            Place::Stored(_, LocalContent::Manifest(root)) => Some(root),
            _ => None,
        }
    }

    /// Its one digest; `None` if it is stored in parts, or not known yet.
    pub(crate) fn digest(&self) -> Option<Digest> {
        match (&self.place, self.descriptors().as_slice()) {
            (_, [one]) => Some(one.digest.clone()),
            (Place::Loose(blob), _) => blob.digest(),
            _ => None,
        }
    }

    /// Tells contents apart: what is in one place under one digest is moved once.
    pub(crate) fn key(&self) -> Option<String> {
        match &self.place {
            Place::Stored(source, _) => Some(format!("{} {}", source.address(), self.reference())),
            Place::Loose(_) => Some(format!("{} {}", self.origin.as_deref()?, self.digest()?)),
        }
    }

    /// The handle that other nodes of a document get.
    pub(crate) fn file(&self, uri: &str) -> Value {
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
    ///
    /// # Errors
    /// It is other content, or bytes where an image is recorded.
    pub(crate) async fn check(&self, element: &str, recorded: Option<&DigestSpec>) -> Result<()> {
        let recorded = recorded.filter(|recorded| !recorded.value.is_empty() && recorded.value != NO_DIGEST);
        if let Some(recorded) = recorded
            && [OCI_ARTIFACT_DIGEST, OCI_ARTEFACT_DIGEST].contains(&recorded.normalisation_algorithm.as_str())
            && self.root().is_none()
            && !is_artifact_set(&self.media_type)
        {
            return Err(Error::NoImage {
                element: element.to_owned(),
                media_type: self.media_type.clone(),
                algorithm: recorded.normalisation_algorithm.clone(),
            });
        }
        let (Some(recorded), Some(actual)) = (recorded, self.digest()) else { return Ok(()) };
        let hash = HashAlgorithm::parse(&recorded.hash_algorithm).map(HashAlgorithm::oci_name);
        let is_comparable = self.root().is_some() || recorded.normalisation_algorithm == GENERIC_BLOB_DIGEST;
        if hash != Some(actual.algorithm().name())
            || !is_comparable
            || recorded.value.eq_ignore_ascii_case(&actual.hex())
        {
            return Ok(());
        }
        if let Place::Stored(source, LocalContent::Manifest(root)) = &self.place {
            // A chart that came as a file is recorded by the digest of that file, which is a layer now.
            let image = ocm_access::Content::Image { source: source.clone(), root: root.clone() };
            match ocm_access::check(image, Some(recorded)).await {
                Ok(_) => return Ok(()),
                // An archive that holds only what its base lacks leaves the manifest to that base.
                Err(error) if error.kind() == Kind::NotFound => return Ok(()),
                Err(error) if error.kind() != Kind::Invalid => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(Error::Content {
            element: element.to_owned(),
            origin: self.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default(),
            expected: recorded.value.clone(),
            actual: actual.hex(),
        })
    }

    /// The access of the content once it is stored with a component version. What the element's access says beyond the
    /// content itself stays.
    pub(crate) fn local_access(&self, access: &TypedObject) -> TypedObject {
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
            Some(media_type) if !media_type.is_empty() && self.root().is_none() => media_type.to_owned(),
            _ => self.media_type.clone(),
        };
        access.with("localReference", self.reference()).with("mediaType", media_type)
    }

    /// An access of content that is stored with a component version, with an address for everybody if that is asked for.
    ///
    /// One that the content had elsewhere does not go along: it may have worked for whoever uploaded it there and for nobody
    /// else. No digest covers it.
    pub(crate) fn located(
        &self,
        mut access: TypedObject,
        policy: GlobalAccess,
        repository: &Arc<dyn Repository>,
    ) -> TypedObject {
        let global = match policy {
            GlobalAccess::Never => None,
            GlobalAccess::Auto => self.global_access(repository),
        };
        // What stays keeps its place, so that nothing is written anew without need.
        let is_global = |name: &&String| name.eq_ignore_ascii_case(GLOBAL_ACCESS);
        match (global, access.members.keys().find(is_global).cloned()) {
            (Some(global), Some(name)) => access.with(&name, json!(global)),
            (Some(global), None) => access.with(GLOBAL_ACCESS, json!(global)),
            (None, Some(name)) => {
                access.members.shift_remove(&name);
                access
            }
            (None, None) => access,
        }
    }

    /// The access by which anybody finds the content in a registry; `None` where there is none: in an archive, in parts.
    fn global_access(&self, repository: &Arc<dyn Repository>) -> Option<TypedObject> {
        let place = repository.location()?.image_name();
        if let Some(root) = self.root() {
            let image = format!("{place}@{}", root.digest);
            return Some(TypedObject::new("ociArtifact/v1").with("imageReference", image));
        }
        let parts = self.descriptors();
        let [blob] = parts.as_slice() else { return None };
        Some(
            TypedObject::new("OCIImageLayer/v1")
                .with("ref", place)
                .with("mediaType", self.media_type.as_str())
                .with("digest", blob.digest.to_string())
                .with("size", blob.size),
        )
    }

    /// The media type of an access, or the one of any bytes.
    pub(crate) fn told_media_type(access: &TypedObject) -> String {
        let told = access.text("mediaType").filter(|told| !told.is_empty());
        told.unwrap_or(media_type::OCTETS).to_owned()
    }
}
