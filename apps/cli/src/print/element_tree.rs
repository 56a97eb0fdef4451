//! Elements in the tree of component versions that hold them, in the form of the older program.

use ocm::ops::elements::Kind;
use ocm::ops::get::Node;
use serde_json::Value;

use super::elements::{access_type, cells, headings, identity, sort_key};
use super::nesting::Branch;
use super::table::Table;
use super::versions_v1::{found, quoted};
use crate::exit::Failure;

/// Prints the elements of `roots` and what they refer to.
pub(crate) fn text(roots: &[Node], kind: Kind, is_wide: bool) -> Result<String, Failure> {
    let mut columns = headings(kind, kind == Kind::References);
    columns.insert(0, if kind == Kind::References { "COMPONENTVERSION" } else { "COMPONENT" });
    if is_wide && kind != Kind::References {
        columns.push("ACCESS");
    }
    let mut tree = Tree { table: Table::new(&columns), kind, is_wide, columns: columns.len() };
    for (position, root) in roots.iter().enumerate() {
        let (joint, below) = Branch::default().child(position + 1 == roots.len());
        if kind == Kind::References {
            tree.row(vec![format!("{joint} {}:{}", root.component, root.version)]);
        } else {
            tree.row(vec![format!("{joint} {}", root.component), String::new(), root.version.clone()]);
        }
        tree.below(root, &below)?;
    }
    Ok(found(&tree.table))
}

struct Tree {
    table: Table,
    kind: Kind,
    is_wide: bool,
    columns: usize,
}

impl Tree {
    fn row(&mut self, mut cells: Vec<String>) {
        cells.resize(self.columns, String::new());
        self.table.row(cells);
    }

    fn below(&mut self, node: &Node, branch: &Branch) -> Result<(), Failure> {
        if self.kind == Kind::References {
            return self.references(node, branch);
        }
        let mut elements = self.elements(node)?;
        elements.sort_by_key(sort_key);
        let mut children: Vec<&Node> = node.children.iter().collect();
        children.sort_by_key(|child| (&child.component, child.reference.clone()));
        let count = elements.len() + children.len();
        for (position, element) in elements.iter().enumerate() {
            let (joint, _) = branch.child(position + 1 == count);
            let mut row = vec![joint];
            row.extend(cells(element, self.kind, false)?);
            if self.is_wide {
                row.push(access_type(element));
            }
            self.row(row);
        }
        for (position, child) in children.into_iter().enumerate() {
            let (joint, below) = branch.child(elements.len() + position + 1 == count);
            let mut extra = child.reference.clone().unwrap_or_default();
            let name = extra.0.remove("name").unwrap_or_default();
            self.row(vec![format!("{joint} {}", child.component), name, child.version.clone(), quoted(&extra)]);
            self.below(child, &below)?;
        }
        Ok(())
    }

    fn references(&mut self, node: &Node, branch: &Branch) -> Result<(), Failure> {
        let mut elements = self.elements(node)?;
        elements.sort_by_key(sort_key);
        for (position, element) in elements.iter().enumerate() {
            let (joint, below) = branch.child(position + 1 == elements.len());
            let reached = |child: &&Node| {
                child.reference.as_ref().is_some_and(|reference| quoted(reference) == quoted(&identity(element)))
            };
            let child = node.children.iter().find(reached);
            let mark = if child.is_some_and(|child| !child.children.is_empty()) { " ⊗" } else { "" };
            let mut row = vec![format!("{joint}{mark}")];
            row.extend(cells(element, self.kind, true)?);
            self.row(row);
            if let Some(child) = child {
                self.references(child, &below)?;
            }
        }
        Ok(())
    }

    fn elements(&self, node: &Node) -> Result<Vec<Value>, Failure> {
        let Some(descriptor) = &node.descriptor else { return Ok(Vec::new()) };
        let component = &descriptor.component;
        let elements = match self.kind {
            Kind::Resources => component.resources.iter().map(serde_json::to_value).collect::<Result<_, _>>(),
            Kind::Sources => component.sources.iter().map(serde_json::to_value).collect(),
            Kind::References => component.component_references.iter().map(serde_json::to_value).collect(),
        };
        Ok(elements?)
    }
}
