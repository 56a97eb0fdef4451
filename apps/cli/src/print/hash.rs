//! Digests of component versions.

use ocm::ops::hash::Report;
use serde_json::Value;

use super::table::Table;
use super::{Structure, envelope};
use crate::args::HashForm;
use crate::exit::Failure;

/// Digests in one of their forms.
pub(crate) fn report(report: &Report, form: HashForm, with_path: bool) -> Result<String, Failure> {
    let structure = match form {
        HashForm::Table | HashForm::Wide => return Ok(table(report, form == HashForm::Wide, with_path)),
        HashForm::Norm => return Ok(report.items.iter().map(|item| item.normalized.clone() + "\n").collect()),
        HashForm::Yaml => Structure::Yaml,
        HashForm::Json => Structure::Json,
        HashForm::CompactJson => Structure::CompactJson,
    };
    let items: Vec<Value> = report.items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    envelope(structure, &items)
}

fn table(report: &Report, is_wide: bool, with_path: bool) -> String {
    let mut headings = vec!["COMPONENT", "VERSION", "HASH"];
    if with_path {
        headings.insert(0, "REFERENCEPATH");
    }
    if is_wide {
        headings.push("NORMALIZED FORM");
    }
    let mut table = Table::new(&headings);
    for item in &report.items {
        let mut cells = vec![item.component.clone(), item.version.clone(), item.hash.clone()];
        if with_path {
            cells.insert(0, item.context.join("->"));
        }
        if is_wide {
            cells.push(item.normalized.clone());
        }
        table.row(cells);
    }
    table.plain()
}
