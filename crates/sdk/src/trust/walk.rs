use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::{Algorithm, check_unambiguous};
use ocm_model::{Descriptor, DigestSpec, Reference};
use ocm_repository::ComponentVersion;
use ocm_transfer::Lookup as _;

use super::variant::{self, Variant};
use crate::lookup::Lookup;
use crate::tree::{MAX_DEPTH, MAX_NODES};
use crate::{Error, Kind, Result};

/// Component versions that are looked up at the same time.
const LOOKUPS: usize = 16;

type Key = (String, String);
/// A component version, and how its digest is made.
type Demand = (Key, Algorithm, HashAlgorithm);

/// A component version with its digest, and with everything that the digest depends on.
pub(crate) struct Node {
    pub(crate) version: Arc<ComponentVersion>,
    /// The descriptor with the digests of all references.
    pub(crate) complete: Descriptor,
    pub(crate) digest: DigestSpec,
    pub(crate) normal: Vec<u8>,
    /// In the order of the descriptor; empty if references were not followed.
    pub(crate) references: Vec<Edge>,
}

/// A reference and the version that it leads to.
pub(crate) struct Edge {
    pub(crate) node: Arc<Node>,
    /// Whether the descriptor does not record the digest.
    pub(crate) was_missing: bool,
    pub(crate) digest: DigestSpec,
}

impl Node {
    /// Finds what a digest of this version was made of.
    pub(crate) fn variant(&self, expected: &DigestSpec) -> Result<Option<Variant>> {
        let (algorithm, hash) = variant::algorithms(expected)?;
        if variant::same(&self.digest, expected) && self.digest.normalisation_algorithm == algorithm.name() {
            return Ok(Some(Variant::Complete));
        }
        variant::find(&self.version.descriptor, &self.complete, expected, algorithm, hash)
    }

    /// This version and everything it refers to, each once, referenced ones first.
    pub(crate) fn all(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let mut seen = HashSet::new();
        let mut sorted = Vec::new();
        let mut stack = vec![(self.clone(), false)];
        while let Some((node, leaving)) = stack.pop() {
            if leaving {
                sorted.push(node);
            } else if seen.insert(key(&node.version)) {
                let children: Vec<_> = node.references.iter().rev().map(|edge| edge.node.clone()).collect();
                stack.push((node, true));
                stack.extend(children.into_iter().map(|child| (child, false)));
            }
        }
        sorted
    }
}

/// Computes digests of component versions. What was computed is remembered.
pub(crate) struct Walker<'a> {
    lookup: &'a Lookup,
    done: Mutex<HashMap<Demand, Arc<Node>>>,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(lookup: &'a Lookup) -> Self {
        Self { lookup, done: Mutex::default() }
    }

    /// The digest of a version by what it stores alone, references not followed.
    pub(crate) fn alone(
        version: &Arc<ComponentVersion>,
        algorithm: Algorithm,
        hash: HashAlgorithm,
    ) -> Result<Arc<Node>> {
        check(version)?;
        node(version, version.descriptor.clone(), algorithm, hash, Vec::new())
    }

    /// The digest of a version with everything it refers to.
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
        if let Some(done) = self.remembered(&wanted).filter(|done| Arc::ptr_eq(&done.version, root)) {
            return Ok(done);
        }
        let versions = self.load(root).await?;
        for level in levels(&versions, &wanted)? {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let missing = level.into_iter().filter(|demand| *demand != wanted && self.remembered(demand).is_none());
            let computed: Vec<_> = stream::iter(missing)
                .map(|demand| self.compute(&versions, demand))
                .buffer_unordered(cores * 2)
                .try_collect()
                .await?;
            self.done.lock().unwrap_or_else(PoisonError::into_inner).extend(computed);
        }
        // Not remembered: whoever refers to this version gets the copy that references lead to.
        let (_, node) = self.compute(&versions, wanted).await?;
        Ok(node)
    }

    fn remembered(&self, demand: &Demand) -> Option<Arc<Node>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).get(demand).cloned()
    }

    async fn load(&self, root: &Arc<ComponentVersion>) -> Result<HashMap<Key, Arc<ComponentVersion>>> {
        let mut found = HashMap::from([(key(root), root.clone())]);
        let mut next = vec![root.clone()];
        while !next.is_empty() {
            let mut wanted: Vec<(Key, Arc<ComponentVersion>)> = Vec::new();
            let mut asked = HashSet::new();
            for version in &next {
                for reference in &version.descriptor.component.component_references {
                    let key = target(reference);
                    if !found.contains_key(&key) && asked.insert(key.clone()) {
                        wanted.push((key, version.clone()));
                    }
                }
            }
            let fetched: Vec<_> = stream::iter(wanted)
                .map(async |(key, referrer)| match self.lookup.get(&key.0, &key.1).await {
                    Ok(version) => Ok((key, version)),
                    Err(error) => Err(Error::from(error).during(format!("{referrer} refers to {}:{}", key.0, key.1))),
                })
                .buffered(LOOKUPS)
                .try_collect()
                .await?;
            next = fetched.iter().map(|(_, version)| version.clone()).collect();
            found.extend(fetched);
            if found.len() > MAX_NODES {
                return Err(Error::new(
                    Kind::Other,
                    format!("{root}: its references lead to more than {MAX_NODES} versions"),
                ));
            }
        }
        Ok(found)
    }

    async fn compute(
        &self,
        versions: &HashMap<Key, Arc<ComponentVersion>>,
        demand: Demand,
    ) -> Result<(Demand, Arc<Node>)> {
        let (key, algorithm, hash) = &demand;
        let version = versions.get(key).cloned();
        let version = version.ok_or_else(|| Error::new(Kind::NotFound, format!("{}:{}: not found", key.0, key.1)))?;
        let mut children = Vec::new();
        for reference in &version.descriptor.component.component_references {
            let child = demanded(reference, *algorithm, *hash)?;
            let node = self.remembered(&child);
            children
                .push(node.ok_or_else(|| Error::new(Kind::Other, format!("{version}: a reference was not computed")))?);
        }
        let (algorithm, hash) = (*algorithm, *hash);
        let work = move || {
            check(&version)?;
            let mut complete = version.descriptor.clone();
            let mut edges = Vec::new();
            for (reference, node) in complete.component.component_references.iter_mut().zip(children) {
                edges.push(edge(&version, reference, node)?);
            }
            node(&version, complete, algorithm, hash, edges)
        };
        let node = tokio::task::spawn_blocking(work).await.map_err(|error| Error::new(Kind::Other, error))??;
        Ok((demand, node))
    }
}

fn check(version: &ComponentVersion) -> Result<()> {
    check_unambiguous(&version.descriptor).map_err(|error| Error::new(Kind::Verification, error).during(version))
}

fn node(
    version: &Arc<ComponentVersion>,
    complete: Descriptor,
    algorithm: Algorithm,
    hash: HashAlgorithm,
    references: Vec<Edge>,
) -> Result<Arc<Node>> {
    let normal = variant::form(&complete, algorithm, Variant::Complete).map_err(|error| error.during(version))?;
    let digest = variant::digest_of(&normal, algorithm, hash);
    Ok(Arc::new(Node { version: version.clone(), complete, digest, normal, references }))
}

/// Compares a reference with the version it leads to, or completes it.
fn edge(referrer: &ComponentVersion, reference: &mut Reference, node: Arc<Node>) -> Result<Edge> {
    match reference.digest.as_ref().filter(|digest| digest.is_complete()) {
        Some(recorded) => {
            if node.variant(recorded)?.is_none() {
                return Err(Error::new(
                    Kind::Verification,
                    format!(
                        "{referrer}: the reference {} to {} records digest {}, but what was found in {} has {} ({})",
                        reference.name,
                        node.version,
                        recorded.value,
                        node.version.content().address(),
                        node.digest.value,
                        node.digest.normalisation_algorithm
                    ),
                ));
            }
            let digest = recorded.clone();
            Ok(Edge { node, was_missing: false, digest })
        }
        None => {
            reference.digest = Some(node.digest.clone());
            Ok(Edge { digest: node.digest.clone(), node, was_missing: true })
        }
    }
}

fn key(version: &ComponentVersion) -> Key {
    (version.name().to_owned(), version.version().to_owned())
}

fn target(reference: &Reference) -> Key {
    (reference.component_name.clone(), reference.version.clone())
}

/// How the digest of a referenced version is made: as the recorded one was, or as the one that is asked for.
fn demanded(reference: &Reference, algorithm: Algorithm, hash: HashAlgorithm) -> Result<Demand> {
    let recorded = reference.digest.as_ref().filter(|digest| digest.is_complete());
    let (algorithm, hash) = match recorded {
        Some(digest) => variant::algorithms(digest).map_err(|error| {
            error.during(format!("reference {} to {}:{}", reference.name, reference.component_name, reference.version))
        })?,
        None => (algorithm, hash),
    };
    Ok((target(reference), algorithm, hash))
}

/// Everything that has to be computed, in groups: what a group needs is in the groups before it.
fn levels(versions: &HashMap<Key, Arc<ComponentVersion>>, root: &Demand) -> Result<Vec<Vec<Demand>>> {
    let mut heights: HashMap<Demand, usize> = HashMap::new();
    let mut open: HashSet<Demand> = HashSet::new();
    let mut stack = vec![(root.clone(), false)];
    while let Some((demand, leaving)) = stack.pop() {
        let children = match versions.get(&demand.0) {
            Some(version) => version
                .descriptor
                .component
                .component_references
                .iter()
                .map(|reference| demanded(reference, demand.1, demand.2))
                .collect::<Result<Vec<_>>>()?,
            None => Vec::new(),
        };
        if leaving {
            let height = children.iter().filter_map(|child| heights.get(child)).max().map_or(0, |height| height + 1);
            if height > MAX_DEPTH {
                let ((component, version), ..) = root;
                let reason = format!("{component}:{version}: its references are nested more than {MAX_DEPTH} deep");
                return Err(Error::new(Kind::Verification, reason));
            }
            open.remove(&demand);
            heights.insert(demand, height);
        } else if !heights.contains_key(&demand) {
            if !open.insert(demand.clone()) {
                let ((component, version), ..) = &demand;
                let reason = format!("{component}:{version} refers to itself through other component versions");
                return Err(Error::new(Kind::Verification, reason));
            }
            stack.push((demand, true));
            // Looking at one that is open closes a circle; one that is done costs nothing.
            for child in children {
                if open.contains(&child) {
                    let ((component, version), ..) = &child;
                    let reason = format!("{component}:{version} refers to itself through other component versions");
                    return Err(Error::new(Kind::Verification, reason));
                }
                if !heights.contains_key(&child) {
                    stack.push((child, false));
                }
            }
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
