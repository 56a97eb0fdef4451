use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Schema;
use crate::{Identity, TypedObject};

/// A component descriptor in the form of schema version `v2`, which every implementation reads.
///
/// Member order is the one of the Go implementations. Members that are not known here are kept in `other`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Schema version.
    pub meta: Meta,
    /// The component version.
    pub component: Component,
    /// Signatures over the normalised form.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// Digests of all referenced versions, where they are kept at the root.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub nested_digests: Vec<NestedDigest>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
    /// The schema it was read from.
    #[serde(skip)]
    pub schema: Schema,
}

/// Says which schema a descriptor follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// `v2`.
    pub schema_version: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for Meta {
    fn default() -> Self {
        Self { schema_version: "v2".into(), other: Map::new() }
    }
}

/// A component version: its name, who provides it, and what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Name, a DNS name with a path: `acme.org/product`.
    pub name: String,
    /// Relaxed semantic version.
    pub version: String,
    /// Labels of the component version.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// When it was made, RFC 3339 in UTC with whole seconds; part of the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// Repositories the version came through, the last one newest; never part of the digest.
    #[serde(default, deserialize_with = "list")]
    pub repository_contexts: Vec<TypedObject>,
    /// Who provides it.
    #[serde(default)]
    pub provider: Provider,
    /// What is delivered.
    #[serde(default, deserialize_with = "list")]
    pub resources: Vec<Resource>,
    /// What it was made from.
    #[serde(default, deserialize_with = "list")]
    pub sources: Vec<Source>,
    /// Other component versions that belong to it.
    #[serde(default, deserialize_with = "list")]
    pub component_references: Vec<Reference>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Who provides a component: a name, or a name with labels.
///
/// Stored as a plain string; with labels as a JSON document inside the string, as schema `v2` wants it. Objects are read too.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(with = "String")]
pub struct Provider {
    /// Name of the provider.
    pub name: String,
    /// Labels of the provider.
    pub labels: Vec<Label>,
    /// Everything else in the object form.
    pub other: Map<String, Value>,
    /// Whether it was read from JSON inside a string. `jsonNormalisation/v1` tells that from the plain name, so it is
    /// written the same way again.
    pub is_json: bool,
}

/// An artifact that is delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Name, unique together with version and extra identity.
    pub name: String,
    /// Version of the artifact.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub version: String,
    /// Labels.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Attributes that tell artifacts of one name apart.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_identity: BTreeMap<String, String>,
    /// What it is: `ociImage`, `helmChart`, any text.
    #[serde(rename = "type")]
    pub kind: String,
    /// `local` (made with the component) or `external`.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "String::is_empty")]
    pub relation: String,
    /// Sources it was made from; older descriptors call them `srcRef`.
    #[serde(default, alias = "srcRef", deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub src_refs: Vec<SourceReference>,
    /// Where its content is.
    pub access: TypedObject,
    /// Digest of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestSpec>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Where an artifact was made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Name, unique together with version and extra identity.
    pub name: String,
    /// Version of the source.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub version: String,
    /// Labels.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Attributes that tell sources of one name apart.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_identity: BTreeMap<String, String>,
    /// What it is: `git`, `filesystem`, any text.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where its content is.
    pub access: TypedObject,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Another component version that belongs to this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Name of the reference, unique together with version and extra identity.
    pub name: String,
    /// Version of the referenced component.
    pub version: String,
    /// Labels.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Attributes that tell references of one name apart.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_identity: BTreeMap<String, String>,
    /// Name of the referenced component.
    pub component_name: String,
    /// Digest of the referenced version's normalised form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestSpec>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Which sources a resource was made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceReference {
    /// Identity attributes of the source.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub identity_selector: BTreeMap<String, String>,
    /// Labels.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A named value of any form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    /// Name, unique in its list; vendors prefix it with a domain.
    pub name: String,
    /// Any JSON value.
    #[serde(default)]
    pub value: Value,
    /// Version of the value's format, `v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether the label is part of the digest.
    #[serde(default, skip_serializing_if = "is_false_or_absent")]
    pub signing: Option<Value>,
    /// How values are merged on transport.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<LabelMerge>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// How two values of a label become one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelMerge {
    /// Name of the algorithm.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub algorithm: String,
    /// Its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A digest with the names of how it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DigestSpec {
    /// `SHA-256` or `SHA-512`; older texts say `sha256`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub hash_algorithm: String,
    /// What was hashed: `genericBlobDigest/v1`, `ociArtifactDigest/v1`, `jsonNormalisation/v4alpha1`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub normalisation_algorithm: String,
    /// Lower-case hexadecimal digits.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub value: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A signature over the normalised descriptor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Signature {
    /// Name, unique in the descriptor.
    pub name: String,
    /// The digest that was signed.
    #[serde(default)]
    pub digest: DigestSpec,
    /// The signature itself.
    #[serde(default)]
    pub signature: SignatureValue,
    /// A time-stamping authority's word on when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The bytes of a signature and how to read them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureValue {
    /// Algorithm.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub algorithm: String,
    /// The signature in the form that the media type says.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub value: String,
    /// Form of the value.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub media_type: String,
    /// Distinguished name that the signer put there; data, not trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A time stamp (RFC 3161).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timestamp {
    /// PEM block with the token.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub value: String,
    /// The time it states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Digests of a referenced version, kept at the root of the tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NestedDigest {
    /// Name of the component.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest of its normalised form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestSpec>,
    /// Digests of its resources.
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub resource_digests: Vec<ResourceDigest>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Digest of one resource of a referenced version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDigest {
    /// Name of the resource.
    pub name: String,
    /// Its version.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub version: String,
    /// Its extra identity.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_identity: BTreeMap<String, String>,
    /// Digest of its content.
    #[serde(default)]
    pub digest: DigestSpec,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Reads `null` like an absent member.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The same for a list, which takes no more memory than it needs: there are tens of thousands with one label each, and room
/// for four of them would be most of a descriptor.
fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    let mut list: Vec<T> = null_is_empty(deserializer)?;
    list.shrink_to_fit();
    Ok(list)
}

// The signature is serde's.
#[allow(clippy::ref_option)]
fn is_false_or_absent(signing: &Option<Value>) -> bool {
    matches!(signing, None | Some(Value::Bool(false) | Value::Null))
}

impl Label {
    /// Whether the label is part of the digest. The text `"true"` counts too, as it does in the rules of the Go programs.
    pub fn is_signed(&self) -> bool {
        matches!(&self.signing, Some(Value::Bool(true)))
            || self.signing.as_ref().and_then(Value::as_str) == Some("true")
    }
}

pub(super) fn identity(name: &str, version: &str, extra: &BTreeMap<String, String>) -> Identity {
    let mut identity: Identity = extra.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    identity.0.insert("name".into(), name.into());
    if !version.is_empty() {
        identity.0.insert("version".into(), version.into());
    }
    identity
}

impl Resource {
    /// Name, version and extra identity.
    pub fn identity(&self) -> Identity {
        identity(&self.name, &self.version, &self.extra_identity)
    }

    /// The digest that is recorded; `None` for one of which something is missing.
    pub fn recorded_digest(&self) -> Option<&DigestSpec> {
        self.digest.as_ref().filter(|digest| digest.is_complete())
    }
}

impl Source {
    /// Name, version and extra identity.
    pub fn identity(&self) -> Identity {
        identity(&self.name, &self.version, &self.extra_identity)
    }
}

impl Reference {
    /// Name, version and extra identity.
    pub fn identity(&self) -> Identity {
        identity(&self.name, &self.version, &self.extra_identity)
    }

    /// The digest that is recorded; `None` for one of which something is missing.
    pub fn recorded_digest(&self) -> Option<&DigestSpec> {
        self.digest.as_ref().filter(|digest| digest.is_complete())
    }
}
