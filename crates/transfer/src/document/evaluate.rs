use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};

use super::expression::{Cel, Variables, to_cel};
use super::field::Field;
use super::graph::{ENVIRONMENT, Node};
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
pub(super) struct Values {
    environment: Value,
    /// The constants are many and never change; they are turned into the interpreter's form once.
    environment_cel: OnceLock<Cel>,
    nodes: HashMap<String, Value>,
    spent: AtomicUsize,
    limit: usize,
}

impl Values {
    /// Values of a document with so many nodes.
    pub(super) fn new(environment: Value, nodes: usize) -> Self {
        let constants = size(&environment, usize::MAX).unwrap_or_default() + nodes * VALUE_SIZE;
        Self {
            environment,
            environment_cel: OnceLock::new(),
            nodes: HashMap::with_capacity(nodes),
            spent: AtomicUsize::new(0),
            limit: LEAST_SIZE_LIMIT.saturating_add(constants.saturating_mul(COPIES)),
        }
    }

    /// The specification of a node, its expressions evaluated.
    pub(super) fn spec(&self, node: &Node) -> Result<Map<String, Value>> {
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
                let is_needed = |field: &Field| matches!(field, Field::Required(needed) if *needed == name.as_str());
                if value.is_null() && node.kind.fields().iter().any(is_needed) {
                    return Err(wrong(": is null, and is needed".to_owned()));
                }
            }
            spec.insert(name.clone(), value);
        }
        Ok(spec)
    }

    /// Shows a node that is done to the ones after it.
    pub(super) fn insert(&mut self, node: &Node, spec: Map<String, Value>, output: Value) {
        let members = [("spec", Value::Object(spec)), ("output", output)];
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.nodes.insert(node.id.clone(), Value::Object(members));
    }
}

impl Variables for Values {
    fn json(&self, name: &str) -> Option<&Value> {
        if name == ENVIRONMENT { Some(&self.environment) } else { self.nodes.get(name) }
    }

    fn cel(&self, name: &str) -> Option<Cel> {
        if name == ENVIRONMENT {
            return Some(self.environment_cel.get_or_init(|| to_cel(&self.environment)).clone());
        }
        self.nodes.get(name).map(to_cel)
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
