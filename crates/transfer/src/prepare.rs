//! The front end of component versions: what belongs to them becomes jobs.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::Sources;
use ocm_oci::copy::Referrers;
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};

use crate::element::{Carried, Element, elements, set_access};
use crate::naming::{Name, Request, name_all};
use crate::part::Part;
use crate::settle::{look, settle};
use crate::work::{Job, Prepared, Target, Version};
use crate::{ElementPlan, Error, Existing, Options, Result, VersionAction};

/// Finds out what has to happen so that all `targets` have all `versions`. Nothing is written. A target that does not answer
/// is given with its error; it fails alone if there are others.
///
/// # Errors
/// The only target has something else under one of the names ([`Error::Exists`]), content that has to be carried cannot be
/// found or is not the recorded one, two images would get the same name; with [`Options::strict`], content stays behind.
pub async fn prepare(
    versions: Vec<Arc<ComponentVersion>>,
    targets: Vec<(String, Result<ComponentRepository>)>,
    images: &dyn Sources,
    options: &Options,
) -> Result<Prepared> {
    let mut prepared = Prepared::default();
    for (name, target) in targets {
        let (repository, failure) = match target {
            Ok(repository) => (repository, None),
            Err(error) => (ComponentRepository::new(Arc::new(ocm_oci::MemoryRegistry::new()), ""), Some(error)),
        };
        prepared.targets.push(Target { key: name, repository, is_open: failure.is_none(), failure });
    }
    if let [Target { failure, .. }] = prepared.targets.as_mut_slice()
        && let Some(failure) = failure.take()
    {
        return Err(failure);
    }
    let open: Vec<(usize, &ComponentRepository)> = prepared
        .targets
        .iter()
        .enumerate()
        .filter(|(_, target)| target.failure.is_none())
        .map(|(position, target)| (position, &target.repository))
        .collect();
    let lowered: Vec<Lowered> = stream::iter(&versions)
        .map(|version| lower(version, &open, images, options))
        .buffered(options.concurrency.max(1) * 4)
        .try_collect()
        .await?;
    let (drafts, failures) = sorted(lowered);
    let requests: Vec<Request<'_>> = drafts
        .iter()
        .flat_map(|(version, target, draft)| {
            let repository = &prepared.targets[*target].repository;
            draft.elements.iter().filter_map(move |(plan, carried)| {
                let carried = carried.as_ref()?;
                Some(Request { plan, carried, version, target: *target, repository })
            })
        })
        .collect();
    let mut names = name_all(&requests, options)?.into_iter();
    drop(requests);
    for (version, target, draft) in drafts {
        let repository = prepared.targets[target].repository.clone();
        let written = write(&mut prepared.jobs, version, (target, &repository), draft, &mut names, options);
        prepared.versions.push(written);
    }
    for (target, error) in failures {
        prepared.fail(target, error)?;
    }
    settle(&mut prepared, options).await?;
    Ok(prepared)
}

type Drafts<'a> = Vec<(&'a Arc<ComponentVersion>, usize, Draft)>;

/// What is to be done, version by version, and what is wrong with which target.
fn sorted(lowered: Vec<Lowered<'_>>) -> (Drafts<'_>, Vec<(usize, Error)>) {
    let (mut drafts, mut failures) = (Vec::new(), Vec::new());
    for Lowered { version, drafts: each } in lowered {
        for (target, draft) in each {
            match draft {
                Ok(draft) => drafts.push((version, target, draft)),
                Err(error) => failures.push((target, error)),
            }
        }
    }
    (drafts, failures)
}

/// A component version with what each target needs of it.
struct Lowered<'a> {
    version: &'a Arc<ComponentVersion>,
    drafts: Vec<(usize, Result<Draft>)>,
}

struct Draft {
    action: VersionAction,
    difference: Option<String>,
    /// Its elements in their order, resources first; none if nothing happens.
    elements: Vec<(ElementPlan, Option<Carried>)>,
}

async fn lower<'a>(
    version: &'a Arc<ComponentVersion>,
    targets: &[(usize, &ComponentRepository)],
    images: &dyn Sources,
    options: &Options,
) -> Result<Lowered<'a>> {
    let all = elements(version);
    let mut looked = Vec::with_capacity(targets.len());
    for (position, target) in targets {
        looked.push((*position, look_shortly(version, &all, target, options).await));
    }
    let is_needed = |state: &(usize, Result<(VersionAction, Option<String>)>)| matches!(&state.1, Ok((action, _)) if !matches!(action, VersionAction::Present | VersionAction::Keep));
    let mut carried = Vec::new();
    if looked.iter().any(is_needed) {
        carried = stream::iter(&all)
            .map(|element| element.carry(version, images, options))
            .buffered(options.concurrency.max(1) * 4)
            .try_collect()
            .await?;
    }
    let drafts = looked.into_iter().map(|(position, looked)| {
        let draft = looked.map(|(action, difference)| {
            let is_idle = matches!(action, VersionAction::Present | VersionAction::Keep);
            let elements = if is_idle { Vec::new() } else { carried.clone() };
            Draft { action, difference, elements }
        });
        (position, draft)
    });
    Ok(Lowered { version, drafts: drafts.collect() })
}

/// What happens to a version as a whole. The very same bytes need no second look, and a version that the target has needs
/// nothing, unless content was asked for that the target only refers to.
async fn look_shortly(
    version: &ComponentVersion,
    all: &[Element<'_>],
    target: &ComponentRepository,
    options: &Options,
) -> Result<(VersionAction, Option<String>)> {
    // What was asked for beside the component version may be missing although that is there.
    let asks_for_more = options.existing != Existing::Skip && options.referrers == Referrers::Carry;
    let lacks = |there: &ComponentVersion| {
        asks_for_more || all.iter().any(|element| element.is_missing(there, target, options))
    };
    // Where accesses are rewritten, the target is known to have other bytes, and its root is read instead of asked for.
    let root = if all.iter().any(|element| element.gets_place(options)) {
        None
    } else {
        Some(target.root(version.name(), version.version()).await.map_err(|error| error.on("target"))?)
    };
    match root {
        Some(None) => Ok((VersionAction::Transfer, None)),
        Some(Some(root)) if root.digest == *version.root.digest() => {
            Ok((if lacks(version) { VersionAction::Update } else { VersionAction::Present }, None))
        }
        _ => {
            let mut found = look(&version.descriptor, Part::of(version).as_ref(), target, options).await?;
            if found.action == VersionAction::Present && found.there.as_ref().is_some_and(lacks) {
                found.action = VersionAction::Update;
            }
            Ok((found.action, found.difference))
        }
    }
}

/// Makes jobs of a draft, and the component version that will need them.
fn write(
    jobs: &mut Vec<Job>,
    version: &ComponentVersion,
    (target, repository): (usize, &ComponentRepository),
    draft: Draft,
    names: &mut impl Iterator<Item = Option<Name>>,
    options: &Options,
) -> Version {
    let mut descriptor = version.descriptor.clone();
    let mut is_changed = false;
    let mut elements = Vec::with_capacity(draft.elements.len());
    for (mut plan, carried) in draft.elements {
        let Some(carried) = carried else {
            elements.push((plan, None));
            continue;
        };
        let job = match names.next().flatten() {
            Some(name) => carried.upload(&plan, version, repository, name, options),
            None => carried.keep(&plan, version, repository, options),
        };
        plan.action = job.action.clone();
        if job.access != carried.access {
            is_changed = true;
            set_access(&mut descriptor, plan.kind, plan.position, job.access.clone());
        }
        jobs.push(job);
        elements.push((plan, Some(jobs.len() - 1)));
    }
    Version {
        name: version.to_string(),
        source: version.content().address(),
        target,
        new: NewVersion { descriptor, raw: (!is_changed).then(|| version.raw.clone()), ..NewVersion::default() },
        action: Some(draft.action),
        difference: draft.difference,
        part: Part::of(version),
        elements,
    }
}
