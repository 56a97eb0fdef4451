//! What was downloaded.

use ocm::ops::download::{Item, Report};
use ocm::ops::transfer;

use super::escape::terminal;

/// One line per file, as the older program prints it.
pub(crate) fn written(report: &Report) -> String {
    report
        .items
        .iter()
        .map(|item| format!("{}: {} byte(s) written\n", path(item), item.bytes))
        .collect::<Vec<_>>()
        .concat()
}

/// One line per artifact, as the older program prints it.
pub(crate) fn downloaded(report: &Report) -> String {
    report.items.iter().map(|item| format!("{}: downloaded\n", path(item))).collect::<Vec<_>>().concat()
}

/// The line of an archive with component versions.
pub(crate) fn saved(report: &transfer::Report) -> String {
    format!("{}: downloaded\n", terminal(&report.target))
}

fn path(item: &Item) -> String {
    terminal(&item.path.display().to_string())
}
