use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use ocm_blob::Digest;

use super::blobs::{move_blobs, only};
use super::platforms::{self, Part};
use super::run::{Run, Targets};
use super::walk::{Tree, walk};
use super::{Below, Copied, Form, Options, Outcome, Referrers, Root, referrers, sparse};
use crate::{Descriptor, Document, Error, Kind, Manifest, Pushed, Repository, Result, Selector, media_type};

/// Copies the manifest or index `root` and everything below it. The target gets it under its digest only; tags are the
/// caller's business.
///
/// # Errors
/// Names the side that failed. A graph that was partly copied when it failed is invisible: its root is pushed last.
pub async fn graph(
    source: &Arc<dyn Repository>,
    target: &Arc<dyn Repository>,
    root: &Descriptor,
    options: &Options,
) -> Result<Outcome> {
    only(graph_to(source, std::slice::from_ref(target), root, options).await).map(|copied| copied.outcome)
}

/// Copies the manifest or index `root` and everything below it to several targets. What several of them lack is read
/// from the source one time. Of an index, only the chosen platforms are copied if there are any; referrers come after
/// what they are about. The targets get the root under its digest only; tags are the caller's business.
///
/// One result for each target, in the same order: a target that fails leaves the others alone.
///
/// # Guarantees
/// Children come before their parents, so a graph that was partly copied when it failed is invisible. A root that is
/// there costs one request, an index two; one that the session knows to be absent costs none.
pub async fn graph_to(
    source: &Arc<dyn Repository>,
    targets: &[Arc<dyn Repository>],
    root: &Descriptor,
    options: &Options,
) -> Vec<Result<Copied>> {
    let run = Run::new(source, targets, options);
    let _turns = options.session.graph_turns(&run.homes, &root.digest).await;
    let mut copies: Vec<Copy> = targets.iter().map(|_| Copy::new(root)).collect();
    match copy_root(&run, root, &mut copies).await {
        Ok(met) if options.referrers == Referrers::Carry => referrers::carry(&run, root, met, &mut copies).await,
        Ok(_) => {}
        Err(error) => run.fail_source(&run.all_alive(), error),
    }
    let finished = run.finish().into_iter().zip(copies);
    finished
        .map(|(outcome, copy)| {
            let Copy { root, form, referrers, manifest } = copy;
            outcome.map(|outcome| Copied { root, form, referrers, manifest, outcome })
        })
        .collect()
}

/// What stands for the root in one target.
pub(super) struct Copy {
    pub(super) root: Descriptor,
    pub(super) form: Form,
    pub(super) referrers: u64,
    /// The root, for whoever is to store it.
    manifest: Option<Manifest>,
}

impl Copy {
    fn new(root: &Descriptor) -> Self {
        Self { root: root.clone(), form: Form::Whole, referrers: 0, manifest: None }
    }
}

/// Copies the root and what is below it; returns every manifest that was met on the way.
async fn copy_root(run: &Run<'_>, root: &Descriptor, copies: &mut [Copy]) -> Result<Vec<Digest>> {
    let asked = join_all(run.all_alive().into_iter().map(|target| is_complete(run, target, root))).await;
    let mut lacking: Targets = asked.into_iter().flatten().collect();
    let carries = run.options.referrers == Referrers::Carry;
    let is_index = media_type::is_index(&root.media_type);
    if lacking.is_empty() && !(carries && is_index) {
        return Ok(vec![root.digest.clone()]);
    }
    let part = match run.options.platforms.as_slice() {
        wanted if is_index && !wanted.is_empty() => {
            platforms::choose(&run.source.manifest(&Selector::Digest(root.digest.clone())).await?, wanted)?
        }
        _ => None,
    };
    if let Some(part) = part.as_ref().filter(|_| run.options.below == Below::Believed) {
        for target in lacking.clone() {
            if has_derived(run, target, part, &mut copies[target]).await != Some(false) {
                lacking.remove(&target);
            }
        }
    }
    let left_out = part.as_ref().map(|part| part.left_out.as_slice()).unwrap_or_default();
    let mut tree = walk(run, root, &lacking, left_out).await?;
    move_blobs(run, std::mem::take(&mut tree.blobs)).await;
    let top = tree.manifests.pop();
    push_all(run, &tree, true).await;
    if let Some((manifest, targets)) = top {
        for target in run.alive(&targets) {
            let absent = tree.absent.iter().filter(|(_, targets)| targets.contains(&target));
            let absent: Vec<&Digest> = absent.map(|(digest, _)| digest).collect();
            if let (Some(_), Some(chosen)) = (&part, absent.first()) {
                let subject = format!("{}@{chosen}", run.source.address());
                let (chosen, _) = platforms_of(&manifest, std::slice::from_ref(*chosen));
                let reason = format!("{chosen} was chosen, but the index is stored here without it");
                let reason = reason.trim_start();
                let error = Error::new(Kind::NotFound, subject, reason);
                run.fail_source(&Targets::from([target]), error);
                continue;
            }
            let left_out: Vec<_> = left_out.iter().chain(absent).cloned().collect();
            let derived = part.as_ref().map(|part| &part.derived);
            push_root(run, target, &manifest, &left_out, derived, &mut copies[target]).await;
        }
    }
    Ok(tree.met)
}

/// The target, if it lacks the root or some of what that lists.
async fn is_complete(run: &Run<'_>, target: usize, root: &Descriptor) -> Option<usize> {
    let (session, home) = (&run.options.session, &run.homes[target]);
    if session.has_graph(home, &root.digest) {
        run.count(target, root.size, Pushed::Present);
        return None;
    }
    if session.lacks_graph(home, &root.digest) {
        return Some(target);
    }
    if run.options.below == Below::AskedFor {
        return Some(target);
    }
    let repository = &run.targets[target];
    let found = run.at(target, repository.resolve(&root.digest.clone().into()).await)?;
    let Some(found) = found else { return Some(target) };
    if media_type::is_index(&found.media_type)
        && run.at(target, sparse::is_marked(repository, run.source, &found.digest).await)?
    {
        return Some(target);
    }
    session.graph_is_complete(home, &root.digest);
    run.count(target, root.size, Pushed::Present);
    None
}

/// Whether a target has the index of the chosen platforms from an earlier copy; `None` if it was given up.
async fn has_derived(run: &Run<'_>, target: usize, part: &Part, copy: &mut Copy) -> Option<bool> {
    let found = run.targets[target].resolve(&part.derived.digest().clone().into()).await;
    let is_there = run.at(target, found)?.is_some();
    if is_there {
        run.count(target, part.derived.bytes().len() as u64, Pushed::Present);
        (copy.root, copy.form) = (part.derived.descriptor(), Form::Derived);
    }
    Some(is_there)
}

/// Stores the root. An index that does not come as a whole stays as it is where the target takes that; else it gives
/// way to the one that lists what was chosen.
async fn push_root(
    run: &Run<'_>,
    target: usize,
    root: &Manifest,
    left_out: &[Digest],
    derived: Option<&Manifest>,
    copy: &mut Copy,
) {
    if left_out.is_empty() {
        finish(run, target, root, copy).await;
        return;
    }
    match (run.at(target, sparse::push(run, target, root, left_out).await), derived) {
        (Some(true), _) => copy.form = Form::Sparse,
        (Some(false), Some(derived)) => {
            if finish(run, target, derived, copy).await.is_some() {
                (copy.root, copy.form) = (derived.descriptor(), Form::Derived);
            }
        }
        (Some(false), None) => {
            let more = match left_out.len() {
                0 | 1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let missing = left_out.first().map(ToString::to_string).unwrap_or_default();
            let (lacking, choice) = match platforms_of(root, left_out) {
                (lacking, there) if there.is_empty() => (lacking, String::new()),
                (lacking, there) => (lacking, format!(": --platform {there}")),
            };
            let lacking = if lacking.is_empty() { lacking } else { format!(" ({lacking})") };
            let reason = format!(
                "does not have {missing}{more} that the index lists{lacking}, and {} takes no index without; choose the \
                 platforms to copy{choice}",
                run.targets[target].address(),
            );
            let subject = format!("{}@{}", run.source.address(), root.digest());
            run.fail_source(&Targets::from([target]), Error::new(Kind::NotFound, subject, reason));
        }
        (None, _) => {}
    }
}

/// The platforms of some rows of an index, and those of the others.
fn platforms_of(index: &Manifest, rows: &[Digest]) -> (String, String) {
    let manifests = match index.document() {
        Ok(Document::Index(index)) => index.manifests,
        _ => Vec::new(),
    };
    let (these, others): (Vec<_>, Vec<_>) = manifests.into_iter().partition(|row| rows.contains(&row.digest));
    let list = |rows: Vec<Descriptor>| {
        let platforms: BTreeSet<String> = rows.iter().filter_map(platforms::platform_of).collect();
        platforms.into_iter().collect::<Vec<_>>().join(",")
    };
    (list(these), list(others))
}

/// Stores what stands for the root, or hands it back; `None` if the target was given up.
async fn finish(run: &Run<'_>, target: usize, root: &Manifest, copy: &mut Copy) -> Option<()> {
    if run.options.root == Root::HandBack {
        copy.manifest = Some(root.clone());
        if run.options.referrers == Referrers::Leave {
            // Several that want the same image in the same place store it once.
            if run.options.session.hands_back(&run.homes[target], root.digest()) {
                count(run, target, root);
            } else {
                run.count(target, root.bytes().len() as u64, Pushed::Present);
            }
            return Some(());
        }
    }
    run.at(target, push_manifest(run, target, root).await)
}

/// Stores the manifests of a tree in all targets that lack them.
pub(super) async fn push_manifests(run: &Run<'_>, tree: &Tree) {
    push_all(run, tree, false).await;
}

/// The same; with `in_turn`, a copy of which one of them is the root is waited for. Only what is below a root may wait for
/// others that way: manifests cannot contain each other, so nobody waits for ever. What refers to a root may list anything.
async fn push_all(run: &Run<'_>, tree: &Tree, in_turn: bool) {
    let all = run.all_alive();
    let targets = all.into_iter().map(|target| async move {
        for (manifest, _) in tree.manifests.iter().filter(|(_, targets)| targets.contains(&target)) {
            if run.alive(&Targets::from([target])).is_empty() {
                return;
            }
            let homes = if in_turn { std::slice::from_ref(&run.homes[target]) } else { &[] };
            let _turn = run.options.session.graph_turns(homes, manifest.digest()).await;
            if run.at(target, push_manifest(run, target, manifest).await).is_none() {
                return;
            }
        }
    });
    join_all(targets).await;
}

/// Stores a manifest that is there with all it lists.
pub(super) async fn push_manifest(run: &Run<'_>, target: usize, manifest: &Manifest) -> Result<()> {
    let (session, home) = (&run.options.session, &run.homes[target]);
    // Another copy may have been faster since this one looked: images for several platforms share those of one.
    if session.has_graph(home, manifest.digest()) {
        run.count(target, manifest.bytes().len() as u64, Pushed::Present);
        return Ok(());
    }
    let repository = &run.targets[target];
    // An archive that lists a manifest and has lost its file says so with an error; storing it mends that.
    let is_there = run.options.below == Below::AskedFor
        && matches!(repository.resolve(&Selector::Digest(manifest.digest().clone())).await, Ok(Some(_)));
    if is_there {
        run.count(target, manifest.bytes().len() as u64, Pushed::Present);
    } else {
        repository.push_manifest(manifest, None).await?;
        count(run, target, manifest);
    }
    session.graph_is_complete(home, manifest.digest());
    Ok(())
}

fn count(run: &Run<'_>, target: usize, manifest: &Manifest) {
    let size = manifest.bytes().len() as u64;
    run.count(target, size, Pushed::Sent);
    run.options.observer.moved(size);
}
