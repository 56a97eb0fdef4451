//! What `jsonNormalisation/v1` encodes: the descriptor in its own schema.

use serde_json::{Map, Value, json};

use super::{Reduction, entries, labels, v2};
use crate::{Descriptor, Reference};

pub(super) fn of_v2(descriptor: &Descriptor) -> Vec<u8> {
    let component = &descriptor.component;
    let mut members = Map::new();
    members.insert("name".into(), component.name.clone().into());
    members.insert("version".into(), component.version.clone().into());
    v2::insert(&mut members, "labels", labels::signed(&component.labels, Reduction::None));
    v2::insert(&mut members, "creationTime", component.creation_time.clone().map(Value::String));
    let provider = &component.provider;
    let is_object = provider.is_json || !provider.labels.is_empty() || !provider.other.is_empty();
    let provider = if is_object { v2::provider(provider, Reduction::None) } else { provider.name.clone().into() };
    members.insert("provider".into(), provider);
    let resources = v2::with_versions(&component.resources);
    let resources = resources.iter().map(|resource| with_identity(v2::resource(resource, Reduction::None)));
    members.insert("resources".into(), resources.collect());
    let references = component.component_references.iter().map(|item| with_identity(reference(item)));
    members.insert("componentReferences".into(), references.collect());
    entries::encode(&json!({"component": members, "meta": {"schemaVersion": descriptor.meta.schema_version}}))
}

pub(super) fn of_v3alpha1(descriptor: &Descriptor, api_version: &str, kind: &str) -> Vec<u8> {
    let component = &descriptor.component;
    let mut metadata = Map::new();
    metadata.insert("name".into(), component.name.clone().into());
    metadata.insert("version".into(), component.version.clone().into());
    v2::insert(&mut metadata, "labels", labels::signed(&component.labels, Reduction::None));
    v2::insert(&mut metadata, "creationTime", component.creation_time.clone().map(Value::String));
    // The labels of the provider are not filtered in this form.
    let mut provider = component.provider.other.clone();
    provider.insert("name".into(), component.provider.name.clone().into());
    v2::insert(&mut provider, "labels", labels::all(&component.provider.labels, Reduction::None));
    metadata.insert("provider".into(), provider.into());

    let mut spec = Map::new();
    let resources = v2::with_versions(&component.resources);
    v2::insert(&mut spec, "resources", list(resources.iter().map(|item| v2::resource(item, Reduction::None))));
    v2::insert(&mut spec, "sources", list(component.sources.iter().map(|item| v2::source(item, Reduction::None))));
    v2::insert(&mut spec, "references", list(component.component_references.iter().map(reference)));
    entries::encode(&json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}))
}

fn list(items: impl Iterator<Item = Value>) -> Option<Value> {
    let items: Vec<Value> = items.collect();
    (!items.is_empty()).then_some(Value::Array(items))
}

fn with_identity(mut element: Value) -> Value {
    if element.get("extraIdentity").is_none() {
        element["extraIdentity"] = Value::Null;
    }
    element
}

/// Unlike in the later forms, the labels of references are filtered here.
fn reference(reference: &Reference) -> Value {
    let mut members = v2::identity(&reference.name, &reference.version, &reference.extra_identity);
    v2::insert(&mut members, "labels", labels::signed(&reference.labels, Reduction::None));
    members.insert("componentName".into(), reference.component_name.clone().into());
    v2::insert(&mut members, "digest", reference.digest.as_ref().map(v2::digest));
    members.into()
}
