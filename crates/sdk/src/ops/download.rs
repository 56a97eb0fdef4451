//! `download`: resources, component versions and OCI artifacts as files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::get;

/// Which elements to download, and where to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions.
    pub versions: get::Request,
    /// Identity attributes an element must have, one set per wanted element; empty means all of them.
    pub selectors: Vec<BTreeMap<String, String>>,
    /// Whether one selector must match exactly one element.
    pub exactly_one: bool,
    /// File, or directory where content is unpacked. Several elements go below it, one file each. The default is the
    /// element's name.
    pub output: Option<PathBuf>,
    /// What to do with archives and compressed content.
    pub extraction: Extraction,
    /// The form in which OCI content is written.
    pub form: Form,
}

/// What to do with archives and compressed content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Extraction {
    /// Decompress what the media type calls compressed, unpack what it calls a tar.
    #[default]
    Auto,
    /// Write the bytes as they are stored.
    Disable,
}

/// The form in which OCI content is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// An OCI image layout: a directory, or with [`Extraction::Disable`] a compressed tar.
    #[default]
    Layout,
    /// An OCI image layout as an uncompressed tar.
    LayoutTar,
    /// An OCI image layout as a gzip-compressed tar.
    LayoutTarGzip,
    /// A chart as the file that `helm` understands, with its provenance file if there is one.
    HelmChart,
    /// The file system of an image: its layers unpacked one over the other.
    FileSystem,
}

/// What was written.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One entry per element.
    pub items: Vec<Item>,
}

/// One element that was written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Component the element belongs to, `component:version`; absent for an OCI artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Identity of the element, or the reference of the artifact.
    pub name: String,
    /// Where it was written.
    pub path: PathBuf,
    /// Media type of the stored content.
    pub media_type: String,
    /// Digest of the stored content, which was checked.
    pub digest: String,
    /// Bytes written.
    pub bytes: u64,
}

/// Which component versions to save as archives of their own.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentVersions {
    /// Which component versions.
    pub versions: get::Request,
    /// Archive to write; the default is `<component's last segment>-<version>.ctf` in the working directory.
    pub output: Option<PathBuf>,
}

/// Which OCI artifact to save.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Image reference.
    pub reference: String,
    /// File or directory; the default is the last segment of the repository.
    pub output: Option<PathBuf>,
    /// The form in which it is written.
    pub form: Form,
    /// What to do with archives and compressed content.
    pub extraction: Extraction,
}
