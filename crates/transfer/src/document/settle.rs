use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use serde_json::json;

use super::prepare::{Job, Version, schemaless};
use crate::prepare::version_action;
use crate::{ElementAction, ElementKind, ElementPlan, Error, Existing, Options, Result, VersionAction};

/// Compares all component versions with what the targets have, and leaves out content that nobody needs then.
pub(super) async fn settle(jobs: &mut [Job], versions: &mut [Version], options: &Options) -> Result<()> {
    let mut seen = HashSet::new();
    for version in versions.iter() {
        let component = &version.new.descriptor.component;
        if !seen.insert((&version.target_key, &component.name, &component.version)) {
            let reason =
                format!("{}: {}:{} is stored in the same place twice", version.name, component.name, component.version);
            return Err(Error::Document(reason));
        }
    }
    check_names(jobs)?;
    let actions: Vec<VersionAction> = stream::iter(versions.iter())
        .map(|version| action(version, options))
        .buffered(options.concurrency.max(1) * 4)
        .try_collect()
        .await?;
    let known: HashMap<_, usize> = jobs
        .iter()
        .enumerate()
        .map(|(position, job)| {
            ((job.element, job.identity.clone(), job.access.to_string(), job.home.clone()), position)
        })
        .collect();
    let (mut used, mut needed) = (HashSet::new(), HashSet::new());
    for (version, action) in versions.iter_mut().zip(actions) {
        version.action = action;
        let component = &version.new.descriptor.component;
        let home = Some((version.target_key.clone(), component.name.clone()));
        let resources = component
            .resources
            .iter()
            .map(|resource| (ElementKind::Resource, resource.identity(), &resource.access, &resource.kind));
        let sources = component
            .sources
            .iter()
            .map(|source| (ElementKind::Source, source.identity(), &source.access, &source.kind));
        let mut elements = Vec::new();
        for (kind, positions) in
            [(ElementKind::Resource, component.resources.len()), (ElementKind::Source, component.sources.len())]
        {
            let listed = resources.clone().chain(sources.clone()).filter(|element| element.0 == kind);
            for (position, (kind, identity, access, element_type)) in (0..positions).zip(listed) {
                let text = json!(access).to_string();
                let job = [home.clone(), None]
                    .into_iter()
                    .find_map(|home| known.get(&(kind, identity.to_string(), text.clone(), home)))
                    .copied();
                let action = job.map_or_else(|| left(access), |job| jobs[job].action.clone());
                let plan =
                    ElementPlan { kind, position, identity: identity.0, element_type: element_type.clone(), action };
                elements.push((plan, job));
            }
        }
        let wanted: Vec<usize> = elements.iter().filter_map(|(_, job)| *job).collect();
        used.extend(wanted.iter().copied());
        if matches!(version.action, VersionAction::Present | VersionAction::Keep) {
            elements.clear();
        } else {
            needed.extend(wanted.iter().copied());
        }
        for job in wanted.iter().map(|job| &jobs[*job]).filter(|job| job.home.is_some()) {
            version
                .new
                .content
                .extend(job.content.descriptors().iter().map(|part| (part.digest.clone(), part.clone())));
        }
        version.elements = elements;
    }
    for (position, job) in jobs.iter_mut().enumerate() {
        // Content that belongs to no component version was asked for by a person.
        job.is_needed = needed.contains(&position) || !used.contains(&position);
    }
    Ok(())
}

/// What an element is whose content no node moves.
fn left(access: &TypedObject) -> ElementAction {
    match Access::of(access) {
        Access::LocalBlob { local_reference, reference_name, .. } => {
            ElementAction::CopyLocal { reference: local_reference, reference_name }
        }
        Access::LocalOciBlob { digest } => ElementAction::CopyLocal { reference: digest, reference_name: None },
        _ => ElementAction::Reference { reason: "the document leaves it where it is".into() },
    }
}

async fn action(version: &Version, options: &Options) -> Result<VersionAction> {
    let descriptor = &version.new.descriptor;
    let (action, _) = version_action(descriptor, &version.target, options).await?;
    if action != VersionAction::Present || options.existing == Existing::Skip {
        return Ok(action);
    }
    // The document says where content is to be; a version that says otherwise is brought up to date.
    let there = version.target.get(&descriptor.component.name, &descriptor.component.version).await?;
    Ok(if schemaless(&there.descriptor) == schemaless(descriptor) { action } else { VersionAction::Update })
}

/// Two nodes must not give one name to different images.
fn check_names(jobs: &[Job]) -> Result<()> {
    let mut names: HashMap<(String, &str), &Job> = HashMap::new();
    for job in jobs {
        let Some(tag) = &job.tag else { continue };
        if let Some(other) = names.insert((job.target.address(), tag), job)
            && other.content.digest() != job.content.digest()
        {
            let from = |job: &Job| job.content.image.clone().unwrap_or_else(|| job.content.reference());
            return Err(Error::SameName {
                name: format!("{}:{tag}", job.target.address()),
                first: from(other),
                second: from(job),
            });
        }
    }
    Ok(())
}
