//! Component versions from what constructor files describe: all of them, or none.
//!
//! The work has four steps. *Plan* looks at the target and at references and decides, without writing. *Store* puts all
//! content into the target, where nobody finds it yet. *Describe* computes the digests of references, from the leaves up.
//! *Publish* makes all component versions visible at once.

mod content;
mod describe;
mod error;
mod external;
mod graph;
mod ownership;
mod plan;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::Sources;
use ocm_blob::Observer;
use ocm_model::Descriptor;
use ocm_model::digest::GENERIC_BLOB_DIGEST;
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion, Staged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use error::Error;

use crate::file::Component;

/// What to do about a component version that the target has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// Fail; nothing is written.
    #[default]
    AbortAndFail,
    /// Keep what is there.
    Skip,
    /// Replace it.
    Replace,
    /// Keep what is there if it is the same, fail if it differs.
    KeepIdentical,
}

/// What to do about referenced component versions that no file describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum External {
    /// Leave them where they are.
    #[default]
    Skip,
    /// Copy them and what they refer to into the target.
    CopyOrFail,
    /// Leave them where they are, and accept that they are nowhere: such a reference has no digest.
    Accept,
}

/// How component versions are built.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// What to do about component versions that the target has already.
    pub conflict: Conflict,
    /// What to do about referenced component versions that no file describes.
    pub external: External,
    /// Whether content behind accesses is not looked up: its resources have no digest and are not pinned.
    pub skip_reference_digests: bool,
    /// What the digest of an image is said to be made of. Default `genericBlobDigest/v1`, the name that the current
    /// program writes; the older one accepts `ociArtifactDigest/v1` only.
    pub oci_artifact_digest: String,
    /// Time of creation (RFC 3339) for components whose file names none. Default none: the same input gives the same digest.
    pub creation_time: Option<String>,
    /// Elements that are worked on at the same time; at least 1. Default 4.
    pub concurrency: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            conflict: Conflict::default(),
            external: External::default(),
            skip_reference_digests: false,
            oci_artifact_digest: GENERIC_BLOB_DIGEST.to_owned(),
            creation_time: None,
            concurrency: 4,
        }
    }
}

/// Finds component versions that are neither in the files nor in the target.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// A component version, `None` if no place has it.
    async fn component_version(
        &self,
        component: &str,
        version: &str,
    ) -> Result<Option<ComponentVersion>, ocm_oci::Error>;

    /// Whether it is settled where this component version comes from, so that one in the target does not count.
    fn is_bound(&self, _component: &str, _version: &str) -> bool {
        false
    }
}

/// Looks nowhere.
pub struct NoLookup;

#[async_trait]
impl Lookup for NoLookup {
    async fn component_version(
        &self,
        _component: &str,
        _version: &str,
    ) -> Result<Option<ComponentVersion>, ocm_oci::Error> {
        Ok(None)
    }
}

/// What a build works with.
#[derive(Clone)]
pub struct Environment {
    /// Receives the component versions.
    pub target: ComponentRepository,
    /// Finds referenced component versions elsewhere.
    pub lookup: Arc<dyn Lookup>,
    /// Finds the content of accesses, and of inputs that are elsewhere.
    pub images: Arc<dyn Sources>,
    /// Is told what happens.
    pub observer: Arc<dyn Observer>,
}

/// What happened to a component version of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Disposition {
    /// It is new.
    Added,
    /// It replaced another one.
    Replaced,
    /// The one that was there stays.
    Kept,
}

/// A component version of the files, as the target has it now.
#[derive(Clone, Debug, Serialize)]
pub struct Built {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// What happened to it.
    pub disposition: Disposition,
}

/// What a build did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// The component versions of the files, in their order.
    pub versions: Vec<Built>,
    /// Descriptors of component versions that are referred to and that no file describes.
    pub external: Vec<Descriptor>,
    /// Name and version of those that were copied into the target.
    pub copied: Vec<(String, String)>,
}

/// Builds the component versions of constructor files.
///
/// # Errors
/// Nothing is visible in the target after an error, and component versions that were there are unchanged.
pub async fn build(components: Vec<Component>, environment: &Environment, options: &Options) -> Result<Outcome, Error> {
    let plan = plan::plan(&components, environment, options).await?;
    let contents = content::store(&components, &plan, environment, options).await?;
    let described = describe::describe(&components, &plan, contents, options)?;
    // There may be ten thousand, and all that they say is in the descriptors now.
    drop(components);

    let mut dispositions = Vec::with_capacity(described.len());
    let mut different = Vec::new();
    for (version, existing) in described.iter().zip(&plan.existing) {
        dispositions.push(match existing {
            None => Disposition::Added,
            Some(_) if options.conflict == Conflict::Replace => Disposition::Replaced,
            Some(existing)
                if options.conflict == Conflict::KeepIdentical
                    && !describe::same(&existing.descriptor, &version.descriptor) =>
            {
                different.push(existing.to_string());
                Disposition::Kept
            }
            Some(_) => Disposition::Kept,
        });
    }
    if !different.is_empty() {
        return Err(Error::Differs { versions: different, target: environment.target.address() });
    }
    let copied = match options.external {
        External::CopyOrFail => external::store(&plan, environment, options).await?,
        External::Skip | External::Accept => Vec::new(),
    };
    let new = described.iter().zip(&dispositions).filter(|(_, disposition)| **disposition != Disposition::Kept);
    let all: Vec<&NewVersion> = copied.iter().chain(new.map(|(version, _)| version)).collect();
    let staged = stage(all, &environment.target, options).await?;
    if !staged.is_empty() {
        environment.target.publish(staged).await?;
    }
    let versions = described.into_iter().zip(dispositions);
    let versions =
        versions.map(|(version, disposition)| Built { descriptor: version.descriptor, disposition }).collect();
    let external = plan.external.iter().map(|version| version.descriptor.clone()).collect();
    let name = |version: NewVersion| (version.descriptor.component.name, version.descriptor.component.version);
    Ok(Outcome { versions, external, copied: copied.into_iter().map(name).collect() })
}

async fn stage(
    versions: Vec<&NewVersion>,
    target: &ComponentRepository,
    options: &Options,
) -> Result<Vec<Staged>, Error> {
    let staged = stream::iter(versions).map(|version| target.stage(version)).buffered(options.concurrency.max(1));
    Ok(staged.try_collect().await?)
}
