use std::collections::{BTreeMap, HashSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::execute::{Done, carry_out};
use crate::work::{Job, Prepared, Version};
use crate::{ElementAction, ElementPlan, Error, Options, VersionAction};

/// What a transfer did.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Address of the repository that received the component versions; several with commas between them.
    pub target: String,
    /// What became of each target.
    pub targets: Vec<TargetReport>,
    /// Component versions in the order of the plan.
    pub versions: Vec<VersionReport>,
    /// Names that images got besides their place in their component version, or had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub names: Vec<NameReport>,
    /// All of it in numbers.
    pub totals: Totals,
}

/// What became of one more name for an image that is stored with its component version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NameReport {
    /// The name, with the address of the registry and a tag.
    pub name: String,
    /// Digest of the manifest or index that it leads to.
    pub digest: String,
    /// Address of the repository that has the component version.
    pub target: String,
    /// The component version, `component:version`.
    pub component_version: String,
    /// Name of the resource.
    pub resource: String,
    /// Whether it leads there now.
    pub outcome: ItemOutcome,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What became of one target.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetReport {
    /// Address of the repository.
    pub address: String,
    /// Whether it has everything now.
    pub outcome: ItemOutcome,
    /// Why it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do next, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub hints: Vec<String>,
}

/// What became of one item of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ItemOutcome {
    /// It was moved.
    Transferred,
    /// It was there.
    Present,
    /// Its content stays where it is.
    Left,
    /// It failed; the reason says why.
    Failed,
    /// It is not there because something else failed.
    Skipped,
}

/// What happened to one component version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionReport {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// Address of the repository that received it.
    pub target: String,
    /// What was planned for it as a whole.
    pub action: VersionAction,
    /// What became of it.
    pub outcome: ItemOutcome,
    /// How the one that the target had differs, if it was replaced or stays in spite of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// What happened to its elements.
    pub elements: Vec<ElementReport>,
}

/// What happened to one resource or source.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ElementReport {
    /// What was planned for it.
    #[serde(flatten)]
    pub plan: ElementPlan,
    /// What became of it.
    pub outcome: ItemOutcome,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Blobs and manifests that were moved for it.
    pub blobs: u64,
    /// Bytes that were moved for it.
    pub bytes: u64,
    /// Times its content was sent, all of it or what was still missing: more than one where an upload broke off. None if
    /// nothing had to be sent.
    pub attempts: u64,
}

/// A transfer in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Component versions that were transferred, updated or replaced.
    pub versions_moved: u64,
    /// Component versions that the target had already.
    pub versions_present: u64,
    /// Component versions that are not in the target because something failed.
    pub versions_failed: u64,
    /// Blobs and manifests that were moved.
    pub items_moved: u64,
    /// Their bytes.
    pub bytes_moved: u64,
    /// Blobs and manifests that the target had already.
    pub items_present: u64,
    /// Elements whose content stays where it is.
    pub left_by_reference: u64,
}

/// Does what was prepared, and tells what became of it. What failed is given beside the report: the failure of the only
/// target as it is, else one that names the targets.
///
/// # Guarantees
/// Content comes first, then names of images, component versions become visible last and in their order, target by target. A
/// target where anything failed before that shows nothing of the transfer; the others get all of it.
pub async fn execute(prepared: &Prepared, options: &Options) -> (Report, Option<Error>) {
    let done = carry_out(prepared, options).await;
    let report = report(prepared, &done);
    (report, failure(prepared, done))
}

fn failure(prepared: &Prepared, mut done: Done) -> Option<Error> {
    if done.stray.is_some() {
        return done.stray;
    }
    if prepared.targets.len() == 1 {
        return done.failures.remove(&0);
    }
    prepared.lost(&done.failures)
}

impl Prepared {
    /// What keeps some of several targets from getting anything, found out before anything was moved.
    pub fn failure(&self) -> Option<Error> {
        self.lost(&BTreeMap::new())
    }

    fn lost(&self, failures: &BTreeMap<usize, Error>) -> Option<Error> {
        let (mut failed, mut hints) = (Vec::new(), Vec::new());
        for (position, target) in self.targets.iter().enumerate() {
            let address = target_name(self, position);
            if let Some(error) = target.failure.as_ref().or_else(|| failures.get(&position)) {
                let error_text = error.to_string();
                let is_named = error_text.starts_with(&address);
                failed.push(if is_named { error_text } else { format!("{address}: {error_text}") });
                hints.extend(error.hints().into_iter().filter(|hint| !hints.contains(hint)).collect::<Vec<_>>());
            }
        }
        (!failed.is_empty()).then(|| Error::Targets { failed, of: self.targets.len(), hints })
    }
}

/// The address of a target, or what it was called where it could not be opened.
fn target_name(prepared: &Prepared, position: usize) -> String {
    match prepared.targets.get(position) {
        Some(target) if target.is_open => target.repository.address(),
        Some(target) => target.key.clone(),
        None => String::new(),
    }
}

fn report(prepared: &Prepared, done: &Done) -> Report {
    let mut totals = Totals::default();
    for moved in done.moved.iter().flatten() {
        totals.items_moved += moved.outcome.sent;
        totals.bytes_moved += moved.outcome.sent_bytes;
        totals.items_present += moved.outcome.present;
    }
    let failed = |position: usize| {
        let target = prepared.targets.get(position).and_then(|target| target.failure.as_ref());
        target.or_else(|| done.failures.get(&position)).or(done.stray.as_ref())
    };
    let names = names(prepared, done, |target| failed(target).is_some());
    let targets: Vec<TargetReport> = (0..prepared.targets.len())
        .map(|position| {
            let failure = failed(position);
            let reason = failure.map(ToString::to_string);
            let outcome = match &reason {
                Some(_) => ItemOutcome::Failed,
                None if has_new_names(prepared, done, position)
                    || prepared
                        .versions
                        .iter()
                        .any(|version| version.target == position && is_touched(version, done)) =>
                {
                    ItemOutcome::Transferred
                }
                None => ItemOutcome::Present,
            };
            let hints = failure.map(Error::hints).unwrap_or_default();
            TargetReport { address: target_name(prepared, position), outcome, reason, hints }
        })
        .collect();
    let mut counted = HashSet::new();
    let mut versions = Vec::with_capacity(prepared.versions.len());
    for (position, version) in prepared.versions.iter().enumerate() {
        let outcome = match (failed(version.target).is_some(), is_touched(version, done)) {
            (_, false) => ItemOutcome::Present,
            (true, true) if done.visible.contains(&position) => ItemOutcome::Transferred,
            (true, true) if done.refused.contains(&position) => ItemOutcome::Failed,
            (true, true) => ItemOutcome::Skipped,
            (false, true) => ItemOutcome::Transferred,
        };
        match outcome {
            ItemOutcome::Present => totals.versions_present += 1,
            ItemOutcome::Transferred => totals.versions_moved += 1,
            _ => totals.versions_failed += 1,
        }
        let elements: Vec<ElementReport> = version
            .elements
            .iter()
            .map(|(plan, job)| element(plan, *job, done, &mut counted))
            .inspect(|element| totals.left_by_reference += u64::from(element.outcome == ItemOutcome::Left))
            .collect();
        versions.push(version_report(prepared, version, outcome, elements));
    }
    let target = targets.iter().map(|target| target.address.as_str()).collect::<Vec<_>>().join(", ");
    Report { target, targets, versions, names, totals }
}

/// The jobs of names beside the component versions, with their positions.
fn extra(prepared: &Prepared) -> impl Iterator<Item = (usize, &Job)> {
    prepared.jobs.iter().enumerate().filter(|(_, job)| job.is_extra)
}

fn has_new_names(prepared: &Prepared, done: &Done, target: usize) -> bool {
    extra(prepared)
        .any(|(position, job)| job.targets.contains(&target) && done.moved[position].is_some() && !job.is_named())
}

fn names(prepared: &Prepared, done: &Done, has_failed: impl Fn(usize) -> bool) -> Vec<NameReport> {
    let name = |(position, job): (usize, &Job)| {
        let target = job.targets.first().copied().unwrap_or_default();
        let lost = done.lost.get(&position);
        let moved = done.moved[position].as_ref();
        let outcome = match (lost, moved) {
            (Some(_), _) => ItemOutcome::Failed,
            (None, _) if job.is_named() => ItemOutcome::Present,
            (None, Some(_)) if !has_failed(target) => ItemOutcome::Transferred,
            _ => ItemOutcome::Skipped,
        };
        let address = job.place.location().map_or_else(|| job.place.address(), |at| at.image_name());
        let measured = moved.and_then(|moved| moved.measured.as_ref()).map(|stored| stored.digest.to_string());
        NameReport {
            name: format!("{address}:{}", job.tag.as_deref().unwrap_or_default()),
            digest: measured.unwrap_or_else(|| job.content.reference()),
            target: target_name(prepared, target),
            component_version: job.owner.clone(),
            resource: job.identity.clone(),
            outcome,
            failure: lost.map(|lost| lost.reason.clone()),
        }
    };
    extra(prepared).map(name).collect()
}

/// Whether anything of a component version is written.
fn is_touched(version: &Version, done: &Done) -> bool {
    let sent = |job: &usize| done.moved[*job].as_ref().is_none_or(|moved| moved.outcome.sent > 0);
    version.is_stored() && (!version.is_there || version.elements.iter().filter_map(|(_, job)| job.as_ref()).any(sent))
}

fn version_report(
    prepared: &Prepared,
    version: &Version,
    outcome: ItemOutcome,
    elements: Vec<ElementReport>,
) -> VersionReport {
    VersionReport {
        component: version.component().to_owned(),
        version: version.version().to_owned(),
        target: target_name(prepared, version.target),
        action: match version.action {
            // It was looked whether more is said about its images, and there was nothing.
            Some(_) if version.is_there && outcome == ItemOutcome::Present => VersionAction::Present,
            action => action.unwrap_or(VersionAction::Transfer),
        },
        outcome,
        difference: version.difference.clone(),
        elements,
    }
}

/// What became of an element. Content that several have is counted for the first one.
fn element(plan: &ElementPlan, job: Option<usize>, done: &Done, counted: &mut HashSet<usize>) -> ElementReport {
    let moved = job.and_then(|job| done.moved[job].as_ref());
    let lost = job.and_then(|job| done.lost.get(&job));
    let outcome = match (&plan.action, lost, moved) {
        (ElementAction::Reference { .. }, _, _) => ItemOutcome::Left,
        (_, Some(_), _) => ItemOutcome::Failed,
        (_, None, Some(moved)) if moved.outcome.sent == 0 => ItemOutcome::Present,
        (_, None, Some(_)) => ItemOutcome::Transferred,
        // A document may speak of content that no node of it moves.
        (_, None, None) if job.is_none() => ItemOutcome::Present,
        (_, None, None) => ItemOutcome::Skipped,
    };
    let counts = job.is_some_and(|job| counted.insert(job));
    let (blobs, bytes) =
        moved.filter(|_| counts).map_or((0, 0), |moved| (moved.outcome.sent, moved.outcome.sent_bytes));
    let attempts = match (outcome, moved) {
        (ItemOutcome::Transferred, Some(moved)) => 1 + moved.outcome.repeated,
        (ItemOutcome::Failed, _) => 1 + lost.map_or(0, |lost| lost.repeated),
        _ => 0,
    };
    let failure = lost.map(|lost| lost.reason.clone());
    ElementReport { plan: plan.clone(), outcome, failure, blobs, bytes, attempts }
}
