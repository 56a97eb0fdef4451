use unicode_width::UnicodeWidthStr as _;

use super::escape::terminal;

/// Rows under headings, in one of the forms that scripts have been written against.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row with one cell per heading; cells are made safe for terminals here.
    pub(crate) fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(|cell| terminal(cell.as_ref())).collect());
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The form with light rules between columns. In `merged` columns a value equal to the one above is left out.
    pub(crate) fn ruled(&self, merged: &[usize]) -> String {
        self.rules(|above, row, column| merged.contains(&column) && above.get(column) == row.get(column))
    }

    /// The same form. In the first columns a value is left out if it and everything before it are equal to the row above.
    pub(crate) fn grouped(&self, columns: usize) -> String {
        self.rules(|above, row, column| column < columns && above.get(..=column) == row.get(..=column))
    }

    fn rules(&self, is_repeated: impl Fn(&[String], &[String], usize) -> bool) -> String {
        let widths = self.widths();
        let mut text = line(self.headings.iter().copied(), &widths, "│");
        text.push_str(&widths.iter().map(|width| "─".repeat(width + 2)).collect::<Vec<_>>().join("┼"));
        text.push('\n');
        for (position, row) in self.rows.iter().enumerate() {
            let above = position.checked_sub(1).and_then(|above| self.rows.get(above));
            let cells = row.iter().enumerate().map(|(column, cell)| {
                if above.is_some_and(|above| is_repeated(above, row, column)) { "" } else { cell.as_str() }
            });
            text.push_str(&line(cells, &widths, "│"));
        }
        text
    }

    /// The form of trees: a blank on both sides of every cell and no rules.
    pub(crate) fn spaced(&self) -> String {
        let widths = self.widths();
        let rows = self.rows.iter().map(|row| line(row.iter().map(String::as_str), &widths, ""));
        std::iter::once(line(self.headings.iter().copied(), &widths, "")).chain(rows).collect()
    }

    /// The form of the v1 program: one blank between columns, the last cell not filled up.
    pub(crate) fn plain(&self) -> String {
        let widths = self.widths();
        let plain = |cells: Vec<&str>| {
            let last = cells.len().saturating_sub(1);
            let cells = cells.iter().zip(&widths).enumerate();
            let cells = cells
                .map(|(column, (cell, width))| if column == last { (*cell).to_owned() } else { fill(cell, *width) });
            cells.collect::<Vec<_>>().join(" ") + "\n"
        };
        let rows = self.rows.iter().map(|row| plain(row.iter().map(String::as_str).collect()));
        std::iter::once(plain(self.headings.clone())).chain(rows).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.width());
        let widest = |(column, heading): (usize, &&str)| cells(column).max().unwrap_or_default().max(heading.width());
        self.headings.iter().enumerate().map(widest).collect()
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize], rule: &str) -> String {
    cells.zip(widths).map(|(cell, width)| format!(" {} ", fill(cell, *width))).collect::<Vec<_>>().join(rule) + "\n"
}

/// Fills up to a width in terminal columns; `format!` would count characters.
fn fill(cell: &str, width: usize) -> String {
    format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["COMPONENT", "VERSION", "PROVIDER"]);
        table.row(["acme.org/a", "1.0.0", "acme.org"]);
        table.row(["acme.org/a", "0.9.0", "acme.org"]);
        table.row(["acme.org/b", "界", "acme.org"]);
        table
    }

    #[test]
    fn equal_values_below_each_other_are_printed_once() {
        let expected = [
            " COMPONENT  │ VERSION │ PROVIDER \n",
            "────────────┼─────────┼──────────\n",
            " acme.org/a │ 1.0.0   │ acme.org \n",
            "            │ 0.9.0   │          \n",
            " acme.org/b │ 界      │          \n",
        ];
        assert_eq!(table().ruled(&[0, 2]), expected.concat());
    }

    #[test]
    fn but_not_what_is_about_another_row_in_groups() {
        let mut table = table();
        table.row(["acme.org/b", "界", "other"]);
        let expected = [
            " COMPONENT  │ VERSION │ PROVIDER \n",
            "────────────┼─────────┼──────────\n",
            " acme.org/a │ 1.0.0   │ acme.org \n",
            "            │ 0.9.0   │ acme.org \n",
            " acme.org/b │ 界      │ acme.org \n",
            "            │         │ other    \n",
        ];
        assert_eq!(table.grouped(3), expected.concat());
    }

    #[test]
    fn the_plain_form_ends_lines_without_blanks() {
        let expected = [
            "COMPONENT  VERSION PROVIDER\n",
            "acme.org/a 1.0.0   acme.org\n",
            "acme.org/a 0.9.0   acme.org\n",
            "acme.org/b 界      acme.org\n",
        ];
        assert_eq!(table().plain(), expected.concat());
    }

    #[test]
    fn an_escape_sequence_in_a_cell_does_not_reach_the_terminal() {
        let mut table = Table::new(&["NAME"]);
        table.row(["\u{1b}]0;x\u{7}"]);
        assert_eq!(table.plain(), "NAME\n\\u{1b}]0;x\\u{7}\n");
    }
}
