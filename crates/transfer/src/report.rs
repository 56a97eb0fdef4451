use schemars::JsonSchema;
use serde::Serialize;

use crate::{ElementPlan, VersionAction};

/// What a transfer did.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Address of the repository that received the component versions.
    pub target: String,
    /// Component versions in the order of the plan.
    pub versions: Vec<VersionReport>,
    /// All of it in numbers.
    pub totals: Totals,
}

/// What happened to one component version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionReport {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// What happened to it as a whole.
    pub action: VersionAction,
    /// How the one that the target had differs, if it was replaced or stays in spite of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// What happened to its elements.
    pub elements: Vec<ElementReport>,
}

/// What happened to one resource or source.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ElementReport {
    /// What was planned for it.
    #[serde(flatten)]
    pub plan: ElementPlan,
    /// Bytes that were moved for it.
    pub bytes: u64,
}

/// A transfer in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Component versions that were transferred, updated or replaced.
    pub versions_moved: u64,
    /// Component versions that the target had already.
    pub versions_present: u64,
    /// Blobs and manifests that were moved.
    pub items_moved: u64,
    /// Their bytes.
    pub bytes_moved: u64,
    /// Blobs and manifests that the target had already.
    pub items_present: u64,
    /// Elements whose content stays where it is.
    pub left_by_reference: u64,
}
