//! Component versions in the forms of the current program.

use ocm::ops::get::Node;
use ocm::ops::list;

use super::Structure;
use super::nesting::Branch;
use super::table::Table;
use crate::args::{VersionForm, VersionsForm};
use crate::exit::Failure;

/// Prints component versions and what they refer to, parents first.
pub(crate) fn text(roots: &[Node], form: VersionsForm) -> Result<String, Failure> {
    match form {
        VersionsForm::Table => Ok(table(roots)),
        VersionsForm::Wide => Ok(wide(roots)),
        VersionsForm::Tree => Ok(tree(roots)),
        VersionsForm::Yaml => super::list(Structure::Yaml, views(roots)),
        VersionsForm::Json => super::list(Structure::Json, views(roots)),
        VersionsForm::CompactJson => super::list(Structure::CompactJson, views(roots)),
        VersionsForm::Ndjson => super::list(Structure::Ndjson, views(roots)),
    }
}

/// The provider, or what stands in its place when the version could not be found.
pub(super) fn provider(node: &Node) -> &str {
    node.descriptor.as_ref().map_or("<unknown component version>", |descriptor| &descriptor.component.provider.name)
}

fn table(roots: &[Node]) -> String {
    let mut table = Table::new(&["COMPONENT", "VERSION", "PROVIDER"]);
    each(roots, &mut |node| table.row([&node.component, &node.version, provider(node)]));
    table.ruled(&[0, 2])
}

fn wide(roots: &[Node]) -> String {
    let mut table = Table::new(&["COMPONENT", "VERSION", "PROVIDER", "REPOSITORY"]);
    each(roots, &mut |node| table.row([&node.component, &node.version, provider(node), &node.repository]));
    table.ruled(&[0, 2, 3])
}

fn tree(roots: &[Node]) -> String {
    let mut table = Table::new(&["NESTING", "COMPONENT", "VERSION", "PROVIDER", "IDENTITY"]);
    nested(roots, &Branch::default(), &mut table);
    table.spaced()
}

fn nested(nodes: &[Node], branch: &Branch, table: &mut Table) {
    for (position, node) in nodes.iter().enumerate() {
        let (joint, below) = branch.child(position + 1 == nodes.len());
        let mark = if node.children.is_empty() { "" } else { " ●" };
        let identity = format!("name={},version={}", node.component, node.version);
        table.row([&format!("{joint}{mark}"), &node.component, &node.version, provider(node), &identity]);
        nested(&node.children, &below, table);
    }
}

fn views(roots: &[Node]) -> Vec<serde_json::Value> {
    let mut views = Vec::new();
    each(roots, &mut |node| views.extend(node.descriptor.as_deref().map(ocm::model::Descriptor::view)));
    views
}

fn each<'a>(nodes: &'a [Node], visit: &mut impl FnMut(&'a Node)) {
    for node in nodes {
        visit(node);
        each(&node.children, visit);
    }
}

/// Prints names and versions.
pub(crate) fn names(items: &[list::Item], form: VersionForm) -> Result<String, Failure> {
    let values = || items.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    match form {
        VersionForm::Table => {
            let mut table = Table::new(&["COMPONENT", "VERSION"]);
            for item in items {
                table.row([&item.component, &item.version]);
            }
            Ok(table.ruled(&[0]))
        }
        VersionForm::Yaml => super::list(Structure::Yaml, values()?),
        VersionForm::Json => super::list(Structure::Json, values()?),
        VersionForm::CompactJson => super::list(Structure::CompactJson, values()?),
        VersionForm::Ndjson => super::list(Structure::Ndjson, values()?),
    }
}
