//! What `check component-version` of the older program prints.

use std::collections::BTreeMap;

use ocm::ops::check::{ElementKind, External, Item, Report, Request};
use serde_json::{Value, json};

use super::Structure;
use super::order::by_name_and_version;
use super::table::Table;
use crate::args::CheckForm;
use crate::exit::Failure;

/// The report in the forms of the older program.
pub(crate) fn text(report: &Report, request: &Request, form: CheckForm) -> Result<String, Failure> {
    let form = match form {
        CheckForm::Table => return Ok(table(report, request, false)),
        CheckForm::Wide => return Ok(table(report, request, true)),
        CheckForm::Yaml => Structure::Yaml,
        CheckForm::Json => Structure::Json,
        CheckForm::CompactJson => Structure::CompactJson,
        CheckForm::Ndjson => Structure::Ndjson,
    };
    let items: Vec<_> = sorted(report).into_iter().map(|item| value(item, request)).collect();
    super::envelope(form, &items)
}

/// What is wrong, one clause for each fault; `None` if nothing is.
pub(crate) fn faults(report: &Report, request: &Request) -> Option<String> {
    let mut faults = Vec::new();
    for item in &report.items {
        let name = format!("{}:{}", item.component, item.version);
        if !item.problems.is_empty() {
            faults.push(format!("incomplete component version {name}"));
        }
        for (kind, noun) in [(ElementKind::Resource, "resources"), (ElementKind::Source, "sources")] {
            if !elsewhere(item, request, kind).is_empty() {
                faults.push(format!("version {name} with non-local {noun}"));
            }
        }
    }
    (!faults.is_empty()).then(|| faults.join(", "))
}

/// Elements whose content had to be local and is not. As there, those of referenced component versions do not count.
fn elsewhere<'a>(item: &'a Item, request: &Request, kind: ElementKind) -> Vec<&'a External> {
    let is_wanted = match kind {
        ElementKind::Resource => request.local_resources,
        ElementKind::Source => request.local_sources,
    };
    let found = item.external.iter().filter(|external| is_wanted && external.kind == kind && external.path.len() == 1);
    found.collect()
}

fn status(item: &Item, request: &Request) -> String {
    let mut words = Vec::new();
    if !item.problems.is_empty() {
        words.push("Incomplete");
    }
    if !elsewhere(item, request, ElementKind::Resource).is_empty() {
        words.push("Resources");
    }
    if !elsewhere(item, request, ElementKind::Source).is_empty() {
        words.push("Sources");
    }
    if words.is_empty() { "OK".to_owned() } else { words.join(",") }
}

/// By name, oldest version first.
fn sorted(report: &Report) -> Vec<&Item> {
    let mut items: Vec<&Item> = report.items.iter().collect();
    items.sort_by(|one, other| by_name_and_version((&one.component, &one.version), (&other.component, &other.version)));
    items
}

fn table(report: &Report, request: &Request, wide: bool) -> String {
    let headings = ["COMPONENT", "VERSION", "STATUS", "ERROR", "MISSING", "NON-LOCAL"];
    let mut table = Table::new(if wide { &headings } else { &headings[..4] });
    for item in sorted(report) {
        // What the older program does not look for, such as content that is not there, has no column of its own.
        let error: Vec<_> = item.problems.iter().filter(|problem| problem.missing.is_none()).collect();
        let error = error.iter().map(|problem| format!("{}: {}", problem.element, problem.reason));
        let mut cells = vec![
            item.component.clone(),
            item.version.clone(),
            status(item, request),
            error.collect::<Vec<_>>().join("; "),
        ];
        if wide {
            let missing = missing(item).into_iter().map(|(name, path)| format!("{name}[{}]", path.join("->")));
            cells.push(missing.collect::<Vec<_>>().join(", "));
            let list = |kind, word| {
                let found = elsewhere(item, request, kind);
                let found: Vec<_> = found.into_iter().map(|external| identity(external, item)).collect();
                if found.is_empty() { String::new() } else { format!("{word}({})", found.join(",")) }
            };
            cells.push(list(ElementKind::Resource, "RSC") + &list(ElementKind::Source, "SRC"));
        }
        table.row(cells);
    }
    table.plain()
}

/// What is referred to and cannot be found, with the way that leads there.
fn missing(item: &Item) -> BTreeMap<String, Vec<String>> {
    let problems = item.problems.iter();
    problems.filter_map(|problem| Some((problem.missing.clone()?, problem.path.clone()))).collect()
}

/// An identity without the version, which there counts only where names repeat.
fn identity(external: &External, item: &Item) -> String {
    let attributes = attributes(external, item).into_iter().map(|(key, value)| format!("{key:?}={value:?}"));
    attributes.collect::<Vec<_>>().join(",")
}

fn attributes(external: &External, item: &Item) -> BTreeMap<String, String> {
    let without_version = |external: &External| {
        let mut attributes = external.identity.clone();
        attributes.remove("version");
        attributes
    };
    let alone = without_version(external);
    let alike = item
        .external
        .iter()
        .filter(|other| other.kind == external.kind && other.path == external.path && without_version(other) == alone);
    if alike.count() > 1 { external.identity.clone() } else { alone }
}

fn value(item: &Item, request: &Request) -> Value {
    let mut members = serde_json::Map::new();
    members.insert("componentVersion".into(), format!("{}:{}", item.component, item.version).into());
    let missing: serde_json::Map<_, _> = missing(item)
        .into_iter()
        .map(|(name, path)| (name.clone(), json!(path.into_iter().chain([name]).collect::<Vec<_>>())))
        .collect();
    if !missing.is_empty() {
        members.insert("missing".into(), missing.into());
    }
    for (kind, key) in [(ElementKind::Resource, "resources"), (ElementKind::Source, "sources")] {
        let found = elsewhere(item, request, kind);
        if !found.is_empty() {
            let found: Vec<_> = found.into_iter().map(|external| attributes(external, item)).collect();
            members.insert(key.into(), json!(found));
        }
    }
    members.insert("status".into(), status(item, request).into());
    members.into()
}
