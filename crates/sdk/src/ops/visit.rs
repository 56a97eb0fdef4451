use std::collections::HashSet;
use std::sync::Arc;

use ocm_model::{DigestSpec, Identity, Resource};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Result;
use crate::trust::node::Node;

/// What the digest of a component version was made of.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Visit {
    /// Name of the component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// References in the order of the descriptor.
    pub references: Vec<VisitedReference>,
    /// Resources that take part with a digest, in the order of the descriptor.
    pub resources: Vec<VisitedResource>,
}

/// A reference with the digest of what it leads to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VisitedReference {
    /// Whether the descriptor did not record the digest.
    pub was_missing: bool,
    /// The digest.
    pub digest: DigestSpec,
    /// Name of the component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// The referenced version, where it was first met.
    pub visit: Option<Visit>,
}

/// A resource with its digest.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VisitedResource {
    /// Position in the descriptor.
    pub position: usize,
    /// What tells it from the others of the version.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub identity: Identity,
    /// The digest.
    pub digest: DigestSpec,
}

impl Visit {
    /// # Errors
    /// The walk was asked for digests alone.
    pub(crate) fn of(root: &Arc<Node>) -> Result<Self> {
        let mut met = HashSet::new();
        Self::new(root, &mut met)
    }

    // As deep as references are nested, which reading them limits.
    fn new(node: &Arc<Node>, met: &mut HashSet<(String, String)>) -> Result<Self> {
        let (component, version) = (node.component.clone(), node.version.clone());
        met.insert((component.clone(), version.clone()));
        let references = node.references.iter().map(|edge| {
            let (component, version) = (edge.node.component.clone(), edge.node.version.clone());
            let is_new = !met.contains(&(component.clone(), version.clone()));
            let visit = is_new.then(|| Self::new(&edge.node, met)).transpose()?;
            let digest = edge.digest.clone();
            Ok(VisitedReference { was_missing: edge.was_missing, digest, component, version, visit })
        });
        let references = references.collect::<Result<_>>()?;
        let all = &node.document()?.complete().component.resources;
        let resources = all.iter().enumerate().filter_map(|(position, resource)| {
            let digest = resource.digest.clone()?;
            Some(VisitedResource { position, identity: identity(resource, all), digest })
        });
        Ok(Self { component, version, references, resources: resources.collect() })
    }
}

/// Name and extra identity, and the version where these do not tell a resource from another.
fn identity(resource: &Resource, all: &[Resource]) -> Identity {
    let mut identity = Identity(resource.extra_identity.clone());
    identity.0.insert("name".into(), resource.name.clone());
    let alike = |other: &&Resource| other.name == resource.name && other.extra_identity == resource.extra_identity;
    if all.iter().filter(alike).count() > 1 {
        identity.0.insert("version".into(), resource.version.clone());
    }
    identity
}
