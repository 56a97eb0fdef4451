use std::collections::HashMap;
use std::sync::OnceLock;

use cel::Value as Cel;
use serde_json::{Map, Value};

use super::expression::{Variables, to_cel};
use super::graph::{ENVIRONMENT, Node};
use crate::{Error, Result};

/// What expressions can see: the constants, and the nodes that are done.
pub(super) struct Values {
    environment: Value,
    /// The constants are many and never change; they are turned into the interpreter's form once.
    environment_cel: OnceLock<Cel>,
    nodes: HashMap<String, Value>,
}

impl Values {
    pub(super) fn new(environment: Value) -> Self {
        Self { environment, environment_cel: OnceLock::new(), nodes: HashMap::new() }
    }

    /// The specification of a node, its expressions evaluated.
    pub(super) fn spec(&self, node: &Node) -> Result<Map<String, Value>> {
        let mut spec = Map::new();
        for (name, template) in &node.spec {
            let value = template
                .evaluate(self)
                .map_err(|reason| node.fail(Error::Document(format!("spec.{name}: {reason}"))))?;
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
}
