use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::Algorithm;
use ocm_model::{DigestSpec, Reference};
use ocm_repository::ComponentVersion;
use ocm_transfer::Lookup as _;

use super::node::{Edge, Node, height};
use super::variant::{self, Variant};
use crate::lookup::Lookup;
use crate::tree::{MAX_DEPTH, MAX_NODES};
use crate::{Error, Kind, Result};

/// Component versions that are looked up at the same time.
const LOOKUPS: usize = 16;

type Key = (String, String);
/// A component version, and how its digest is made.
type Demand = (Key, Algorithm, HashAlgorithm);

/// What stays of the versions that others refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Their descriptors and normal forms; whoever looks them up again in the same place gets what was looked at here.
    Documents,
    /// Their digests; what is needed again is read again.
    Digests,
}

/// Why a version cannot be judged that needs its own digest.
const CIRCLE: &str = " refers to itself through other component versions";

/// Computes digests of component versions. What was computed is remembered.
pub(crate) struct Walker<'a> {
    lookup: &'a Lookup,
    keep: Keep,
    done: Mutex<HashMap<Demand, Arc<Node>>>,
}

/// A version that was read, and what it refers to.
struct Outline {
    references: Vec<Target>,
    made: Made,
}

/// Where a reference leads.
struct Target {
    name: String,
    demand: Demand,
    recorded: Option<DigestSpec>,
}

enum Made {
    /// The digest needs those of references first.
    Nothing(Arc<ComponentVersion>),
    /// Only where the references lead is missing: the descriptor records their digests.
    Digest(Box<Node>),
}

impl<'a> Walker<'a> {
    pub(crate) fn new(lookup: &'a Lookup, keep: Keep) -> Self {
        Self { lookup, keep, done: Mutex::default() }
    }

    /// The digest of a version by what it stores alone, references not followed.
    pub(crate) fn alone(
        version: &Arc<ComponentVersion>,
        algorithm: Algorithm,
        hash: HashAlgorithm,
    ) -> Result<Arc<Node>> {
        Node::new(version, algorithm, hash, Vec::new()).map(Arc::new)
    }

    /// The digest of a version with everything it refers to. What the digest of the version itself was made of is kept.
    ///
    /// Digests of references that are recorded are compared with the versions they lead to; the others are computed in the same
    /// way as the digest that is asked for.
    ///
    /// # Errors
    /// A referenced version cannot be found, is not the one whose digest is recorded, or refers back; a descriptor that
    /// other programs read differently.
    pub(crate) async fn visit(
        &self,
        root: &Arc<ComponentVersion>,
        algorithm: Algorithm,
        hash: HashAlgorithm,
    ) -> Result<Arc<Node>> {
        let wanted: Demand = (key(root), algorithm, hash);
        // Another copy of the same version says nothing about this one, which may have been changed.
        let same = |done: &Arc<Node>| done.document().is_ok_and(|document| Arc::ptr_eq(&document.version, root));
        if let Some(done) = self.remembered(&wanted).filter(same) {
            return Ok(done);
        }
        let mut outlines = self.survey(root, &wanted).await?;
        for level in self.levels(&outlines, &wanted)? {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let missing = level.into_iter().filter(|demand| *demand != wanted);
            let missing: Vec<_> =
                missing.filter_map(|demand| outlines.remove(&demand).map(|outline| (demand, outline))).collect();
            let computed: Vec<_> = stream::iter(missing)
                .map(async |(demand, outline)| {
                    let mut node = self.compute(outline, &demand).await?;
                    if self.keep == Keep::Digests {
                        node.document = None;
                    }
                    Ok::<_, Error>((demand, Arc::new(node)))
                })
                .buffer_unordered(cores * 2)
                .try_collect()
                .await?;
            self.done.lock().unwrap_or_else(PoisonError::into_inner).extend(computed);
        }
        let outline = outlines.remove(&wanted).ok_or_else(|| Error::new(Kind::Other, format!("{root}: was lost")))?;
        // Not remembered: whoever refers to this version gets the copy that references lead to.
        self.compute(outline, &wanted).await.map(Arc::new)
    }

    /// Whether a version, with everything it refers to, is the one whose digest is recorded somewhere.
    ///
    /// # Errors
    /// As [`Walker::visit`].
    pub(crate) async fn is_meant(&self, version: &Arc<ComponentVersion>, recorded: &DigestSpec) -> Result<bool> {
        let (algorithm, hash) = variant::algorithms(recorded)?;
        Ok(self.visit(version, algorithm, hash).await?.variant(recorded)?.is_some())
    }

    /// The version that a node was made of; read again if it was not kept.
    ///
    /// # Errors
    /// It is not there any more, or another one is.
    pub(crate) async fn version(&self, node: &Node) -> Result<Arc<ComponentVersion>> {
        if let Ok(document) = node.document() {
            return Ok(document.version.clone());
        }
        let version = self.lookup.read(&node.component, &node.version).await?;
        if *version.root.digest() != node.root {
            let reason = format!("{node}: it was changed by somebody else in {} in the meantime", node.place);
            return Err(Error::new(Kind::Verification, reason).hint("run the command again"));
        }
        Ok(version)
    }

    /// Finds what a digest of a version was made of.
    async fn variant(&self, node: &Node, expected: &DigestSpec) -> Result<Option<Variant>> {
        if node.has(expected)? || node.document().is_ok() {
            return node.variant(expected);
        }
        let (algorithm, hash) = variant::algorithms(&node.digest)?;
        let again = Node::new(&self.version(node).await?, algorithm, hash, node.references.clone())?;
        again.variant(expected)
    }

    fn remembered(&self, demand: &Demand) -> Option<Arc<Node>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).get(demand).cloned()
    }

    /// Reads a version and everything that it refers to and that is not known yet.
    async fn survey(&self, root: &Arc<ComponentVersion>, wanted: &Demand) -> Result<HashMap<Demand, Outline>> {
        let outline = Outline { references: targets(root, wanted)?, made: Made::Nothing(root.clone()) };
        let mut next: Vec<(Demand, Arc<str>)> = unread(&outline, &root.to_string());
        let mut found = HashMap::from([(wanted.clone(), outline)]);
        while !next.is_empty() {
            let mut asked = HashSet::new();
            next.retain(|(demand, _)| {
                !found.contains_key(demand) && self.remembered(demand).is_none() && asked.insert(demand.clone())
            });
            let fetched: Vec<_> = stream::iter(std::mem::take(&mut next))
                .map(async |(demand, referrer)| {
                    let (component, version) = &demand.0;
                    let read = match self.keep {
                        Keep::Documents => self.lookup.get(component, version).await,
                        Keep::Digests => self.lookup.read(component, version).await,
                    };
                    let read = read.map_err(|error| {
                        Error::from(error).during(format!("{referrer} refers to {component}:{version}"))
                    })?;
                    Ok::<_, Error>((self.outline(read, &demand).await?, demand))
                })
                .buffered(LOOKUPS)
                .try_collect()
                .await?;
            for (outline, demand) in fetched {
                next.extend(unread(&outline, &format!("{}:{}", demand.0.0, demand.0.1)));
                found.insert(demand, outline);
            }
            if found.len() > MAX_NODES {
                return Err(Error::new(
                    Kind::Other,
                    format!("{root}: its references lead to more than {MAX_NODES} versions"),
                ));
            }
        }
        Ok(found)
    }

    async fn outline(&self, version: Arc<ComponentVersion>, demand: &Demand) -> Result<Outline> {
        let references = targets(&version, demand)?;
        if references.iter().any(|reference| reference.recorded.is_none()) {
            return Ok(Outline { references, made: Made::Nothing(version) });
        }
        let (_, algorithm, hash) = *demand;
        let keep = self.keep;
        let node = blocking(move || {
            let mut node = Node::new(&version, algorithm, hash, Vec::new())?;
            // Here, because giving back the memory of a descriptor takes as long as hashing it.
            if keep == Keep::Digests {
                node.document = None;
            }
            drop(version);
            Ok(node)
        });
        Ok(Outline { references, made: Made::Digest(Box::new(node.await?)) })
    }

    async fn compute(&self, outline: Outline, demand: &Demand) -> Result<Node> {
        let ((component, version), algorithm, hash) = demand;
        let mut edges = Vec::with_capacity(outline.references.len());
        for target in outline.references {
            let node = self.remembered(&target.demand);
            let node = node.ok_or_else(|| {
                Error::new(Kind::Other, format!("{component}:{version}: a reference was not computed"))
            })?;
            edges.push(self.edge(demand, target, node).await?);
        }
        match outline.made {
            Made::Digest(mut node) => {
                node.height = height(&edges);
                node.references = edges;
                Ok(*node)
            }
            Made::Nothing(version) => {
                let (algorithm, hash) = (*algorithm, *hash);
                blocking(move || Node::new(&version, algorithm, hash, edges)).await
            }
        }
    }

    /// Compares a reference with the version it leads to, or completes it.
    async fn edge(&self, referrer: &Demand, target: Target, node: Arc<Node>) -> Result<Edge> {
        let Some(digest) = target.recorded else {
            return Ok(Edge { was_missing: true, digest: node.digest.clone(), node, made_of: Variant::Complete });
        };
        let Some(made_of) = self.variant(&node, &digest).await? else {
            let ((component, version), ..) = referrer;
            return Err(Error::new(
                Kind::Verification,
                format!(
                    "{component}:{version}: the reference {} to {node} records digest {}, but what was found in {} has {} ({})",
                    target.name, digest.value, node.place, node.digest.value, node.digest.normalisation_algorithm
                ),
            ));
        };
        Ok(Edge { was_missing: false, digest, node, made_of })
    }

    /// Everything that has to be computed, in groups: what a group needs is in the groups before it.
    fn levels(&self, outlines: &HashMap<Demand, Outline>, root: &Demand) -> Result<Vec<Vec<Demand>>> {
        let refuse = |((component, version), ..): &Demand, what: &str| {
            Err(Error::new(Kind::Verification, format!("{component}:{version}{what}")))
        };
        let mut heights: HashMap<Demand, usize> = HashMap::new();
        let mut open: HashSet<Demand> = HashSet::new();
        let mut stack = vec![(root.clone(), false)];
        while let Some((demand, leaving)) = stack.pop() {
            let Some(outline) = outlines.get(&demand) else { continue };
            let children = || outline.references.iter().map(|target| &target.demand);
            if leaving {
                let height = |child: &Demand| {
                    heights.get(child).copied().or_else(|| self.remembered(child).map(|node| node.height))
                };
                let height = children().filter_map(height).max().map_or(0, |height| height + 1);
                if height > MAX_DEPTH {
                    return refuse(root, &format!(": its references are nested more than {MAX_DEPTH} deep"));
                }
                open.remove(&demand);
                heights.insert(demand, height);
            } else if !heights.contains_key(&demand) {
                // Looking at one that is open closes a circle; one that is done costs nothing.
                if !open.insert(demand.clone()) {
                    return refuse(&demand, CIRCLE);
                }
                if let Some(child) = children().find(|child| open.contains(*child)) {
                    return refuse(child, CIRCLE);
                }
                stack.push((demand.clone(), true));
                stack.extend(
                    children().filter(|child| !heights.contains_key(*child)).map(|child| (child.clone(), false)),
                );
            }
        }
        let mut levels: Vec<Vec<Demand>> = Vec::new();
        for (demand, height) in heights {
            if levels.len() <= height {
                levels.resize_with(height + 1, Vec::new);
            }
            levels[height].push(demand);
        }
        Ok(levels)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::new(Kind::Other, error))?
}

fn key(version: &ComponentVersion) -> Key {
    (version.name().to_owned(), version.version().to_owned())
}

/// What an outline refers to, with whoever refers to it.
fn unread(outline: &Outline, referrer: &str) -> Vec<(Demand, Arc<str>)> {
    let referrer: Arc<str> = referrer.into();
    outline.references.iter().map(|target| (target.demand.clone(), referrer.clone())).collect()
}

fn targets(version: &ComponentVersion, demand: &Demand) -> Result<Vec<Target>> {
    version.descriptor.component.component_references.iter().map(|reference| target(reference, demand)).collect()
}

/// How the digest of a referenced version is made: as the recorded one was, or as the one that is asked for.
fn target(reference: &Reference, (_, algorithm, hash): &Demand) -> Result<Target> {
    let recorded = reference.recorded_digest().cloned();
    let (algorithm, hash) = match &recorded {
        Some(digest) => variant::algorithms(digest).map_err(|error| {
            error.during(format!("reference {} to {}:{}", reference.name, reference.component_name, reference.version))
        })?,
        None => (*algorithm, *hash),
    };
    let key = (reference.component_name.clone(), reference.version.clone());
    Ok(Target { name: reference.name.clone(), demand: (key, algorithm, hash), recorded })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use ocm_model::Descriptor;
    use ocm_model::normalise::{Reduction, normalise_as};
    use ocm_repository::{Access, Archive, ComponentRepository, NewVersion};

    use super::*;
    use crate::Context;

    const SHA: HashAlgorithm = HashAlgorithm::Sha256;

    fn descriptor(name: &str, references: &[(&str, Option<&DigestSpec>)]) -> Descriptor {
        let references = references.iter().map(|(component, digest)| {
            serde_json::json!({"name": component, "componentName": format!("acme.org/{component}"), "version": "1.0.0", "digest": digest})
        });
        let document = serde_json::json!({
            "meta": {"schemaVersion": "v2"},
            "component": {
                "name": format!("acme.org/{name}"), "version": "1.0.0", "provider": "acme.org",
                "labels": [{"name": "l", "value": name, "version": "v1", "signing": true}],
                "componentReferences": references.collect::<Vec<_>>(),
            },
        });
        Descriptor::read(document.to_string().as_bytes()).unwrap()
    }

    async fn archive(folder: &Path, descriptors: &[&Descriptor]) -> ComponentRepository {
        let archive = Archive::open(folder, Access::Create).await.unwrap();
        let repository = ComponentRepository::new(Arc::new(archive), "");
        let mut staged = Vec::new();
        for descriptor in descriptors {
            let version = NewVersion { descriptor: Descriptor::clone(descriptor), ..NewVersion::default() };
            staged.push(repository.stage(&version).await.unwrap());
        }
        repository.publish(staged).await.unwrap();
        repository
    }

    fn digest(descriptor: &Descriptor, reduction: Reduction) -> DigestSpec {
        let form = normalise_as(descriptor, Algorithm::V4Alpha1, reduction).unwrap();
        variant::digest_of(&form, Algorithm::V4Alpha1, SHA)
    }

    #[tokio::test]
    async fn only_digests_stay_and_they_are_the_same() {
        let leaf = descriptor("leaf", &[]);
        // One reference records what the Go program of OCM v2 makes of the leaf, the other one records nothing.
        let of_leaf = digest(&leaf, Reduction::GoV2);
        assert_ne!(of_leaf.value, digest(&leaf, Reduction::None).value);
        let middle = descriptor("middle", &[("leaf", Some(&of_leaf))]);
        let root = descriptor("root", &[("middle", None), ("leaf", Some(&of_leaf))]);
        let folder = tempfile::tempdir().unwrap();
        let repository = archive(folder.path(), &[&leaf, &middle, &root]).await;
        let lookup = Lookup::new(&Context::builder().build(), vec![repository.clone()], Vec::new());
        let root = Arc::new(repository.get("acme.org/root", "1.0.0").await.unwrap());
        let [digests, documents] = [Keep::Digests, Keep::Documents].map(|keep| Walker::new(&lookup, keep));
        let slim = digests.visit(&root, Algorithm::V4Alpha1, SHA).await.unwrap();
        let full = documents.visit(&root, Algorithm::V4Alpha1, SHA).await.unwrap();
        assert_eq!(slim.digest, full.digest);
        let (slim, full) = (slim.all(), full.all());
        assert_eq!(
            slim.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["acme.org/leaf:1.0.0", "acme.org/middle:1.0.0", "acme.org/root:1.0.0"]
        );
        assert!(full.iter().all(|node| node.document().is_ok()));
        assert_eq!(slim.iter().map(|node| node.document().is_ok()).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(slim[2].height, 2);
        assert_eq!(digests.version(&slim[0]).await.unwrap().descriptor, leaf);
        // What moves after it was verified is what was verified, and not what the place answers next.
        let kept = lookup.get("acme.org/leaf", "1.0.0").await.unwrap();
        assert!(Arc::ptr_eq(&kept, &full[0].document().unwrap().version));

        // Whoever changes a version between two looks at it is noticed.
        archive(folder.path(), &[&descriptor("leaf", &[("middle", None)])]).await;
        let later = Lookup::new(&Context::builder().build(), vec![archive(folder.path(), &[]).await], Vec::new());
        let error = Walker::new(&later, Keep::Digests).version(&slim[0]).await.err().unwrap();
        assert!(error.kind() == Kind::Verification && error.to_string().contains("was changed"), "{error}");
        let error = Walker::new(&later, Keep::Digests).visit(&root, Algorithm::V4Alpha1, SHA).await.err().unwrap();
        assert!(error.to_string().contains("refers to itself"), "{error}");
    }

    #[tokio::test]
    async fn a_reference_that_leads_elsewhere_is_found_however_little_is_kept() {
        let leaf = descriptor("leaf", &[]);
        let root = descriptor("root", &[("leaf", Some(&digest(&descriptor("other", &[]), Reduction::None)))]);
        let folder = tempfile::tempdir().unwrap();
        let repository = archive(folder.path(), &[&leaf, &root]).await;
        let lookup = Lookup::new(&Context::builder().build(), vec![repository.clone()], Vec::new());
        let root = Arc::new(repository.get("acme.org/root", "1.0.0").await.unwrap());
        for keep in [Keep::Digests, Keep::Documents] {
            let error = Walker::new(&lookup, keep).visit(&root, Algorithm::V4Alpha1, SHA).await.err().unwrap();
            assert!(error.to_string().contains("the reference leaf to acme.org/leaf:1.0.0 records digest"), "{error}");
        }
    }
}
