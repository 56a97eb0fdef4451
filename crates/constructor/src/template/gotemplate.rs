//! Go's `text/template`.

use std::collections::HashMap;

use gtmpl_ng::{Context, ExecError, Template};
use serde_json::Value;

use super::{Variables, functions, not_set};
use crate::problem::{Position, Problem, Problems};

/// Missing variables that are looked for before giving up.
const MOST_MISSING: usize = 200;
/// Where to set a variable of this engine.
const PLACE: &str = "give it as NAME=value, in a settings file, or with --addenv from the environment";

/// Renders a whole text.
///
/// # Errors
/// All variables that are not set, or the first action that cannot be read or fails.
pub(super) fn render(file: &str, text: &str, variables: &Variables) -> Result<String, Problems> {
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    let mut template = Template::with_name(file);
    template.add_funcs(functions::TABLE);
    if let Err(error) = template.parse(text) {
        return Err(Problems::one(match error {
            gtmpl_ng::ParseError::WithContext(context, message) => problem(file, &context, message),
            other => Problem::of(file, other.to_string()),
        }));
    }
    let mut data: HashMap<String, gtmpl_ng::Value> =
        variables.iter().map(|(name, value)| (name.clone(), to_template(value))).collect();
    let mut missing: Vec<Problem> = Vec::new();
    loop {
        let error = match template.render(&Context::from(gtmpl_ng::Value::Object(data.clone()))) {
            Ok(rendered) if missing.is_empty() => return Ok(rendered),
            Ok(_) => break,
            Err(ExecError::Structured(error)) => error,
            Err(other) => return Err(Problems::one(Problem::of(file, other.to_string()))),
        };
        // An absent member of an object is the only failure that names a field; once noted, it gets a value and the
        // template is run again, so that all absent ones are found.
        let name = error.message.strip_prefix("no field `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
        let Some(name) = name.filter(|name| !data.contains_key(*name) && missing.len() < MOST_MISSING) else {
            if missing.is_empty() {
                let message = name.map_or_else(|| error.message.clone(), |name| not_set(name, variables, PLACE));
                missing.push(problem(file, &error.context, message));
            }
            break;
        };
        missing.push(problem(file, &error.context, not_set(name, variables, PLACE)));
        data.insert(name.to_owned(), gtmpl_ng::Value::from(""));
    }
    Err(Problems(missing).sorted())
}

fn problem(file: &str, context: &gtmpl_ng::ErrorContext, message: String) -> Problem {
    Problem::at(file, Position { line: context.line, column: context.col }, message)
}

pub(super) fn to_template(value: &Value) -> gtmpl_ng::Value {
    match value {
        Value::Null => gtmpl_ng::Value::Nil,
        Value::Bool(truth) => gtmpl_ng::Value::from(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => gtmpl_ng::Value::from(number),
            (None, Some(number)) => gtmpl_ng::Value::from(number),
            _ => gtmpl_ng::Value::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => gtmpl_ng::Value::from(text.as_str()),
        Value::Array(items) => gtmpl_ng::Value::Array(items.iter().map(to_template).collect()),
        Value::Object(members) => {
            gtmpl_ng::Value::Object(members.iter().map(|(key, value)| (key.clone(), to_template(value))).collect())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn go(text: &str) -> Result<String, String> {
        let variables = Variables::new()
            .with_texts([("VERSION", "3.0.0"), ("N", "5")])
            .with_settings("s", "MAP: {a: b}\nLIST: [1, 2]\n")
            .unwrap();
        render("f", text, &variables).map_err(|problems| problems.to_string())
    }

    #[test]
    fn functions_of_the_recorded_runs() {
        for (text, expected) in [
            ("{{ .VERSION | default \"1.2.3\" }}", "3.0.0"),
            ("{{ .MAP.a | upper | quote }}", "\"B\""),
            ("{{ range .LIST }}{{ . }},{{ end }}", "1,2,"),
            ("x\n{{- if ne .VERSION \"0.0.0\" }}\ny{{- end }}", "x\ny"),
            ("{{ toJson .LIST }} {{ toJson .MAP }}", "[1,2] {\"a\":\"b\"}"),
            ("{{ $x := .N }}{{ if eq $x \"5\" }}five{{ end }}", "five"),
        ] {
            assert_eq!(go(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn all_missing_variables_are_told() {
        let error = go("a: {{ .A }}\nb: {{ .VERSIO }}\n").unwrap_err();
        let lines: Vec<_> = error.lines().collect();
        assert!(lines[0].starts_with("f:1:7: the variable A is not set"), "{error}");
        assert!(
            lines[1].starts_with("f:2:7: the variable VERSIO is not set")
                && lines[1].ends_with("did you mean VERSION?"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_template_has_a_place() {
        assert!(
            go("a\n{{ env \"HOME\" }}").unwrap_err().starts_with("f:2:"),
            "{}",
            go("a\n{{ env \"HOME\" }}").unwrap_err()
        );
        assert!(go("{{ if }}").is_err());
        assert!(go("{{ if gt .N 3 }}x{{ end }}").is_err());
    }
}
