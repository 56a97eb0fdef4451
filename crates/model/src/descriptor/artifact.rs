use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::types::identity;
use super::{Component, DigestSpec};
use crate::{Identity, TypedObject};

/// A list of elements with content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ElementKind {
    /// What is delivered.
    Resource,
    /// What it was made from.
    Source,
}

impl ElementKind {
    /// What one of them is called: `resource` or `source`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Source => "source",
        }
    }
}

/// A resource or a source of a component: what both have.
#[derive(Clone, Copy, Debug)]
pub struct Artifact<'a> {
    /// The list that it is in.
    pub kind: ElementKind,
    /// Position in that list.
    pub position: usize,
    /// Name, unique together with version and extra identity.
    pub name: &'a str,
    /// Version of the artifact.
    pub version: &'a str,
    /// Attributes that tell artifacts of one name apart.
    pub extra_identity: &'a BTreeMap<String, String>,
    /// What it is: `ociImage`, `helmChart`, any text.
    pub element_type: &'a str,
    /// Whether it was made with the component; sources are always taken for that.
    pub is_local: bool,
    /// Where its content is.
    pub access: &'a TypedObject,
    /// Digest of its content; sources have none.
    pub digest: Option<&'a DigestSpec>,
}

impl Artifact<'_> {
    /// Name, version and extra identity.
    pub fn identity(&self) -> Identity {
        identity(self.name, self.version, self.extra_identity)
    }
}

impl Component {
    /// Everything with content, resources first.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact<'_>> {
        let resources = self.resources.iter().enumerate().map(|(position, resource)| Artifact {
            kind: ElementKind::Resource,
            position,
            name: &resource.name,
            version: &resource.version,
            extra_identity: &resource.extra_identity,
            element_type: &resource.kind,
            is_local: resource.relation == "local",
            access: &resource.access,
            digest: resource.digest.as_ref(),
        });
        let sources = self.sources.iter().enumerate().map(|(position, source)| Artifact {
            kind: ElementKind::Source,
            position,
            name: &source.name,
            version: &source.version,
            extra_identity: &source.extra_identity,
            element_type: &source.kind,
            is_local: true,
            access: &source.access,
            digest: None,
        });
        resources.chain(sources)
    }

    /// The access of an element, to replace it.
    pub fn access_mut(&mut self, kind: ElementKind, position: usize) -> Option<&mut TypedObject> {
        match kind {
            ElementKind::Resource => self.resources.get_mut(position).map(|resource| &mut resource.access),
            ElementKind::Source => self.sources.get_mut(position).map(|source| &mut source.access),
        }
    }
}
