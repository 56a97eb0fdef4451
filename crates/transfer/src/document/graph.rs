use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use ocm_model::TypedObject;
use ocm_model::reference::RepositoryReference;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::expression::RESERVED;
use super::field::Field;
use super::node::{Kind, Place};
use super::path::{Path, Step, To};
use super::shape::{Seen, Shape};
use super::template::Template;
use super::{Document, Text, Transformation};
use crate::{Error, Result};

/// The variable with the constants of a document.
pub(super) const ENVIRONMENT: &str = "environment";

/// A document that was checked: its nodes, and which of them need which.
///
/// What stands in the document is not copied: one of a large component version takes a hundred megabytes.
pub struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// Positions of nodes, in groups; nodes need only nodes of groups before their own.
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) environment: &'a Map<String, Value>,
}

pub(super) struct Node<'a> {
    /// The text it stands in, and which of its nodes it is.
    place: (&'a Text, usize),
    pub(super) id: &'a str,
    pub(super) kind: Kind,
    pub(super) spec: Vec<(&'a str, Template<'a>)>,
}

impl<'a> Node<'a> {
    pub(super) fn template(&self, field: &str) -> Option<&Template<'a>> {
        self.spec.iter().find(|(name, _)| *name == field).map(|(_, template)| template)
    }

    /// Which of the nodes of the document it is.
    pub(super) fn position(&self) -> usize {
        self.place.1
    }

    /// For errors: which node.
    pub(super) fn fail(&self, source: Error) -> Error {
        let (text, position) = &self.place;
        fail(text.at(*position), self.id, &self.kind.to_string(), source)
    }
}

fn fail(at: String, id: &str, kind: &str, source: Error) -> Error {
    Error::Node { at, id: id.to_owned(), node: kind.to_owned(), source: Box::new(source) }
}

/// Checks all of a document that can be checked without contacting anybody.
///
/// # Errors
/// An unknown type; a name that is none or stands twice; a member that is missing or unknown; an expression that cannot be
/// read, that refers to nothing, or to its own node; nodes that need each other.
pub fn check(document: &Document) -> Result<Graph<'_>> {
    let places = document.transformations.iter().enumerate();
    let nodes: Vec<Node<'_>> =
        places.map(|(position, one)| node(one, (&document.text, position))).collect::<Result<_>>()?;
    let mut positions = HashMap::new();
    for (position, node) in nodes.iter().enumerate() {
        if positions.insert(node.id, position).is_some() {
            return Err(node.fail(Error::Document("the id stands twice".into())));
        }
    }
    let environment = &document.environment;
    let mut needs = Vec::with_capacity(nodes.len());
    for (position, node) in nodes.iter().enumerate() {
        let mut needed = Vec::new();
        for (field, template) in &node.spec {
            for expression in template.expressions() {
                for path in expression.paths() {
                    let at = |reason: String| node.fail(Error::Document(format!("spec.{field}: {reason}")));
                    match positions.get(path.root.as_str()) {
                        None if path.root == ENVIRONMENT => check_environment(path, environment).map_err(at)?,
                        None => return Err(at(format!("there is no transformation {}", path.root))),
                        Some(other) if *other == position => return Err(at("refers to its own transformation".into())),
                        Some(other) => {
                            check_path(path, &nodes[*other]).map_err(at)?;
                            needed.push(*other);
                        }
                    }
                }
            }
        }
        needed.sort_unstable();
        needed.dedup();
        needs.push(needed);
    }
    let groups = groups(&nodes, &needs)?;
    let known = Known { nodes: &nodes, positions: &positions, environment };
    for node in &nodes {
        for (field, template) in &node.spec {
            let foreseen = Shape::of_field(field).foresee(template, &known);
            foreseen.map_err(|at| node.fail(Error::Document(format!("spec.{field}{at}"))))?;
        }
    }
    Ok(Graph { nodes, groups, environment })
}

/// What can be seen of a document that is being checked.
struct Known<'a> {
    nodes: &'a [Node<'a>],
    positions: &'a HashMap<&'a str, usize>,
    environment: &'a Map<String, Value>,
}

impl Seen for Known<'_> {
    fn environment(&self) -> &Map<String, Value> {
        self.environment
    }

    fn node(&self, id: &str) -> Option<&Node<'_>> {
        self.nodes.get(*self.positions.get(id)?)
    }
}

fn node<'a>(transformation: &'a Transformation, (text, position): (&'a Text, usize)) -> Result<Node<'a>> {
    let Transformation { kind, id, label: _, spec } = transformation;
    let wrong = |reason: String| fail(text.at(position), id, kind, Error::Document(reason));
    let is_name = id.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name || RESERVED.contains(&id.as_str()) || id == ENVIRONMENT {
        return Err(wrong(
            "the id must be a letter and more letters and digits, and no word of the expression language".into(),
        ));
    }
    let Some(kind) = Kind::parse(kind) else {
        return Err(wrong("the type is unknown".into()));
    };
    for field in kind.fields() {
        if matches!(field, Field::Required(name) if spec.get(*name).is_none_or(Value::is_null)) {
            return Err(wrong(format!("spec.{} is missing", field.name())));
        }
    }
    let mut templates = Vec::with_capacity(spec.len());
    for (name, value) in spec {
        if kind.fields().iter().all(|field| field.name() != name) {
            let known: Vec<_> = kind.fields().iter().map(|field| field.name()).collect();
            return Err(wrong(format!("spec.{name} is unknown; it has {}", known.join(", "))));
        }
        let template = Template::parse(value).map_err(|reason| {
            let colon = if reason.starts_with(['.', '[']) { "" } else { ": " };
            wrong(format!("spec.{name}{colon}{reason}"))
        })?;
        templates.push((name.as_str(), template));
    }
    let node = Node { place: (text, position), id, kind, spec: templates };
    if let Some(Template::Constant(repository)) = node.template("repository") {
        let spec: TypedObject =
            TypedObject::deserialize(*repository).map_err(|error| wrong(format!("spec.repository: {error}")))?;
        place(kind, &spec).map_err(&wrong)?;
    }
    Ok(node)
}

/// Whether a node of this kind can work with this repository.
pub(super) fn place(kind: Kind, repository: &TypedObject) -> Result<(), String> {
    let reference = RepositoryReference::from_spec(repository).map_err(|error| format!("spec.repository: {error}"))?;
    match (kind.place(), reference) {
        (Some(Place::Registry), RepositoryReference::Ctf { .. }) => {
            Err(format!("spec.repository is an archive; {} is for registries", kind.name()))
        }
        (Some(Place::Archive), RepositoryReference::Oci { .. }) => {
            Err(format!("spec.repository is a registry; {} is for archives", kind.name()))
        }
        (Some(place), RepositoryReference::Other(other)) => {
            let fitting = if place == Place::Registry { "registries" } else { "archives" };
            Err(format!("spec.repository has the type {:?}; {} is for {fitting}", other.kind, kind.name()))
        }
        _ => Ok(()),
    }
}

/// The addresses of the repositories that a document wants component versions to be stored in, as far as they stand in it.
pub fn targets(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    for transformation in &document.transformations {
        let repository = match Kind::parse(&transformation.kind) {
            Some(Kind::AddComponentVersion(_)) => transformation.spec.get("repository"),
            _ => None,
        };
        let spec = repository.and_then(|repository| serde_json::from_value::<TypedObject>(repository.clone()).ok());
        let reference = spec.and_then(|spec| RepositoryReference::from_spec(&spec).ok());
        let Some(address) = reference.as_ref().and_then(address_of) else { continue };
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// The address of a registry with the path in it, or the path of an archive.
pub(super) fn address_of(repository: &RepositoryReference) -> Option<String> {
    match repository {
        RepositoryReference::Oci { base_url, sub_path, .. } if sub_path.is_empty() => Some(base_url.clone()),
        RepositoryReference::Oci { base_url, sub_path, .. } => Some(format!("{base_url}/{sub_path}")),
        RepositoryReference::Ctf { file_path, .. } => Some(file_path.clone()),
        RepositoryReference::Other(_) => None,
    }
}

fn check_environment(path: &Path, environment: &Map<String, Value>) -> Result<(), String> {
    let Some(first) = path.steps.first() else { return Ok(()) };
    let constant = if let To::Member(name) = &first.to { environment.get(name) } else { None };
    match constant {
        Some(value) => check_constant(path, 1, value),
        None if known_later(first) => Ok(()),
        None => Err(format!("{} does not exist", path.text(1))),
    }
}

/// Walks the steps from `from` on.
fn check_constant(path: &Path, from: usize, constant: &Value) -> Result<(), String> {
    let mut value = constant;
    for (position, step) in path.steps.iter().enumerate().skip(from) {
        value = match step.follow(value) {
            Some(value) => value,
            None if known_later(step) => return Ok(()),
            None => return Err(format!("{} does not exist", path.text(position + 1))),
        };
    }
    Ok(())
}

fn known_later(step: &Step) -> bool {
    step.is_optional || step.to == super::path::To::Computed
}

/// `<id>.spec.<member>…` or `<id>.output.<member>`: what a node has by its type, and what stands in its specification.
fn check_path(path: &Path, node: &Node<'_>) -> Result<(), String> {
    let member = |position: usize| path.member(position);
    match (member(0), member(1)) {
        (Some("output"), Some(name)) if !node.kind.outputs().contains(&name) => {
            let known = node.kind.outputs().join(", ");
            Err(format!("{} has no output {name}{}{known}", node.id, if known.is_empty() { "" } else { "; it has " }))
        }
        (Some("spec"), Some(name)) => match node.template(name) {
            None if path.steps.get(1).is_some_and(known_later) => Ok(()),
            None => Err(format!("{} does not exist", path.text(2))),
            Some(Template::Constant(value)) => check_constant(path, 2, value),
            Some(_) => Ok(()),
        },
        (Some("output" | "spec"), _) => Ok(()),
        _ if path.steps.is_empty() => Ok(()),
        _ => Err(format!("{} is followed by neither .spec nor .output", node.id)),
    }
}

/// Nodes that are carried out before the ones behind them are looked at, however little these need: what a node found is
/// forgotten as soon as nobody needs it, and in a document of tens of thousands that is soon.
const WINDOW: usize = 1024;

/// Sorts nodes into groups, each in the order of the document.
fn groups(nodes: &[Node<'_>], needs: &[Vec<usize>]) -> Result<Vec<Vec<usize>>> {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by = vec![Vec::new(); nodes.len()];
    for (position, needed) in needs.iter().enumerate() {
        for other in needed {
            needed_by[*other].push(position);
        }
    }
    let mut depth = vec![0_usize; nodes.len()];
    let mut ready: BinaryHeap<Reverse<usize>> = (0..nodes.len()).filter(|node| open[*node] == 0).map(Reverse).collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(Reverse(position)) = ready.pop() {
        sorted.push(position);
        for next in &needed_by[position] {
            depth[*next] = depth[*next].max(depth[position] + 1);
            open[*next] -= 1;
            if open[*next] == 0 {
                ready.push(Reverse(*next));
            }
        }
    }
    if sorted.len() < nodes.len() {
        return Err(cycle(nodes, needs, &open));
    }
    let mut groups = Vec::new();
    for window in sorted.chunks(WINDOW) {
        let mut by_depth: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for position in window {
            by_depth.entry(depth[*position]).or_default().push(*position);
        }
        groups.extend(by_depth.into_values());
    }
    for group in &mut groups {
        group.sort_unstable();
    }
    Ok(groups)
}

/// Names one cycle among the nodes that could not be sorted: each of them needs another one of them.
fn cycle(nodes: &[Node<'_>], needs: &[Vec<usize>], open: &[usize]) -> Error {
    let (mut walked, mut seen) = (Vec::new(), HashSet::new());
    let mut position = open.iter().position(|open| *open > 0).unwrap_or_default();
    while seen.insert(position) {
        walked.push(position);
        let Some(next) = needs[position].iter().find(|next| open[**next] > 0) else { break };
        position = *next;
    }
    let start = walked.iter().position(|walked| *walked == position).unwrap_or_default();
    let names: Vec<_> = walked[start..].iter().chain([&position]).map(|position| nodes[*position].id).collect();
    let reason = format!("transformations need each other: {}", names.join(" → "));
    nodes[position].fail(Error::Document(reason))
}
