use serde_json::Value;

use super::Reduction;
use super::piece::{Members, Piece};
use crate::Label;
use crate::descriptor::LabelMerge;

/// The labels that are part of the digest, with the members that are.
pub(super) fn signed(labels: &[Label], reduction: Reduction) -> Option<Piece<'_>> {
    let any = labels.iter().any(Label::is_signed);
    let signed = move |labels| Piece::list(labels, move |label| signed_members(label, reduction).into());
    any.then(|| signed(labels.iter().filter(|label: &&Label| label.is_signed())))
}

/// All labels: references keep theirs whole, because the rule that would filter them names a member that is not there.
pub(super) fn all(labels: &[Label], reduction: Reduction) -> Option<Piece<'_>> {
    let whole = move |label| {
        let mut members = signed_members(label, reduction);
        if let (Some(merge), Reduction::None) = (&label.merge, reduction) {
            members.add("merge", self::merge(merge));
        }
        members.into()
    };
    (!labels.is_empty()).then(|| Piece::list(labels, whole))
}

fn merge(merge: &LabelMerge) -> Piece<'_> {
    let mut members = Members::default();
    members.text("algorithm", &merge.algorithm);
    members.add_if("config", merge.config.as_ref().map(Piece::Value));
    members.into()
}

fn signed_members(label: &Label, reduction: Reduction) -> Members<'_> {
    let mut members = Members::default();
    members.text("name", &label.name);
    members.add("value", Piece::Value(&label.value));
    if let (Some(version), Reduction::None) = (&label.version, reduction) {
        members.text("version", version);
    }
    match &label.signing {
        None | Some(Value::Bool(false) | Value::Null) => {}
        Some(signing) => members.add("signing", Piece::Value(signing)),
    }
    members
}
