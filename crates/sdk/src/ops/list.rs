//! `list component-versions`: names and versions, without reading descriptors.

use schemars::JsonSchema;
use serde::Serialize;

use super::get;
use crate::{Context, Result, select};

/// Lists the component versions that were asked for. No descriptor is read, but for a digest to be compared.
///
/// # Errors
/// [`crate::Kind::NotFound`] if a reference fits nothing at all.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let mut items = Vec::new();
    for selected in select::select(context, &request.versions).await? {
        // A version that was spelled out has not been looked up yet, and a digest that was has not been compared.
        let is_there =
            selected.root.is_some() || selected.repository.exists(&selected.component, &selected.version).await?;
        if selected.digest.is_some() || !is_there {
            selected.read().await?;
        }
        items.push(Item { component: selected.component, version: selected.version });
    }
    Ok(Report { items })
}

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
