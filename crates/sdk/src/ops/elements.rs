//! `get resources`, `get sources`, `get references`: the elements of component versions.

use schemars::JsonSchema;
use serde::Serialize;

use super::get;

/// Which elements to list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions.
    pub versions: get::Request,
    /// Which list.
    pub kind: Kind,
    /// Identity attributes an element must have, one set per wanted element; empty means all.
    pub selectors: Vec<std::collections::BTreeMap<String, String>>,
}

/// A list of elements in a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// What is delivered.
    Resources,
    /// What it was made from.
    Sources,
    /// Other component versions.
    References,
}

/// The elements that were found.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// In the order of the descriptors.
    pub items: Vec<Item>,
}

/// One element and where it was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The path of component versions that leads here, `component:version` each, the root first.
    pub context: Vec<String>,
    /// The element as it stands in the descriptor.
    pub element: serde_json::Value,
}
