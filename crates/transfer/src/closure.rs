use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::{DigestSpec, Reference};
use ocm_repository::ComponentVersion;
use ocm_repository::component::digest_like;

use crate::{Error, Result};

/// Component versions that are looked up at the same time.
const LOOKUPS: usize = 16;

/// Where referenced component versions are found.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// A component version; [`ocm_oci::Kind::NotFound`] if it is nowhere to be found.
    async fn get(&self, component: &str, version: &str) -> ocm_oci::Result<Arc<ComponentVersion>>;

    /// Whether component versions are the ones whose digests references record, although what they store has other digests:
    /// the v1 program records digests of descriptors that it completed, and stores these for the signed version alone.
    ///
    /// # Errors
    /// Content that it takes to tell is out of reach.
    async fn are_meant(&self, doubtful: &[(Arc<ComponentVersion>, DigestSpec)]) -> ocm_oci::Result<Vec<bool>> {
        Ok(vec![false; doubtful.len()])
    }
}

type Key = (String, String);

/// All component versions that belong to `roots`, each once, referenced ones before those that refer to them.
///
/// # Errors
/// A referenced version cannot be found, or it is not the one whose digest the reference records.
pub async fn closure(roots: Vec<Arc<ComponentVersion>>, lookup: &dyn Lookup) -> Result<Vec<Arc<ComponentVersion>>> {
    let mut found: HashMap<Key, Arc<ComponentVersion>> = HashMap::new();
    let order: Vec<Key> = roots.iter().map(|root| key(root)).collect();
    let mut next = roots;
    while !next.is_empty() {
        let mut wanted = Vec::new();
        let mut asked = HashSet::new();
        for version in &next {
            found.insert(key(version), version.clone());
        }
        for version in &next {
            for reference in &version.descriptor.component.component_references {
                let key = target(reference);
                if !found.contains_key(&key) && asked.insert(key.clone()) {
                    wanted.push(key);
                }
            }
        }
        let fetched: Vec<_> = stream::iter(wanted)
            .map(|(component, version)| async move { lookup.get(&component, &version).await })
            .buffered(LOOKUPS)
            .try_collect()
            .await?;
        next = fetched;
    }
    check_reference_digests(&found, lookup).await?;
    Ok(walk(&order, &found).sorted)
}

/// The first circle that references make among component versions, as a way that ends where it began; only a broken tool can write
/// one, and no signature can cover it.
pub fn circle(versions: &[Arc<ComponentVersion>]) -> Option<String> {
    let found = versions.iter().map(|version| (key(version), version.clone())).collect();
    // Those that refer to others come last.
    let order: Vec<Key> = versions.iter().rev().map(|version| key(version)).collect();
    let way = walk(&order, &found).circle?;
    Some(way.iter().map(|(component, version)| format!("{component}:{version}")).collect::<Vec<_>>().join(" → "))
}

fn key(version: &ComponentVersion) -> Key {
    (version.descriptor.component.name.clone(), version.descriptor.component.version.clone())
}

fn target(reference: &Reference) -> Key {
    (reference.component_name.clone(), reference.version.clone())
}

/// A way through component versions and what they refer to.
#[derive(Default)]
struct Walk {
    /// Referenced ones before those that refer to them.
    sorted: Vec<Arc<ComponentVersion>>,
    /// The first circle; its last member is the first one.
    circle: Option<Vec<Key>>,
}

/// Depth first without recursion; a circle is cut where it closes.
fn walk(roots: &[Key], found: &HashMap<Key, Arc<ComponentVersion>>) -> Walk {
    let mut walk = Walk::default();
    // What has been entered, and whether it is on the way to where the walk is.
    let mut entered: HashMap<Key, bool> = HashMap::new();
    let mut way: Vec<Key> = Vec::new();
    let mut stack: Vec<(Key, bool)> = roots.iter().rev().map(|key| (key.clone(), false)).collect();
    while let Some((key, leaving)) = stack.pop() {
        let Some(version) = found.get(&key) else { continue };
        if leaving {
            walk.sorted.push(version.clone());
            way.pop();
            entered.insert(key, false);
            continue;
        }
        match entered.get(&key) {
            None => {
                entered.insert(key.clone(), true);
                way.push(key.clone());
                stack.push((key, true));
                for reference in version.descriptor.component.component_references.iter().rev() {
                    stack.push((target(reference), false));
                }
            }
            Some(true) if walk.circle.is_none() => {
                let begin = way.iter().position(|above| *above == key).unwrap_or_default();
                walk.circle = Some(way[begin..].iter().cloned().chain([key]).collect());
            }
            Some(_) => {}
        }
    }
    walk
}

async fn check_reference_digests(found: &HashMap<Key, Arc<ComponentVersion>>, lookup: &dyn Lookup) -> Result<()> {
    let (mut doubtful, mut errors) = (Vec::new(), Vec::new());
    let mut computed: HashMap<(Key, String, String), String> = HashMap::new();
    for referrer in found.values() {
        for reference in &referrer.descriptor.component.component_references {
            let (Some(digest), Some(version)) = (&reference.digest, found.get(&target(reference))) else { continue };
            if digest.value.is_empty() {
                continue;
            }
            let cache = (target(reference), digest.normalisation_algorithm.clone(), digest.hash_algorithm.clone());
            let actual = match computed.get(&cache) {
                Some(actual) => actual.clone(),
                None => {
                    let actual = digest_like(&version.descriptor, digest)?.value;
                    computed.insert(cache, actual.clone());
                    actual
                }
            };
            if !actual.eq_ignore_ascii_case(&digest.value) {
                doubtful.push((version.clone(), digest.clone()));
                errors.push(Error::ReferenceDigest {
                    component: reference.component_name.clone(),
                    version: reference.version.clone(),
                    referrer: format!(
                        "{}:{}",
                        referrer.descriptor.component.name, referrer.descriptor.component.version
                    ),
                    algorithm: digest.normalisation_algorithm.clone(),
                    expected: digest.value.clone(),
                    actual,
                });
            }
        }
    }
    if doubtful.is_empty() {
        return Ok(());
    }
    let meant = lookup.are_meant(&doubtful).await.map_err(|error| error.on("source"))?;
    errors.into_iter().zip(meant).find(|(_, is_meant)| !is_meant).map_or(Ok(()), |(error, _)| Err(error))
}
