use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::{Descriptor, descriptor::Schema};
use ocm_oci::Repository;
use ocm_repository::{ComponentRepository, NewVersion};
use serde_json::{Map, Value};

use super::content::Content;
use super::evaluate::Values;
use super::graph::Graph;
use super::node::Kind;
use super::places::Places;
use super::run::Run;
use super::settle::settle;
use crate::{ElementAction, ElementKind, ElementPlan, Error, Options, Result, VersionAction};

/// Everything that a document means, found but not moved.
pub struct Prepared {
    pub(super) jobs: Vec<Job>,
    /// In the order of the document.
    pub(super) versions: Vec<Version>,
}

/// Content that has to be in a place.
pub(super) struct Job {
    /// Its node, for a person: `<id> [<type>]`.
    pub(super) name: String,
    pub(super) element: ElementKind,
    pub(super) identity: String,
    /// The access of the element afterwards.
    pub(super) access: Value,
    /// The repository and component that it is stored with; `None` for images with a name of their own.
    pub(super) home: Option<(String, String)>,
    pub(super) content: Content,
    pub(super) target: Arc<dyn Repository>,
    pub(super) tag: Option<String>,
    pub(super) action: ElementAction,
    /// Whether a component version that is stored needs it.
    pub(super) is_needed: bool,
}

/// A component version that has to be in a place.
pub(super) struct Version {
    pub(super) name: String,
    /// The specification of the target, to tell targets apart.
    pub(super) target_key: String,
    pub(super) target: ComponentRepository,
    pub(super) new: NewVersion,
    pub(super) action: VersionAction,
    pub(super) elements: Vec<(ElementPlan, Option<usize>)>,
}

/// What a node did: what other nodes see of it, and what it found or wants.
pub(super) struct Done {
    pub(super) output: Value,
    pub(super) effect: Option<Effect>,
}

pub(super) enum Effect {
    /// It found content, which has this address in handles.
    Found(String, Content),
    /// It wants content to be stored.
    Job(Box<Job>),
    /// It wants a component version to be stored.
    Version(Box<Version>),
}

/// Follows a document up to the point where something would be written: finds all content, compares its digests, looks
/// into the targets.
///
/// # Errors
/// A node whose type is not carried out here; an expression without a value; content that does not exist or is not the
/// recorded one; something else in the target ([`Error::Exists`], [`Error::SameName`]). Nothing was written.
pub async fn prepare(graph: Graph, places: &dyn Places, options: &Options) -> Result<Prepared> {
    let Graph { nodes, groups, environment } = graph;
    if let Some(node) = nodes.iter().find(|node| matches!(node.kind, Kind::Foreign(_))) {
        let reason = "this type of transformation cannot be carried out yet; take the resource out of the document, or \
                      write it for a transfer that leaves resources where they are";
        return Err(node.fail(Error::Document(reason.into())));
    }
    let mut values = Values::new(environment, nodes.len());
    let mut run = Run::new(places, options);
    let mut effects: Vec<Option<Effect>> = Vec::new();
    effects.resize_with(nodes.len(), || None);
    for group in groups {
        let specs: Vec<(usize, Map<String, Value>)> =
            group.iter().map(|position| Ok((*position, values.spec(&nodes[*position])?))).collect::<Result<_>>()?;
        let done: Vec<(usize, Map<String, Value>, Done)> = stream::iter(specs)
            .map(|(position, spec)| {
                let (node, run) = (&nodes[position], &run);
                async move {
                    run.node(node, &spec).await.map(|done| (position, spec, done)).map_err(|error| node.fail(error))
                }
            })
            .buffered(options.concurrency.max(1) * 4)
            .try_collect()
            .await?;
        for (position, spec, done) in done {
            values.insert(&nodes[position], spec, done.output);
            match done.effect {
                Some(Effect::Found(uri, content)) => run.found(uri, content),
                other => effects[position] = other,
            }
        }
    }
    let (mut jobs, mut versions) = (Vec::new(), Vec::new());
    for effect in effects.into_iter().flatten() {
        match effect {
            Effect::Job(job) => jobs.push(*job),
            Effect::Version(version) => versions.push(*version),
            Effect::Found(..) => {}
        }
    }
    run.find_stored(&mut versions).await;
    settle(&mut jobs, &mut versions, options).await?;
    Ok(Prepared { jobs, versions })
}

/// The descriptor without what depends on how it was stored.
pub(super) fn schemaless(descriptor: &Descriptor) -> Descriptor {
    Descriptor { schema: Schema::default(), ..descriptor.clone() }
}

/// Groups what belongs together without changing the order.
pub(super) fn by_target(versions: &[Version]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (position, version) in versions.iter().enumerate() {
        let group = *known.entry(&version.target_key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(position);
    }
    groups
}
