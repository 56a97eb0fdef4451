//! What both front ends leave open: whether the targets have it already, and whether names collide.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, stream};
use ocm_model::Descriptor;
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_oci::Selector;
use ocm_oci::copy::Referrers;
use ocm_repository::{ComponentRepository, ComponentVersion};

use crate::element::OMITTED;
use crate::execute::relies_on_digest;
use crate::kept::keep;
use crate::limited;
use crate::merged::with_labels_of;
use crate::part::Part;
use crate::work::{self, Job, Prepared, Version};
use crate::{Difference, ElementAction, Error, Existing, Options, Result, VersionAction, compare};

/// What a target has of a component version.
pub(crate) struct Found {
    pub(crate) action: VersionAction,
    pub(crate) difference: Option<String>,
    /// What is there, if something is and was read.
    pub(crate) there: Option<ComponentVersion>,
}

/// Compares a component version with the one of the target.
///
/// # Errors
/// [`Error::Exists`] if the target has another one, unless it may be replaced or is to stay.
pub(crate) async fn look(
    descriptor: &Descriptor,
    part: Option<&Part>,
    target: &ComponentRepository,
    options: &Options,
) -> Result<Found> {
    let component = &descriptor.component;
    match target.get(&component.name, &component.version).await {
        Ok(there) => judge(descriptor, part, there, target, options),
        Err(error) if error.kind() == ocm_oci::Kind::NotFound => {
            Ok(Found { action: VersionAction::Transfer, difference: None, there: None })
        }
        Err(error) => Err(error.on("target").into()),
    }
}

/// Compares a component version with the one of the target, which was read.
///
/// # Errors
/// [`Error::Exists`] as in [`look`].
pub(crate) fn judge(
    descriptor: &Descriptor,
    part: Option<&Part>,
    there: ComponentVersion,
    target: &ComponentRepository,
    options: &Options,
) -> Result<Found> {
    let exists = |difference: String| {
        let component = &descriptor.component;
        Error::Exists {
            component: component.name.clone(),
            version: component.version.clone(),
            target: target.address(),
            difference,
        }
    };
    // Some platforms of what there is to be are no other content.
    if let Some(there_part) = Part::of(&there)
        && (there_part.is_of(descriptor) || part == Some(&there_part))
        && there.descriptor.signatures.iter().all(|signature| descriptor.signatures.contains(signature))
    {
        let is_enough = there_part.suffices(options) || part == Some(&there_part);
        // An index without all it lists takes what is added; one that was made of some platforms would be another one.
        let lost = there_part.lost(options);
        if !is_enough && options.existing == Existing::Fail && !lost.is_empty() && !there_part.is_of(&there.descriptor)
        {
            let lost = lost.join(", ");
            let reason = format!("it has images of {lost}, which would no longer be there: name these platforms, too");
            return Err(exists(reason));
        }
        let action = match options.existing {
            Existing::Enforce => VersionAction::Replace,
            _ if is_enough && there.descriptor.signatures == descriptor.signatures => VersionAction::Present,
            Existing::Skip => VersionAction::Keep,
            Existing::Fail | Existing::Overwrite => VersionAction::Update,
        };
        return Ok(Found { action, difference: None, there: Some(there) });
    }
    if options.existing != Existing::Enforce && part.is_some_and(|part| part.is_of(&there.descriptor)) {
        return Ok(Found { action: VersionAction::Present, difference: None, there: Some(there) });
    }
    let merged = with_labels_of(&there.descriptor, descriptor).filter(|_| !options.existing.replaces());
    let ours = merged.as_ref().unwrap_or(descriptor);
    let (action, difference) = match (compare(ours, &there.descriptor), options.existing) {
        (Difference::None | Difference::Extended, Existing::Enforce) => (VersionAction::Replace, None),
        (Difference::None, _) => (VersionAction::Present, None),
        (Difference::Extended, Existing::Skip) => (VersionAction::Keep, None),
        (Difference::Extended, _) => (VersionAction::Update, None),
        (difference, existing) => {
            let difference = match difference {
                Difference::Diverged { signatures } => {
                    format!("it carries signatures that the source lacks ({})", signatures.join(", "))
                }
                Difference::Content { what } => what,
                Difference::None | Difference::Extended => String::new(),
            };
            match existing {
                Existing::Overwrite | Existing::Enforce => (VersionAction::Replace, Some(difference)),
                Existing::Skip => (VersionAction::Keep, Some(difference)),
                Existing::Fail => return Err(exists(difference)),
            }
        }
    };
    Ok(Found { action, difference, there: Some(there) })
}

/// Whether two descriptors say the same, in whatever schema they were stored.
pub(crate) fn is_same(one: &Descriptor, other: &Descriptor) -> bool {
    let Descriptor { meta, component, signatures, nested_digests, other: rest, schema: _ } = one;
    (meta, component, signatures, nested_digests, rest)
        == (&other.meta, &other.component, &other.signatures, &other.nested_digests, &other.other)
}

/// Compares what is not compared yet with what the targets have, looks for names that collide, and leaves out content that
/// nobody needs then. Nothing is written.
///
/// # Errors
/// Something else in the only target; two things with one name; with [`Options::strict`], content that stays where it is.
/// What is wrong with one target of several is kept for the report.
pub(crate) async fn settle(prepared: &mut Prepared, options: &Options) -> Result<()> {
    let mut seen = HashSet::new();
    for version in &prepared.versions {
        if !seen.insert((version.target, version.component(), version.version())) {
            let (component, number) = (version.component(), version.version());
            if !version.source.is_empty() {
                let reason = "was asked for from two places that have different ones; name one of them";
                let subject = format!("{component}:{number}");
                return Err(ocm_oci::Error::new(ocm_oci::Kind::Conflict, subject, reason).into());
            }
            let reason = format!("{}: {component}:{number} is stored in the same place twice", version.name);
            return Err(Error::Document(reason));
        }
    }
    if options.strict {
        refuse_what_is_left(prepared, options)?;
    }
    check_names(&prepared.jobs, options)?;
    compare_open(prepared, options).await?;
    check_kept(prepared)?;
    link(prepared);
    check_tags(prepared, options).await?;
    leave_out_names(prepared, options);
    Ok(())
}

/// A name that leads to its image already is not given again. What others say about the image may still be missing.
fn leave_out_names(prepared: &mut Prepared, options: &Options) {
    for job in prepared.jobs.iter_mut().filter(|job| job.is_extra && options.referrers == Referrers::Leave) {
        if job.is_named() {
            job.is_needed = false;
        }
    }
}

fn refuse_what_is_left(prepared: &Prepared, options: &Options) -> Result<()> {
    let mut left: Vec<String> = Vec::new();
    let is_spared = |reason: &str| options.spare_omitted && reason == OMITTED;
    for (version, plan, reason) in prepared.left().filter(|(_, _, reason)| !is_spared(reason)) {
        let name = plan.identity.get("name").map_or("", String::as_str);
        left.push(format!("{} {name} of {}: {reason}", plan.kind.noun(), version.name));
    }
    left.sort_unstable();
    left.dedup();
    if left.is_empty() { Ok(()) } else { Err(Error::Left { elements: left }) }
}

/// Compares the component versions of a document: it says where content is to be, so that a version that says otherwise is
/// brought up to date.
async fn compare_open(prepared: &mut Prepared, options: &Options) -> Result<()> {
    let (versions, targets) = (&prepared.versions, &prepared.targets);
    let open = versions.iter().enumerate().filter(|(_, version)| version.action.is_none());
    let settled: Vec<(usize, Result<Found>)> = stream::iter(open)
        .map(|(position, version)| async move {
            let descriptor = &version.new.descriptor;
            let found = look(descriptor, None, &targets[version.target].repository, options).await.map(|mut found| {
                let is_as_said = |there: &ComponentVersion| {
                    let merged = with_labels_of(&there.descriptor, descriptor).filter(|_| !options.existing.replaces());
                    is_same(&there.descriptor, merged.as_ref().unwrap_or(descriptor))
                };
                if found.action == VersionAction::Present
                    && options.existing != Existing::Skip
                    && !found.there.as_ref().is_some_and(is_as_said)
                {
                    found.action = VersionAction::Update;
                }
                found
            });
            (position, found)
        })
        .buffered(options.concurrency.max(1) * 4)
        .collect()
        .await;
    for (position, found) in settled {
        let target = prepared.versions[position].target;
        match found {
            Ok(found) => {
                let version = &mut prepared.versions[position];
                version.action = Some(found.action);
                version.difference = found.difference;
                if let Some(there) = found.there.filter(|_| !options.existing.replaces())
                    && let Err(error) = keep(version, &there, options).await
                {
                    prepared.fail(target, error)?;
                }
            }
            Err(error) => prepared.fail(target, error)?,
        }
    }
    Ok(())
}

/// What a target keeps of an image under another digest must not get signatures over the whole one, nor references to it.
fn check_kept(prepared: &mut Prepared) -> Result<()> {
    for position in 0..prepared.versions.len() {
        let version = &prepared.versions[position];
        let Some(element) = version.derived.clone() else { continue };
        let Some(what) = relies_on_digest(prepared, version, Version::is_stored) else { continue };
        let error = Error::Derived { element, version: version.name.clone(), what };
        prepared.fail(version.target, error)?;
    }
    Ok(())
}

/// Tells each job which targets it is for, and each version what is known of its content.
fn link(prepared: &mut Prepared) {
    let (mut used, mut needed) = (HashSet::new(), HashSet::new());
    let Prepared { jobs, versions, targets } = prepared;
    for version in versions.iter_mut() {
        let is_stored = version.is_stored() && targets[version.target].failure.is_none();
        for position in version.elements.iter().filter_map(|(_, job)| *job) {
            used.insert(position);
            let job = &mut jobs[position];
            if !job.targets.contains(&version.target) {
                job.targets.push(version.target);
            }
            if is_stored {
                needed.insert(position);
            }
            if job.is_local {
                let parts = job.content.descriptors().into_iter().map(|part| (part.digest.clone(), part));
                version.new.content.extend(parts);
            }
        }
        if !version.is_stored() {
            // What stays where it is does so whether or not the version is there.
            version.elements.retain(|(plan, _)| matches!(plan.action, ElementAction::Reference { .. }));
        }
    }
    for (position, job) in jobs.iter_mut().enumerate() {
        // Content that belongs to no component version was asked for by a person.
        let is_lost = job.targets.iter().any(|target| targets[*target].failure.is_some());
        job.is_needed = needed.contains(&position) || !used.contains(&position) && !is_lost;
    }
}

/// Images of different registries may have the same path and tag; the later one must not take the name of the first. Nor may
/// one have the name of a component version: a tag in such a place is taken for one.
fn check_names(jobs: &[Job], options: &Options) -> Result<()> {
    let mut names: HashMap<(String, &str), &Job> = HashMap::new();
    for job in jobs {
        let Some(tag) = &job.tag else { continue };
        let repository = job.place.location().map(|at| at.repository).unwrap_or_default();
        if repository.split('/').any(|part| part == COMPONENT_DESCRIPTORS) {
            let (subject, owner) = (job.subject(), &job.owner);
            let name = format!("{repository}:{tag}");
            let reason = format!("{name:?} is a place of component versions; give the image another name");
            return Err(Error::Naming(format!("{subject} of {owner}: {reason}")));
        }
        if let Some(other) = names.insert((job.place.address(), tag), job)
            && other.content.digest() != job.content.digest()
            && options.naming.collision != crate::Collision::Overwrite
        {
            let from = |job: &Job| job.content.origin.clone().unwrap_or_else(|| job.content.reference());
            return Err(Error::SameName {
                name: format!("{}:{tag}", job.place.address()),
                first: from(other),
                second: from(job),
            });
        }
    }
    Ok(())
}

/// Somebody else's image may already have the name that one of ours would get; its users must not get another one. Each
/// name is looked up once, and what was found is kept for the moment when it is given.
async fn check_tags(prepared: &mut Prepared, options: &Options) -> Result<()> {
    let mut names: HashMap<(String, &str), Vec<usize>> = HashMap::new();
    for (position, job) in prepared.jobs.iter().enumerate().filter(|(_, job)| job.is_needed) {
        if let Some(tag) = &job.tag {
            names.entry((job.place.address(), tag)).or_default().push(position);
        }
    }
    let mut named: Vec<Vec<usize>> = names.into_values().collect();
    named.sort_unstable();
    let jobs = &prepared.jobs;
    let looked: Vec<(Vec<usize>, ocm_oci::Result<work::Resolved>)> = stream::iter(named)
        .map(|positions| async move {
            let found = look_up(&jobs[positions[0]]).await;
            (positions, found)
        })
        .buffered(options.concurrency.max(1) * 4)
        .collect()
        .await;
    for (positions, found) in looked {
        for position in positions {
            let checked = match &found {
                Ok(found) => {
                    prepared.jobs[position].found = Some(found.clone());
                    let job = &prepared.jobs[position];
                    match check_tag(job, found, options.existing) {
                        Err(error) => limited::judge(job, found, options).await.unwrap_or(Err(error)),
                        free => free,
                    }
                }
                Err(error) => Err(ocm_oci::Error::new(error.kind(), error.subject(), error.reason()).into()),
            };
            let Err(error) = checked else { continue };
            match prepared.jobs[position].targets.as_slice() {
                [target] => prepared.fail(*target, error)?,
                _ => return Err(error),
            }
        }
    }
    Ok(())
}

/// What the name of an image leads to now.
pub(crate) async fn look_up(job: &Job) -> ocm_oci::Result<work::Resolved> {
    let Some(tag) = &job.tag else { return Ok(work::Resolved::now(None)) };
    let there = job.place.resolve(&Selector::Tag(tag.clone())).await.map_err(|error| error.on("target"))?;
    Ok(work::Resolved::now(there))
}

/// Whether the name of an image is free, or its own.
pub(crate) fn check_tag(job: &Job, found: &work::Resolved, existing: Existing) -> Result<()> {
    let (Some(tag), Some(root)) = (&job.tag, job.content.root()) else { return Ok(()) };
    let Some(there) = found.there.as_ref().filter(|there| there.digest != root.digest) else { return Ok(()) };
    if existing.replaces() {
        return Ok(());
    }
    let reason = format!("is another image ({}), and nothing is to be replaced", there.digest);
    let subject = format!("target {}:{tag}", job.place.address());
    Err(Error::Element {
        element: job.subject(),
        version: job.owner.clone(),
        source: ocm_oci::Error::new(ocm_oci::Kind::Conflict, subject, reason),
    })
}

impl Prepared {
    /// Gives up on a target; an error if it is the only one.
    pub(crate) fn fail(&mut self, target: usize, error: Error) -> Result<()> {
        if self.targets.len() < 2 {
            return Err(error);
        }
        let failure = &mut self.targets[target].failure;
        if failure.is_none() {
            *failure = Some(error);
        }
        Ok(())
    }
}
