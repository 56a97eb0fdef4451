//! What a configuration means.

use ocm::ops::config::Explanation;

use super::table::Table;
use crate::args::ExplainForm;
use crate::exit::Failure;

/// Longest value in the table, in characters.
const LONGEST: usize = 160;

/// What counts, and where it was said.
pub(crate) fn explanation(explanation: &Explanation, form: ExplainForm) -> Result<String, Failure> {
    if let Some(structure) = form.structure() {
        return super::object(structure, explanation);
    }
    if explanation.lines.is_empty() {
        return Ok(format!("nothing is configured for {}\n", super::escape::message(&explanation.subject)));
    }
    let mut table = Table::new(&["WHAT", "VALUE", "ORIGIN"]);
    for line in &explanation.lines {
        let value = line.value.as_str().map_or_else(|| line.value.to_string(), str::to_owned);
        table.row([&line.name, &shortened(value), &line.origin]);
    }
    Ok(table.ruled(&[]))
}

/// Certificates that stand in the configuration itself would make a line of thousands of characters.
fn shortened(value: String) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} characters, see --output json)", &value[..end], value.chars().count()),
        None => value,
    }
}
