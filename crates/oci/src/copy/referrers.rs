//! What others say about manifests: signatures, lists of contents, attestations.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use ocm_blob::Digest;

use super::Form;
use super::blobs::move_blobs;
use super::graph::{Copy, push_manifests};
use super::run::{Run, Targets};
use super::walk::{Tree, walk};
use crate::reference::referrers_tag;
use crate::{Descriptor, Document, Error, Kind, Manifest, Pushed, Repository, Result, Selector, media_type};

/// Referrers of referrers of referrers: a signature of a list of contents is two levels deep.
const MAX_DEPTH: usize = 8;

/// Referrers of one graph beyond which it is refused.
const MAX_REFERRERS: usize = 10_000;

/// Ends of the tags under which cosign stores what it says about a manifest.
const COSIGN: [&str; 3] = ["sig", "att", "sbom"];

/// What a repository has to say about one manifest.
#[derive(Default)]
pub struct Attached {
    /// Manifests that name it as their subject.
    pub referrers: Vec<Descriptor>,
    /// Manifests under a tag made of its digest, as cosign stores them.
    pub tagged: Vec<(String, Descriptor)>,
}

impl Attached {
    /// Asks a repository.
    ///
    /// # Errors
    /// The repository cannot be asked. One that knows no referrers has none.
    pub async fn of(repository: &dyn Repository, subject: &Digest) -> Result<Self> {
        let referrers = match repository.referrers(subject).await {
            Ok(referrers) => referrers,
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Unsupported) => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut tagged = Vec::new();
        for end in COSIGN {
            let tag = format!("{}.{end}", referrers_tag(subject));
            if let Some(found) = repository.resolve(&Selector::Tag(tag.clone())).await? {
                tagged.push((tag, found));
            }
        }
        Ok(Self { referrers, tagged })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.referrers.len() + self.tagged.len()
    }
}

/// What says something about one manifest.
struct Statements {
    subject: Digest,
    /// Targets that have the subject.
    targets: Targets,
    attached: Attached,
}

impl Statements {
    /// Tells which targets have nothing to attach this to: an index of fewer platforms took the place of its subject.
    fn stay_behind(&self, run: &Run<'_>, targets: &Targets) {
        let count = self.attached.count();
        if count == 0 {
            return;
        }
        let places: Vec<_> = targets.iter().map(|target| run.targets[*target].address()).collect();
        run.options.observer.warned(&format!(
            "{count} statement(s) about {} stay behind: {} has an index of the chosen platforms in its place",
            self.subject,
            places.join(", ")
        ));
    }
}

/// Copies everything that is said about `met`, and about that in turn, each after its subject.
pub(super) async fn carry(run: &Run<'_>, root: &Descriptor, met: Vec<Digest>, copies: &mut [Copy]) {
    let mut seen: HashSet<Digest> = met.iter().cloned().collect();
    let mut level = met;
    for _ in 0..MAX_DEPTH {
        let alive = run.all_alive();
        if level.is_empty() || alive.is_empty() {
            return;
        }
        let is_derived = |target: &usize| copies[*target].form == Form::Derived;
        // An index that was made anew is another one, about which nobody has said anything.
        let (derived, original): (Targets, Targets) = alive.iter().partition(|target| is_derived(target));
        let asked = std::mem::take(&mut level).into_iter().map(|subject| statements(run, subject, alive.clone()));
        let found: Vec<Result<Statements>> =
            stream::iter(asked).buffered(run.options.concurrency.max(1)).collect().await;
        for mut statements in found {
            if let Ok(about_root) = &mut statements
                && about_root.subject == root.digest
                && !derived.is_empty()
            {
                about_root.stay_behind(run, &derived);
                about_root.targets.clone_from(&original);
            }
            let copied = match statements {
                Ok(statements) if statements.targets.is_empty() => continue,
                Ok(statements) => copy_statements(run, statements, &mut seen, copies).await,
                Err(error) => Err(error),
            };
            match copied {
                Ok(more) => level.extend(more),
                Err(error) => return run.fail_source(&run.all_alive(), error),
            }
            if seen.len() > MAX_REFERRERS {
                let reason = format!("more than {MAX_REFERRERS} manifests say something about it");
                return run.fail_source(&run.all_alive(), Error::invalid(&root.digest, reason));
            }
        }
    }
    if !level.is_empty() {
        let reason = format!("what is said about it is nested more than {MAX_DEPTH} levels deep");
        run.fail_source(&run.all_alive(), Error::invalid(&root.digest, reason));
    }
}

/// Asks the source what is said about a manifest.
async fn statements(run: &Run<'_>, subject: Digest, targets: Targets) -> Result<Statements> {
    let attached =
        if targets.is_empty() { Attached::default() } else { Attached::of(run.source.as_ref(), &subject).await? };
    Ok(Statements { subject, targets, attached })
}

/// Copies what is said about one manifest; returns what may be a subject itself.
async fn copy_statements(
    run: &Run<'_>,
    statements: Statements,
    seen: &mut HashSet<Digest>,
    copies: &mut [Copy],
) -> Result<Vec<Digest>> {
    let mut next = Vec::new();
    let listed = listed(run, &statements).await;
    for row in statements.attached.referrers.iter().filter(|row| media_type::is_manifest(&row.media_type)) {
        if !seen.insert(row.digest.clone()) {
            continue;
        }
        let lacking = lacking(run, row, &listed).await;
        let Some(tree) = follow(run, row, &lacking).await? else { continue };
        if let Some(manifest) = tree.root()
            && subject_of(manifest).as_ref() != Some(&statements.subject)
        {
            let text = format!("{} is listed as a referrer of {} but is not", row.digest, statements.subject);
            run.options.observer.warned(&text);
            continue;
        }
        store(run, tree, copies).await;
        next.push(row.digest.clone());
    }
    for (tag, found) in &statements.attached.tagged {
        let (lacking, untagged) = without_tag(run, tag, found, &run.alive(&statements.targets)).await?;
        if let Some(tree) = follow(run, found, &lacking).await? {
            store(run, tree, copies).await;
        }
        if !untagged.is_empty() {
            set_tag(run, tag, found, &untagged).await?;
        }
        if seen.insert(found.digest.clone()) {
            next.push(found.digest.clone());
        }
    }
    Ok(next)
}

/// What the targets list already.
async fn listed(run: &Run<'_>, statements: &Statements) -> BTreeMap<usize, HashSet<Digest>> {
    if statements.attached.referrers.is_empty() {
        return BTreeMap::new();
    }
    let ask = run.alive(&statements.targets).into_iter().map(|target| async move {
        let found = run.at(target, run.targets[target].referrers(&statements.subject).await)?;
        Some((target, found.into_iter().map(|row| row.digest).collect()))
    });
    join_all(ask).await.into_iter().flatten().collect()
}

/// Targets that do not list a referrer, or list it without having it.
async fn lacking(run: &Run<'_>, row: &Descriptor, listed: &BTreeMap<usize, HashSet<Digest>>) -> Targets {
    let ask = listed.iter().map(|(target, listed)| async move {
        if !listed.contains(&row.digest) {
            return Some(*target);
        }
        let found = run.at(*target, run.targets[*target].resolve(&row.digest.clone().into()).await)?;
        if found.is_some() {
            run.count(*target, row.size, Pushed::Present);
        }
        found.is_none().then_some(*target)
    });
    let found: Targets = join_all(ask).await.into_iter().flatten().collect();
    run.alive(&found)
}

/// Reads a referrer with what it needs; `None` if the source lists it but does not have it any more.
async fn follow(run: &Run<'_>, row: &Descriptor, lacking: &Targets) -> Result<Option<Tree>> {
    match walk(run, row, lacking, &[]).await {
        Ok(tree) => Ok(Some(tree)),
        Err(error) if error.kind() == Kind::NotFound && error.subject().contains(&row.digest.to_string()) => {
            run.options.observer.warned(&format!("{} is listed as a referrer but is not there", row.digest));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn subject_of(manifest: &Manifest) -> Option<Digest> {
    if manifest.media_type() == media_type::ARTIFACT {
        let artifact: serde_json::Value = serde_json::from_slice(manifest.bytes()).ok()?;
        return artifact.pointer("/subject/digest")?.as_str()?.parse().ok();
    }
    manifest.document().ok()?.subject().map(|subject| subject.digest.clone())
}

async fn store(run: &Run<'_>, mut tree: Tree, copies: &mut [Copy]) {
    move_blobs(run, std::mem::take(&mut tree.blobs)).await;
    push_manifests(run, &tree).await;
    if let Some((_, targets)) = tree.manifests.last() {
        for target in run.alive(targets) {
            copies[target].referrers += 1;
        }
    }
}

/// Targets that lack what a tag of cosign names, and those whose tag does not name it yet.
///
/// Cosign adds to what is there. A target whose tag names something else than the source's, with parts the source does
/// not have, was signed by somebody there: that stays, and a person is told.
async fn without_tag(run: &Run<'_>, tag: &str, found: &Descriptor, targets: &Targets) -> Result<(Targets, Targets)> {
    let (mut lacking, mut untagged) = (Targets::new(), Targets::new());
    for target in targets.iter().copied() {
        let repository = &run.targets[target];
        let Some(there) = run.at(target, repository.resolve(&Selector::Tag(tag.to_owned())).await) else { continue };
        match there {
            Some(there) if there.digest == found.digest => {
                run.count(target, found.size, Pushed::Present);
                continue;
            }
            Some(there) => {
                let ours = run.source.manifest(&found.digest.clone().into()).await?;
                let Some(theirs) = run.at(target, repository.manifest(&there.digest.clone().into()).await) else {
                    continue;
                };
                if !contains(&ours, &theirs) {
                    let text =
                        format!("{}:{tag} has what the source does not have and stays as it is", repository.address());
                    run.options.observer.warned(&text);
                    continue;
                }
            }
            None => {}
        }
        untagged.insert(target);
        let is_there = run.at(target, repository.resolve(&found.digest.clone().into()).await);
        if is_there.is_some_and(|there| there.is_none()) {
            lacking.insert(target);
        }
    }
    Ok((lacking, untagged))
}

/// Whether one manifest has all the layers of another.
fn contains(one: &Manifest, other: &Manifest) -> bool {
    let layers = |manifest: &Manifest| match manifest.document() {
        Ok(Document::Image(image)) => Some(image.layers.into_iter().map(|layer| layer.digest).collect::<HashSet<_>>()),
        _ => None,
    };
    matches!((layers(one), layers(other)), (Some(one), Some(other)) if other.is_subset(&one))
}

async fn set_tag(run: &Run<'_>, tag: &str, found: &Descriptor, targets: &Targets) -> Result<()> {
    let manifest = run.source.manifest(&found.digest.clone().into()).await?;
    for target in run.alive(targets) {
        run.at(target, run.targets[target].push_manifest(&manifest, Some(tag)).await);
    }
    Ok(())
}
