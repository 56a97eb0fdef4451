//! The front end of component versions: what belongs to them becomes jobs.

use std::pin::pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::Sources;
use ocm_model::access::Access;
use ocm_oci::copy::{self, Referrers};
use ocm_oci::{Descriptor, media_type};
use ocm_repository::{ComponentRepository, ComponentVersion, LocalContent, NewVersion};

use crate::content::Place;
use crate::contexts::address;
use crate::element::{Carried, Element, access_of, elements, set_access};
use crate::foreseen::foreseen;
use crate::kept::keep;
use crate::left::left;
use crate::naming::{Names, Request, name_all};
use crate::part::Part;
use crate::settle::{Found, judge, settle};
use crate::targets::{Roots, Targets};
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
    targets: impl Into<Targets>,
    images: &dyn Sources,
    options: &Options,
) -> Result<Prepared> {
    let targets = targets.into();
    let roots = &targets.roots();
    let mut prepared = Prepared::default();
    for (name, target) in targets.all {
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
        .map(|version| lower(version, (&open, roots), images, options))
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
    let count = requests.len();
    drop(requests);
    prepared.jobs.reserve_exact(count);
    for (version, target, mut draft) in drafts {
        let repository = prepared.targets[target].repository.clone();
        let there = draft.there.take();
        let mut written = write(&mut prepared.jobs, version, (target, &repository), draft, &mut names, options);
        let kept = match &there {
            Some(there) => keep(&mut written, there, options).await,
            None => Ok(()),
        };
        prepared.versions.push(written);
        if let Err(error) = kept {
            prepared.fail(target, error)?;
        }
    }
    for (version, target, error) in failures {
        prepared.versions.push(lost(version, target));
        prepared.fail(target, error)?;
    }
    for target in (0..prepared.targets.len()).filter(|target| !prepared.targets[*target].is_open) {
        prepared.versions.extend(versions.iter().map(|version| lost(version, target)));
    }
    settle(&mut prepared, options).await?;
    Ok(prepared)
}

type Drafts<'a> = Vec<(&'a Arc<ComponentVersion>, usize, Draft)>;

/// What is wrong with a version in a target.
type Failures<'a> = Vec<(&'a Arc<ComponentVersion>, usize, Error)>;

/// What is to be done, version by version, and what is wrong with which target.
fn sorted(lowered: Vec<Lowered<'_>>) -> (Drafts<'_>, Failures<'_>) {
    let (mut drafts, mut failures) = (Vec::new(), Vec::new());
    for Lowered { version, drafts: each } in lowered {
        for (target, draft) in each {
            match draft {
                Ok(draft) => drafts.push((version, target, draft)),
                Err(error) => failures.push((version, target, error)),
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
    is_there: bool,
    /// Its elements in their order, resources first; none if nothing happens.
    elements: Vec<(ElementPlan, Option<Carried>)>,
    stored: Stored,
    /// What the target has, if that was read and is another one.
    there: Option<ComponentVersion>,
}

/// What a target, which has the component version, is known to have of its images.
enum Stored {
    /// Nothing, or not enough to go by.
    Unknown,
    /// All that the component version there holds, whole; its descriptor if it was read and is another one.
    Whole(Option<Box<ComponentVersion>>),
}

async fn lower<'a>(
    version: &'a Arc<ComponentVersion>,
    (targets, roots): (&[(usize, &ComponentRepository)], &Roots),
    images: &dyn Sources,
    options: &Options,
) -> Result<Lowered<'a>> {
    let all = elements(version);
    let mut looked = Vec::with_capacity(targets.len());
    for (position, target) in targets {
        let root = roots.of(*position, version.name(), version.version());
        looked.push((*position, look_shortly(version, &all, (target, root), images, options).await));
    }
    let is_needed = looked.iter().any(|(_, looked)| looked.as_ref().is_ok_and(|looked| !looked.is_idle()));
    // Whoever asks for a platform that an image is not for has to hear of it, also where nothing has to be moved.
    let asks_for_platforms = !options.platforms.is_empty()
        && looked.iter().any(|(_, looked)| looked.as_ref().is_ok_and(|looked| !looked.has_chosen));
    let mut carried = Vec::new();
    if is_needed || asks_for_platforms {
        // There may be tens of thousands; a list that grows takes twice as much.
        carried.reserve_exact(all.len());
        let carrying = stream::iter(&all).map(|element| element.carry(version, images, options));
        let mut carrying = pin!(carrying.buffered(options.concurrency.max(1) * 4));
        while let Some(element) = carrying.try_next().await? {
            carried.push(element);
        }
    }
    if asks_for_platforms {
        check_platforms(version, &carried, options).await?;
    }
    let mut drafts = Vec::with_capacity(looked.len());
    let mut takers = looked.iter().filter(|(_, looked)| looked.as_ref().is_ok_and(|looked| !looked.is_idle())).count();
    for (position, looked) in looked {
        let elements = match &looked {
            Ok(looked) if looked.is_idle() => left(version, &all, looked.there.as_ref(), images, options).await,
            Ok(_) if takers == 1 => std::mem::take(&mut carried),
            Ok(_) => {
                takers -= 1;
                carried.clone()
            }
            Err(_) => Vec::new(),
        };
        let draft = looked.map(|looked| {
            let stored = looked.stored(version, options);
            let Looked { action, difference, is_there, there, .. } = looked;
            let there = there.filter(|_| matches!(action, VersionAction::Update | VersionAction::Replace));
            Draft { action, difference, is_there, elements, stored, there }
        });
        drafts.push((position, draft));
    }
    Ok(Lowered { version, drafts })
}

/// What a target has of a component version.
struct Looked {
    action: VersionAction,
    difference: Option<String>,
    /// Whether it has just the platforms that were chosen, so that its images are known to be for them.
    has_chosen: bool,
    /// Whether it has the component version itself, so that only what is said about its images may be missing.
    is_there: bool,
    /// What it has, if that was read and is not the version itself.
    there: Option<ComponentVersion>,
}

impl Looked {
    fn is_idle(&self) -> bool {
        matches!(self.action, VersionAction::Present | VersionAction::Keep)
    }

    fn stored(&self, version: &ComponentVersion, options: &Options) -> Stored {
        let is_whole = options.platforms.is_empty()
            && options.referrers == Referrers::Leave
            && [Some(version), self.there.as_ref()].into_iter().flatten().all(|copy| Part::of(copy).is_none());
        if self.is_there && is_whole { Stored::Whole(self.there.clone().map(Box::new)) } else { Stored::Unknown }
    }
}

/// Fails for a platform that an image is not for, as copying it would.
async fn check_platforms(
    version: &ComponentVersion,
    carried: &[(ElementPlan, Option<Carried>)],
    options: &Options,
) -> Result<()> {
    for (plan, carried) in carried {
        let Some((Place::Stored(source, _), Some(root))) =
            carried.as_ref().map(|carried| (&carried.content.place, carried.content.root()))
        else {
            continue;
        };
        if !media_type::is_index(&root.media_type) {
            continue;
        }
        let checked = source.manifest(&root.digest.clone().into()).await;
        let checked = checked.and_then(|index| copy::check_platforms(&index, &options.platforms));
        checked.map_err(|error| {
            let name = plan.identity.get("name").map_or("", String::as_str);
            let element = format!("{} {name}", plan.kind.noun());
            Error::Element { element, version: version.to_string(), source: error.on("source") }
        })?;
    }
    Ok(())
}

/// What happens to a version as a whole. The very same bytes need no second look, and a version that the target has needs
/// nothing, unless content was asked for that the target only refers to.
async fn look_shortly(
    version: &ComponentVersion,
    all: &[Element<'_>],
    (target, root): (&ComponentRepository, impl Future<Output = ocm_oci::Result<Option<ocm_oci::Descriptor>>>),
    images: &dyn Sources,
    options: &Options,
) -> Result<Looked> {
    let is_chosen = |part: Option<Part>| part.is_some_and(|part| part.suffices(options));
    // What was asked for beside the component version may be missing although that is there.
    let adds_names = options.naming.also.is_some() && target.content("").location().is_some();
    let asks_for_more = options.existing != Existing::Skip && (options.referrers == Referrers::Carry || adds_names);
    let has_other_contexts = |of: &ComponentVersion| {
        let contexts = &of.descriptor.component.repository_contexts;
        options.existing != Existing::Skip && options.contexts(contexts, address(target)).is_some()
    };
    let lacks = |there: &ComponentVersion| {
        has_other_contexts(there) || all.iter().any(|element| element.is_missing(there, target, options))
    };
    let there = |has_chosen, difference| {
        let action = if asks_for_more { VersionAction::Update } else { VersionAction::Present };
        Looked { action, difference, has_chosen, is_there: true, there: None }
    };
    // Where accesses are rewritten, the target is known to have other bytes, and its root is read instead of asked for.
    let root = if has_other_contexts(version) || all.iter().any(|element| element.gets_place(options)) {
        None
    } else {
        Some(root.await.map_err(|error| error.on("target"))?)
    };
    match root {
        Some(None) => {
            let action = VersionAction::Transfer;
            Ok(Looked { action, difference: None, has_chosen: false, is_there: false, there: None })
        }
        Some(Some(root)) if root.digest == *version.root.digest() => {
            let action = if options.existing == Existing::Enforce {
                VersionAction::Replace
            } else if lacks(version) {
                VersionAction::Update
            } else {
                return Ok(there(is_chosen(Part::of(version)), None));
            };
            let has_chosen = is_chosen(Part::of(version));
            Ok(Looked { action, difference: None, has_chosen, is_there: false, there: None })
        }
        _ => {
            let mut found = match target.root_manifest(version.name(), version.version()).await {
                Err(error) if error.kind() == ocm_oci::Kind::NotFound => {
                    Found { action: VersionAction::Transfer, difference: None, there: None }
                }
                Ok(root)
                    if options.existing != Existing::Enforce
                        && !(adds_names && all.iter().any(|element| element.is_open(version, options)))
                        && foreseen(&root, version, all, target, images, options).await.as_ref()
                            == Some(root.digest()) =>
                {
                    return Ok(there(false, None));
                }
                root => {
                    let there = async { target.read(version.name(), version.version(), root?, None).await };
                    let there = there.await.map_err(|error| error.on("target"))?;
                    judge(&version.descriptor, Part::of(version).as_ref(), there, target, options)?
                }
            };
            let has_chosen = is_chosen(found.there.as_ref().and_then(Part::of));
            if found.action == VersionAction::Present {
                if !found.there.as_ref().is_some_and(lacks) {
                    return Ok(Looked { there: found.there, ..there(has_chosen, found.difference) });
                }
                found.action = VersionAction::Update;
            }
            let Found { action, difference, there } = found;
            Ok(Looked { action, difference, has_chosen, is_there: false, there })
        }
    }
}

/// A component version that does not get into a target that failed; the report names it all the same.
fn lost(version: &ComponentVersion, target: usize) -> Version {
    Version {
        name: version.to_string(),
        source: version.content().address(),
        target,
        new: NewVersion { descriptor: version.descriptor.clone(), ..NewVersion::default() },
        action: Some(VersionAction::Transfer),
        difference: None,
        is_there: false,
        part: None,
        derived: None,
        elements: Vec::new(),
    }
}

/// Whether the version that a target has holds this very image.
fn is_stored(there: Option<&ComponentVersion>, plan: &ElementPlan, root: &Descriptor, options: &Options) -> bool {
    let Some(there) = there else { return true };
    let access = access_of(&there.descriptor, plan.kind, plan.position).map(Access::of);
    let Some(Access::LocalBlob { local_reference, .. }) = access else { return false };
    let is_same = local_reference == root.digest.to_string();
    if !is_same {
        let name = plan.identity.get("name").map_or("", String::as_str);
        options.observer.warned(&format!(
            "resource {name} of {there}: gets no other name: the target has {local_reference}, the source {}",
            root.digest
        ));
    }
    is_same
}

/// Makes jobs of a draft, and the component version that will need them.
fn write(
    jobs: &mut Vec<Job>,
    version: &ComponentVersion,
    (target, repository): (usize, &ComponentRepository),
    draft: Draft,
    names: &mut impl Iterator<Item = Names>,
    options: &Options,
) -> Version {
    let mut descriptor = version.descriptor.clone();
    let contexts = &mut descriptor.component.repository_contexts;
    let wanted = options.contexts(contexts, address(repository));
    let mut is_changed = wanted.is_some();
    if let Some(wanted) = wanted {
        *contexts = wanted;
    }
    let mut elements = Vec::with_capacity(draft.elements.len());
    for (mut plan, carried) in draft.elements {
        let Some(carried) = carried else {
            elements.push((plan, None));
            continue;
        };
        let Names { own, also } = names.next().unwrap_or_default();
        let extra = also.map(|name| carried.also(&plan, version, (target, repository), name));
        let job = match own {
            Some(name) => carried.upload(&plan, version, repository, name, options),
            None => carried.keep(&plan, version, repository, options),
        };
        plan.action = job.action.clone();
        if job.access != carried.access {
            is_changed = true;
            set_access(&mut descriptor, plan.kind, plan.position, job.access.clone());
        }
        if let Stored::Whole(there) = &draft.stored {
            // The target has the image already, so that nothing has to come from elsewhere.
            if let (Some(mut extra), Some(root)) = (extra, carried.content.root())
                && is_stored(there.as_deref(), &plan, root, options)
            {
                let stored = LocalContent::Manifest(root.clone());
                extra.content.place = Place::Stored(repository.content(version.name()), stored);
                jobs.push(extra);
            }
            elements.push((plan, None));
            continue;
        }
        jobs.push(job);
        elements.push((plan, Some(jobs.len() - 1)));
        jobs.extend(extra);
    }
    Version {
        name: version.to_string(),
        source: version.content().address(),
        target,
        new: NewVersion { descriptor, raw: (!is_changed).then(|| version.raw.clone()), ..NewVersion::default() },
        action: Some(draft.action),
        difference: draft.difference,
        is_there: draft.is_there,
        part: Part::of(version),
        derived: None,
        elements,
    }
}
