//! What was repaired.

use std::fmt::Write as _;

use ocm::ops::repair::{Outcome, Report};

use super::table::Table;
use crate::args::VersionForm;
use crate::exit::Failure;

/// The report in the form that was asked for.
pub(crate) fn text(report: &Report, form: VersionForm) -> Result<String, Failure> {
    super::structured::report(form, report, &report.items, || table(report))
}

/// One row per address.
fn table(report: &Report) -> String {
    let mut table = Table::new(&["COMPONENT", "VERSION", "OUTCOME", "ELEMENT", "FROM", "TO"]);
    for item in &report.items {
        let outcome = match item.outcome {
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "would be repaired",
            Outcome::Repaired => "repaired",
        };
        let mut row = |element: &str, from: &str, to: &str| {
            table.row([&item.component, &item.version, outcome, element, from, to]);
        };
        for change in &item.changes {
            let element = match change.member.as_str() {
                "globalAccess" => format!("{} (global access)", change.element),
                _ => change.element.clone(),
            };
            row(&element, &change.from, change.to.as_deref().unwrap_or("removed"));
        }
        for left in &item.left {
            row(&left.element, &left.address, "stays");
        }
        if item.changes.is_empty() && item.left.is_empty() {
            row("", "", "");
        }
    }
    table.grouped(3)
}

/// The message that lists what could not be repaired; `None` if there is nothing.
pub(crate) fn left(report: &Report) -> Option<String> {
    let mut message = String::new();
    for item in &report.items {
        for left in &item.left {
            let _ = write!(
                message,
                "\n  {}:{} {}: {}: {}",
                item.component, item.version, left.element, left.address, left.reason
            );
        }
    }
    (!message.is_empty()).then(|| format!("not everything could be repaired:{message}"))
}
