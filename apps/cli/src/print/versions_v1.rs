//! Component versions in the forms of the older program.

use ocm::model::{Descriptor, Identity};
use ocm::ops::get::{Node, RepositoryType};
use ocm::ops::list;
use serde_json::{Map, Value};

use super::nesting::Branch;
use super::order::by_name_and_version;
use super::table::Table;
use super::versions::provider;
use super::{Structure, envelope};
use crate::args::{Scheme, VersionForm, VersionsForm};
use crate::exit::Failure;

/// Prints component versions by name, oldest version first. `is_recursive` adds the columns that say how each was reached.
pub(crate) fn text(roots: &[Node], form: VersionsForm, is_recursive: bool, scheme: Scheme) -> Result<String, Failure> {
    let mut roots: Vec<&Node> = roots.iter().collect();
    roots.sort_by(|one, other| by_name_and_version((&one.component, &one.version), (&other.component, &other.version)));
    match form {
        VersionsForm::Table => Ok(table(&roots, false, is_recursive)),
        VersionsForm::Wide => Ok(table(&roots, true, is_recursive)),
        VersionsForm::Tree => Ok(tree(&roots)),
        VersionsForm::Yaml => envelope(Structure::Yaml, &views(&roots, scheme)),
        VersionsForm::Json => envelope(Structure::Json, &views(&roots, scheme)),
        VersionsForm::CompactJson => envelope(Structure::CompactJson, &views(&roots, scheme)),
        VersionsForm::Ndjson => envelope(Structure::Ndjson, &views(&roots, scheme)),
    }
}

/// Prints names and versions.
pub(crate) fn names(items: &[list::Item], form: VersionForm) -> Result<String, Failure> {
    let mut items: Vec<&list::Item> = items.iter().collect();
    items.sort_by(|one, other| by_name_and_version((&one.component, &one.version), (&other.component, &other.version)));
    let values = || items.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    match form {
        VersionForm::Table => {
            let mut table = Table::new(&["COMPONENT", "VERSION", "MESSAGE"]);
            for item in items {
                table.row([item.component.as_str(), &item.version, ""]);
            }
            Ok(found(&table))
        }
        VersionForm::Yaml => envelope(Structure::Yaml, &values()?),
        VersionForm::Json => envelope(Structure::Json, &values()?),
        VersionForm::CompactJson => envelope(Structure::CompactJson, &values()?),
        VersionForm::Ndjson => envelope(Structure::Ndjson, &values()?),
    }
}

/// A table, or the sentence that stands in its place.
pub(super) fn found(table: &Table) -> String {
    if table.is_empty() { "no elements found\n".into() } else { table.plain() }
}

/// An identity as the older program writes it: `"line"="new","name"="lib"`.
pub(super) fn quoted(identity: &Identity) -> String {
    let attributes = identity.0.iter().filter(|(key, _)| *key != "version");
    attributes.map(|(key, value)| format!("\"{key}\"=\"{value}\"")).collect::<Vec<_>>().join(",")
}

fn table(roots: &[&Node], is_wide: bool, is_recursive: bool) -> String {
    let mut headings = vec!["COMPONENT", "VERSION", "PROVIDER"];
    if is_wide {
        headings.push("REPOSITORY");
    }
    if is_recursive {
        headings.insert(0, "REFERENCEPATH");
        headings.push("IDENTITY");
    }
    let mut table = Table::new(&headings);
    rows(roots.iter().copied(), &[], &mut |node, path| {
        let mut cells = vec![node.component.clone(), node.version.clone(), provider(node).to_owned()];
        if is_wide {
            cells.push(typed(node));
        }
        if is_recursive {
            cells.insert(0, path.join("->"));
            cells.push(node.reference.as_ref().map(quoted).unwrap_or_default());
        }
        table.row(cells);
    });
    found(&table)
}

/// The address of a repository with the type that the older program writes in front of the path of a transport archive.
fn typed(node: &Node) -> String {
    match node.repository_type {
        Some(RepositoryType::CommonTransportFormat) => format!("CommonTransportFormat::{}", node.repository),
        _ => node.repository.clone(),
    }
}

fn rows<'a>(nodes: impl Iterator<Item = &'a Node>, path: &[String], visit: &mut impl FnMut(&'a Node, &[String])) {
    for node in nodes {
        visit(node, path);
        let below: Vec<String> = path.iter().cloned().chain([format!("{}:{}", node.component, node.version)]).collect();
        rows(node.children.iter(), &below, visit);
    }
}

fn tree(roots: &[&Node]) -> String {
    let mut table = Table::new(&["NESTING", "COMPONENT", "VERSION", "PROVIDER", "IDENTITY"]);
    nested(roots, &Branch::default(), &mut table);
    found(&table)
}

fn nested(nodes: &[&Node], branch: &Branch, table: &mut Table) {
    for (position, node) in nodes.iter().enumerate() {
        let (joint, below) = branch.child(position + 1 == nodes.len());
        let mark = if node.children.is_empty() { "" } else { " ⊗" };
        let identity = node.reference.as_ref().map(quoted).unwrap_or_default();
        table.row([&format!("{joint}{mark}"), &node.component, &node.version, provider(node), &identity]);
        nested(&node.children.iter().collect::<Vec<_>>(), &below, table);
    }
}

fn views(roots: &[&Node], scheme: Scheme) -> Vec<Value> {
    let mut views = Vec::new();
    rows(roots.iter().copied(), &[], &mut |node, _| views.extend(node.descriptor.as_deref().map(view)));
    match scheme {
        Scheme::V2 => views,
        Scheme::V3Alpha1 => views.into_iter().map(super::descriptor_v3::of).collect(),
    }
}

/// A descriptor with the order of members and the empty lists of the older program.
fn view(descriptor: &Descriptor) -> Value {
    let mut view = descriptor.view();
    if let Some(component) = view.get_mut("component").and_then(Value::as_object_mut) {
        for list in ["repositoryContexts", "sources", "componentReferences", "resources"] {
            let member = component.entry(list).or_insert(Value::Null);
            match member {
                Value::Null => *member = Value::Array(Vec::new()),
                Value::Array(elements) => elements.iter_mut().for_each(element),
                _ => {}
            }
        }
        let order = [
            "name",
            "version",
            "labels",
            "creationTime",
            "repositoryContexts",
            "provider",
            "sources",
            "componentReferences",
            "resources",
        ];
        *component = ordered(component, &order);
    }
    view
}

/// Brings the members of a resource, source or reference into the order of the older program.
pub(super) fn element(element: &mut Value) {
    let Some(members) = element.as_object_mut() else { return };
    // The view stands an empty digest in for an absent one.
    if members.get("digest").is_some_and(|digest| digest.get("value").and_then(Value::as_str).is_none_or(str::is_empty))
    {
        members.shift_remove("digest");
    }
    let order = [
        "name",
        "version",
        "extraIdentity",
        "labels",
        "type",
        "relation",
        "srcRefs",
        "componentName",
        "digest",
        "access",
    ];
    if let Some(access) = members.get_mut("access").and_then(Value::as_object_mut) {
        access.sort_keys();
    }
    *members = ordered(members, &order);
}

fn ordered(members: &Map<String, Value>, order: &[&str]) -> Map<String, Value> {
    let first = order.iter().filter_map(|key| members.get_key_value(*key));
    let others = members.iter().filter(|(key, _)| !order.contains(&key.as_str()));
    first.chain(others).map(|(key, value)| (key.clone(), value.clone())).collect()
}
