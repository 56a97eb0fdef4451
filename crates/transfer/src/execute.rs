use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use ocm_blob::{Item, Observer, Outcome};
use ocm_oci::{Descriptor, Repository, Selector, copy};
use ocm_repository::{LocalContent, NewVersion, Staged};

use crate::content::Place;
use crate::element::set_access;
use crate::part::Part;
use crate::settle::check_tag;
use crate::work::{Job, Prepared, Version};
use crate::{ElementKind, ElementPlan, Error, Existing, Options, Result};

/// Blobs of one content that are moved at the same time.
const BLOBS: usize = 4;

/// What became of a transfer, item by item.
#[derive(Default)]
pub(crate) struct Done {
    /// What was moved, for each job.
    pub(crate) moved: Vec<Option<Moved>>,
    /// The first failure of each target.
    pub(crate) failures: BTreeMap<usize, Error>,
    /// A failure that belongs to no target: content that a document wants in a place of its own.
    pub(crate) stray: Option<Error>,
    /// Targets whose component versions have become visible, as far as there are any.
    pub(crate) published: Vec<usize>,
    /// Why single jobs failed.
    pub(crate) reasons: HashMap<usize, String>,
}

/// Content after it was moved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved {
    pub(crate) outcome: copy::Outcome,
    /// What it is stored as, where that showed only on the way.
    pub(crate) measured: Option<Descriptor>,
    /// Whether an image lacks some of its platforms there.
    pub(crate) is_part: bool,
}

/// Does what was prepared.
///
/// # Guarantees
/// Content comes first; names of images, then component versions become visible last and in their order, target by target.
/// A target where anything failed before that shows nothing of the transfer.
pub(crate) async fn carry_out(prepared: &Prepared, options: &Options) -> Done {
    let mut done = Done { moved: vec![None; prepared.jobs.len()], ..Done::default() };
    let groups = prepared.groups();
    // All copies of a transfer know of each other: what one has moved, another one mounts.
    let how = &copy::Options {
        concurrency: BLOBS,
        observer: options.observer.clone(),
        platforms: options.platforms.clone(),
        referrers: options.referrers,
        ..copy::Options::default()
    };
    let mut moving = stream::iter(groups)
        .map(|group| async move {
            let moved = move_group(prepared, &group, how).await;
            (group, moved)
        })
        .buffer_unordered(options.concurrency.max(1));
    while let Some((group, results)) = moving.next().await {
        for (position, result) in group.into_iter().zip(results) {
            match result {
                Ok(moved) => done.moved[position] = Some(moved),
                Err(error) => done.fail(&prepared.jobs[position], position, error),
            }
        }
        if done.is_over(prepared) {
            break;
        }
    }
    drop(moving);
    if done.stray.is_none() {
        publish_all(prepared, options, &mut done).await;
    }
    done
}

impl Done {
    fn fail(&mut self, job: &Job, position: usize, error: Error) {
        self.reasons.insert(position, error.to_string());
        match job.targets.as_slice() {
            [] => self.stray = Some(error),
            [first, others @ ..] => {
                for target in others {
                    let again = Error::Target { reason: error.to_string() };
                    self.failures.entry(*target).or_insert(again);
                }
                self.failures.entry(*first).or_insert(error);
            }
        }
    }

    /// Whether nothing is left that could succeed.
    fn is_over(&self, prepared: &Prepared) -> bool {
        let lost = |(position, target): (usize, &crate::work::Target)| {
            target.failure.is_some() || self.failures.contains_key(&position)
        };
        self.stray.is_some() || (!prepared.targets.is_empty() && prepared.targets.iter().enumerate().all(lost))
    }
}

/// Moves one content to all places that want it.
async fn move_group(prepared: &Prepared, group: &[usize], how: &copy::Options) -> Vec<Result<Moved>> {
    let jobs: Vec<&Job> = group.iter().map(|position| &prepared.jobs[*position]).collect();
    let items: Vec<Item> = jobs.iter().map(|job| item(&job.name, "copy")).collect();
    for item in &items {
        how.observer.started(item);
    }
    let moved = move_content(&jobs, how).await;
    let results = jobs.iter().zip(moved).zip(&items).map(|((job, result), item)| {
        let outcome = match &result {
            Ok(moved) if moved.outcome.sent == 0 => Outcome::Present,
            Ok(_) => Outcome::Completed,
            Err(_) => Outcome::Failed,
        };
        how.observer.ended(item, outcome);
        result.map_err(|source| Error::Element { element: job.subject(), version: job.owner.clone(), source })
    });
    results.collect()
}

fn item(name: &str, action: &str) -> Item {
    Item { name: name.to_owned(), action: action.to_owned(), bytes: None }
}

async fn move_content(jobs: &[&Job], how: &copy::Options) -> Vec<ocm_oci::Result<Moved>> {
    let Some(first) = jobs.first() else { return Vec::new() };
    let (source, wanted) = match &first.content.place {
        Place::Stored(source, stored) => (source, stored),
        Place::Loose(blob) => return move_loose(blob, jobs, how).await,
    };
    let places: Vec<Arc<dyn Repository>> = jobs.iter().map(|job| job.place.clone()).collect();
    let blobs = match wanted {
        LocalContent::Manifest(root) => {
            let copied = copy::graph_to(source, &places, root, how).await;
            return copied.into_iter().map(|copied| copied.map(|copied| Moved::graph(copied, root))).collect();
        }
        LocalContent::Blob(blob) => vec![blob.clone()],
        LocalContent::Parts(parts) => parts.clone(),
    };
    let copied = copy::blobs_to(source, &places, blobs, how).await;
    copied.into_iter().map(|outcome| outcome.map(|outcome| Moved { outcome, ..Moved::default() })).collect()
}

impl Moved {
    /// An index of which only some platforms were taken may have become another one.
    fn graph(copied: copy::Copied, root: &Descriptor) -> Self {
        let measured = (copied.root.digest != root.digest).then_some(copied.root);
        Self { outcome: copied.outcome, measured, is_part: copied.form != copy::Form::Whole }
    }
}

/// Content without a repository is read once; the other places get it from the first one that took it.
async fn move_loose(blob: &Arc<dyn ocm_blob::Blob>, jobs: &[&Job], how: &copy::Options) -> Vec<ocm_oci::Result<Moved>> {
    let mut results = Vec::with_capacity(jobs.len());
    let mut holder: Option<(Arc<dyn Repository>, Descriptor)> = None;
    for job in jobs {
        let result = match &holder {
            None => push(blob, job, &how.observer).await,
            Some((source, stored)) => {
                let copied = copy::blobs(source, &job.place, vec![stored.clone()], how).await;
                copied.map(|outcome| Moved { outcome, measured: Some(stored.clone()), is_part: false })
            }
        };
        if let (None, Ok(Moved { measured: Some(stored), .. })) = (&holder, &result) {
            holder = Some((job.place.clone(), stored.clone()));
        }
        results.push(result);
    }
    results
}

async fn push(blob: &Arc<dyn ocm_blob::Blob>, job: &Job, observer: &Arc<dyn Observer>) -> ocm_oci::Result<Moved> {
    let observed = ocm_blob::Observed::new(blob.clone(), observer.clone());
    let (stored, how) = job.place.push_blob(&observed).await?;
    let stored = Descriptor { media_type: job.content.media_type.clone(), ..stored };
    let mut outcome = copy::Outcome::default();
    if how == ocm_oci::Pushed::Sent {
        outcome.sent = 1;
        outcome.sent_bytes = stored.size;
    } else {
        outcome.present = 1;
    }
    Ok(Moved { outcome, measured: Some(stored), is_part: false })
}

/// Stages and publishes the component versions of each target of which nothing has failed.
async fn publish_all(prepared: &Prepared, options: &Options, done: &mut Done) {
    for (position, target) in prepared.targets.iter().enumerate() {
        if target.failure.is_some() || done.failures.contains_key(&position) {
            continue;
        }
        match publish(prepared, position, options, done).await {
            Ok(()) => done.published.push(position),
            Err(error) => {
                done.failures.insert(position, error);
            }
        }
    }
    // Images that a document wants to be stored for their own sake.
    for (position, job) in prepared.jobs.iter().enumerate().filter(|(_, job)| job.targets.is_empty()) {
        if let Err(error) = name_image(job, done.moved[position].clone().as_ref(), options.existing).await {
            done.fail(job, position, error);
        }
    }
}

async fn publish(prepared: &Prepared, target: usize, options: &Options, done: &Done) -> Result<()> {
    let mine = prepared.versions.iter().filter(|version| version.target == target);
    let staged: Vec<Result<Option<Staged>>> = stream::iter(mine)
        .map(|version| stage(prepared, version, options, done))
        .buffered(options.concurrency.max(1))
        .collect()
        .await;
    let staged: Vec<Staged> = staged.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    // An image that others find by its name comes before the component version that says so.
    let mut named = HashSet::new();
    for (job, moved) in prepared.jobs.iter().zip(&done.moved).filter(|(job, _)| job.targets.first() == Some(&target)) {
        // Whoever lets a later image have the name of another one of the same transfer has said so.
        let is_ours = !named.insert((job.place.address(), &job.tag));
        name_image(job, moved.as_ref(), if is_ours { Existing::Overwrite } else { options.existing }).await?;
    }
    if !staged.is_empty() {
        prepared.targets[target].repository.publish(&staged).await.map_err(|error| error.on("target"))?;
    }
    Ok(())
}

async fn stage(prepared: &Prepared, version: &Version, options: &Options, done: &Done) -> Result<Option<Staged>> {
    let item = item(&version.name, "transfer");
    if !version.is_stored() {
        options.observer.ended(&item, Outcome::Present);
        return Ok(None);
    }
    options.observer.started(&item);
    let mut new = version.new.clone();
    let mut moved = version.elements.iter().filter_map(|(_, job)| done.moved[(*job)?].as_ref());
    if moved.any(|moved| moved.is_part) {
        let part = match version.part.clone() {
            Some(part) => part.limited(options),
            None => Part::new(&new.descriptor, options)?,
        };
        new.annotations = part.annotations();
    }
    for (plan, job) in &version.elements {
        let Some(position) = *job else { continue };
        let measured = done.moved[position].as_ref().and_then(|moved| moved.measured.clone());
        if let Some(stored) = measured {
            let job = &prepared.jobs[position];
            let changes_digest = settle_digest(&mut new, plan, job, stored);
            if changes_digest && let Some(what) = relies_on_digest(prepared, version) {
                options.observer.ended(&item, Outcome::Failed);
                return Err(Error::Derived { element: job.subject(), version: version.name.clone(), what });
            }
        }
    }
    let staged = prepared.targets[version.target].repository.stage(&new).await;
    options.observer.ended(&item, if staged.is_ok() { Outcome::Completed } else { Outcome::Failed });
    Ok(Some(staged?))
}

/// Writes down the digest of content that showed only on the way: of bytes from anywhere, or of an index that was made of
/// another one. Returns whether the digest of the component version is another one now.
fn settle_digest(new: &mut NewVersion, plan: &ElementPlan, job: &Job, stored: Descriptor) -> bool {
    let (was, is) = (job.content.reference(), stored.digest.to_string());
    let mut access = job.access.clone();
    for member in ["localReference", "reference", "imageReference"] {
        if let Some(text) = access.text(member).map(str::to_owned) {
            let text = if was.is_empty() { is.clone() } else { text.replace(&was, &is) };
            access = access.with(member, text);
        }
    }
    set_access(&mut new.descriptor, plan.kind, plan.position, access);
    let mut changes = false;
    if plan.kind == ElementKind::Resource
        && job.content.root().is_some_and(|root| root.digest != stored.digest)
        && let Some(resource) = new.descriptor.component.resources.get_mut(plan.position)
        && let Some(digest) = &mut resource.digest
        && digest.oci_digest().is_some_and(|digest| digest == was)
    {
        digest.value = stored.digest.hex();
        changes = true;
    }
    new.raw = None;
    if job.is_local {
        new.content.insert(stored.digest.clone(), stored);
    }
    changes
}

/// What would break if a component version got another digest: its signatures, or a reference that records its digest.
fn relies_on_digest(prepared: &Prepared, version: &Version) -> Option<String> {
    if let Some(signature) = version.new.descriptor.signatures.first() {
        return Some(format!("the signature {}", signature.name));
    }
    let refers = |other: &&Version| {
        other.new.descriptor.component.component_references.iter().any(|reference| {
            reference.component_name == version.component()
                && reference.version == version.version()
                && reference.digest.as_ref().is_some_and(|digest| !digest.value.is_empty())
        })
    };
    let others = prepared.versions.iter().filter(|other| other.target == version.target);
    others.into_iter().find(refers).map(|other| format!("the reference of {}", other.name))
}

/// Gives an image its tag.
async fn name_image(job: &Job, moved: Option<&Moved>, existing: Existing) -> Result<()> {
    let root = moved.and_then(|moved| moved.measured.as_ref()).or(job.content.root());
    let (Some(tag), Some(root), true) = (&job.tag, root, job.is_needed) else { return Ok(()) };
    let at = |error: ocm_oci::Error| Error::Element {
        element: job.subject(),
        version: job.owner.clone(),
        source: error.on("target"),
    };
    let there = job.place.resolve(&Selector::Tag(tag.clone())).await.map_err(at)?;
    if there.as_ref().is_some_and(|there| there.digest == root.digest) {
        return Ok(());
    }
    if there.is_some() {
        // Planning has looked, but somebody may have been faster since then.
        check_tag(job, existing).await?;
    }
    let manifest = job.place.manifest(&root.digest.clone().into()).await.map_err(at)?;
    job.place.push_manifest(&manifest, Some(tag)).await.map_err(at)
}
