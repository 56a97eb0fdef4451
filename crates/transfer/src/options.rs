use std::sync::Arc;

use ocm_blob::{Observer, Unobserved};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::copy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Computed, ElementKind, Naming, Stop};

/// Which content moves along with a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CopyMode {
    /// What is stored with the component version; everything else stays where it is.
    #[default]
    LocalBlob,
    /// Also content of elements whose relation is `local`, wherever it is stored.
    LocalResources,
    /// Everything that can be reached.
    AllResources,
}

/// How images that move along are stored in a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UploadAs {
    /// With the component version, found by digest; moves with any further copy of the repository.
    #[default]
    LocalBlob,
    /// As an image of its own, under its own name.
    OciArtifact,
}

/// What to do about a version that the target has with other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Existing {
    /// Fail before anything is moved.
    #[default]
    Fail,
    /// Replace it.
    Overwrite,
    /// Write it again, also if its content is the same.
    Enforce,
    /// Leave it alone, also if only signatures or other parts outside the digest differ.
    Skip,
}

impl Existing {
    /// Whether other content may take the place of what is there.
    pub(crate) fn replaces(self) -> bool {
        matches!(self, Self::Overwrite | Self::Enforce)
    }
}

/// How a component version refers to images that are stored beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessStyle {
    /// By their name in the registry that has the component version, under whatever address that is reached.
    #[default]
    Relative,
    /// By the address that the transfer used.
    Absolute,
}

/// Whether content that is stored with a component version in a registry also gets an access for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GlobalAccess {
    /// No: it would hold the address that the transfer used.
    #[default]
    Never,
    /// Yes, where the target is a registry.
    Auto,
}

/// What becomes of the addresses that a descriptor says it was stored under (`repositoryContexts`). No digest covers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RepositoryContexts {
    /// They go along unchanged; none is added.
    #[default]
    Keep,
    /// They stay behind.
    Drop,
    /// The address of the target takes their place; an archive has none that would be true anywhere else.
    Replace,
    /// The address in [`Options::advertised`], under which others reach the target, is put behind them.
    Advertise,
}

/// How a transfer is done.
#[derive(Clone)]
pub struct Options {
    /// Which content moves along.
    pub copy: CopyMode,
    /// Whether the content of sources moves like that of resources.
    pub copy_sources: bool,
    /// Access types, without version, that stay by reference whatever `copy` says.
    pub omit_access_types: Vec<String>,
    /// Access types that are not built in and whose content can be fetched all the same; only documents need to know them
    /// beforehand.
    pub foreign_access_types: Vec<String>,
    /// How images are stored in a registry.
    pub upload_as: UploadAs,
    /// How images with a name of their own are called.
    pub naming: Naming,
    /// How component versions refer to them.
    pub access_style: AccessStyle,
    /// Whether local content gets an access for everybody.
    pub global_access: GlobalAccess,
    /// What becomes of the addresses that descriptors were stored under.
    pub repository_contexts: RepositoryContexts,
    /// What [`RepositoryContexts::Advertise`] writes.
    pub advertised: Option<TypedObject>,
    /// Platforms that are taken of images for several; empty: all of them.
    pub platforms: Vec<copy::PlatformChoice>,
    /// Whether signatures and the like of images go along.
    pub referrers: copy::Referrers,
    /// Whether content that was asked for and cannot be carried is a failure.
    pub strict: bool,
    /// With `strict`: whether content whose access type is left out on purpose may stay all the same.
    pub spare_omitted: bool,
    /// What to do about a version that the target has with other content.
    pub existing: Existing,
    /// Digests that content has to have although its descriptor does not record them.
    pub computed: Computed,
    /// Component versions that are worked on at the same time; at least 1. Each moves a few blobs at once.
    pub concurrency: usize,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// What content draws from that moves between archives; connections have a limit of their own.
    pub pace: Option<Arc<copy::Bucket>>,
    /// What stops it before it is done.
    pub stop: Stop,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            copy: CopyMode::default(),
            copy_sources: false,
            omit_access_types: Vec::new(),
            foreign_access_types: Vec::new(),
            upload_as: UploadAs::default(),
            naming: Naming::default(),
            access_style: AccessStyle::default(),
            global_access: GlobalAccess::default(),
            repository_contexts: RepositoryContexts::default(),
            advertised: None,
            platforms: Vec::new(),
            referrers: copy::Referrers::default(),
            strict: false,
            spare_omitted: false,
            existing: Existing::default(),
            computed: Computed::default(),
            concurrency: 4,
            observer: Arc::new(Unobserved),
            pace: None,
            stop: Stop::default(),
        }
    }
}

impl Options {
    /// Whether the content of an element that lies elsewhere moves along, unless its access type is left out.
    pub(crate) fn moves(&self, kind: ElementKind, is_local: bool) -> bool {
        match self.copy {
            _ if kind == ElementKind::Source => self.copy_sources,
            CopyMode::AllResources => true,
            CopyMode::LocalResources => is_local,
            CopyMode::LocalBlob => false,
        }
    }

    /// Whether content of this access type stays where it is.
    pub(crate) fn omits(&self, access: &TypedObject) -> bool {
        self.omit_access_types.iter().any(|kind| *kind == access.kind || is_same_type(kind, &access.kind))
    }
}

/// Whether an access type goes by this name, too: `helm` stands for any version of `Helm`, `helm/v1` for this one.
fn is_same_type(named: &str, kind: &str) -> bool {
    let ((named, version), (kind, has)) = (apart(named), apart(kind));
    let are_names = |(names, _): &(&[&str], &[&str])| names.contains(&named) && names.contains(&kind);
    let is_same_version = version.is_none_or(|version| has.is_none_or(|has| has == version));
    is_same_version && (named == kind || Access::NAMES.iter().any(are_names))
}

/// The name of a type, and its version.
fn apart(kind: &str) -> (&str, Option<&str>) {
    kind.split_once('/').map_or((kind, None), |(name, version)| (name, Some(version)))
}
