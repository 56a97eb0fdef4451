//! Component versions with what they refer to, as nested values.

use std::collections::HashMap;
use std::sync::Arc;

use ocm_model::Identity;
use ocm_repository::ComponentVersion;
use ocm_transfer::Lookup as _;

use crate::lookup::Lookup;
use crate::ops::get::{Node, Unresolved};
use crate::select::Selected;
use crate::{Error, Kind, Result};

/// Nesting of references beyond which a tree is refused; a cycle is noticed earlier.
const MAX_DEPTH: usize = 200;

type Key = (String, String);

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
        nodes.push(node(&version, None, &versions, recursive, &mut Vec::new())?);
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
) -> Result<Node> {
    let here = key(version);
    if path.contains(&here) || path.len() > MAX_DEPTH {
        let names: Vec<_> =
            path.iter().chain([&here]).map(|(component, version)| format!("{component}:{version}")).collect();
        return Err(Error::new(
            Kind::Other,
            format!("component versions refer to each other in a circle: {}", names.join(" → ")),
        ));
    }
    path.push(here);
    let mut children = Vec::new();
    for reference in version.descriptor.component.component_references.iter().filter(|_| recursive) {
        let identity = Some(reference.identity());
        let key = (reference.component_name.clone(), reference.version.clone());
        children.push(match versions.get(&key) {
            Some(child) => node(child, identity, versions, recursive, path)?,
            None => Node {
                component: key.0,
                version: key.1,
                repository: String::new(),
                reference: identity,
                descriptor: None,
                children: Vec::new(),
            },
        });
    }
    path.pop();
    Ok(Node {
        component: version.name().to_owned(),
        version: version.version().to_owned(),
        repository: place(version),
        reference,
        descriptor: Some(version.descriptor.clone()),
        children,
    })
}

/// The address of the repository that a component version is in.
fn place(version: &ComponentVersion) -> String {
    let address = version.content().address();
    let suffix = format!("/component-descriptors/{}", version.name());
    address.strip_suffix(&suffix).map_or_else(|| address.clone(), |place| place.trim_end_matches('/').to_owned())
}
