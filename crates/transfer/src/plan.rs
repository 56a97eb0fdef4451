use std::collections::BTreeMap;

pub use ocm_model::descriptor::ElementKind;
use schemars::JsonSchema;
use serde::Serialize;

/// Everything that a transfer will do, decided but not done.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Address of the repository that receives the component versions.
    pub target: String,
    /// Component versions, referenced ones before those that refer to them.
    pub versions: Vec<VersionPlan>,
}

/// What happens to one component version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionPlan {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// Address of the repository it comes from.
    pub source: String,
    /// Address of the repository that receives it.
    pub target: String,
    /// What happens to it as a whole.
    pub action: VersionAction,
    /// How the one that the target has differs, if it is replaced or stays in spite of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// What happens to its elements; if nothing happens to it, those whose content stays where it is.
    pub elements: Vec<ElementPlan>,
}

/// What happens to a component version as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VersionAction {
    /// The target does not have it.
    Transfer,
    /// The target has the same; nothing happens.
    Present,
    /// The target has the same content; signatures and other parts outside the digest are brought up to date.
    Update,
    /// The target has another one, which is replaced.
    Replace,
    /// The target has another one, which stays.
    Keep,
}

/// What happens to one resource or source.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ElementPlan {
    /// Which list of the descriptor it stands in.
    pub kind: ElementKind,
    /// Its position in that list, from 0.
    pub position: usize,
    /// Its identity.
    pub identity: BTreeMap<String, String>,
    /// Its type.
    #[serde(rename = "type")]
    pub element_type: String,
    /// What happens to it.
    #[serde(flatten)]
    pub action: ElementAction,
}

/// What happens to the content of an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ElementAction {
    /// Content stored with the component version is copied.
    CopyLocal {
        /// The local reference.
        reference: String,
        /// The name that an image keeps for a later upload, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference_name: Option<String>,
    },
    /// An image is copied into the component version.
    EmbedImage {
        /// Where it is now.
        reference: String,
        /// Digest of its manifest or index.
        digest: String,
        /// Media type of its manifest or index.
        media_type: String,
        /// Its name without a host, which is kept with it.
        reference_name: String,
    },
    /// A blob of a registry is copied into the component version.
    EmbedBlob {
        /// Repository that has it.
        reference: String,
        /// Its digest.
        digest: String,
        /// Its media type.
        media_type: String,
        /// Its size in bytes, if the descriptor tells.
        bytes: Option<u64>,
    },
    /// An image is copied beside the component version under a name of its own.
    UploadImage {
        /// Where it is now; a digest if it is stored with the component version.
        reference: String,
        /// Digest of its manifest or index.
        digest: String,
        /// Repository in the target registry.
        repository: String,
        /// Tag it gets.
        tag: Option<String>,
    },
    /// It stays where it is.
    Reference {
        /// Why.
        reason: String,
        /// Whether its content was asked for all the same.
        is_wanted: bool,
    },
}
