//! What was transferred.

use std::fmt::Write as _;

use ocm::ops::transfer::{ElementAction, ElementKind, ElementReport, Report, VersionAction, VersionReport};
use serde_json::json;

use super::escape::terminal;

/// The line that ends a transfer: what moved, what was there, what stays where it is.
pub(crate) fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let mut line = format!(
        "{} component version(s) transferred, {} already there; {} blob(s) of {} moved, {} already there",
        totals.versions_moved,
        totals.versions_present,
        totals.items_moved,
        indicatif::HumanBytes(totals.bytes_moved),
        totals.items_present,
    );
    if totals.left_by_reference > 0 {
        let _ = write!(line, "; {} resource(s) or source(s) left by reference{}", totals.left_by_reference, reasons(report));
    }
    line
}

/// The steps as the older program prints them; `by_component` gives each component a line of its own.
pub(crate) fn steps(report: &Report, by_component: bool) -> String {
    let mut text = String::new();
    let mut above = None;
    let indent = if by_component { "  " } else { "" };
    for version in &report.versions {
        if by_component && above != Some(&version.component) {
            let _ = writeln!(text, "transferring component \"{}\"...", terminal(&version.component));
        }
        above = Some(&version.component);
        step(&mut text, version, indent);
    }
    text
}

/// The line that ends `transfer componentversions` of the older program.
pub(crate) fn count(report: &Report) -> String {
    format!("{} versions transferred\n", report.versions.len())
}

/// The list of component versions that `--bom-file` asks for.
pub(crate) fn bill(report: &Report) -> serde_json::Value {
    let mut versions: Vec<_> = report.versions.iter().map(|version| (&version.component, &version.version)).collect();
    versions.sort();
    let versions = versions.into_iter().map(|(component, version)| json!({"component": component, "version": version}));
    json!({"componentVersions": versions.collect::<Vec<_>>()})
}

fn step(text: &mut String, version: &VersionReport, indent: &str) {
    let name = terminal(&format!("{}:{}", version.component, version.version));
    let _ = writeln!(text, "{indent}transferring version \"{name}\"...");
    match version.action {
        VersionAction::Present => {
            let _ = writeln!(text, "{indent}  version \"{name}\" already present -> skip transport");
            return;
        }
        VersionAction::Keep => {
            let _ = writeln!(text, "{indent}  version \"{name}\" already present with other content, which stays");
            return;
        }
        VersionAction::Update => {
            let _ = writeln!(text, "{indent}  updating volatile properties of \"{name}\"");
        }
        VersionAction::Replace | VersionAction::Transfer => {}
    }
    for element in version.elements.iter().filter(|element| element.plan.kind == ElementKind::Resource) {
        let name = element.plan.identity.get("name").map_or("", String::as_str);
        let what = terminal(&format!("{} {name}[{}]", element.plan.position, element.plan.element_type));
        let hint = match &element.plan.action {
            ElementAction::Reference { .. } => continue,
            ElementAction::EmbedImage { reference_name, .. } => terminal(&format!("({reference_name})")),
            _ => String::new(),
        };
        let note = if version.action == VersionAction::Replace { " (overwrite)" } else { "..." };
        let _ = writeln!(text, "{indent}...resource {what}{hint}{note}");
    }
    let _ = writeln!(text, "{indent}...adding component version...");
}

/// Why elements stay where they are, each reason once.
fn reasons(report: &Report) -> String {
    let elements = report.versions.iter().flat_map(|version| &version.elements);
    let mut reasons: Vec<&str> = elements.filter_map(reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}

fn reason(element: &ElementReport) -> Option<&str> {
    match &element.plan.action {
        ElementAction::Reference { reason } => Some(reason),
        _ => None,
    }
}
