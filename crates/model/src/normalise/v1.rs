//! What `jsonNormalisation/v1` encodes: the descriptor in its own schema.

use serde_json::Value;

use super::piece::{Members, Piece};
use super::{Reduction, entries, labels, v2};
use crate::{Descriptor, Reference, Result};

/// The extra identity of elements that have none.
static NULL: Value = Value::Null;

pub(super) fn of_v2(descriptor: &Descriptor) -> Result<Vec<u8>> {
    let component = &descriptor.component;
    let resources = v2::with_versions(&component.resources);
    let mut members = Members::default();
    members.text("name", &component.name);
    members.text("version", &component.version);
    members.add_if("labels", labels::signed(&component.labels, Reduction::None));
    members.add_if("creationTime", component.creation_time.as_deref().map(Piece::Text));
    let provider = &component.provider;
    let is_object = provider.is_json || !provider.labels.is_empty() || !provider.other.is_empty();
    members
        .add("provider", if is_object { v2::provider(provider, Reduction::None) } else { Piece::Text(&provider.name) });
    let resource = |item| with_identity(v2::resource(item, Reduction::None));
    members.add("resources", Piece::list(resources.iter(), resource));
    members.add(
        "componentReferences",
        Piece::list(&component.component_references, |item| with_identity(reference(item))),
    );
    let mut meta = Members::default();
    meta.text("schemaVersion", &descriptor.meta.schema_version);
    entries::encode(Members(vec![("component", members.into()), ("meta", meta.into())]).into())
}

pub(super) fn of_v3alpha1(descriptor: &Descriptor, api_version: &str, kind: &str) -> Result<Vec<u8>> {
    let component = &descriptor.component;
    let resources = v2::with_versions(&component.resources);
    let mut metadata = Members::default();
    metadata.text("name", &component.name);
    metadata.text("version", &component.version);
    metadata.add_if("labels", labels::signed(&component.labels, Reduction::None));
    metadata.add_if("creationTime", component.creation_time.as_deref().map(Piece::Text));
    // The labels of the provider are not filtered in this form.
    let labels = labels::all(&component.provider.labels, Reduction::None);
    let replaced: &[&str] = if labels.is_some() { &["name", "labels"] } else { &["name"] };
    let mut provider = Members::of_others(&component.provider.other, replaced);
    provider.text("name", &component.provider.name);
    provider.add_if("labels", labels);
    metadata.add("provider", provider.into());

    let mut spec = Members::default();
    let resource = |item| v2::resource(item, Reduction::None).into();
    spec.add_if("resources", (!resources.is_empty()).then(|| Piece::list(resources.iter(), resource)));
    let sources = &component.sources;
    let source = |item| v2::source(item, Reduction::None);
    spec.add_if("sources", (!sources.is_empty()).then(|| Piece::list(sources, source)));
    let references = &component.component_references;
    let reference = |item| reference(item).into();
    spec.add_if("references", (!references.is_empty()).then(|| Piece::list(references, reference)));
    let form = vec![
        ("apiVersion", Piece::Text(api_version)),
        ("kind", Piece::Text(kind)),
        ("metadata", metadata.into()),
        ("spec", spec.into()),
    ];
    entries::encode(Members(form).into())
}

fn with_identity(mut element: Members<'_>) -> Piece<'_> {
    if !element.0.iter().any(|(key, _)| *key == "extraIdentity") {
        element.add("extraIdentity", Piece::Value(&NULL));
    }
    element.into()
}

/// Unlike in the later forms, the labels of references are filtered here.
fn reference(reference: &Reference) -> Members<'_> {
    let mut members = v2::identity(&reference.name, &reference.version, &reference.extra_identity);
    members.add_if("labels", labels::signed(&reference.labels, Reduction::None));
    members.text("componentName", &reference.component_name);
    members.add_if("digest", reference.digest.as_ref().map(v2::digest));
    members
}
