//! `diff`: how two component versions, or everything in two repositories, differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ocm_model::digest::HashAlgorithm;
use ocm_model::{DigestSpec, normalise};
use ocm_repository::ComponentVersion;
use ocm_repository::component::digest;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::get;
use crate::descriptor_diff::differences;
use crate::select::{self, Meant, Selected};
use crate::{Context, Result};

/// Compares descriptors. Content is compared by the digests they record; it is not read.
///
/// Two sides with one component version each are compared with each other, whatever they are called, if a reference names a
/// component. Otherwise component versions are compared with those of the same name and version on the other side.
///
/// # Errors
/// [`crate::Kind::NotFound`] if a reference fits nothing.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let left = select(context, &request.left).await?;
    let right = select(context, &request.right).await?;
    let mut report =
        Report { left: request.left.clone(), right: request.right.clone(), equal: true, same: 0, versions: Vec::new() };
    match (left.selected.as_slice(), right.selected.as_slice()) {
        ([one], [other]) if left.is_component || right.is_component => {
            report.add(pair(one, other, request.digest_only).await?);
        }
        (ones, others) => {
            let (ones, others) = (by_name(ones), by_name(others));
            let names: BTreeSet<_> = ones.keys().chain(others.keys()).copied().collect();
            for name in names {
                match (ones.get(&name), others.get(&name)) {
                    (Some(one), Some(other)) if is_identical(one, other).await? => report.same += 1,
                    (Some(one), Some(other)) => {
                        let difference = pair(one, other, request.digest_only).await?;
                        if difference.change.is_some() {
                            report.add(difference);
                        } else {
                            report.same += 1;
                        }
                    }
                    (Some(one), None) => report.add(alone(one, Direction::Removed).await?),
                    (None, Some(other)) => report.add(alone(other, Direction::Added).await?),
                    (None, None) => {}
                }
            }
        }
    }
    Ok(report)
}

/// One side, and whether its reference names a component.
struct Meaning {
    selected: Vec<Selected>,
    is_component: bool,
}

async fn select(context: &Context, reference: &str) -> Result<Meaning> {
    let request = get::Request { references: vec![reference.to_owned()], ..get::Request::default() };
    let selected = select::select(context, &request).await?;
    Ok(Meaning { selected, is_component: matches!(select::meaning(reference)?, Meant::Component(_)) })
}

fn by_name(selected: &[Selected]) -> BTreeMap<(&str, &str), &Selected> {
    selected.iter().map(|one| ((one.component.as_str(), one.version.as_str()), one)).collect()
}

/// The very same manifest needs no second look.
async fn is_identical(one: &Selected, other: &Selected) -> Result<bool> {
    if one.digest.is_some() || other.digest.is_some() {
        return Ok(false);
    }
    let one = one.repository.root(&one.component, &one.version).await?;
    let other = other.repository.root(&other.component, &other.version).await?;
    Ok(one.is_some() && one.map(|root| root.digest) == other.map(|root| root.digest))
}

async fn pair(one: &Selected, other: &Selected, digest_only: bool) -> Result<VersionDifference> {
    let (left, right) = (one.read().await?, other.read().await?);
    let mut changes = differences(&left.descriptor, &right.descriptor);
    if digest_only {
        changes.retain(|change| change.covered);
        for change in &mut changes {
            change.members.retain(|member| member.covered);
        }
    }
    let (left, right) = (side(one, &left)?, side(other, &right)?);
    let digest_equal = left.digest == right.digest;
    let change = (!changes.is_empty() || !digest_equal).then_some(Direction::Changed);
    Ok(VersionDifference { change, left: Some(left), right: Some(right), digest_equal, changes })
}

async fn alone(selected: &Selected, direction: Direction) -> Result<VersionDifference> {
    let side = Some(side(selected, &selected.read().await?)?);
    let (left, right) = if direction == Direction::Removed { (side, None) } else { (None, side) };
    Ok(VersionDifference { change: Some(direction), left, right, digest_equal: false, changes: Vec::new() })
}

fn side(selected: &Selected, version: &Arc<ComponentVersion>) -> Result<Side> {
    Ok(Side {
        component: version.name().to_owned(),
        version: version.version().to_owned(),
        repository: selected.repository.address(),
        digest: digest(&version.descriptor, normalise::Algorithm::V4Alpha1, HashAlgorithm::Sha256)?,
        manifest: version.root.digest().to_string(),
    })
}

impl Report {
    fn add(&mut self, difference: VersionDifference) {
        self.equal &= difference.change.is_none();
        self.versions.push(difference);
    }
}

/// What to compare.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Component reference, or an archive.
    pub left: String,
    /// Component reference, or an archive.
    pub right: String,
    /// Whether only what the digest covers counts.
    pub digest_only: bool,
}

/// How two sides differ.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One side, as it was named.
    pub left: String,
    /// The other side, as it was named.
    pub right: String,
    /// Whether nothing differs of what counts.
    pub equal: bool,
    /// Component versions that are the same on both sides and are not listed.
    pub same: usize,
    /// The component versions that were compared, of two repositories only those that differ.
    pub versions: Vec<VersionDifference>,
}

/// How a component version differs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionDifference {
    /// Whether it was added, removed or changed; absent if it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Direction>,
    /// What is there on the left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Side>,
    /// What is there on the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Side>,
    /// Whether both have the same digest, and so the same signatures fit.
    pub digest_equal: bool,
    /// What differs.
    pub changes: Vec<Change>,
}

/// A component version on one side.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// Address of its repository.
    pub repository: String,
    /// Digest of its normal form.
    pub digest: DigestSpec,
    /// Digest of its manifest, which also depends on where content is and who signed.
    pub manifest: String,
}

/// A difference: an element that is there on one side only, or that is another one.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What happened from left to right.
    pub change: Direction,
    /// What it happened to.
    pub kind: ElementKind,
    /// Which one; empty for the component itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub identity: BTreeMap<String, String>,
    /// Whether the digest of the component version changes with it.
    pub covered: bool,
    /// What differs in it; empty if it was added or removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// What happened from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// It is on the right only.
    Added,
    /// It is on the left only.
    Removed,
    /// It is on both sides and differs.
    Changed,
}

/// Parts of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ElementKind {
    /// The component version itself: provider, labels, repository contexts and the like.
    Component,
    /// A resource.
    Resource,
    /// A source.
    Source,
    /// A reference to another component version.
    Reference,
    /// A signature.
    Signature,
}

impl ElementKind {
    /// The word for one of them.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Resource => "resource",
            Self::Source => "source",
            Self::Reference => "reference",
            Self::Signature => "signature",
        }
    }
}

/// A member that differs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its name: `access.imageReference`, `label x`, `order of resources`.
    #[serde(rename = "member")]
    pub name: String,
    /// Its value on the left; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Value>,
    /// Its value on the right; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Value>,
    /// Whether the digest of the component version changes with it.
    pub covered: bool,
}
