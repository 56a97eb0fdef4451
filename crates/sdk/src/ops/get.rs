//! `get component-version`: descriptors, one, several or all, with what they refer to.

use std::sync::Arc;

use ocm_model::{Descriptor, Identity};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::verify::Gate;
use crate::{Context, Result, select, tree};

/// Reads the component versions that were asked for.
///
/// # Errors
/// [`crate::Kind::NotFound`] if a reference fits nothing at all.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let selected = select::select(context, request).await?;
    let lookup = select::lookup(context, &selected, &request.lookup).await?;
    let roots = tree::read(&selected, &lookup, request.recursive, request.unresolved).await?;
    Ok(Report { roots })
}

/// Which component versions to read.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Component references, or repositories of which everything is read. With `repository` they are relative to it:
    /// `component[:version]`.
    pub references: Vec<String>,
    /// Repository that the references are relative to.
    pub repository: Option<String>,
    /// Version constraint; applies where a reference names no version. The default takes every version.
    pub constraint: Option<String>,
    /// Only the newest version that fits.
    pub latest: bool,
    /// Also read referenced component versions.
    pub recursive: bool,
    /// More repositories to look for referenced versions in.
    pub lookup: Vec<String>,
    /// What to do about a referenced version that cannot be found.
    pub unresolved: Unresolved,
    /// What has to be right about signatures before a verb that hands out content or moves it does anything.
    #[serde(skip)]
    pub verify: Option<Arc<Gate>>,
}

/// What to do about a referenced version that cannot be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unresolved {
    /// Fail.
    #[default]
    Fail,
    /// Report it as a node without descriptor.
    Show,
}

/// The component versions that were found.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was asked for: components in lexical order where a repository was named, versions newest first.
    pub roots: Vec<Node>,
}

/// A component version and what it refers to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// Address of the repository it was found in.
    pub repository: String,
    /// What kind of place that is; `None` if the version was not read from one.
    pub repository_type: Option<RepositoryType>,
    /// Identity of the reference that led here; `None` for a root.
    #[schemars(with = "Option<std::collections::BTreeMap<String, String>>")]
    pub reference: Option<Identity>,
    /// The descriptor; `None` if the version could not be found.
    #[schemars(with = "Option<serde_json::Value>")]
    #[serde(serialize_with = "shared")]
    pub descriptor: Option<Arc<Descriptor>>,
    /// Referenced versions, in the order of the descriptor; empty unless they were asked for.
    pub children: Vec<Node>,
}

/// One version may stand in many places of a tree, and is kept once.
#[allow(clippy::ref_option, reason = "the signature is serde's")]
fn shared<S: Serializer>(descriptor: &Option<Arc<Descriptor>>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    descriptor.as_deref().serialize(serializer)
}

/// A kind of place with component versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum RepositoryType {
    /// A registry.
    #[serde(rename = "OCIRegistry")]
    OciRegistry,
    /// A transport archive.
    CommonTransportFormat,
    /// An archive with one component version, of the older program.
    ComponentArchive,
    /// A place of a type that a plugin has.
    Plugin,
}
