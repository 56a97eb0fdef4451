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

/// The element with an identity; a part of one is enough if it fits one element only.
pub(super) fn find(version: &ComponentVersion, kind: ElementKind, wanted: &Identity) -> Result<Element> {
    let component = &version.descriptor.component;
    let name = wanted.get("name");
    // Names first: identities are made anew each time, and there may be thousands.
    let may_fit = |candidate: &str| name.is_none_or(|name| name == candidate);
    let fitting: Vec<(usize, Identity)> = match kind {
        ElementKind::Resource => {
            let named = component.resources.iter().enumerate().filter(|(_, resource)| may_fit(&resource.name));
            named.map(|(position, resource)| (position, resource.identity())).collect()
        }
        ElementKind::Source => {
            let named = component.sources.iter().enumerate().filter(|(_, source)| may_fit(&source.name));
            named.map(|(position, source)| (position, source.identity())).collect()
        }
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
