//! What was checked: what is missing, and what cannot be followed from elsewhere.

use std::fmt::Write as _;

use ocm::model::Identity;
use ocm::ops::check::{ElementKind, External, Item, Report, Request};
use ocm::ops::portability::{self, Hazard};

use super::Structure;
use super::table::Table;
use crate::args::{CheckForm, VersionForm};
use crate::exit::Failure;

/// The report about the completeness of component versions.
pub(crate) fn text(report: &Report, request: &Request, form: CheckForm) -> Result<String, Failure> {
    match form {
        CheckForm::Table | CheckForm::Wide => Ok(table(report, request)),
        CheckForm::Yaml => super::object(Structure::Yaml, report),
        CheckForm::Json => super::object(Structure::Json, report),
        CheckForm::CompactJson => super::object(Structure::CompactJson, report),
        CheckForm::Ndjson => {
            let items = report.items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
            super::list(Structure::Ndjson, items)
        }
    }
}

/// One row per problem and per element whose content lies elsewhere.
fn table(report: &Report, request: &Request) -> String {
    let mut table = Table::new(&["COMPONENT", "VERSION", "STATUS", "ELEMENT", "FINDING"]);
    for item in &report.items {
        let status = if item.complete { "complete" } else { "incomplete" };
        let mut row = |element: &str, finding: &str| {
            table.row([&item.component, &item.version, status, element, finding]);
        };
        for problem in &item.problems {
            row(&below(&problem.path, &problem.element), &problem.reason);
        }
        for external in &item.external {
            row(&below(&external.path, &element(external)), &elsewhere(external, request));
        }
        if !item.platforms.is_empty() && item.problems.is_empty() {
            row("", &format!("images limited to {} with --platform", item.platforms.join(", ")));
        } else if item.problems.is_empty() && item.external.is_empty() {
            row("", "");
        }
    }
    table.grouped(3)
}

/// An element of the component version itself, or of one that it refers to.
fn below(path: &[String], element: &str) -> String {
    match path.get(1..) {
        None | Some([]) => element.to_owned(),
        Some(path) => format!("{} {element}", path.join(" → ")),
    }
}

fn element(external: &External) -> String {
    format!("{} {}", external.kind.noun(), Identity(external.identity.clone()))
}

fn elsewhere(external: &External, request: &Request) -> String {
    let place = external.address.as_deref().unwrap_or_default();
    let presence = match external.present {
        Some(true) => ", found",
        Some(false) => ", not found",
        None => "",
    };
    let fault = if is_fault(external, request) { "not local: " } else { "elsewhere: " };
    format!("{fault}{} {place}{presence}", external.access_type)
}

fn is_fault(external: &External, request: &Request) -> bool {
    match external.kind {
        ElementKind::Resource => request.local_resources,
        ElementKind::Source => request.local_sources,
    }
}

/// The message that lists what is missing.
pub(crate) fn missing(report: &Report, request: &Request) -> String {
    let incomplete: Vec<&Item> = report.items.iter().filter(|item| !item.complete).collect();
    let mut message = format!("{} of {} component version(s) not complete:", incomplete.len(), report.items.len());
    for item in incomplete {
        for problem in &item.problems {
            let name = problem.path.join(" → ");
            let _ = write!(message, "\n  {name} {}: {}", problem.element, problem.reason);
        }
        for external in item.external.iter().filter(|external| is_fault(external, request)) {
            let name = external.path.join(" → ");
            let _ = write!(message, "\n  {name} {}: {}", element(external), elsewhere(external, request));
        }
    }
    message
}

/// The report about addresses.
pub(crate) fn portability(report: &portability::Report, form: VersionForm) -> Result<String, Failure> {
    super::structured::report(form, report, &report.items, || addresses(report))
}

fn addresses(report: &portability::Report) -> String {
    let mut table = Table::new(&["COMPONENT", "ELEMENT", "ACCESS", "PROBLEM"]);
    for finding in &report.items {
        let element = match finding.member.as_str() {
            "globalAccess" => format!("{} (global access)", finding.element),
            _ => finding.element.clone(),
        };
        let problems: Vec<_> = finding.problems.iter().copied().map(Hazard::text).collect();
        table.row([&finding.component, &element, &finding.address, &problems.join(", ")]);
    }
    table.ruled(&[0])
}
