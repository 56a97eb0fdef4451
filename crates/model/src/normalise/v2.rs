//! What `jsonNormalisation/v2` and its successors encode.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use super::piece::{Members, Piece};
use super::{Reduction, labels};
use crate::{Descriptor, DigestSpec, Provider, Reference, Resource, Source};

pub(super) fn form<'a>(descriptor: &'a Descriptor, resources: &'a [Resource], reduction: Reduction) -> Piece<'a> {
    let component = &descriptor.component;
    let mut members = Members::default();
    members.text("name", &component.name);
    members.text("version", &component.version);
    members.add_if("labels", labels::signed(&component.labels, reduction));
    members.add_if("creationTime", component.creation_time.as_deref().map(Piece::Text));
    members.add("provider", provider(&component.provider, reduction));
    members.add("resources", Piece::list(resources, move |item| resource(item, reduction).into()));
    members.add("sources", Piece::list(&component.sources, move |item| source(item, reduction)));
    members.add(
        "componentReferences",
        Piece::list(&component.component_references, move |item| reference(item, reduction)),
    );
    Members(vec![("component", members.into())]).into()
}

/// The resources after the step with which old descriptors were completed: of resources that share name and extra
/// identity, each gets its version as an attribute as long as another one still looks the same; the last stays as it is.
pub(super) fn with_versions(resources: &[Resource]) -> Cow<'_, [Resource]> {
    let mut seen = HashSet::new();
    if resources.iter().all(|resource| seen.insert((&resource.name, &resource.extra_identity))) {
        return Cow::Borrowed(resources);
    }
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
    Cow::Owned(resources)
}

pub(super) fn provider(provider: &Provider, reduction: Reduction) -> Piece<'_> {
    let labels = labels::signed(&provider.labels, reduction);
    let replaced: &[&str] = if labels.is_some() { &["name", "labels"] } else { &["name"] };
    let mut members = match reduction {
        Reduction::None => Members::of_others(&provider.other, replaced),
        Reduction::GoV2 => Members::default(),
    };
    members.text("name", &provider.name);
    members.add_if("labels", labels);
    members.into()
}

pub(super) fn identity<'a>(name: &'a str, version: &'a str, extra: &'a BTreeMap<String, String>) -> Members<'a> {
    let mut members = Members(Vec::with_capacity(8));
    members.text("name", name);
    members.text("version", version);
    members.add_if("extraIdentity", (!extra.is_empty()).then_some(Piece::Texts(extra)));
    members
}

pub(super) fn digest(digest: &DigestSpec) -> Piece<'_> {
    let mut members = Members::default();
    members.text("hashAlgorithm", &digest.hash_algorithm);
    members.text("normalisationAlgorithm", &digest.normalisation_algorithm);
    members.text("value", &digest.value);
    members.into()
}

pub(super) fn resource(resource: &Resource, reduction: Reduction) -> Members<'_> {
    let mut members = identity(&resource.name, &resource.version, &resource.extra_identity);
    members.add_if("labels", labels::signed(&resource.labels, reduction));
    members.text("type", &resource.kind);
    members.text("relation", &resource.relation);
    // Exactly these two spellings: `none/v1` does not count in either program.
    if !matches!(resource.access.kind.as_str(), "none" | "None") {
        members.add_if("digest", resource.digest.as_ref().map(digest));
    }
    members
}

pub(super) fn source(source: &Source, reduction: Reduction) -> Piece<'_> {
    let mut members = identity(&source.name, &source.version, &source.extra_identity);
    members.add_if("labels", labels::signed(&source.labels, reduction));
    members.text("type", &source.kind);
    members.into()
}

/// What the Go program of OCM v2 writes for a digest that is not known.
static UNKNOWN: LazyLock<DigestSpec> = LazyLock::new(DigestSpec::default);

fn reference(reference: &Reference, reduction: Reduction) -> Piece<'_> {
    let mut members = identity(&reference.name, &reference.version, &reference.extra_identity);
    members.add_if("labels", labels::all(&reference.labels, reduction));
    members.text("componentName", &reference.component_name);
    let unknown = (reduction == Reduction::GoV2).then(|| &*UNKNOWN);
    members.add_if("digest", reference.digest.as_ref().or(unknown).map(digest));
    members.into()
}
