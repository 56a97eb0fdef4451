//! Component versions with what they refer to, as nested values.

use std::collections::HashMap;
use std::sync::Arc;

use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_model::{Descriptor, Identity};
use ocm_repository::ComponentVersion;
use ocm_transfer::Lookup as _;

use crate::lookup::Lookup;
use crate::ops::get::{Node, RepositoryType, Unresolved};
use crate::plugins::repository::by_address;
use crate::select::Selected;
use crate::{Error, Kind, Result};

/// Nesting of references beyond which a tree is refused; a cycle is noticed earlier.
pub(crate) const MAX_DEPTH: usize = 200;

/// Nodes beyond which a tree is refused. A version appears once for every path that leads to it: a few dozen versions that
/// each refer twice to the next one are more nodes than any memory holds.
pub(crate) const MAX_NODES: usize = 100_000;

/// Resources, sources and references in all appearances of component versions but the first ones, beyond which a tree is
/// refused: a version with thousands of them may appear thousands of times.
const MAX_REPEATED: usize = 200_000;

type Key = (String, String);

/// What there is of a tree so far.
struct Grown {
    /// Nodes that there may still be.
    nodes: usize,
    /// Elements of component versions that appear again that there may still be.
    repeated: usize,
    descriptors: HashMap<Key, Arc<Descriptor>>,
}

impl Grown {
    /// Adds a component version; why it cannot be added otherwise.
    fn add(&mut self, key: &Key, version: &ComponentVersion) -> std::result::Result<Arc<Descriptor>, String> {
        let Some(nodes) = self.nodes.checked_sub(1) else {
            return Err(format!("the tree of its references has more than {MAX_NODES} nodes"));
        };
        self.nodes = nodes;
        let Some(known) = self.descriptors.get(key) else {
            let descriptor = Arc::new(version.descriptor.clone());
            self.descriptors.insert(key.clone(), descriptor.clone());
            return Ok(descriptor);
        };
        let component = &known.component;
        let elements = component.resources.len() + component.sources.len() + component.component_references.len();
        self.repeated = self.repeated.checked_sub(elements).ok_or_else(|| {
            format!("the tree of its references repeats more than {MAX_REPEATED} resources, sources and references")
        })?;
        Ok(known.clone())
    }
}

/// Reads roots and, if asked, everything they refer to.
pub(crate) async fn read(
    roots: &[Selected],
    lookup: &Lookup,
    recursive: bool,
    unresolved: Unresolved,
) -> Result<Vec<Node>> {
    let mut versions: HashMap<Key, Arc<ComponentVersion>> = HashMap::new();
    let mut nodes = Vec::new();
    for root in roots {
        let version = root.read().await?;
        lookup.remember(&version);
        if recursive {
            collect(&version, lookup, unresolved, &mut versions).await?;
        }
        let mut grown = Grown { nodes: MAX_NODES, repeated: MAX_REPEATED, descriptors: HashMap::new() };
        nodes.push(node(&version, None, &versions, recursive, &mut Vec::new(), &mut grown)?);
    }
    Ok(nodes)
}

async fn collect(
    root: &Arc<ComponentVersion>,
    lookup: &Lookup,
    unresolved: Unresolved,
    versions: &mut HashMap<Key, Arc<ComponentVersion>>,
) -> Result<()> {
    if unresolved == Unresolved::Fail {
        // The closure also compares the digests that references record.
        for version in ocm_transfer::closure(vec![root.clone()], lookup).await? {
            versions.insert(key(&version), version);
        }
        return Ok(());
    }
    let mut open = vec![root.clone()];
    while let Some(version) = open.pop() {
        if versions.insert(key(&version), version.clone()).is_some() {
            continue;
        }
        for reference in &version.descriptor.component.component_references {
            match lookup.get(&reference.component_name, &reference.version).await {
                Ok(child) => open.push(child),
                Err(error) if error.kind() == ocm_oci::Kind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn key(version: &ComponentVersion) -> Key {
    (version.name().to_owned(), version.version().to_owned())
}

fn node(
    version: &Arc<ComponentVersion>,
    reference: Option<Identity>,
    versions: &HashMap<Key, Arc<ComponentVersion>>,
    recursive: bool,
    path: &mut Vec<Key>,
    grown: &mut Grown,
) -> Result<Node> {
    let here = key(version);
    if path.contains(&here) {
        let names: Vec<_> =
            path.iter().chain([&here]).map(|(component, version)| format!("{component}:{version}")).collect();
        return Err(Error::new(
            Kind::Other,
            format!("component versions refer to each other in a circle: {}", names.join(" → ")),
        ));
    }
    let refuse = |why: String| {
        let (component, version) = path.first().unwrap_or(&here);
        Err(Error::new(Kind::Other, format!("{component}:{version}: {why}")))
    };
    if path.len() > MAX_DEPTH {
        return refuse(format!("references are nested more than {MAX_DEPTH} levels deep"));
    }
    let descriptor = match grown.add(&here, version) {
        Ok(descriptor) => descriptor,
        Err(why) => return refuse(why),
    };
    path.push(here);
    let mut children = Vec::new();
    for reference in version.descriptor.component.component_references.iter().filter(|_| recursive) {
        let identity = Some(reference.identity());
        let key = (reference.component_name.clone(), reference.version.clone());
        children.push(match versions.get(&key) {
            Some(child) => node(child, identity, versions, recursive, path, grown)?,
            None => Node {
                component: key.0,
                version: key.1,
                repository: String::new(),
                repository_type: None,
                reference: identity,
                descriptor: None,
                children: Vec::new(),
            },
        });
    }
    path.pop();
    let (repository, repository_type) = place(version);
    Ok(Node {
        component: version.name().to_owned(),
        version: version.version().to_owned(),
        repository,
        repository_type: Some(repository_type),
        reference,
        descriptor: Some(descriptor),
        children,
    })
}

/// The address of the repository that a component version is in, and what kind of place it is.
fn place(version: &ComponentVersion) -> (String, RepositoryType) {
    let content = version.content();
    let address = content.address();
    let without = |suffix: String| address.strip_suffix(&suffix).map(|place| place.trim_end_matches('/').to_owned());
    match without(format!("/{COMPONENT_DESCRIPTORS}/{}", version.name())) {
        Some(place) if content.location().is_some() => (place, RepositoryType::OciRegistry),
        Some(place) if by_address(&place).is_some() => (place, RepositoryType::Plugin),
        Some(place) => (place, RepositoryType::CommonTransportFormat),
        None => (without(format!("//{}", version.name())).unwrap_or(address), RepositoryType::ComponentArchive),
    }
}
