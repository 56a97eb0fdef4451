//! JSON as the Go programs store it: compact, members sorted, the characters that are special in HTML escaped.

use serde_json::{Map, Number, Value};

/// Writes a value compactly, with sorted members at every level and `<`, `>`, `&`, U+2028 and U+2029 escaped.
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (position, (key, member)) in sorted(members).into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write_value(member, out);
            }
            out.push('}');
        }
    }
}

/// Members in byte order of their keys.
pub(crate) fn sorted(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by_key(|(key, _)| *key);
    sorted
}

/// Integers keep their digits; others are written as ECMAScript does, which is also what Go writes.
fn number_text(number: &Number) -> String {
    if number.is_f64() { es6(number).unwrap_or_else(|_| number.to_string()) } else { number.to_string() }
}

/// The shortest text of the number as an IEEE double (RFC 8785, 3.2.2.3).
pub(crate) fn es6(number: &Number) -> serde_json::Result<String> {
    serde_json_canonicalizer::to_string(number)
}

pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write_escape(character, out);
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// `\u` and the four digits of a character below U+10000.
fn write_escape(character: char, out: &mut String) {
    out.push_str("\\u");
    let digits = [12, 8, 4, 0].map(|shift| char::from_digit(u32::from(character) >> shift & 15, 16));
    out.extend(digits.into_iter().flatten());
}

/// Sorts the members at every level.
pub fn sort(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.sort_keys();
            members.values_mut().for_each(sort);
        }
        Value::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sorted_and_escaped() {
        let value = json!({"b": [1, null, {"z": true, "a": "<&>\u{2028}\u{7}\"\\"}], "a": {}, "B": 1.5, "n": []});
        assert_eq!(
            to_string(&value),
            r#"{"B":1.5,"a":{},"b":[1,null,{"a":"\u003c\u0026\u003e\u2028\u0007\"\\","z":true}],"n":[]}"#
        );
    }

    #[test]
    fn numbers() {
        let value: Value =
            serde_json::from_str("[1e21,1e-7,1.0,9007199254740993,-0,18446744073709551615]").unwrap_or_default();
        assert_eq!(to_string(&value), "[1e+21,1e-7,1,9007199254740993,0,18446744073709551615]");
    }
}
