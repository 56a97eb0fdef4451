use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};

use super::run::{Run, Targets};
use super::session::{Claim, Turn};
use super::source_blob::SourceBlob;
use super::tee::{Patience, Tee};
use super::{Options, Outcome};
use crate::{Descriptor, Document, Error, Pushed, Repository, Result, StoredBlob};

/// Copies blobs, each digest once.
///
/// # Errors
/// Names the side that failed.
pub async fn blobs(
    source: &Arc<dyn Repository>,
    target: &Arc<dyn Repository>,
    wanted: Vec<Descriptor>,
    options: &Options,
) -> Result<Outcome> {
    only(blobs_to(source, std::slice::from_ref(target), wanted, options).await)
}

/// Copies blobs to several targets, each digest once. What several of them lack is read from the source one time.
///
/// One outcome for each target, in the same order: a target that fails leaves the others alone.
pub async fn blobs_to(
    source: &Arc<dyn Repository>,
    targets: &[Arc<dyn Repository>],
    wanted: Vec<Descriptor>,
    options: &Options,
) -> Vec<Result<Outcome>> {
    let run = Run::new(source, targets, options);
    let all = run.all_alive();
    let wanted = wanted.into_iter().map(|blob| (blob, all.clone())).collect();
    move_blobs(&run, wanted).await;
    run.finish()
}

/// The one result there is.
pub(super) fn only<T>(mut results: Vec<Result<T>>) -> Result<T> {
    results.pop().unwrap_or_else(|| Err(Error::invalid("copy", "there is no target")))
}

/// Blobs that some targets may lack, each with those targets. The same blob may be listed more than once.
pub(super) async fn move_blobs(run: &Run<'_>, listed: Vec<(Descriptor, Targets)>) {
    let mut positions: HashMap<_, usize> = HashMap::new();
    let mut wanted: Vec<(Descriptor, Targets)> = Vec::new();
    for (blob, targets) in listed {
        match positions.get(&blob.digest) {
            Some(position) => wanted[*position].1.extend(targets),
            None => {
                positions.insert(blob.digest.clone(), wanted.len());
                wanted.push((blob, targets));
            }
        }
    }
    // Half of them ask, or wait until what they have sent is stored, while the content of the others moves.
    let mut concurrency = run.options.concurrency.max(1) * 2;
    if wanted.iter().any(|(blob, _)| run.source.position(&blob.digest).is_some()) {
        wanted.sort_by_key(|(blob, _)| run.source.position(&blob.digest));
        concurrency = 1;
    }
    let moving = wanted.into_iter().map(|(blob, targets)| move_blob(run, blob, targets));
    let mut moving = stream::iter(moving).buffer_unordered(concurrency);
    while moving.next().await.is_some() {
        // Nobody waits for the rest.
        if run.all_alive().is_empty() {
            return;
        }
    }
}

async fn move_blob(run: &Run<'_>, blob: Descriptor, targets: Targets) {
    let mut open = targets;
    loop {
        open = run.alive(&open);
        let (mut granted, mut taken) = (Vec::new(), Vec::new());
        for target in std::mem::take(&mut open) {
            match run.options.session.claim(&run.homes[target], &blob.digest) {
                Claim::Present => run.count(target, blob.size, Pushed::Present),
                Claim::Granted(turn) => granted.push((target, turn)),
                Claim::Taken(turn) => {
                    open.insert(target);
                    taken.push(turn);
                }
            }
        }
        let settled = join_all(granted.into_iter().map(|(target, turn)| mount(run, &blob, target, turn))).await;
        push(run, &blob, settled.into_iter().flatten().collect()).await;
        if open.is_empty() {
            return;
        }
        // Only now, with no turn in hand: two copies must not wait for each other.
        for turn in taken {
            turn.end().await;
        }
    }
}

/// Takes a blob over from another repository of the same place: the source, or one that got it in the same session. Gives
/// the turn back if it has to be sent.
async fn mount(run: &Run<'_>, blob: &Descriptor, target: usize, turn: Turn) -> Option<(usize, Turn)> {
    let (home, source) = (&run.homes[target], run.source.home());
    let own = (source.place == home.place && source.name != home.name).then_some(source.name);
    let from = own.or_else(|| turn.elsewhere.clone());
    let Some(from) = from else { return Some((target, turn)) };
    if run.at(target, run.targets[target].mount(&blob.digest, &from).await)? {
        done(run, blob, target, Pushed::Mounted);
        return None;
    }
    Some((target, turn))
}

fn done(run: &Run<'_>, blob: &Descriptor, target: usize, how: Pushed) {
    run.options.session.has_blob(&run.homes[target], &blob.digest);
    run.count(target, blob.size, how);
}

/// Sends a blob to all targets whose turn it is, from one reading.
async fn push(run: &Run<'_>, blob: &Descriptor, turns: Vec<(usize, Turn)>) {
    let stored = StoredBlob::new(run.source.clone(), blob.clone());
    let content = SourceBlob::new(stored, run.options.observer.clone(), run.pace(), run.reads.clone());
    let finish = |target: usize, pushed: Result<(Descriptor, Pushed)>, source_failed: Option<Error>| match pushed {
        Ok((_, how)) => done(run, blob, target, how),
        // A source that broke off shows as a failed push; the person must look at the other side.
        Err(error) => match source_failed {
            Some(error) => run.fail_source(&Targets::from([target]), error),
            None => run.fail(target, error),
        },
    };
    match turns.as_slice() {
        [] => {}
        [(target, _)] => {
            let pushed = run.targets[*target].push_blob(&content).await;
            run.repeated(*target, content.repeats());
            finish(*target, pushed, content.failure().take());
        }
        several => {
            let _read = run.options.session.shared_read().await;
            // A place on this machine relies on the one verified reading; a registry compares the digest itself.
            let patience: Vec<Patience> = several
                .iter()
                .map(|(target, _)| match run.targets[*target].location() {
                    Some(_) => Patience::Limited,
                    None => Patience::Endless,
                })
                .collect();
            let tee = Arc::new(Tee::new(content, several.len()));
            let pushes = several.iter().zip(&patience).enumerate().map(|(seat, ((target, _), patience))| {
                let share = tee.share(seat, *patience);
                async move {
                    let pushed = run.targets[*target].push_blob(&share).await;
                    run.repeated(*target, share.repeats());
                    finish(*target, pushed, share.failure().take());
                }
            });
            futures_util::future::join(tee.run(&patience), join_all(pushes)).await;
        }
    }
}

/// The blobs of an image that go wherever its manifest goes: all but non-distributable layers that have an address of
/// their own or are not in the source either.
pub(crate) async fn carried(source: &Arc<dyn Repository>, document: &Document) -> Result<Vec<Descriptor>> {
    let mut carried = Vec::new();
    for blob in document.blobs() {
        let left = blob.is_non_distributable() && (blob.has_urls() || source.blob_size(&blob.digest).await?.is_none());
        if !left {
            carried.push(blob.clone());
        }
    }
    Ok(carried)
}
