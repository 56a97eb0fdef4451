use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};

use super::expression::{Cel, Expression, Variables, object_to_cel, to_cel};
use super::field::Field;
use super::graph::{ENVIRONMENT, Node};
use super::path::{Path, To};
use super::shape::Shape;
use super::template::Template;
use crate::{Error, Result};

/// What all expressions of a document may copy together, in bytes, however small it is: forty nodes, each of which takes
/// the one before it twice, would otherwise ask for more memory than there is.
const LEAST_SIZE_LIMIT: usize = 64 << 20;

/// What they may copy beyond that: so many times the constants. Two to three times is usual.
const COPIES: usize = 32;

/// What a number, a list or an empty text takes at least.
const VALUE_SIZE: usize = 64;

/// Nesting of a value; nodes that take each other whole make it deeper with every step.
const DEPTH_LIMIT: usize = 100;

/// What expressions can see: the constants, and the nodes that are done.
///
/// Of a node, only what others take is kept, and only until the last of them has taken it: what tens of thousands of
/// nodes read and hand out is many times as large as the document.
pub(super) struct Values<'a> {
    environment: &'a Map<String, Value>,
    /// The constants are many and never change; they are turned into the interpreter's form once.
    environment_cel: OnceLock<Cel>,
    positions: HashMap<&'a str, usize>,
    /// In the order of the nodes.
    nodes: Vec<Kept<'a>>,
    spent: AtomicUsize,
    limit: usize,
}

/// What is kept of a node.
#[derive(Default)]
struct Kept<'a> {
    /// The members that others take: `spec` or `output`, and which one of it.
    taken: Vec<(&'a str, &'a str)>,
    /// Whether somebody takes the node as a whole, or what only the run tells.
    is_taken_whole: bool,
    /// Nodes that have not taken it yet.
    takers: usize,
    value: Option<Value>,
}

impl<'a> Values<'a> {
    /// Values of a document with these constants and nodes.
    pub(super) fn new(environment: &'a Map<String, Value>, nodes: &'a [Node<'a>]) -> Self {
        let sizes = environment.iter().map(|(key, value)| key.len() + size(value, usize::MAX).unwrap_or_default());
        let constants = sizes.sum::<usize>() + (nodes.len() + 1) * VALUE_SIZE;
        let positions: HashMap<&str, usize> =
            nodes.iter().enumerate().map(|(position, node)| (node.id, position)).collect();
        let mut values = Self {
            environment,
            environment_cel: OnceLock::new(),
            positions,
            nodes: nodes.iter().map(|_| Kept::default()).collect(),
            spent: AtomicUsize::new(0),
            limit: LEAST_SIZE_LIMIT.saturating_add(constants.saturating_mul(COPIES)),
        };
        for node in nodes {
            for path in paths(node) {
                let Some(position) = values.positions.get(path.root.as_str()) else { continue };
                let kept = &mut values.nodes[*position];
                match (path.member(0), path.member(1)) {
                    (Some(half), Some(member)) if !kept.taken.contains(&(half, member)) => {
                        kept.taken.push((half, member));
                    }
                    (Some(_), Some(_)) => {}
                    _ => kept.is_taken_whole = true,
                }
            }
            for position in values.needed(node) {
                values.nodes[position].takers += 1;
            }
        }
        values
    }

    /// Positions of the nodes that a node takes something from, each once.
    fn needed(&self, node: &Node<'_>) -> Vec<usize> {
        let positions = paths(node).filter_map(|path| self.positions.get(path.root.as_str()).copied());
        let mut needed: Vec<usize> = positions.collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// Says that a node has its specification, so that what nobody else takes can be forgotten.
    pub(super) fn has_taken(&mut self, node: &Node<'_>) {
        for position in self.needed(node) {
            let kept = &mut self.nodes[position];
            kept.takers = kept.takers.saturating_sub(1);
            if kept.takers == 0 {
                kept.value = None;
            }
        }
    }

    /// The specification of a node, its expressions evaluated.
    pub(super) fn spec(&self, node: &Node<'_>) -> Result<Map<String, Value>> {
        let mut spec = Map::new();
        for (name, template) in &node.spec {
            let wrong = |reason: String| node.fail(Error::Document(format!("spec.{name}{reason}")));
            let value = template.evaluate(self).map_err(|reason| wrong(format!(": {reason}")))?;
            // What only the run tells; the rest was checked before.
            if !template.is_constant() {
                Shape::of_field(name).check(&value).map_err(|at| match template {
                    Template::Whole(expression) => wrong(format!("{at} ({})", expression.quoted())),
                    _ => wrong(at),
                })?;
                let is_needed = |field: &Field| matches!(field, Field::Required(needed) if needed == name);
                if value.is_null() && node.kind.fields().iter().any(is_needed) {
                    return Err(wrong(": is null, and is needed".to_owned()));
                }
            }
            spec.insert((*name).to_owned(), value);
        }
        Ok(spec)
    }

    /// What is kept of the specification of a node.
    pub(super) fn kept(&self, node: &Node<'_>, spec: &Map<String, Value>) -> Map<String, Value> {
        let kept = &self.nodes[node.position()];
        let is_kept = |name: &String| kept.takes("spec", name);
        spec.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Shows a node that is done to the ones after it: what is [kept](Self::kept) of its specification, and its output.
    pub(super) fn insert(&mut self, node: &Node<'_>, spec: Map<String, Value>, output: Value) {
        let kept = &mut self.nodes[node.position()];
        if kept.takers == 0 {
            return;
        }
        let output = match output {
            Value::Object(members) => {
                members.into_iter().filter(|(name, _)| kept.takes("output", name)).collect::<Map<_, _>>().into()
            }
            other => other,
        };
        let members = [("spec", Value::Object(spec)), ("output", output)];
        kept.value = Some(Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
    }

    fn node(&self, id: &str) -> Option<&Value> {
        self.nodes[*self.positions.get(id)?].value.as_ref()
    }
}

impl Kept<'_> {
    fn takes(&self, half: &str, member: &str) -> bool {
        self.is_taken_whole || self.taken.contains(&(half, member))
    }
}

/// Every walk into a variable in the specification of a node.
fn paths<'a>(node: &'a Node<'a>) -> impl Iterator<Item = &'a Path> {
    let expressions = node.spec.iter().flat_map(|(_, template)| template.expressions());
    expressions.flat_map(Expression::paths)
}

impl Variables for Values<'_> {
    fn walk(&self, path: &Path) -> Option<std::result::Result<Cow<'_, Value>, String>> {
        if path.root != ENVIRONMENT {
            return self.node(&path.root).map(|root| path.walk(0, root).map(Cow::Borrowed));
        }
        Some(match path.steps.first().map(|step| &step.to) {
            None => Ok(Cow::Owned(Value::Object(self.environment.clone()))),
            Some(To::Member(name)) => match self.environment.get(name) {
                Some(value) => path.walk(1, value).map(Cow::Borrowed),
                None => Err(format!("{} does not exist", path.text(1))),
            },
            Some(_) => Err(format!("{} does not exist", path.text(1))),
        })
    }

    fn cel(&self, name: &str) -> Option<Cel> {
        if name == ENVIRONMENT {
            return Some(self.environment_cel.get_or_init(|| object_to_cel(self.environment)).clone());
        }
        self.node(name).map(to_cel)
    }

    fn spend(&self, value: &Value) -> std::result::Result<(), String> {
        let size = size(value, DEPTH_LIMIT)
            .ok_or_else(|| format!("gives a value that is nested more than {DEPTH_LIMIT} deep"))?;
        if self.spent.fetch_add(size, Ordering::Relaxed).saturating_add(size) > self.limit {
            return Err(format!("the expressions of this document copy more than {} MiB", self.limit >> 20));
        }
        Ok(())
    }
}

/// About how much memory a value takes; `None` if it is nested too deeply.
fn size(value: &Value, depth_limit: usize) -> Option<usize> {
    let mut size = 0;
    let mut open = vec![(value, 0)];
    while let Some((value, depth)) = open.pop() {
        if depth > depth_limit {
            return None;
        }
        size += VALUE_SIZE;
        match value {
            Value::String(text) => size += text.len(),
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => {
                size += members.keys().map(String::len).sum::<usize>();
                open.extend(members.values().map(|member| (member, depth + 1)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    Some(size)
}
