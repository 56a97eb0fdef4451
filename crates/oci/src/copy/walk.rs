use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_blob::Digest;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::blobs::carried;
use super::run::{Run, Targets};
use super::sparse;
use super::{Below, Extent, Referrers};
use crate::{Descriptor, Document, Error, Kind, Manifest, Pushed, Result, Selector, media_type};

/// Everything below one manifest, and which targets lack it.
#[derive(Default)]
pub(super) struct Tree {
    /// Children before parents, the root last.
    pub(super) manifests: Vec<(Manifest, Targets)>,
    pub(super) blobs: Vec<(Descriptor, Targets)>,
    /// What the root lists although the source, knowingly, does not have it, and which targets lack it too.
    pub(super) absent: Vec<(Digest, Targets)>,
    /// Every manifest that was met, whoever has it, the root first. Below an index that all targets have, only as far as
    /// referrers are of interest.
    pub(super) met: Vec<Digest>,
}

impl Tree {
    /// The manifest this tree was followed from; `None` if no target lacks it.
    pub(super) fn root(&self) -> Option<&Manifest> {
        self.manifests.last().map(|(manifest, _)| manifest)
    }
}

#[derive(Default)]
struct Node {
    manifest: Option<Manifest>,
    children: Vec<Digest>,
    /// Targets that were asked for it.
    asked: Targets,
    /// Those of them that lack it.
    lacking: Targets,
}

/// What a manifest needs.
struct Parts {
    manifests: Vec<Descriptor>,
    blobs: Vec<Descriptor>,
}

/// Follows a graph from `root`, which `targets` lack, level by level. `left_out` is not followed.
///
/// # Errors
/// Those of the source. A target that fails is given up.
pub(super) async fn walk(run: &Run<'_>, root: &Descriptor, targets: &Targets, left_out: &[Digest]) -> Result<Tree> {
    let mut extent = Extent::new(&root.digest);
    let mut nodes: HashMap<Digest, Node> = HashMap::new();
    let mut tree = Tree::default();
    let mut level: BTreeMap<Digest, (Descriptor, Targets)> =
        BTreeMap::from([(root.digest.clone(), (root.clone(), targets.clone()))]);
    let left_out: HashSet<&Digest> = left_out.iter().collect();
    let is_sparse = OnceCell::new();
    let mut depth = 0;
    while !level.is_empty() {
        let mut visits = Vec::new();
        for (digest, (descriptor, wanted)) in std::mem::take(&mut level) {
            if !nodes.contains_key(&digest) {
                extent.enter(depth)?;
                tree.met.push(digest.clone());
            }
            let node = nodes.entry(digest).or_default();
            let new: Targets = wanted.difference(&node.asked).copied().collect();
            node.asked.extend(&new);
            visits.push((descriptor, new, node.manifest.clone()));
        }
        let visits = visits.into_iter().map(|(descriptor, targets, known)| {
            let wanted = Wanted { descriptor, targets, known, root, is_sparse: &is_sparse, depth };
            visit(run, wanted)
        });
        let visited: Vec<Visit> = stream::iter(visits).buffered(run.options.concurrency.max(1)).try_collect().await?;
        depth += 1;
        for Visit { digest, manifest, parts, lacking, is_absent } in visited {
            if is_absent {
                tree.met.retain(|met| *met != digest);
                tree.absent.push((digest, lacking));
                continue;
            }
            let Some(node) = nodes.get_mut(&digest) else { continue };
            node.lacking.extend(&lacking);
            if let (None, Some(manifest)) = (&node.manifest, &manifest) {
                extent.read(manifest)?;
                node.manifest = Some(manifest.clone());
            }
            let Some(parts) = parts else { continue };
            let children = parts.manifests.into_iter().filter(|child| !left_out.contains(&child.digest));
            let children: Vec<Descriptor> = children.collect();
            node.children = children.iter().map(|child| child.digest.clone()).collect();
            for child in children {
                // One that leads back to a parent would have to contain its own digest.
                let is_settled = nodes.get(&child.digest).is_some_and(|known| lacking.is_subset(&known.asked));
                if !is_settled {
                    level.entry(child.digest.clone()).or_insert_with(|| (child, Targets::new())).1.extend(&lacking);
                }
            }
            tree.blobs.extend(parts.blobs.into_iter().map(|blob| (blob, lacking.clone())));
        }
    }
    tree.manifests = in_order(nodes, &root.digest);
    Ok(tree)
}

struct Wanted<'a> {
    descriptor: Descriptor,
    targets: Targets,
    known: Option<Manifest>,
    root: &'a Descriptor,
    /// Whether the source knows that it lacks some of what the root lists. It lists thousands, and is read for the answer.
    is_sparse: &'a OnceCell<bool>,
    depth: usize,
}

struct Visit {
    digest: Digest,
    manifest: Option<Manifest>,
    parts: Option<Parts>,
    lacking: Targets,
    is_absent: bool,
}

/// Asks the targets for one manifest, and the source if it is needed.
async fn visit(run: &Run<'_>, wanted: Wanted<'_>) -> Result<Visit> {
    let Wanted { descriptor, targets, known, root, is_sparse, depth } = wanted;
    let mut lacking = run.alive(&targets);
    if depth > 0 && run.options.below == Below::Believed {
        leave_out_present(run, &descriptor, &mut lacking).await;
    }
    let follows = media_type::is_index(&descriptor.media_type) && run.options.referrers == Referrers::Carry;
    let digest = descriptor.digest.clone();
    if lacking.is_empty() && !follows {
        return Ok(Visit { digest, manifest: known, parts: None, lacking, is_absent: false });
    }
    let manifest = match known {
        Some(manifest) => manifest,
        None => match run.source.manifest(&Selector::Digest(digest.clone())).await {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == Kind::NotFound => {
                // What the source leaves to others, as a differential archive does, can only be what the targets have.
                if run.options.below == Below::AskedFor {
                    leave_out_present(run, &descriptor, &mut lacking).await;
                    if lacking.is_empty() {
                        return Ok(Visit { digest, manifest: None, parts: None, lacking, is_absent: false });
                    }
                }
                let is_marked = || sparse::is_marked(run.source, run.source, &root.digest);
                if depth != 1 || !*is_sparse.get_or_try_init(is_marked).await? {
                    return Err(error);
                }
                return Ok(Visit { digest, manifest: None, parts: None, lacking, is_absent: true });
            }
            Err(error) => return Err(error),
        },
    };
    let parts = parts(run, &manifest).await?;
    Ok(Visit { digest, manifest: Some(manifest), parts: Some(parts), lacking, is_absent: false })
}

/// Leaves out targets that have a manifest, and those that were given up while they were asked.
async fn leave_out_present(run: &Run<'_>, wanted: &Descriptor, lacking: &mut Targets) {
    let ask = lacking.iter().map(|target| async move { (*target, is_there(run, *target, wanted).await) });
    for (target, there) in join_all(ask).await {
        match there {
            Some(false) => continue,
            Some(true) => run.count(target, wanted.size, Pushed::Present),
            None => {}
        }
        lacking.remove(&target);
    }
}

/// Whether a target has a manifest with all it needs; `None` if that cannot be found out and the target was given up.
async fn is_there(run: &Run<'_>, target: usize, descriptor: &Descriptor) -> Option<bool> {
    if run.options.session.has_graph(&run.homes[target], &descriptor.digest) {
        return Some(true);
    }
    let repository = &run.targets[target];
    let found = run.at(target, repository.resolve(&Selector::Digest(descriptor.digest.clone())).await)?;
    match found {
        None => Some(false),
        Some(found) if media_type::is_index(&found.media_type) => {
            run.at(target, sparse::is_marked(repository, run.source, &found.digest).await).map(|sparse| !sparse)
        }
        Some(_) => Some(true),
    }
}

async fn parts(run: &Run<'_>, manifest: &Manifest) -> Result<Parts> {
    if manifest.media_type() == media_type::ARTIFACT {
        return Ok(Parts { manifests: Vec::new(), blobs: artifact_blobs(manifest)? });
    }
    let document = manifest.document()?;
    let mut parts = Parts { manifests: Vec::new(), blobs: carried(run.source, &document).await? };
    let carried: HashSet<&Digest> = parts.blobs.iter().map(|blob| &blob.digest).collect();
    for blob in document.blobs().into_iter().filter(|blob| !carried.contains(&blob.digest)) {
        let reason = match blob.urls.as_deref() {
            Some([address, ..]) => format!("its manifest says it is at {}", ocm_http::redacted(address)),
            _ => "the source lacks it, too".to_owned(),
        };
        run.options.observer.warned(&format!(
            "layer {} of {} is left behind: it is not to be handed out ({}), and {reason}",
            blob.digest,
            manifest.digest(),
            blob.media_type
        ));
    }
    if let Document::Index(index) = document {
        let (manifests, blobs) =
            index.manifests.into_iter().partition(|child| media_type::is_manifest(&child.media_type));
        parts = Parts { manifests, blobs };
    }
    Ok(parts)
}

/// The blobs of a withdrawn kind of manifest under which some signatures and lists of contents are still stored.
fn artifact_blobs(manifest: &Manifest) -> Result<Vec<Descriptor>> {
    #[derive(Deserialize)]
    struct Artifact {
        #[serde(default)]
        blobs: Vec<Descriptor>,
    }
    let artifact: Result<Artifact, _> = serde_json::from_slice(manifest.bytes());
    artifact
        .map(|artifact| artifact.blobs)
        .map_err(|error| Error::invalid(format!("manifest {}", manifest.digest()), error))
}

/// What is lacking somewhere, every manifest after those it needs.
fn in_order(mut nodes: HashMap<Digest, Node>, root: &Digest) -> Vec<(Manifest, Targets)> {
    enum Step {
        Enter(Digest),
        Leave(Manifest, Targets),
    }
    let mut ordered = Vec::new();
    let mut stack = vec![Step::Enter(root.clone())];
    while let Some(step) = stack.pop() {
        match step {
            Step::Leave(manifest, targets) => ordered.push((manifest, targets)),
            Step::Enter(digest) => {
                let Some(node) = nodes.remove(&digest) else { continue };
                if let Some(manifest) = node.manifest.filter(|_| !node.lacking.is_empty()) {
                    stack.push(Step::Leave(manifest, node.lacking));
                }
                stack.extend(node.children.into_iter().rev().map(Step::Enter));
            }
        }
    }
    ordered
}
