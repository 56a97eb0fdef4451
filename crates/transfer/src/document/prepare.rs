use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_model::descriptor::Artifact;
use ocm_model::reference::RepositoryReference;
use serde_json::{Map, Value};

use super::evaluate::Values;
use super::graph::{Graph, Node, address_of};
use super::places::Places;
use super::run::{Done, Effect, Run, Stored, Wanted};
use crate::settle::settle;
use crate::work::{Prepared, Target, Version};
use crate::{ElementAction, ElementKind, ElementPlan, Error, Options, Result};

/// Follows a document up to the point where something would be written: finds all content, compares its digests, looks
/// into the targets.
///
/// # Errors
/// A node whose type is not carried out here; an expression without a value; content that does not exist or is not the
/// recorded one; something else in the target ([`crate::Error::Exists`], [`crate::Error::SameName`]). Nothing was written.
pub async fn prepare(graph: Graph<'_>, places: &dyn Places, options: &Options) -> Result<Prepared> {
    let Graph { nodes, groups, environment } = graph;
    let mut values = Values::new(environment, &nodes);
    let mut run = Run::new(places, options, &nodes);
    let mut effects: Vec<Option<Effect>> = Vec::new();
    effects.resize_with(nodes.len(), || None);
    for group in groups {
        let specs: Vec<(usize, Map<String, Value>)> =
            group.iter().map(|position| Ok((*position, values.spec(&nodes[*position])?))).collect::<Result<_>>()?;
        for position in &group {
            values.has_taken(&nodes[*position]);
        }
        let done: Vec<(usize, Map<String, Value>, Done)> = stream::iter(specs)
            .map(|(position, spec)| {
                let (node, run): (&Node<'_>, &Run<'_>) = (&nodes[position], &run);
                let kept = values.kept(node, &spec);
                async move {
                    run.node(node, spec).await.map(|done| (position, kept, done)).map_err(|error| node.fail(error))
                }
            })
            .buffered(options.concurrency.max(1) * 4)
            .try_collect()
            .await?;
        for (position, kept, done) in done {
            values.insert(&nodes[position], kept, done.output);
            match done.effect {
                Some(Effect::Found(found)) => found.into_iter().for_each(|(uri, content)| run.found(uri, content)),
                other => effects[position] = other,
            }
        }
    }
    let (mut wanted, mut stored) = (Vec::new(), Vec::new());
    for effect in effects.into_iter().flatten() {
        match effect {
            Effect::Wanted(job) => wanted.push(job),
            Effect::Stored(version) => stored.push(*version),
            Effect::Found(..) => {}
        }
    }
    run.find_stored(&mut stored).await;
    let mut prepared = lower(wanted.into_iter(), stored, options);
    lose(&mut prepared, run.lost(&nodes))?;
    settle(&mut prepared, options).await?;
    Ok(prepared)
}

/// Gives up targets that could not be opened.
///
/// # Errors
/// There is no other target that could get anything.
fn lose(prepared: &mut Prepared, lost: Vec<(String, Error)>) -> Result<()> {
    for (key, error) in lost {
        let Some(position) = prepared.targets.iter().position(|target| target.key == key) else { return Err(error) };
        prepared.fail(position, error)?;
        let target = &mut prepared.targets[position];
        target.is_open = false;
        target.key = address(&key).unwrap_or(key);
    }
    Ok(())
}

/// The address of a repository whose specification is a key.
fn address(key: &str) -> Option<String> {
    address_of(&RepositoryReference::from_spec(&serde_json::from_str(key).ok()?).ok()?)
}

/// Which element of which component version a job is for: its kind, identity and new access, and the target and component
/// that it is stored with; no such home for images with a name of their own.
type Key = (ElementKind, String, String, Option<(String, String)>);

fn key(kind: ElementKind, identity: String, access: &TypedObject, home: Option<(String, String)>) -> Key {
    (kind, identity, serde_json::to_string(access).unwrap_or_default(), home)
}

/// Brings nodes that store something together: component versions with the content that they speak of.
fn lower(wanted: impl ExactSizeIterator<Item = Box<Wanted>>, stored: Vec<Stored>, options: &Options) -> Prepared {
    let mut prepared = Prepared::default();
    prepared.jobs.reserve_exact(wanted.len());
    let mut jobs: HashMap<Key, usize> = HashMap::new();
    for wanted in wanted {
        let Wanted { job, home } = *wanted;
        let key = key(job.element, job.identity.clone(), &job.access, home);
        jobs.insert(key, prepared.jobs.len());
        prepared.jobs.push(job);
    }
    for Stored { name, target_key, target, new } in stored {
        let known = prepared.targets.iter().position(|target| target.key == target_key);
        let position = known.unwrap_or_else(|| {
            let key = target_key.clone();
            prepared.targets.push(Target { key, repository: target, is_open: true, failure: None });
            prepared.targets.len() - 1
        });
        let component = &new.descriptor.component;
        let home = Some((target_key, component.name.clone()));
        let mut elements = Vec::new();
        for artifact in component.artifacts() {
            let Artifact { kind, position, access, .. } = artifact;
            let identity = artifact.identity();
            let fitting = |home| jobs.get(&key(kind, identity.to_string(), access, home)).copied();
            let job = fitting(home.clone()).or_else(|| fitting(None));
            let action = job.map_or_else(|| left(access, options), |job| prepared.jobs[job].action.clone());
            let element_type = artifact.element_type.to_owned();
            elements.push((ElementPlan { kind, position, identity: identity.0, element_type, action }, job));
        }
        prepared.versions.push(Version {
            name,
            source: String::new(),
            target: position,
            new,
            action: None,
            difference: None,
            is_there: false,
            part: None,
            derived: None,
            elements,
        });
    }
    prepared
}

/// What an element is whose content no node moves. A document says what is wanted, but whoever is strict wants everything.
fn left(access: &TypedObject, options: &Options) -> ElementAction {
    match Access::of(access) {
        Access::LocalBlob { local_reference, reference_name, .. } => {
            ElementAction::CopyLocal { reference: local_reference, reference_name }
        }
        Access::None => ElementAction::Reference { reason: "there is no content".into(), is_wanted: false },
        Access::LocalOciBlob { digest } => ElementAction::CopyLocal { reference: digest, reference_name: None },
        _ => {
            ElementAction::Reference { reason: "the document leaves it where it is".into(), is_wanted: options.strict }
        }
    }
}
