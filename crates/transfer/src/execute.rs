use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, stream};
use ocm_blob::{Item, Observer, Outcome};
use ocm_oci::{Descriptor, Manifest, Repository, copy};
use ocm_repository::{LocalContent, NewVersion, Staged};

use crate::content::Place;
use crate::element::set_access;
use crate::held::Held;
use crate::part::Part;
use crate::tagging::{Named, Names};
use crate::work::{Job, Prepared, Resolved, Version};
use crate::{ElementKind, ElementPlan, Error, Existing, Options, Result, Stop};

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
    /// Component versions that others can find now, by position, also where their target failed after that.
    pub(crate) visible: HashSet<usize>,
    /// Component versions that could not be stored themselves.
    pub(crate) refused: HashSet<usize>,
    /// Single jobs that failed.
    pub(crate) lost: HashMap<usize, Lost>,
}

/// How the job of an element failed.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) reason: String,
    /// Times its content was sent once more before it was given up.
    pub(crate) repeated: u64,
}

/// Content after it was moved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved {
    pub(crate) outcome: copy::Outcome,
    /// What it is stored as, where that showed only on the way.
    pub(crate) measured: Option<Descriptor>,
    /// Whether an image lacks some of its platforms there.
    pub(crate) is_part: bool,
    /// The manifest of an image that is stored with its name.
    pub(crate) root: Option<Manifest>,
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
        below: match options.existing {
            Existing::Enforce => copy::Below::AskedFor,
            Existing::Fail | Existing::Skip | Existing::Overwrite => copy::Below::Believed,
        },
        pace: options.pace.clone(),
        ..copy::Options::default()
    };
    assume_absent(prepared, &how.session);
    let held = &Held::new();
    let mut moving = stream::iter(groups)
        .map(|group| async move {
            let moved = move_group(prepared, &group, how, held).await;
            (group, moved)
        })
        .buffer_unordered(options.concurrency.max(1));
    let mut stopped = std::pin::pin!(options.stop.stopped());
    loop {
        let next = tokio::select! {
            next = moving.next() => next,
            () = &mut stopped => {
                done.stop(prepared);
                break;
            }
            () = held.grows_old() => {
                held.store(prepared, &mut done).await;
                continue;
            }
        };
        let Some((group, results)) = next else { break };
        for (position, result) in group.iter().zip(results) {
            match result {
                Ok(moved) => done.moved[*position] = Some(moved),
                Err(error) => done.fail(&prepared.jobs[*position], *position, error),
            }
        }
        held.came_late(prepared, &group, &mut done).await;
        if done.is_over(prepared) {
            break;
        }
    }
    drop(moving);
    if done.stray.is_none() && !options.stop.is_stopped() {
        publish_all(prepared, options, &mut done).await;
    }
    done
}

impl Done {
    pub(crate) fn fail(&mut self, job: &Job, position: usize, error: Error) {
        let repeated = if let Error::Element { source, .. } = &error { source.repeated() } else { 0 };
        self.lost.insert(position, Lost { reason: error.to_string(), repeated });
        match job.targets.as_slice() {
            [] => self.stray = Some(error),
            [first, others @ ..] => {
                for target in others {
                    let again = Error::Target { reason: error.to_string(), hints: error.hints() };
                    self.failures.entry(*target).or_insert(again);
                }
                self.failures.entry(*first).or_insert(error);
            }
        }
    }

    /// Gives up all targets that have not failed: somebody does not want to wait for them.
    fn stop(&mut self, prepared: &Prepared) {
        for target in 0..prepared.targets.len() {
            self.failures.entry(target).or_insert_with(Stop::error);
        }
        if prepared.targets.is_empty() {
            self.stray = Some(Stop::error());
        }
    }

    /// Jobs, each with what was moved for it.
    fn of_jobs<'a>(
        &'a self,
        prepared: &'a Prepared,
        wanted: impl Fn(&Job) -> bool + 'a,
    ) -> impl Iterator<Item = Named<'a>> + 'a {
        let jobs = prepared.jobs.iter().zip(&self.moved).enumerate();
        jobs.map(|(position, (job, moved))| (position, job, moved.as_ref())).filter(move |(_, job, _)| wanted(job))
    }

    /// Whether anything was moved into a target.
    fn has_sent(&self, prepared: &Prepared, target: usize) -> bool {
        let mut jobs = self.of_jobs(prepared, |job| job.targets.contains(&target));
        jobs.any(|(_, _, moved)| moved.is_some_and(|moved| moved.outcome.sent > 0))
    }

    /// Whether nothing is left that could succeed.
    fn is_over(&self, prepared: &Prepared) -> bool {
        let lost = |(position, target): (usize, &crate::work::Target)| {
            target.failure.is_some() || self.failures.contains_key(&position)
        };
        self.stray.is_some() || (!prepared.targets.is_empty() && prepared.targets.iter().enumerate().all(lost))
    }
}

/// A name that is free is hardly that of an image which is there: the first look at the name is enough.
fn assume_absent(prepared: &Prepared, session: &copy::Session) {
    for job in prepared.jobs.iter().filter(|job| job.is_needed) {
        if let (Some(Resolved { there: None, .. }), Some(root)) = (&job.found, job.content.root()) {
            session.assume_absent(job.place.home(), root.digest.clone());
        }
    }
}

/// Moves one content to all places that want it.
async fn move_group(prepared: &Prepared, group: &[usize], how: &copy::Options, held: &Held) -> Vec<Result<Moved>> {
    let jobs: Vec<&Job> = group.iter().map(|position| &prepared.jobs[*position]).collect();
    let items: Vec<Item> = jobs.iter().map(|job| item(prepared, &job.name, "copy", &job.targets)).collect();
    for item in &items {
        how.observer.started(item);
    }
    let moved = move_content(&jobs, how, held).await;
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

fn item(prepared: &Prepared, name: &str, action: &str, targets: &[usize]) -> Item {
    let addresses = targets.iter().map(|target| prepared.targets[*target].repository.address());
    let target = (prepared.targets.len() > 1 && !targets.is_empty()).then(|| addresses.collect::<Vec<_>>().join(", "));
    Item { name: name.to_owned(), action: action.to_owned(), target, bytes: None }
}

async fn move_content(jobs: &[&Job], how: &copy::Options, held: &Held) -> Vec<ocm_oci::Result<Moved>> {
    let Some(first) = jobs.first() else { return Vec::new() };
    let (source, wanted) = match &first.content.place {
        Place::Stored(source, stored) => (source, stored),
        Place::Loose(blob) => return move_loose(blob, jobs, how).await,
    };
    let places: Vec<Arc<dyn Repository>> = jobs.iter().map(|job| job.place.clone()).collect();
    let blobs = match wanted {
        LocalContent::Manifest(root) => {
            let how = copy::Options { root: held.who_stores(jobs), ..how.clone() };
            let copied = copy::graph_to(source, &places, root, &how).await;
            let moved = copied.into_iter().map(|copied| copied.map(|copied| Moved::graph(copied, root)));
            return moved.inspect(|moved| held.add(moved.as_ref().ok())).collect();
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
        let is_part = copied.form != copy::Form::Whole;
        Self { outcome: copied.outcome, measured, is_part, root: copied.manifest }
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
                copied.map(|outcome| Moved { outcome, measured: Some(stored.clone()), ..Moved::default() })
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
    let pushed = job.place.push_blob(&observed).await;
    let (stored, how) = pushed.map_err(|error| error.after(observed.repeats()))?;
    let stored = Descriptor { media_type: job.content.media_type.clone(), ..stored };
    let mut outcome = copy::Outcome { repeated: observed.repeats(), ..copy::Outcome::default() };
    if how == ocm_oci::Pushed::Sent {
        outcome.sent = 1;
        outcome.sent_bytes = stored.size;
    } else {
        outcome.present = 1;
    }
    Ok(Moved { outcome, measured: Some(stored), ..Moved::default() })
}

/// Stages and publishes the component versions of each target of which nothing has failed.
async fn publish_all(prepared: &Prepared, options: &Options, done: &mut Done) {
    let names = Names::default();
    for (position, target) in prepared.targets.iter().enumerate() {
        if target.failure.is_some() || done.failures.contains_key(&position) {
            continue;
        }
        if options.stop.is_stopped() {
            done.failures.insert(position, Stop::error());
            continue;
        }
        if let Err(error) = publish(prepared, position, options, done, &names).await {
            done.failures.insert(position, error);
        }
    }
    // Images that a document wants to be stored for their own sake.
    let stray = done.of_jobs(prepared, |job| job.targets.is_empty());
    if let Err((position, error)) = names.give(stray, options).await {
        done.fail(&prepared.jobs[position], position, error);
    }
}

async fn publish(prepared: &Prepared, target: usize, options: &Options, done: &mut Done, names: &Names) -> Result<()> {
    let mine = prepared.versions.iter().enumerate().filter(|(_, version)| version.target == target);
    let so_far: &Done = done;
    let staged: Vec<(usize, Result<Option<Staged>>)> = stream::iter(mine)
        .map(|(position, version)| async move { (position, stage(prepared, version, options, so_far).await) })
        .buffered(options.concurrency.max(1))
        .collect()
        .await;
    let (mut positions, mut roots, mut failure) = (Vec::new(), Vec::new(), None);
    for (position, staged) in staged {
        match staged {
            Ok(Some(root)) => {
                positions.push(position);
                roots.push(root);
            }
            Ok(None) => {}
            Err(error) => {
                done.refused.insert(position);
                failure.get_or_insert(error);
            }
        }
    }
    let ended = |position: usize, outcome: Outcome| {
        options.observer.ended(&item(prepared, &prepared.versions[position].name, "transfer", &[target]), outcome);
    };
    let visible = Mutex::new(HashSet::new());
    let is_visible = |number: usize| {
        ended(positions[number], Outcome::Completed);
        visible.lock().unwrap_or_else(PoisonError::into_inner).insert(positions[number]);
    };
    // An image that others find by its name comes before the component version that says so.
    let named = match failure {
        Some(error) => Err(error),
        None => {
            let mine = done.of_jobs(prepared, |job| job.targets.contains(&target));
            names.give(mine, options).await.map_err(|(_, error)| error)
        }
    };
    let repository = &prepared.targets[target].repository;
    let comes_one_by_one = named.is_ok() && repository.content("").location().is_some();
    let published = match named {
        Ok(()) if !roots.is_empty() || done.has_sent(prepared, target) => {
            repository.publish_each(roots, &is_visible).await.map_err(|error| error.on("target").into())
        }
        named => named,
    };
    let visible = visible.into_inner().unwrap_or_else(PoisonError::into_inner);
    positions
        .iter()
        .filter(|position| !visible.contains(position))
        .for_each(|position| ended(*position, Outcome::Failed));
    if published.is_err() && comes_one_by_one {
        // The one behind the last is where it ended.
        done.refused.extend(positions.get(visible.len()));
    }
    done.visible.extend(visible);
    published
}

async fn stage(prepared: &Prepared, version: &Version, options: &Options, done: &Done) -> Result<Option<Staged>> {
    let item = item(prepared, &version.name, "transfer", &[version.target]);
    if !version.is_stored() || version.is_there {
        options.observer.ended(&item, Outcome::Present);
        return Ok(None);
    }
    options.observer.started(&item);
    let mut new = Cow::Borrowed(&version.new);
    let mut moved = version.elements.iter().filter_map(|(_, job)| done.moved[(*job)?].as_ref());
    // What a target keeps says already what it is part of, and has no more platforms than before.
    if new.annotations.is_empty() && moved.any(|moved| moved.is_part) {
        let part = match version.part.clone() {
            Some(part) => part.limited(options),
            None => {
                if options.platforms.is_empty() {
                    options.observer.warned(&format!(
                        "{}: the source lacks some of what its images list, and so does the target now; ocm check cv says what",
                        version.name
                    ));
                }
                Part::new(&new.descriptor, options)?
            }
        };
        new.to_mut().annotations = part.annotations();
    }
    for (plan, job) in &version.elements {
        let Some(position) = *job else { continue };
        let measured = done.moved[position].as_ref().and_then(|moved| moved.measured.clone());
        if let Some(stored) = measured {
            let job = &prepared.jobs[position];
            let changes_digest = settle_digest(new.to_mut(), plan, job, stored);
            if changes_digest && let Some(what) = relies_on_digest(prepared, version, |_| true) {
                options.observer.ended(&item, Outcome::Failed);
                return Err(Error::Derived { element: job.subject(), version: version.name.clone(), what });
            }
        }
    }
    let staged = prepared.targets[version.target].repository.stage(&new).await;
    if staged.is_err() {
        options.observer.ended(&item, Outcome::Failed);
    }
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

/// What would break if a component version got another digest: its signatures, or a reference that records its digest, in one of
/// those that count.
pub(crate) fn relies_on_digest(
    prepared: &Prepared,
    version: &Version,
    counts: impl Fn(&Version) -> bool,
) -> Option<String> {
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
    let others = prepared.versions.iter().filter(|other| other.target == version.target && counts(other));
    others.into_iter().find(refers).map(|other| format!("the reference of {}", other.name))
}
