//! How component versions differ.

use ocm::model::Identity;
use ocm::ops::diff::{Change, Direction, ElementKind, Report, Side, VersionDifference};
use serde_json::Value;

use super::escape::terminal;
use super::table::Table;
use crate::args::VersionForm;
use crate::exit::Failure;

/// Longest value in a table, in characters; the other forms have all of it.
const LONGEST_VALUE: usize = 200;

/// The report in the form that was asked for.
pub(crate) fn text(report: &Report, form: VersionForm) -> Result<String, Failure> {
    super::structured::report(form, report, &report.versions, || table(report))
}

/// One row per difference, then what became of the digests. Nothing at all where two archives are the same.
fn table(report: &Report) -> String {
    let mut table = Table::new(&["COMPONENT VERSION", "CHANGE", "ELEMENT", "MEMBER", "LEFT", "RIGHT", "DIGEST"]);
    let mut digests = String::new();
    for version in &report.versions {
        let name = name(version);
        match (version.change, version.changes.as_slice()) {
            (Some(direction @ (Direction::Added | Direction::Removed)), _) => {
                table.row([&name, word(direction), "", "", "", "", ""]);
            }
            (_, changes) => changes.iter().for_each(|change| rows(&name, change, &mut table)),
        }
        if let (Some(left), Some(right)) = (&version.left, &version.right) {
            let shown = |side: &Side| terminal(&side.digest.value);
            let line = if version.digest_equal {
                format!("{name}: digest equal ({})\n", shown(left))
            } else {
                format!("{name}: digest differs ({} and {})\n", shown(left), shown(right))
            };
            digests.push_str(&line);
        }
    }
    if table.is_empty() { digests } else { format!("{}{digests}", table.grouped(3)) }
}

fn name(version: &VersionDifference) -> String {
    let name = |side: &Side| format!("{}:{}", side.component, side.version);
    match (version.left.as_ref().map(name), version.right.as_ref().map(name)) {
        (Some(left), Some(right)) if left != right => terminal(&format!("{left} → {right}")),
        (left, right) => terminal(&left.or(right).unwrap_or_default()),
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Added => "added",
        Direction::Removed => "removed",
        Direction::Changed => "changed",
    }
}

fn rows(name: &str, change: &Change, table: &mut Table) {
    let element = match change.kind {
        ElementKind::Component => "component".to_owned(),
        kind => format!("{} {}", kind.noun(), Identity(change.identity.clone())),
    };
    let inside = |covered: bool| if covered { "inside" } else { "outside" };
    if change.members.is_empty() {
        table.row([name, word(change.change), &element, "", "", "", inside(change.covered)]);
    }
    for member in &change.members {
        let (left, right) = (short(member.left.as_ref()), short(member.right.as_ref()));
        table.row([name, word(change.change), &element, &member.name, &left, &right, inside(member.covered)]);
    }
}

/// A value on one line, cut if it is long.
fn short(value: Option<&Value>) -> String {
    let text = match value {
        None => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
