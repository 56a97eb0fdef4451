//! What was found out about a registry.

use ocm::ops::doctor::Report;

use super::table::Table;
use crate::args::ExplainForm;
use crate::exit::Failure;

/// One row per check.
pub(crate) fn text(report: &Report, form: ExplainForm) -> Result<String, Failure> {
    if let Some(structure) = form.structure() {
        return super::object(structure, report);
    }
    let mut table = Table::new(&["CHECK", "RESULT", "TIME", "FINDING"]);
    for check in &report.checks {
        let time = format!("{} ms", check.milliseconds);
        table.row([check.name.as_str(), check.outcome.name(), &time, &check.finding]);
    }
    Ok(table.ruled(&[]))
}
