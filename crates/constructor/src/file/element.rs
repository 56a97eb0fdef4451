//! What resources, sources and references have in common.

use std::collections::{BTreeMap, HashMap};

use ocm_model::descriptor::{LabelMerge, SourceReference};
use ocm_model::name::check_element_name;
use ocm_model::{DigestSpec, Identity, Label};
use serde_json::{Map, Value};

use super::fields::{Fields, Reader};
use super::tree::{Kind, Node};
use super::{Dialect, rules};
use crate::problem::Position;

/// The name of an element; it becomes part of its identity.
pub(super) fn name(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> String {
    let Some(name) = fields.required_text(reader, "name") else { return String::new() };
    if let Err(error) = check_element_name(&name) {
        reader.problem(fields.place("name"), format!("{error}{}", rules::template_hint(&name)));
    }
    name
}

/// The type of an artifact.
pub(super) fn artifact_type(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> String {
    let Some(kind) = fields.required_text(reader, "type") else { return String::new() };
    if !rules::is_artifact_type(&kind) {
        let hint = rules::template_hint(&kind);
        reader.problem(
            fields.place("type"),
            format!("{kind:?} is not a valid type: it must begin with a letter or a digit{hint}"),
        );
    }
    kind
}

/// The version of an element.
pub(super) fn version(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let node = fields.get(reader, "version")?;
    let version = reader.version_text(node, &format!("the version of the {}", fields.what))?;
    if reader.dialect == Dialect::V1 && version == "<componentversion>" {
        return None;
    }
    if reader.dialect == Dialect::V2 {
        rules::check_version(reader, node.position, &version);
    } else if version.is_empty() {
        reader.problem(node.position, format!("the version of the {} is empty", fields.what));
    }
    Some(version)
}

pub(super) fn extra_identity(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    let mut identity = BTreeMap::new();
    let Some(node) = fields.get(reader, "extraIdentity") else { return identity };
    let what = format!("the extra identity of the {}", fields.what);
    let Kind::Mapping(entries) = &node.kind else {
        reader.problem(node.position, format!("{what} must be a mapping, but is {}", node.describe()));
        return identity;
    };
    for (key, value) in entries {
        // Platforms are told apart by keys with a dot; and a key, other than a name, may have a single letter.
        let platform = matches!(key.text.as_str(), "os.version" | "os.features");
        let letter = matches!(key.text.as_bytes(), [one] if one.is_ascii_lowercase() || one.is_ascii_digit());
        if let Err(error) = check_element_name(&key.text)
            && !platform
            && !letter
        {
            reader.problem(key.position, format!("{what}: {error}"));
        } else if matches!(key.text.as_str(), "name" | "version") {
            reader.problem(
                key.position,
                format!("{what}: {:?} is part of every identity; set it on the element itself", key.text),
            );
        }
        if let Some(value) = reader.text(value, &format!("{what}: the value of {:?}", key.text)) {
            identity.insert(key.text.clone(), value);
        }
    }
    identity
}

pub(super) fn labels(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<Label> {
    let node = fields.get(reader, "labels");
    let mut labels: Vec<Label> = Vec::new();
    let mut places: HashMap<String, Position> = HashMap::new();
    for item in reader.items(node, &format!("the labels of the {}", fields.what)) {
        let Some(mut label) = reader.fields(item, format!("label of the {}", fields.what)) else { continue };
        let name = label.required_text(reader, "name").unwrap_or_default();
        label.what = format!("label {name:?} of the {}", fields.what);
        let value =
            label.required(reader, "value").map(|node| label_value(reader, node, &label.what)).unwrap_or_default();
        let version = label.text(reader, "version");
        if let Some(version) = version.as_deref().filter(|version| !rules::is_label_version(version)) {
            reader.problem(
                label.place("version"),
                format!("{}: the version {version:?} must be v1, v2 and so on", label.what),
            );
        }
        let signing = label.truth(reader, "signing").filter(|signing| *signing).map(Value::Bool);
        let merge = label.get(reader, "merge").and_then(|node| label_merge(reader, node, &label.what));
        label.finish(reader);
        if name.is_empty() {
            continue;
        }
        if let Some(first) = places.insert(name.clone(), item.position) {
            reader.problem(
                item.position,
                format!("{}: the label {name:?} appears twice; the first one is in {first}", fields.what),
            );
        }
        labels.push(Label { name, value, version, signing, merge, other: Map::new() });
    }
    labels
}

/// Schema `v2` of constructor files allows texts and objects, the older program any value.
fn label_value(reader: &mut Reader<'_>, node: &Node, what: &str) -> Value {
    let value = node.to_json();
    let allowed = match &value {
        Value::String(text) => !text.is_empty(),
        Value::Object(_) => true,
        _ => reader.dialect == Dialect::V1,
    };
    if !allowed {
        let form = match &value {
            Value::String(_) => "an empty text",
            Value::Array(_) => "a list",
            Value::Bool(_) => "a truth value (quote it to make it a text)",
            _ => "a number (quote it to make it a text)",
        };
        reader.problem(node.position, format!("{what}: the value must be a text or a mapping, but is {form}"));
    }
    value
}

fn label_merge(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<LabelMerge> {
    let mut fields = reader.fields(node, format!("merge of the {what}"))?;
    let algorithm = fields.text(reader, "algorithm").unwrap_or_default();
    let config = fields.get(reader, "config").map(Node::to_json);
    fields.finish(reader);
    Some(LabelMerge { algorithm, config, other: Map::new() })
}

/// A digest that must turn out to be right.
pub(super) fn digest(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<DigestSpec> {
    let node = fields.get(reader, "digest")?;
    let mut members = reader.fields(node, format!("digest of the {}", fields.what))?;
    let mut digest = DigestSpec::default();
    let parts: [(&'static str, &mut String); 3] = [
        ("hashAlgorithm", &mut digest.hash_algorithm),
        ("normalisationAlgorithm", &mut digest.normalisation_algorithm),
        ("value", &mut digest.value),
    ];
    let mut complete = true;
    for (key, part) in parts {
        match members.get(reader, key).and_then(|node| reader.text(node, &format!("{key:?} of the {}", members.what))) {
            Some(text) if !text.is_empty() => *part = text,
            _ => complete = false,
        }
    }
    let (place, what) = (node.position, members.what.clone());
    members.finish(reader);
    if !complete {
        reader.problem(
            place,
            format!("the {what} is incomplete: hashAlgorithm, normalisationAlgorithm and value must all be set"),
        );
        return None;
    }
    if digest.hash().is_some() && digest.oci_digest().is_none() {
        reader.problem(
            place,
            format!("the {what} is malformed: {:?} is no {} value", digest.value, digest.hash_algorithm),
        );
        return None;
    }
    Some(digest)
}

pub(super) fn source_references(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<SourceReference> {
    let node = fields.get(reader, "srcRefs");
    let mut references = Vec::new();
    for item in reader.items(node, &format!("the source references of the {}", fields.what)) {
        let Some(mut members) = reader.fields(item, format!("source reference of the {}", fields.what)) else {
            continue;
        };
        let mut identity_selector = BTreeMap::new();
        if let Some(Kind::Mapping(entries)) = members.get(reader, "identitySelector").map(|node| &node.kind) {
            for (key, value) in entries {
                if let Some(value) = reader.text(value, &format!("{:?} of the identity selector", key.text)) {
                    identity_selector.insert(key.text.clone(), value);
                }
            }
        } else {
            reader.problem(
                members.place("identitySelector"),
                format!("{}: the key \"identitySelector\" must be a mapping", members.what),
            );
        }
        let labels = labels(reader, &mut members);
        members.finish(reader);
        references.push(SourceReference { identity_selector, labels, other: Map::new() });
    }
    references
}

/// Two elements of one identity cannot be told apart by anybody later.
pub(super) fn refuse_duplicates(
    reader: &mut Reader<'_>,
    what: &str,
    identities: impl Iterator<Item = (Position, Identity)>,
) {
    let mut places: HashMap<Identity, Position> = HashMap::new();
    for (place, identity) in identities {
        if let Some(first) = places.get(&identity) {
            reader.problem(
                place,
                format!(
                    "two {what} have the identity {identity}; the first one is in {first}: give one an extraIdentity"
                ),
            );
        } else {
            places.insert(identity, place);
        }
    }
}
