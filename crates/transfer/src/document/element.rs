use std::collections::HashMap;

use ocm_model::descriptor::Artifact;
use ocm_model::{DigestSpec, Identity, Resource, Source, TypedObject};
use ocm_repository::ComponentVersion;
use serde_json::{Value, json};

use crate::{ElementKind, Error, Result};

/// An element as nodes hand it on.
pub(super) struct Element {
    pub(super) kind: ElementKind,
    pub(super) whole: Value,
    pub(super) identity: Identity,
    pub(super) access: TypedObject,
    pub(super) digest: Option<DigestSpec>,
}

impl Element {
    pub(super) fn read(kind: ElementKind, whole: Value) -> Result<Self> {
        let wrong = |error: serde_json::Error| Error::Document(format!("spec.{}: {error}", kind.noun()));
        match kind {
            ElementKind::Resource => {
                let resource: Resource = serde_json::from_value(whole).map_err(wrong)?;
                let whole = serde_json::to_value(&resource).map_err(wrong)?;
                Ok(Self {
                    kind,
                    whole,
                    identity: resource.identity(),
                    access: resource.access,
                    digest: resource.digest,
                })
            }
            ElementKind::Source => {
                let source: Source = serde_json::from_value(whole).map_err(wrong)?;
                let whole = serde_json::to_value(&source).map_err(wrong)?;
                Ok(Self { kind, whole, identity: source.identity(), access: source.access, digest: None })
            }
        }
    }

    /// For errors.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.kind.noun(), self.identity)
    }

    pub(super) fn with_access(mut self, access: &TypedObject) -> Self {
        self.access = access.clone();
        self.whole["access"] = json!(access);
        self
    }

    pub(super) fn output(&self) -> Value {
        json!({ self.kind.noun(): self.whole })
    }
}

/// Positions of elements by their names: each of tens of thousands is looked for by a node of its own.
#[derive(Default)]
pub(super) struct Positions {
    resources: HashMap<String, Vec<usize>>,
    sources: HashMap<String, Vec<usize>>,
}

impl Positions {
    pub(super) fn of(version: &ComponentVersion) -> Self {
        let mut positions = Self::default();
        for Artifact { kind, position, name, .. } in version.descriptor.component.artifacts() {
            let names = match kind {
                ElementKind::Resource => &mut positions.resources,
                ElementKind::Source => &mut positions.sources,
            };
            names.entry(name.to_owned()).or_default().push(position);
        }
        positions
    }

    /// The positions of elements with a name.
    fn named(&self, kind: ElementKind, name: &str) -> &[usize] {
        let names = match kind {
            ElementKind::Resource => &self.resources,
            ElementKind::Source => &self.sources,
        };
        names.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The element with an identity; a part of one is enough if it fits one element only.
pub(super) fn find(
    version: &ComponentVersion,
    positions: &Positions,
    kind: ElementKind,
    wanted: &Identity,
) -> Result<Element> {
    let component = &version.descriptor.component;
    let identity = |position: usize| match kind {
        ElementKind::Resource => (position, component.resources[position].identity()),
        ElementKind::Source => (position, component.sources[position].identity()),
    };
    let fitting: Vec<(usize, Identity)> = match (wanted.get("name"), kind) {
        (Some(name), _) => positions.named(kind, name).iter().copied().map(identity).collect(),
        (None, ElementKind::Resource) => (0..component.resources.len()).map(identity).collect(),
        (None, ElementKind::Source) => (0..component.sources.len()).map(identity).collect(),
    };
    let exact = fitting.iter().find(|(_, identity)| identity == wanted);
    let fits = |identity: &Identity| wanted.0.iter().all(|(key, value)| identity.0.get(key) == Some(value));
    let mut partly = fitting.iter().filter(|(_, identity)| fits(identity));
    let position = match (exact, partly.next(), partly.next()) {
        (Some((position, _)), _, _) | (None, Some((position, _)), None) => *position,
        (None, None, _) => {
            return Err(ocm_oci::Error::not_found(format!("{} {wanted} of {version}", kind.noun())).into());
        }
        (None, Some(_), Some(_)) => {
            return Err(Error::Document(format!("{version} has several elements {wanted}; name more of the identity")));
        }
    };
    let whole = match kind {
        ElementKind::Resource => json!(component.resources[position]),
        ElementKind::Source => json!(component.sources[position]),
    };
    Element::read(kind, whole)
}
