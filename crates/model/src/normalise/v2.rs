//! The tree that `jsonNormalisation/v2` and its successors encode.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Reduction, labels};
use crate::{Descriptor, DigestSpec, Provider, Reference, Resource, Source};

pub(super) fn tree(descriptor: &Descriptor, resources: &[Resource], reduction: Reduction) -> Value {
    let component = &descriptor.component;
    let mut members = Map::new();
    members.insert("name".into(), component.name.clone().into());
    members.insert("version".into(), component.version.clone().into());
    insert(&mut members, "labels", labels::signed(&component.labels, reduction));
    insert(&mut members, "creationTime", component.creation_time.clone().map(Value::String));
    members.insert("provider".into(), provider(&component.provider, reduction));
    members.insert("resources".into(), resources.iter().map(|item| self::resource(item, reduction)).collect());
    members.insert("sources".into(), component.sources.iter().map(|item| source(item, reduction)).collect());
    let references = component.component_references.iter();
    members.insert("componentReferences".into(), references.map(|item| reference(item, reduction)).collect());
    json!({ "component": members })
}

/// The resources after the step with which old descriptors were completed: of resources that share name and extra
/// identity, each gets its version as an attribute as long as another one still looks the same; the last stays as it is.
pub(super) fn with_versions(resources: &[Resource]) -> Vec<Resource> {
    let mut resources = resources.to_vec();
    // Counted instead of compared pair by pair: descriptors with tens of thousands of resources exist.
    let mut alike: BTreeMap<(String, BTreeMap<String, String>), usize> = BTreeMap::new();
    for resource in &resources {
        *alike.entry((resource.name.clone(), resource.extra_identity.clone())).or_default() += 1;
    }
    for resource in &mut resources {
        let key = (resource.name.clone(), resource.extra_identity.clone());
        let Some(count) = alike.get_mut(&key).filter(|count| **count > 1) else { continue };
        *count -= 1;
        resource.extra_identity.insert("version".into(), resource.version.clone());
        *alike.entry((resource.name.clone(), resource.extra_identity.clone())).or_default() += 1;
    }
    resources
}

pub(super) fn insert(members: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(key.into(), value);
    }
}

pub(super) fn provider(provider: &Provider, reduction: Reduction) -> Value {
    let mut members = match reduction {
        Reduction::None => provider.other.clone(),
        Reduction::GoV2 => Map::new(),
    };
    members.insert("name".into(), provider.name.clone().into());
    insert(&mut members, "labels", labels::signed(&provider.labels, reduction));
    members.into()
}

pub(super) fn identity(name: &str, version: &str, extra: &BTreeMap<String, String>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("name".into(), name.into());
    members.insert("version".into(), version.into());
    if !extra.is_empty() {
        members.insert("extraIdentity".into(), json!(extra));
    }
    members
}

pub(super) fn digest(digest: &DigestSpec) -> Value {
    json!({
        "hashAlgorithm": digest.hash_algorithm,
        "normalisationAlgorithm": digest.normalisation_algorithm,
        "value": digest.value,
    })
}

pub(super) fn resource(resource: &Resource, reduction: Reduction) -> Value {
    let mut members = identity(&resource.name, &resource.version, &resource.extra_identity);
    insert(&mut members, "labels", labels::signed(&resource.labels, reduction));
    members.insert("type".into(), resource.kind.clone().into());
    members.insert("relation".into(), resource.relation.clone().into());
    // Exactly these two spellings: `none/v1` does not count in either program.
    if !matches!(resource.access.kind.as_str(), "none" | "None") {
        insert(&mut members, "digest", resource.digest.as_ref().map(digest));
    }
    members.into()
}

pub(super) fn source(source: &Source, reduction: Reduction) -> Value {
    let mut members = identity(&source.name, &source.version, &source.extra_identity);
    insert(&mut members, "labels", labels::signed(&source.labels, reduction));
    members.insert("type".into(), source.kind.clone().into());
    members.into()
}

fn reference(reference: &Reference, reduction: Reduction) -> Value {
    let mut members = identity(&reference.name, &reference.version, &reference.extra_identity);
    insert(&mut members, "labels", labels::all(&reference.labels, reduction));
    members.insert("componentName".into(), reference.component_name.clone().into());
    let unknown = (reduction == Reduction::GoV2).then(DigestSpec::default);
    insert(&mut members, "digest", reference.digest.as_ref().or(unknown.as_ref()).map(digest));
    members.into()
}
