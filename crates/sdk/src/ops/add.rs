//! `add component-version`: component versions from a constructor file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ocm_model::Descriptor;
use schemars::JsonSchema;
use serde::Serialize;

use super::get;

/// What to build, and where to put it.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Constructor files.
    pub constructors: Vec<PathBuf>,
    /// Repository that receives the component versions; an archive is made if it does not exist.
    pub target: String,
    /// Form of a target archive that does not exist yet (`directory`, `tar`, `tgz`); the default follows its name.
    pub target_form: Option<String>,
    /// Whether an archive that does not exist is made.
    pub create: bool,
    /// Whether an existing archive is thrown away first.
    pub truncate: bool,
    /// Base of relative input paths; the default is the folder of the constructor file.
    pub working_directory: Option<PathBuf>,
    /// Rules of reading: those of the current program or of the older one.
    pub dialect: Dialect,
    /// Template engine (`go`, `subst`, `none`, `env`); the default follows the dialect and the file.
    pub templater: Option<String>,
    /// Variables, later ones win: environment, settings files, command line.
    pub variables: BTreeMap<String, serde_json::Value>,
    /// Version of components that name none.
    pub default_version: Option<String>,
    /// What to do about a component version that the target has already.
    pub conflict: Conflict,
    /// What to do with referenced versions that live elsewhere.
    pub external: External,
    /// Repositories to look for referenced versions in.
    pub lookup: Vec<String>,
    /// Whether images are recorded by reference without looking them up.
    pub skip_reference_digests: bool,
    /// Name of the digest algorithm recorded for OCI content: `genericBlobDigest/v1` or `ociArtifactDigest/v1`.
    pub oci_artifact_digest: Option<String>,
    /// Time of creation to record, RFC 3339; none by default, so that the same input gives the same digest.
    pub creation_time: Option<String>,
    /// Elements of one component that are processed at the same time.
    pub concurrency: usize,
    /// Only read, substitute and check; the report then holds the specification.
    pub dry_run: bool,
}

/// Rules by which a constructor file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Dialect {
    /// Those of the current program.
    #[default]
    V2,
    /// Those of the older program: `references`, several documents, templates.
    V1,
}

/// What to do about a component version that the target has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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

/// What to do with referenced versions that live elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum External {
    /// Leave them where they are.
    #[default]
    Skip,
    /// Copy them into the target.
    CopyOrFail,
}

/// What was built.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The component versions of the files with what they refer to, as `get` reports them.
    pub roots: Vec<get::Node>,
    /// What happened to each component version of the files, in their order.
    pub versions: Vec<Added>,
    /// The specification after substitution; only of a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub specification: Vec<serde_json::Value>,
}

/// One component version of a constructor file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// What happened.
    pub action: Action,
    /// The descriptor as it is stored now.
    #[schemars(with = "serde_json::Value")]
    pub descriptor: Descriptor,
}

/// What happened to a component version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It is new.
    Added,
    /// It replaced another one.
    Replaced,
    /// The one that was there stays.
    Kept,
}
