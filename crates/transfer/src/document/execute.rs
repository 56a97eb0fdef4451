use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_blob::{Item, Outcome};
use ocm_oci::{Selector, copy};
use ocm_repository::{LocalContent, Staged};

use super::prepare::{Job, Prepared, Version, by_target};
use crate::execute::mountable;
use crate::{ElementAction, ElementReport, Error, Options, Report, Result, Totals, VersionAction, VersionReport};

/// Does what a document says.
///
/// # Guarantees
/// Content comes first, component versions become visible last and in the order of the document. If anything fails before
/// the first of them is published, none has become visible.
pub async fn execute(prepared: &Prepared, options: &Options) -> Result<Report> {
    let moved: Vec<copy::Outcome> = stream::iter(&prepared.jobs)
        .map(|job| observed(&job.name, "copy", options, carry_out(job, options), |outcome| outcome.sent == 0))
        .buffered(options.concurrency.max(1))
        .try_collect()
        .await?;
    let staged: Vec<Option<Staged>> = stream::iter(&prepared.versions)
        .map(|version| observed(&version.name, "transfer", options, stage(version), Option::is_none))
        .buffered(options.concurrency.max(1))
        .try_collect()
        .await?;
    for group in by_target(&prepared.versions) {
        let ready: Vec<Staged> = group.iter().filter_map(|position| staged[*position].clone()).collect();
        if let (false, Some(first)) = (ready.is_empty(), group.first()) {
            prepared.versions[*first].target.publish(&ready).await?;
        }
    }
    Ok(report(prepared, &moved))
}

async fn observed<T>(
    name: &str,
    action: &str,
    options: &Options,
    work: impl Future<Output = Result<T>>,
    is_present: impl Fn(&T) -> bool,
) -> Result<T> {
    let item = Item { name: name.to_owned(), action: action.to_owned(), bytes: None };
    options.observer.started(&item);
    let result = work.await;
    let outcome = match &result {
        Ok(done) if is_present(done) => Outcome::Present,
        Ok(_) => Outcome::Completed,
        Err(_) => Outcome::Failed,
    };
    options.observer.ended(&item, outcome);
    result
}

async fn carry_out(job: &Job, options: &Options) -> Result<copy::Outcome> {
    if !job.is_needed {
        return Ok(copy::Outcome::default());
    }
    let fail = |source: ocm_oci::Error| Error::Element {
        element: format!("{} {}", job.element.noun(), job.identity),
        version: job.name.clone(),
        source,
    };
    store(job, options).await.map_err(fail)
}

async fn store(job: &Job, options: &Options) -> ocm_oci::Result<copy::Outcome> {
    let content = &job.content;
    let mount_from = mountable(&content.source, &job.target);
    let how = copy::Options { concurrency: 4, mount_from, observer: options.observer.clone() };
    let root = match &content.stored {
        LocalContent::Manifest(root) => root,
        LocalContent::Blob(blob) => return copy::blobs(&content.source, &job.target, vec![blob.clone()], &how).await,
        LocalContent::Parts(parts) => return copy::blobs(&content.source, &job.target, parts.clone(), &how).await,
    };
    let mut outcome = copy::graph(&content.source, &job.target, root, &how).await?;
    if let Some(tag) = &job.tag {
        let there = job.target.resolve(&Selector::Tag(tag.clone())).await?;
        if there.is_none_or(|there| there.digest != root.digest) {
            let manifest = content.source.manifest(&root.digest.clone().into()).await?;
            job.target.push_manifest(&manifest, Some(tag)).await?;
            outcome.sent += 1;
        }
    }
    Ok(outcome)
}

async fn stage(version: &Version) -> Result<Option<Staged>> {
    match version.action {
        VersionAction::Present | VersionAction::Keep => Ok(None),
        _ => Ok(Some(version.target.stage(&version.new).await?)),
    }
}

fn report(prepared: &Prepared, moved: &[copy::Outcome]) -> Report {
    let mut targets: Vec<String> = Vec::new();
    let mut totals = Totals::default();
    let mut counted: HashSet<usize> = HashSet::new();
    let mut versions = Vec::new();
    for outcome in moved {
        totals.items_moved += outcome.sent;
        totals.bytes_moved += outcome.sent_bytes;
        totals.items_present += outcome.present;
    }
    for version in &prepared.versions {
        let address = version.target.address();
        if !targets.contains(&address) {
            targets.push(address);
        }
        match version.action {
            VersionAction::Present | VersionAction::Keep => totals.versions_present += 1,
            _ => totals.versions_moved += 1,
        }
        let elements = version.elements.iter().map(|(plan, job)| {
            totals.left_by_reference += u64::from(matches!(plan.action, ElementAction::Reference { .. }));
            let bytes = job.filter(|job| counted.insert(*job)).map_or(0, |job| moved[job].sent_bytes);
            ElementReport { plan: plan.clone(), bytes }
        });
        versions.push(VersionReport {
            component: version.new.descriptor.component.name.clone(),
            version: version.new.descriptor.component.version.clone(),
            action: version.action,
            difference: None,
            elements: elements.collect(),
        });
    }
    Report { target: targets.join(", "), versions, totals }
}
