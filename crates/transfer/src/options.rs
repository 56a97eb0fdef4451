use std::sync::Arc;

use ocm_blob::Observer;
use ocm_model::TypedObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ElementKind;

/// Which content moves along with a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CopyMode {
    /// What is stored with the component version; everything else stays where it is.
    #[default]
    LocalBlob,
    /// Also content of elements whose relation is `local`, wherever it is stored.
    LocalResources,
    /// Everything that can be reached.
    AllResources,
}

/// How images that move along are stored in a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UploadAs {
    /// With the component version, found by digest; moves with any further copy of the repository.
    #[default]
    LocalBlob,
    /// As an image of its own, under its own name.
    OciArtifact,
}

/// What to do about a version that the target has with other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Existing {
    /// Fail before anything is moved.
    #[default]
    Fail,
    /// Replace it.
    Overwrite,
    /// Leave it alone, also if only signatures or other parts outside the digest differ.
    Skip,
}

/// How a transfer is done.
#[derive(Clone)]
pub struct Options {
    /// Which content moves along.
    pub copy: CopyMode,
    /// Whether the content of sources moves like that of resources.
    pub copy_sources: bool,
    /// Access types, without version, that stay by reference whatever `copy` says.
    pub omit_access_types: Vec<String>,
    /// How images are stored in a registry.
    pub upload_as: UploadAs,
    /// What to do about a version that the target has with other content.
    pub existing: Existing,
    /// Component versions that are worked on at the same time; at least 1. Each moves a few blobs at once.
    pub concurrency: usize,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

impl Options {
    /// Whether the content of an element that lies elsewhere moves along, unless its access type is left out.
    pub(crate) fn moves(&self, kind: ElementKind, is_local: bool) -> bool {
        match self.copy {
            _ if kind == ElementKind::Source => self.copy_sources,
            CopyMode::AllResources => true,
            CopyMode::LocalResources => is_local,
            CopyMode::LocalBlob => false,
        }
    }

    /// Whether content of this access type stays where it is.
    pub(crate) fn omits(&self, access: &TypedObject) -> bool {
        self.omit_access_types.iter().any(|kind| *kind == access.kind || kind == access.base_kind())
    }
}
