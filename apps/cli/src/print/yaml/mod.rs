//! YAML as the older programs write it: keys in order, lists not indented, long lines folded at 80 columns.
//!
//! Every text reads back as the same text under YAML 1.1 and 1.2 rules.

mod scalar;
mod text;

use serde_json::{Map, Value};

use scalar::Place;

/// A document, with a line break at the end.
pub(crate) fn document(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0, Place::Top);
    text
}

fn write(out: &mut String, value: &Value, indent: usize, place: Place) {
    match value {
        Value::Object(members) if !members.is_empty() => mapping(out, members, indent, place),
        Value::Array(items) if !items.is_empty() => sequence(out, items, indent, place),
        Value::Object(_) => leaf(out, "{}", place),
        Value::Array(_) => leaf(out, "[]", place),
        Value::Null => leaf(out, "null", place),
        Value::Bool(flag) => leaf(out, if *flag { "true" } else { "false" }, place),
        Value::Number(number) => leaf(out, &number.to_string(), place),
        Value::String(content) => {
            let column = column(out) + usize::from(place == Place::Value);
            leaf(out, &scalar::text(content, indent, column, place), place);
        }
    }
}

fn leaf(out: &mut String, text: &str, place: Place) {
    if place == Place::Value {
        out.push(' ');
    }
    out.push_str(text);
    out.push('\n');
}

fn mapping(out: &mut String, members: &Map<String, Value>, indent: usize, place: Place) {
    if place == Place::Value {
        out.push('\n');
    }
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|(one, _), (other, _)| scalar::key_order(one, other));
    for (position, (key, value)) in members.into_iter().enumerate() {
        // The first member of a list's item stands behind the dash.
        if place != Place::Item || position > 0 {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&scalar::key(key));
        out.push(':');
        let inner = if value.is_array() { indent } else { indent + 2 };
        write(out, value, inner, Place::Value);
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize, place: Place) {
    if place == Place::Value {
        out.push('\n');
    }
    for (position, item) in items.iter().enumerate() {
        if place != Place::Item || position > 0 {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str("- ");
        write(out, item, indent + 2, Place::Item);
    }
}

fn column(out: &str) -> usize {
    out.rsplit('\n').next().unwrap_or_default().chars().count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_stand_under_their_key_without_indentation() {
        let value = json!([{"b": {"d": null, "c": ["x", {"z": 1, "y": []}]}, "a": [["p", "q"], []], "e": {}}]);
        let expected = ["- a:", "  - - p", "    - q", "  - []", "  b:", "    c:", "    - x", "    - \"y\": []", "      z: 1", "    d: null", "  e: {}", ""];
        assert_eq!(document(&value), expected.join("\n"));
    }

    #[test]
    fn an_empty_document_is_null() {
        assert_eq!(document(&Value::Null), "null\n");
        assert_eq!(document(&json!([])), "[]\n");
    }
}
