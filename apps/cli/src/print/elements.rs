//! Resources, sources and references of component versions, in the forms of the older program (the current one has none).

use ocm::model::Identity;
use ocm::ops::elements::{Item, Kind};
use serde_json::Value;

use super::table::Table;
use super::versions_v1::{element, found, quoted};
use super::{Structure, envelope, json};
use crate::exit::Failure;

/// Prints elements in columns; `is_recursive` says first where each was found.
pub(crate) fn table(items: &[Item], kind: Kind, is_wide: bool, is_recursive: bool) -> Result<String, Failure> {
    let mut headings = headings(kind, is_wide);
    if is_recursive {
        headings.insert(0, "REFERENCEPATH");
    }
    let mut items: Vec<&Item> = items.iter().collect();
    items.sort_by_key(|item| (item.context.clone(), sort_key(&item.element)));
    let mut table = Table::new(&headings);
    for item in items {
        let mut cells = cells(&item.element, kind, is_wide)?;
        if is_recursive {
            cells.insert(0, item.context.join("->"));
        }
        table.row(cells);
    }
    Ok(found(&table))
}

/// Prints elements with the path of component versions that leads to them.
pub(crate) fn structured(items: &[Item], form: Structure) -> Result<String, Failure> {
    let items = items.iter().map(|item| {
        let mut item = item.clone();
        element(&mut item.element);
        serde_json::to_value(item)
    });
    envelope(form, &items.collect::<Result<Vec<_>, _>>()?)
}

/// The headings of a list.
pub(super) fn headings(kind: Kind, is_wide: bool) -> Vec<&'static str> {
    let mut headings = match kind {
        Kind::Resources => vec!["NAME", "VERSION", "IDENTITY", "TYPE", "RELATION"],
        Kind::Sources => vec!["NAME", "VERSION", "IDENTITY", "TYPE"],
        Kind::References => vec!["NAME", "COMPONENT", "VERSION"],
    };
    if is_wide {
        headings.extend::<&[_]>(if kind == Kind::References { &["IDENTITY"] } else { &["ACCESSTYPE", "ACCESSSPEC"] });
    }
    headings
}

/// The cells of an element under [`headings`].
pub(super) fn cells(element: &Value, kind: Kind, is_wide: bool) -> Result<Vec<String>, Failure> {
    let text = |key: &str| element.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut cells = match kind {
        Kind::Resources => vec![text("name"), text("version"), quoted(&extra(element)), text("type"), text("relation")],
        Kind::Sources => vec![text("name"), text("version"), quoted(&extra(element)), text("type")],
        Kind::References => vec![text("name"), text("componentName"), text("version")],
    };
    if is_wide && kind == Kind::References {
        cells.push(quoted(&identity(element)));
    } else if is_wide {
        let mut access = element.get("access").cloned().unwrap_or_default();
        cells.push(access_type(element));
        if let Some(members) = access.as_object_mut() {
            members.shift_remove("type");
            members.sort_keys();
        }
        cells.push(json::compact(&access)?);
    }
    Ok(cells)
}

/// The type of an element's access.
pub(super) fn access_type(element: &Value) -> String {
    element.get("access").and_then(|access| access.get("type")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Name and extra identity.
pub(super) fn identity(element: &Value) -> Identity {
    let mut identity = extra(element);
    identity.0.insert("name".into(), element.get("name").and_then(Value::as_str).unwrap_or_default().into());
    identity
}

/// The order of rows: name, then extra identity, then version.
pub(super) fn sort_key(element: &Value) -> (String, String, String) {
    let text = |key: &str| element.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("name"), quoted(&extra(element)), text("version"))
}

fn extra(element: &Value) -> Identity {
    let attributes = element.get("extraIdentity").and_then(Value::as_object).into_iter().flatten();
    attributes.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())).collect()
}
