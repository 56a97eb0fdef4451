//! `repair component-version`: the addresses of a component version written anew, where it lies.

use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::Algorithm;
use ocm_model::{Descriptor, DigestSpec};
use ocm_oci::copy::Attached;
use ocm_repository::component::{digest, digest_like};
use ocm_repository::{ComponentVersion, RawDescriptor};
use schemars::JsonSchema;
use serde::Serialize;

use super::get;
pub use super::transfer::AccessStyle;
use crate::relocate::relocate;
use crate::select::{self, Selected};
use crate::trust::store;
use crate::{Context, Error, Kind, Result};

/// Rewrites accesses and repository contexts so that they lead to where the content is now.
///
/// # Guarantees
/// An access is rewritten only if the image was found with its digest. The digest of a component version is the same
/// before and after, in every way it can be made, and its signatures are not touched; otherwise nothing is written.
///
/// # Errors
/// [`Kind::Conflict`] if somebody else changed a component version meanwhile. Component versions before the one that failed are
/// repaired; they are in the report.
pub async fn run(context: &Context, request: &Request) -> (Report, Option<Error>) {
    let mut report = Report { dry_run: request.dry_run, ..Report::default() };
    let selected = match select::select(context, &request.versions).await {
        Ok(selected) => selected,
        Err(error) => return (report, Some(error)),
    };
    for one in &selected {
        match repair(context, one, request).await {
            Ok(item) => report.items.push(item),
            Err(error) => return (report, Some(error)),
        }
    }
    (report, None)
}

async fn repair(context: &Context, selected: &Selected, request: &Request) -> Result<Item> {
    let repository = if request.dry_run {
        selected.repository.clone()
    } else {
        store::writable(context, &selected.repository).await?
    };
    let version = Selected { repository: repository.clone(), root: None, ..selected.clone() }.read().await?;
    let relocated = relocate(&version, &repository, request.access_style).await?;
    let digests = digests(&version.descriptor)?;
    let mut item = Item {
        component: selected.component.clone(),
        version: selected.version.clone(),
        repository: repository.address(),
        outcome: Outcome::Unchanged,
        digest: digests.first().cloned().unwrap_or_default(),
        manifest: version.root.digest().to_string(),
        replaced_by: None,
        changes: relocated.changes,
        left: relocated.left,
        referrers: 0,
    };
    if item.changes.is_empty() {
        return Ok(item);
    }
    let raw = version.written_alike(&relocated.descriptor);
    prove(&version, &raw, &digests)?;
    item.outcome = Outcome::Planned;
    let attached = Attached::of(version.content().as_ref(), version.root.digest()).await;
    item.referrers = attached.map_or(0, |attached| attached.count());
    if !request.dry_run {
        let staged = repository.restage(&version, &raw).await?;
        repository.replace(&version, &staged).await?;
        item.outcome = Outcome::Repaired;
        item.replaced_by = Some(staged.root.digest().to_string());
    }
    Ok(item)
}

/// The digest of a component version in every way somebody may have signed or referred to it, the current way first.
fn digests(descriptor: &Descriptor) -> Result<Vec<DigestSpec>> {
    let mut digests = Vec::new();
    for algorithm in [Algorithm::V4Alpha1, Algorithm::V3, Algorithm::V2, Algorithm::V1] {
        digests.push(digest(descriptor, algorithm, HashAlgorithm::Sha256)?);
    }
    Ok(digests)
}

/// Reads what is about to be written, and compares it with what was there.
fn prove(version: &ComponentVersion, raw: &RawDescriptor, digests: &[DigestSpec]) -> Result<()> {
    let refuse = |what: String| {
        let reason = format!("{version}: nothing is written, because {what}");
        Error::new(Kind::Verification, reason)
    };
    let after = Descriptor::read(&raw.bytes).map_err(|error| refuse(format!("it could not be read again: {error}")))?;
    for before in digests {
        let now = digest_like(&after, before)?;
        if now != *before {
            let (algorithm, before) = (&before.normalisation_algorithm, &before.value);
            return Err(refuse(format!("its digest ({algorithm}) would change from {before} to {}", now.value)));
        }
    }
    if ocm_transfer::compare(&version.descriptor, &after) != ocm_transfer::Difference::None
        || version.descriptor.signatures != after.signatures
    {
        return Err(refuse("more than addresses would change".to_owned()));
    }
    Ok(())
}

/// What to repair, and how.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions; an archive alone means everything in it. `recursive` and `lookup` have no meaning here.
    pub versions: get::Request,
    /// How accesses are written.
    pub access_style: AccessStyle,
    /// Whether everything is looked up and nothing is written.
    pub dry_run: bool,
}

/// What was repaired.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether nothing was written because nothing was to be.
    pub dry_run: bool,
    /// One entry per component version.
    pub items: Vec<Item>,
}

/// One component version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// Address of its repository.
    pub repository: String,
    /// What happened to it.
    pub outcome: Outcome,
    /// Its digest, the same before and after.
    pub digest: DigestSpec,
    /// Digest of the manifest that was read.
    pub manifest: String,
    /// Digest of the manifest that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// Addresses that were, or would be, written anew.
    pub changes: Vec<Change>,
    /// Addresses that should be and cannot.
    pub left: Vec<Left>,
    /// Manifests that refer to the replaced one, such as attached signatures; they do not follow.
    pub referrers: usize,
}

/// What happened to a component version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// There was nothing to do.
    Unchanged,
    /// It would be rewritten.
    Planned,
    /// It was rewritten.
    Repaired,
}

/// An address that is written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What has the address: `resource name=image,version=1.0.0`, `repository context 1`.
    pub element: String,
    /// Where in it: `access`, `globalAccess`, `repositoryContexts`.
    pub member: String,
    /// The address before.
    pub from: String,
    /// The address after; `None` if it was removed.
    pub to: Option<String>,
}

/// An address that stays although it leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// What has the address.
    pub element: String,
    /// The address.
    #[serde(rename = "access")]
    pub address: String,
    /// Why it stays.
    pub reason: String,
}
