//! What was transferred.

use std::fmt::Write as _;

use ocm::ops::transfer::{ElementAction, ElementReport, Estimate, ItemOutcome, Report};
use serde_json::json;

/// The line that follows the document of a dry run.
pub(crate) fn estimate(estimate: &Estimate) -> String {
    let mut line = format!(
        "{} component version(s) to transfer, {} already there; {} blob(s) of {} to move, {} of {} already there",
        estimate.versions_to_move,
        estimate.versions_present,
        estimate.items_to_move,
        indicatif::HumanBytes(estimate.bytes_to_move),
        estimate.items_present,
        indicatif::HumanBytes(estimate.bytes_present),
    );
    if estimate.items_to_mount > 0 {
        let bytes = indicatif::HumanBytes(estimate.bytes_to_mount);
        let _ = write!(line, "; {} of {bytes} to mount from beside it", estimate.items_to_mount);
    }
    if estimate.items_of_unknown_size > 0 {
        let _ = write!(line, "; {} of a size that shows on the way", estimate.items_of_unknown_size);
    }
    line
}

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
    if !report.names.is_empty() {
        let count = |outcome: ItemOutcome| report.names.iter().filter(|name| name.outcome == outcome).count();
        let (given, there) = (count(ItemOutcome::Transferred), count(ItemOutcome::Present));
        let _ = write!(line, "; {given} name(s) given, {there} already there");
    }
    if totals.left_by_reference > 0 {
        let _ = write!(
            line,
            "; {} resource(s) or source(s) left by reference{}",
            totals.left_by_reference,
            reasons(report)
        );
    }
    line
}

/// The list of component versions that `--bom-file` asks for.
pub(crate) fn bill(report: &Report) -> serde_json::Value {
    let mut versions: Vec<_> = report.versions.iter().map(|version| (&version.component, &version.version)).collect();
    versions.sort();
    let versions = versions.into_iter().map(|(component, version)| json!({"component": component, "version": version}));
    json!({"componentVersions": versions.collect::<Vec<_>>()})
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
        ElementAction::Reference { reason, .. } => Some(reason),
        _ => None,
    }
}

/// Elements whose content was asked for and stays where it is, one line each.
pub(crate) fn left(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for version in &report.versions {
        for element in &version.elements {
            if let ElementAction::Reference { reason, is_wanted: true } = &element.plan.action {
                let name = element.plan.identity.get("name").map_or("", String::as_str);
                let kind = element.plan.kind.noun();
                lines.push(format!(
                    "{kind} {name} of {}:{} stays by reference: {reason}",
                    version.component, version.version
                ));
            }
        }
    }
    lines.sort();
    lines.dedup();
    lines
}
