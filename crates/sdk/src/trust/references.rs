//! Every reference of a tree of component versions, and what became of it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use ocm_model::Reference;
use ocm_repository::ComponentVersion;
use ocm_repository::component::digest_like;
use schemars::JsonSchema;
use serde::Serialize;

use super::node::Node;
use super::walk::Walker;
use crate::lookup::Lookup;
use crate::tree::MAX_NODES;

/// A reference that was followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// Who refers, `component:version`.
    pub referrer: String,
    /// Name of the component that is referred to.
    pub component: String,
    /// Its version.
    pub version: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Where it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It leads to the version whose digest is recorded, or computed where none is.
    Right,
    /// It leads to another version than the one whose digest is recorded.
    Different,
    /// It leads nowhere.
    Missing,
    /// A place did not answer, or did not let anybody in.
    Unreachable,
    /// It leads to a version that cannot be judged, because of something else in the tree.
    Unjudged,
}

/// The references of a tree that was walked to its end.
pub(crate) fn walked(root: &Arc<Node>) -> Vec<Followed> {
    let mut followed = Vec::new();
    // The version itself first, then what it refers to.
    for node in root.all().iter().rev() {
        followed.extend(node.references.iter().map(|edge| Followed {
            referrer: node.to_string(),
            component: edge.node.component.clone(),
            version: edge.node.version.clone(),
            outcome: Outcome::Right,
            place: Some(edge.node.place.clone()),
            reason: None,
        }));
    }
    followed
}

/// The references of a tree of which something is wrong, nearest first: each is looked at, whatever is wrong with others. When a place
/// has not answered, nobody else is asked: every one of thousands might take as long.
pub(crate) async fn survey(root: &Arc<ComponentVersion>, walker: &Walker<'_>, lookup: &Lookup) -> Vec<Followed> {
    let mut followed = Vec::new();
    let mut seen = HashSet::from([(root.name().to_owned(), root.version().to_owned())]);
    let mut open = VecDeque::from([root.clone()]);
    let mut is_silent = false;
    while let Some(referrer) = open.pop_front() {
        for reference in &referrer.descriptor.component.component_references {
            if followed.len() >= MAX_NODES {
                return followed;
            }
            let (component, version) = (&reference.component_name, &reference.version);
            let found = match lookup.remembered(component, version) {
                Some(found) => Ok(found),
                None if is_silent => Err(ocm_oci::Error::new(
                    ocm_oci::Kind::Unavailable,
                    format!("{component}:{version}"),
                    "was not looked for, because a place did not answer",
                )),
                None => lookup.read(component, version).await,
            };
            let (outcome, reason) = match &found {
                Err(error) if is_silent => (Outcome::Unjudged, Some(error.to_string())),
                Ok(found) => judge(found, reference, Some(walker).filter(|_| !is_silent)).await,
                Err(error) => {
                    is_silent |= error.kind() == ocm_oci::Kind::Unavailable;
                    (outcome(error.kind()), Some(error.to_string()))
                }
            };
            followed.push(Followed {
                referrer: referrer.to_string(),
                component: component.clone(),
                version: version.clone(),
                outcome,
                place: found.as_ref().ok().map(|found| found.content().address()),
                reason,
            });
            if let Ok(found) = found
                && seen.insert((component.clone(), version.clone()))
            {
                open.push_back(found);
            }
        }
    }
    followed
}

fn outcome(kind: ocm_oci::Kind) -> Outcome {
    match kind {
        ocm_oci::Kind::NotFound => Outcome::Missing,
        ocm_oci::Kind::Invalid => Outcome::Different,
        _ => Outcome::Unreachable,
    }
}

/// Compares a version with the digest that a reference records; `None` in place of whoever walks on asks nobody else.
async fn judge(
    found: &Arc<ComponentVersion>,
    reference: &Reference,
    walker: Option<&Walker<'_>>,
) -> (Outcome, Option<String>) {
    let Some(recorded) = reference.recorded_digest() else { return (Outcome::Unjudged, None) };
    // Most descriptors record everything that their digests need: what is wrong below does not matter then.
    let actual = match digest_like(&found.descriptor, recorded) {
        Ok(actual) if actual.value.eq_ignore_ascii_case(&recorded.value) => return (Outcome::Right, None),
        Ok(actual) => actual,
        Err(error) => return (Outcome::Different, Some(error.to_string())),
    };
    let reason = || format!("digest {} is recorded, but it has {}", recorded.value, actual.value);
    let Some(walker) = walker else { return (Outcome::Unjudged, Some(reason())) };
    match walker.is_meant(found, recorded).await {
        Ok(true) => (Outcome::Right, None),
        Ok(false) => (Outcome::Different, Some(reason())),
        Err(error) => (Outcome::Unjudged, Some(error.to_string())),
    }
}
