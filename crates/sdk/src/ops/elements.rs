//! `get resources`, `get sources`, `get references`: the elements of component versions.

use schemars::JsonSchema;
use serde::Serialize;

use std::collections::BTreeMap;

use super::get;
use crate::{Context, Error, Result, absence};

/// Lists elements of the component versions that were asked for.
///
/// # Errors
/// [`crate::Kind::NotFound`] if a selector matches nothing.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let versions = get::run(context, &request.versions).await?;
    let mut report = Report::default();
    let mut used = vec![false; request.selectors.len()];
    for root in &versions.roots {
        collect(root, request, &mut Vec::new(), &mut used, &mut report)?;
    }
    if let Some(position) = used.iter().position(|used| !used) {
        let selector: Vec<_> =
            request.selectors[position].iter().map(|(key, value)| format!("{key}={value}")).collect();
        let error = Error::new(crate::Kind::NotFound, format!("no element matches {}", selector.join(",")));
        let mut there = Vec::new();
        for root in &versions.roots {
            identities(root, request.kind, &mut there);
        }
        return Err(absence::element(&there, error));
    }
    Ok(report)
}

fn collect(
    node: &get::Node,
    request: &Request,
    path: &mut Vec<String>,
    used: &mut [bool],
    report: &mut Report,
) -> Result<()> {
    path.push(format!("{}:{}", node.component, node.version));
    if let Some(descriptor) = &node.descriptor {
        let component = &descriptor.component;
        match request.kind {
            Kind::Resources => keep(&component.resources, |element| element.identity().0, request, path, used, report)?,
            Kind::Sources => keep(&component.sources, |element| element.identity().0, request, path, used, report)?,
            Kind::References => {
                keep(&component.component_references, |element| element.identity().0, request, path, used, report)?;
            }
        }
    }
    for child in &node.children {
        collect(child, request, path, used, report)?;
    }
    path.pop();
    Ok(())
}

/// What there is to choose from.
fn identities(node: &get::Node, kind: Kind, there: &mut Vec<String>) {
    if let Some(component) = node.descriptor.as_ref().map(|descriptor| &descriptor.component) {
        match kind {
            Kind::Resources => there.extend(component.resources.iter().map(|element| element.identity().to_string())),
            Kind::Sources => there.extend(component.sources.iter().map(|element| element.identity().to_string())),
            Kind::References => {
                there.extend(component.component_references.iter().map(|element| element.identity().to_string()));
            }
        }
    }
    for child in &node.children {
        identities(child, kind, there);
    }
}

fn keep<T: Serialize>(
    elements: &[T],
    identity: impl Fn(&T) -> BTreeMap<String, String>,
    request: &Request,
    path: &[String],
    used: &mut [bool],
    report: &mut Report,
) -> Result<()> {
    for element in elements {
        let identity = identity(element);
        let mut wanted = request.selectors.is_empty();
        for (selector, used) in request.selectors.iter().zip(used.iter_mut()) {
            if selector.iter().all(|(key, value)| identity.get(key) == Some(value)) {
                (wanted, *used) = (true, true);
            }
        }
        if wanted {
            let element = serde_json::to_value(element).map_err(|error| Error::new(crate::Kind::Other, error))?;
            report.items.push(Item { context: path.to_vec(), element });
        }
    }
    Ok(())
}

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
