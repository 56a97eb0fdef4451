//! `hash`: the normal form of component versions and its digest, which is what signatures are over.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::Descriptor;
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::Algorithm;
use ocm_repository::ComponentVersion;
use schemars::JsonSchema;
use serde::Serialize;

use super::get;
use crate::select::{self, Selected};
use crate::tree::MAX_NODES;
use crate::trust::node::Node;
use crate::trust::walk::{Keep, Walker};
use crate::trust::{content, oldest_first, replace, store, variant};
use crate::{Context, Error, Kind, Result};

/// Component versions that are worked on at the same time.
const AT_ONCE: usize = 8;

/// Computes digests of component versions.
///
/// Content is read only if asked for; referenced versions are read where the descriptor does not record their digest.
///
/// # Errors
/// [`Kind::Usage`] for an unknown algorithm, [`Kind::Verification`] if content or a referenced version is another one than the
/// descriptor records, or if `verify` is asked for and a signature has another digest.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let (algorithm, hash) = algorithms(&request.normalisation, &request.hash)?;
    let selected = oldest_first(select::select(context, &request.versions).await?);
    let lookup = select::lookup(context, &selected, &request.versions.lookup).await?;
    let keep = if request.versions.recursive { Keep::Documents } else { Keep::Digests };
    let walker = Walker::new(&lookup, keep);
    let work = stream::iter(&selected).map(async |one| {
        let version = one.read().await?;
        lookup.remember(&version);
        let node = if request.actual {
            from_content(context, &version, algorithm, hash).await?
        } else if needs_references(&version.descriptor) || request.versions.recursive {
            walker.visit(&version, algorithm, hash).await?
        } else {
            Walker::alone(&version, algorithm, hash)?
        };
        Ok::<_, Error>(node)
    });
    let nodes: Vec<Arc<Node>> = work.buffered(AT_ONCE).try_collect().await?;
    if request.update {
        update(context, &selected, &nodes).await?;
    }
    let mut report = Report::default();
    for node in &nodes {
        let mut open = vec![(node.clone(), Vec::new())];
        while let Some((node, context)) = open.pop() {
            if request.versions.recursive {
                let mut path: Vec<String> = context.clone();
                path.push(node.to_string());
                open.extend(node.references.iter().rev().map(|edge| (edge.node.clone(), path.clone())));
            }
            if report.items.len() + open.len() >= MAX_NODES {
                // Versions that each refer twice to the next one double with every level.
                let reason = format!("its references lead to more than {MAX_NODES} versions, counting each way to one");
                return Err(Error::new(Kind::Other, reason).during(&node));
            }
            report.items.push(item(&node, context)?);
        }
    }
    if request.verify
        && let Some((item, recorded)) =
            report.items.iter().find_map(|item| Some((item, item.recorded.iter().find(|one| one.same == Some(false))?)))
    {
        return Err(Error::new(
            Kind::Verification,
            format!(
                "{}:{}: the signature {} is over digest {}, but the descriptor has {}",
                item.component, item.version, recorded.signature, recorded.value, item.hash
            ),
        ));
    }
    Ok(report)
}

/// The algorithms that a request names.
pub(crate) fn algorithms(normalisation: &str, hash: &str) -> Result<(Algorithm, HashAlgorithm)> {
    let algorithm = normalisation.parse().map_err(Error::usage)?;
    let known = HashAlgorithm::parse(hash);
    let hash = known
        .ok_or_else(|| Error::usage(format!("unsupported hash algorithm {hash:?}")).hint("use SHA-256 or SHA-512"))?;
    Ok((algorithm, hash))
}

fn needs_references(descriptor: &Descriptor) -> bool {
    descriptor.component.component_references.iter().any(|reference| reference.recorded_digest().is_none())
}

/// The digest with what the content of resources is now, in place of what the descriptor records.
async fn from_content(
    context: &Context,
    version: &Arc<ComponentVersion>,
    algorithm: Algorithm,
    hash: HashAlgorithm,
) -> Result<Arc<Node>> {
    content::check_recorded(context, version, AT_ONCE).await?;
    let mut changed = ComponentVersion::clone(version);
    content::complete(context, version, &mut changed.descriptor).await?;
    Walker::alone(&Arc::new(changed), algorithm, hash)
}

/// Writes digests that are not recorded into the descriptors they belong to.
async fn update(context: &Context, selected: &[Selected], nodes: &[Arc<Node>]) -> Result<()> {
    for (one, node) in selected.iter().zip(nodes) {
        let document = node.document()?;
        let mut descriptor = document.complete().clone();
        content::complete(context, &document.version, &mut descriptor).await?;
        if descriptor == document.version.descriptor {
            continue;
        }
        store::check_signatures(document, &descriptor)?;
        replace::replace(context, &one.repository, vec![(document.version.clone(), descriptor)]).await?;
    }
    Ok(())
}

fn item(node: &Arc<Node>, context: Vec<String>) -> Result<Item> {
    let document = node.document()?;
    let stored = &document.version.descriptor;
    let mut recorded = Vec::new();
    for signature in &stored.signatures {
        let same = match variant::algorithms(&signature.digest) {
            // Without its references a digest that needs them cannot be told to be wrong.
            Ok(_) if node.references.is_empty() && needs_references(stored) => None,
            Ok(_) => Some(node.variant(&signature.digest)?.is_some()),
            Err(_) => None,
        };
        recorded.push(Recorded { signature: signature.name.clone(), value: signature.digest.value.clone(), same });
    }
    Ok(Item {
        context,
        component: node.component.clone(),
        version: node.version.clone(),
        normalized: String::from_utf8_lossy(&document.normal).into_owned(),
        hash: node.digest.value.clone(),
        recorded,
    })
}

/// Which digests to compute, and how.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions.
    pub versions: get::Request,
    /// Normalisation: `jsonNormalisation/v1`, `v2`, `v3` or `v4alpha1`.
    pub normalisation: String,
    /// Hash: `SHA-256` or `SHA-512`, in any spelling.
    pub hash: String,
    /// Take the digests of resources from their content, and references as they are stored.
    pub actual: bool,
    /// Write digests that are missing into the descriptors.
    pub update: bool,
    /// Fail if a signature is over another digest.
    pub verify: bool,
}

/// Digests of component versions.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was asked for, each followed by what it refers to if that was asked for.
    pub items: Vec<Item>,
}

/// The digest of one component version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The versions that led here, `component:version`.
    pub context: Vec<String>,
    /// Name of the component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// The normal form.
    pub normalized: String,
    /// Its digest in hexadecimal digits.
    pub hash: String,
    /// Digests of the signatures that the version has.
    #[serde(skip)]
    pub recorded: Vec<Recorded>,
}

/// The digest of a signature.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Name of the signature.
    pub signature: String,
    /// The digest in hexadecimal digits.
    pub value: String,
    /// Whether it is one of the version as it is; `None` if that cannot be told from what was read.
    pub same: Option<bool>,
}
