use serde::Deserialize;
use serde_json::{Map, Value};

use super::read::fault;
use super::types::null_is_empty;
use super::{
    Component, Descriptor, Label, Meta, NestedDigest, Provider, Reference, Resource, Schema, Signature, Source,
};
use crate::{Result, TypedObject};

/// A descriptor in the form of schema version `v3alpha1`, which only the older program writes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescriptorV3 {
    api_version: String,
    #[serde(default)]
    kind: String,
    metadata: Metadata,
    #[serde(default, deserialize_with = "null_is_empty")]
    repository_contexts: Vec<TypedObject>,
    #[serde(default, deserialize_with = "null_is_empty")]
    spec: Spec,
    #[serde(default, deserialize_with = "null_is_empty")]
    signatures: Vec<Signature>,
    #[serde(default, deserialize_with = "null_is_empty")]
    nested_digests: Vec<NestedDigest>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    version: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    labels: Vec<Label>,
    #[serde(default)]
    provider: Provider,
    #[serde(default)]
    creation_time: Option<String>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default, deserialize_with = "null_is_empty")]
    resources: Vec<Resource>,
    #[serde(default, deserialize_with = "null_is_empty")]
    sources: Vec<Source>,
    #[serde(default, deserialize_with = "null_is_empty")]
    references: Vec<Reference>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl DescriptorV3 {
    pub(super) fn into_v2(self) -> Result<Descriptor> {
        let Self { api_version, kind, metadata, repository_contexts, spec, signatures, nested_digests, other } = self;
        if !matches!(api_version.as_str(), "ocm.software/v3alpha1" | "ocm.gardener.cloud/v3alpha1") {
            return Err(fault(format_args!("has the apiVersion {api_version:?}; ocm.software/v3alpha1 can be read")));
        }
        // `v2` has one place for members nobody knows where `v3alpha1` has two.
        let mut unknown = metadata.other;
        unknown.extend(spec.other);
        Ok(Descriptor {
            meta: Meta::default(),
            component: Component {
                name: metadata.name,
                version: metadata.version,
                labels: metadata.labels,
                creation_time: metadata.creation_time,
                repository_contexts,
                provider: metadata.provider,
                resources: spec.resources,
                sources: spec.sources,
                component_references: spec.references,
                other: unknown,
            },
            signatures,
            nested_digests,
            other,
            schema: Schema::V3Alpha1 { api_version, kind },
        })
    }
}
