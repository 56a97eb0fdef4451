//! Types and their members in the boxes of the current program, and for Markdown and HTML.

use ocm::ops::types::{Node, Subsystem};
use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::escape::terminal;
use crate::exit::Failure;

/// Widest column of descriptions in terminal columns.
const WIDEST: usize = 100;

/// Rows in boxes of plain ASCII under a title; cells may have several lines.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    title: String,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Columns in which a value equal to the one above is left out.
    merged: Vec<usize>,
    /// Positions of rows that begin a new group.
    groups: Vec<usize>,
}

impl Grid {
    /// The form for people.
    pub(crate) fn text(&self) -> String {
        let rows: Vec<Vec<Vec<String>>> = self
            .rows
            .iter()
            .enumerate()
            .map(|(position, row)| {
                let above = if self.groups.contains(&position) { None } else { position.checked_sub(1) };
                let is_repeated = |column: usize| {
                    self.merged.contains(&column) && above.is_some_and(|above| self.rows[above][column] == row[column])
                };
                let cells = row.iter().enumerate();
                cells
                    .map(|(column, cell)| if is_repeated(column) { vec![String::new()] } else { wrapped(cell, WIDEST) })
                    .collect()
            })
            .collect();
        let widths: Vec<usize> = (0..self.headings.len())
            .map(|column| {
                let cells = rows.iter().flat_map(|row| &row[column]).map(|line| line.width());
                cells.max().unwrap_or_default().max(self.headings[column].width())
            })
            .collect();
        let rule = format!("+{}+", widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+"));
        let inner = rule.len() - 4;
        let mut lines = vec![format!("+{}+", "-".repeat(rule.len() - 2))];
        lines.extend(wrapped(&self.title, inner).iter().map(|line| format!("| {} |", filled(line, inner))));
        lines.push(rule.clone());
        let line = |cells: &[&str]| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| format!(" {} ", filled(cell, *width)));
            format!("|{}|", cells.collect::<Vec<_>>().join("|"))
        };
        lines.push(line(
            &self
                .headings
                .iter()
                .map(|heading| heading.to_uppercase())
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        ));
        lines.push(rule.clone());
        for (position, row) in rows.iter().enumerate() {
            if self.groups.contains(&position) && position > 0 {
                lines.push(rule.clone());
            }
            for number in 0..row.iter().map(Vec::len).max().unwrap_or_default() {
                let cells: Vec<&str> =
                    row.iter().map(|cell| cell.get(number).map(String::as_str).unwrap_or_default()).collect();
                lines.push(line(&cells));
            }
        }
        lines.push(rule);
        lines.join("\n")
    }

    /// The form for Markdown.
    pub(crate) fn markdown(&self) -> String {
        let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let escaped = |cell: &String| terminal_lines(cell).join("<br/>").replace('|', "\\|");
        let mut lines = vec![format!("# {}", terminal_lines(&self.title).join("\n"))];
        lines.push(row(self.headings.iter().map(|heading| (*heading).to_owned()).collect()));
        lines.push(row(self.headings.iter().map(|_| "---".to_owned()).collect()));
        lines.extend(self.rows.iter().map(|cells| row(cells.iter().map(escaped).collect())));
        lines.join("\n")
    }

    /// The form for HTML.
    pub(crate) fn html(&self) -> String {
        let escaped = |text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;");
            terminal_lines(&text).join("<br/>")
        };
        let row = |tag: &str, cells: Vec<String>| {
            let cells = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect::<Vec<_>>().concat();
            format!("  <tr>{cells}</tr>")
        };
        let mut lines = vec!["<table>".to_owned(), format!("  <caption>{}</caption>", escaped(&self.title))];
        lines.push(row("th", self.headings.iter().map(|heading| (*heading).to_owned()).collect()));
        lines.extend(self.rows.iter().map(|cells| row("td", cells.iter().map(|cell| escaped(cell)).collect())));
        lines.push("</table>".to_owned());
        lines.join("\n")
    }
}

/// The lines of a text, each safe for terminals.
fn terminal_lines(text: &str) -> Vec<String> {
    text.split('\n').map(terminal).collect()
}

/// Lines of at most this width, cut wherever they have to be, as the current program does it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in terminal_lines(text) {
        let (mut part, mut used) = (String::new(), 0);
        let mut is_continued = false;
        for letter in line.chars() {
            let wide = letter.width().unwrap_or_default();
            if used + wide > width && !part.is_empty() {
                lines.push(std::mem::take(&mut part));
                (used, is_continued) = (0, true);
            }
            // A line that goes on does not begin with a blank.
            if is_continued && part.is_empty() && letter == ' ' {
                continue;
            }
            part.push(letter);
            used += wide;
        }
        lines.push(part);
    }
    lines
}

fn filled(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// All subsystems with their types, and the names of those that are left out.
pub(crate) fn subsystems(subsystems: &[Subsystem], all: bool) -> (Grid, Vec<String>) {
    let mut grid = Grid {
        title: "Available Subsystems".to_owned(),
        headings: vec!["subsystem", "types", "alias"],
        merged: vec![0, 1],
        ..Grid::default()
    };
    let mut left_out = Vec::new();
    for subsystem in subsystems {
        grid.groups.push(grid.rows.len());
        for kind in &subsystem.types {
            if kind.is_additional && !all {
                left_out.push(format!("{} {}", subsystem.name, kind.name));
                continue;
            }
            for alias in rows_of(&kind.aliases) {
                grid.rows.push(vec![subsystem.name.clone(), kind.name.clone(), alias]);
            }
        }
    }
    (grid, left_out)
}

/// The types of a subsystem, and the names of those that are left out.
pub(crate) fn types(subsystem: &Subsystem, all: bool) -> (Grid, Vec<String>) {
    let has_plugins = subsystem.types.iter().any(|kind| kind.plugin.is_some());
    let mut grid = Grid {
        title: subsystem.description.clone(),
        headings: if has_plugins { vec!["type", "alias", "plugin"] } else { vec!["type", "alias"] },
        merged: vec![0],
        ..Grid::default()
    };
    let mut left_out = Vec::new();
    // A subsystem that the current program does not have was asked for by its name.
    let all = all || subsystem.types.iter().all(|kind| kind.is_additional);
    for kind in &subsystem.types {
        if kind.is_additional && !all {
            left_out.push(kind.name.clone());
            continue;
        }
        for alias in rows_of(&kind.aliases) {
            let plugin = has_plugins.then(|| kind.plugin.clone().unwrap_or_default());
            grid.rows.push([Some(kind.name.clone()), Some(alias), plugin].into_iter().flatten().collect());
        }
    }
    (grid, left_out)
}

/// A type without other names has a row, too.
fn rows_of(aliases: &[String]) -> Vec<String> {
    if aliases.is_empty() { vec![String::new()] } else { aliases.to_vec() }
}

/// A type or a member of one.
pub(crate) struct Subject<'a> {
    /// The name of the type as it was asked for.
    pub(crate) name: &'a str,
    /// The path of the member; empty for the type itself.
    pub(crate) path: &'a str,
    /// Its part of the schema.
    pub(crate) node: Node<'a>,
}

impl Subject<'_> {
    fn crumbs(&self) -> Option<String> {
        (!self.path.is_empty())
            .then(|| format!("{} > {}", self.name, self.path.split('.').collect::<Vec<_>>().join(" > ")))
    }

    fn title(&self, fields: &[ocm::ops::types::Field]) -> String {
        let required = fields.iter().filter(|field| field.is_required).count();
        let named = match (self.node.title().filter(|title| *title != self.name), self.path.is_empty()) {
            (Some(title), _) => Some(format!("{title} ({})", self.name)),
            (None, true) => Some(self.name.to_owned()),
            (None, false) => None,
        };
        let deprecated = self.node.is_deprecated().then(|| "WARNING: This type is deprecated".to_owned());
        let description = Some(self.node.description().to_owned()).filter(|text| !text.is_empty());
        let count = format!("{} fields ({required} required, {} optional)", fields.len(), fields.len() - required);
        let count = (!fields.is_empty()).then_some(count);
        [self.crumbs(), named, deprecated, description, count].into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

/// The members of a type, if it has any.
pub(crate) fn fields(subject: &Subject<'_>) -> Option<Grid> {
    let fields = subject.node.fields();
    if fields.is_empty() {
        return None;
    }
    let title = subject.title(&fields);
    let headings = vec!["field name", "type", "required", "description"];
    let row = |field: ocm::ops::types::Field| {
        let required = if field.is_required { "yes" } else { "no" };
        vec![field.name, field.kind, required.to_owned(), field.description]
    };
    Some(Grid { title, headings, rows: fields.into_iter().map(row).collect(), merged: vec![0], ..Grid::default() })
}

/// The paths of all members.
pub(crate) fn paths(subject: &Subject<'_>) -> Grid {
    let title = format!("{}\n\nAvailable Field Paths", subject.title(&subject.node.fields()));
    let row = |path: String| {
        let depth = path.split('.').count().to_string();
        vec![path, depth]
    };
    let rows = subject.node.paths().into_iter().map(row).collect();
    Grid { title, headings: vec!["path", "depth"], rows, ..Grid::default() }
}

/// A member without members of its own.
pub(crate) fn member(subject: &Subject<'_>) -> String {
    let kind = Some(subject.node.kind()).filter(|kind| !kind.is_empty()).map(|kind| format!("Type: {kind}\n"));
    let title = subject.node.title().filter(|title| *title != subject.name).map(|title| format!("{title}\n"));
    let crumbs = subject.crumbs().map(|crumbs| format!("{crumbs}\n\n"));
    let deprecated = subject.node.is_deprecated().then(|| "\nWARNING: This field is deprecated\n".to_owned());
    let description = Some(subject.node.description()).filter(|text| !text.is_empty());
    let description = description.map(|text| format!("\n{}\n", terminal_lines(text).join("\n")));
    let values = subject.node.values().map(|values| format!("\n{}\n", terminal(&values)));
    [crumbs, title, kind, deprecated, description, values].into_iter().flatten().collect()
}

/// The schema as it is.
pub(crate) fn schema(schema: &Value) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(schema)?;
    Ok(terminal_lines(&text).join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_and_titles_are_cut_at_their_width() {
        let grid = Grid {
            title: "abcdefghijk".to_owned(),
            headings: vec!["a", "b"],
            rows: vec![vec!["x".to_owned(), "1".to_owned()], vec!["x".to_owned(), "2\n3".to_owned()]],
            merged: vec![0],
            groups: Vec::new(),
        };
        let expected = [
            "+-------+",
            "| abcde |",
            "| fghij |",
            "| k     |",
            "+---+---+",
            "| A | B |",
            "+---+---+",
            "| x | 1 |",
            "|   | 2 |",
            "|   | 3 |",
            "+---+---+",
        ];
        assert_eq!(grid.text(), expected.join("\n"));
    }
}
