//! The table that `bench` prints: one row per piece of work, with the bar it has to stay under.

use std::fmt::Write as _;
use std::path::Path;

/// Between these lines of docs/benchmarks.md the last written table lives.
const BEGIN: &str = "<!-- measured -->";
const END: &str = "<!-- /measured -->";

/// One measured piece of work.
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// Our figure.
    pub(crate) ours: String,
    /// What it is compared with, with its figure.
    pub(crate) against: String,
    /// Ours divided by theirs; `None` where the bar is absolute.
    pub(crate) ratio: Option<f64>,
    /// Peak resident memory of ours in bytes; `None` if not measured.
    pub(crate) memory: Option<u64>,
    /// The bar in words.
    pub(crate) bar: String,
    /// Whether the bar was met.
    pub(crate) met: bool,
}

/// The rows as a Markdown table, with the machine they were measured on above it.
pub(crate) fn markdown(machine: &str, rows: &[Row]) -> String {
    let mut text = format!("{machine}\n\n| work | ours | against | ratio | peak memory | bar | met |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for row in rows {
        let ratio = row.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let memory = row.memory.map_or_else(|| "–".to_owned(), |bytes| format!("{} MiB", bytes.div_ceil(1 << 20)));
        let met = if row.met { "yes" } else { "**no**" };
        let Row { work, ours, against, bar, .. } = row;
        let _ = writeln!(text, "| {work} | {ours} | {against} | {ratio} | {memory} | {bar} | {met} |");
    }
    text
}

/// Puts the table into the document, in place of the one that is there.
pub(crate) fn keep(document: &Path, table: &str) -> Result<(), String> {
    let fault = |why: String| format!("{}: {why}", document.display());
    let text = std::fs::read_to_string(document).map_err(|e| fault(e.to_string()))?;
    let replaced = replace(&text, table).ok_or_else(|| fault(format!("no lines {BEGIN} and {END}")))?;
    std::fs::write(document, replaced).map_err(|e| fault(e.to_string()))
}

fn replace(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_last_one() {
        let document = format!("head\n{BEGIN}\nold\n{END}\nfoot\n");
        assert_eq!(replace(&document, "new\n"), Some(format!("head\n{BEGIN}\nnew\n{END}\nfoot\n")));
        assert_eq!(replace("nothing to replace", "new"), None);
    }
}
