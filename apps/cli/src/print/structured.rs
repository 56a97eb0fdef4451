use ocm::model::yaml;
use serde::Serialize;
use serde_json::{Value, json as value};

use super::json;
use crate::args::VersionForm;
use crate::exit::Failure;

/// Forms for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    /// YAML.
    Yaml,
    /// Indented JSON.
    Json,
    /// JSON on one line, without a line break.
    CompactJson,
    /// JSON, one line per item.
    Ndjson,
}

/// Several items in the form of the current program: one list, or one item per line.
pub(crate) fn list(form: Structure, items: Vec<Value>) -> Result<String, Failure> {
    match form {
        Structure::Ndjson => lines(&items),
        // A value need not become one, which would be a copy of all of it.
        Structure::Yaml => Ok(yaml::to_string(&Value::Array(items))),
        Structure::Json | Structure::CompactJson => object(form, &Value::Array(items)),
    }
}

/// Several items in the form of the older program: `{"items": […]}`, or one YAML document each.
pub(crate) fn envelope(form: Structure, items: &[Value]) -> Result<String, Failure> {
    match form {
        Structure::Yaml => Ok(documents(items)),
        Structure::Json | Structure::CompactJson => object(form, &value!({ "items": items })),
        Structure::Ndjson => lines(items),
    }
}

/// Several YAML documents, each behind its mark.
pub(crate) fn documents(items: &[Value]) -> String {
    items.iter().map(|item| format!("---\n{}", yaml::to_string(item))).collect::<Vec<_>>().concat()
}

/// A report in the form that was asked for: a table, the whole of it, or one of its `items` per line.
pub(crate) fn report<T: Serialize>(
    form: VersionForm,
    report: &impl Serialize,
    items: &[T],
    table: impl FnOnce() -> String,
) -> Result<String, Failure> {
    match form {
        VersionForm::Table => Ok(table()),
        VersionForm::Yaml => object(Structure::Yaml, report),
        VersionForm::Json => object(Structure::Json, report),
        VersionForm::CompactJson => object(Structure::CompactJson, report),
        VersionForm::Ndjson => lines(&items.iter().map(serde_json::to_value).collect::<serde_json::Result<Vec<_>>>()?),
    }
}

/// One report.
pub(crate) fn object(form: Structure, report: &impl Serialize) -> Result<String, Failure> {
    Ok(match form {
        Structure::Yaml => yaml::to_string(&serde_json::to_value(report)?),
        Structure::Json => json::indented(report)?,
        Structure::CompactJson => json::compact(report)?,
        Structure::Ndjson => json::compact(report)? + "\n",
    })
}

fn lines(items: &[Value]) -> Result<String, Failure> {
    items.iter().map(|item| Ok(json::compact(item)? + "\n")).collect()
}
