use ocm::ops::show::Report;

use super::escape::terminal;

/// Versions or tags, one per line.
pub(crate) fn lines(report: &Report) -> String {
    report.items.iter().map(|item| terminal(item) + "\n").collect()
}
