//! `list component-versions`: names and versions, without reading descriptors.

use schemars::JsonSchema;
use serde::Serialize;

use super::get;

/// Which component versions to list.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions; `recursive`, `lookup` and `unresolved` have no meaning here.
    pub versions: get::Request,
}

/// The component versions that were found.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Components in lexical order, versions newest first.
    pub items: Vec<Item>,
}

/// One component version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Component name.
    pub component: String,
    /// Version in its own spelling.
    pub version: String,
}
