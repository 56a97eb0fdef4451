use serde_json::{Map, Value};

use super::Reduction;
use crate::Label;

/// The labels that are part of the digest, with the members that are.
pub(super) fn signed(labels: &[Label], reduction: Reduction) -> Option<Value> {
    list(labels.iter().filter(|label| label.is_signed()).map(|label| signed_members(label, reduction)))
}

/// All labels: references keep theirs whole, because the rule that would filter them names a member that is not there.
pub(super) fn all(labels: &[Label], reduction: Reduction) -> Option<Value> {
    list(labels.iter().map(|label| {
        let mut members = signed_members(label, reduction);
        if let (Some(merge), Reduction::None) = (&label.merge, reduction) {
            let mut members_of_merge = Map::new();
            members_of_merge.insert("algorithm".into(), merge.algorithm.clone().into());
            if let Some(config) = &merge.config {
                members_of_merge.insert("config".into(), config.clone());
            }
            members.insert("merge".into(), members_of_merge.into());
        }
        members
    }))
}

fn list(labels: impl Iterator<Item = Map<String, Value>>) -> Option<Value> {
    let labels: Vec<Value> = labels.map(Value::Object).collect();
    (!labels.is_empty()).then_some(Value::Array(labels))
}

fn signed_members(label: &Label, reduction: Reduction) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("name".into(), label.name.clone().into());
    members.insert("value".into(), label.value.clone());
    if let (Some(version), Reduction::None) = (&label.version, reduction) {
        members.insert("version".into(), version.clone().into());
    }
    match &label.signing {
        None | Some(Value::Bool(false) | Value::Null) => {}
        Some(signing) => {
            members.insert("signing".into(), signing.clone());
        }
    }
    members
}
