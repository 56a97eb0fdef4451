use std::ops::{Deref, DerefMut};

use serde_json::{Map, Number, Value};

use super::fold::fold;
use super::scalar::{Style, style, write_double, write_single};
use crate::json;

/// The longest key that may stand in front of its colon without a question mark (YAML 1.1, 9.2; the Go programs use 128).
const LONGEST_SIMPLE_KEY: usize = 128;

/// Writes a value as a YAML document in the style of the Go programs: members sorted, two blanks per level, items of a
/// list at the column of its key, quotes where a reader of YAML 1.1 would take a text for something else, one line feed
/// at the end. Reading it gives the same value.
pub fn to_string(value: &Value) -> String {
    write(value, Output::default())
}

/// Like [`to_string`], but long texts go on in the next line at a blank behind column 80, as the Go programs write them.
/// Reading it gives the same value.
pub fn to_string_folded(value: &Value) -> String {
    write(value, Output { text: String::new(), folds: true })
}

/// One member of a document, an object, as [`to_string_folded`] writes it. Nothing has to be copied into a value for it.
pub fn member_to_string_folded(key: &str, members: &Map<String, Value>) -> String {
    let mut out = Output { text: String::new(), folds: true };
    write_text(key, true, 0, &mut out);
    if members.is_empty() {
        out.push_str(": {}\n");
    } else {
        out.push_str(":\n");
        indent(2, &mut out);
        write_members(members, 2, &mut out);
    }
    out.text
}

/// What is written, and how.
#[derive(Default)]
struct Output {
    text: String,
    /// Whether long texts are broken.
    folds: bool,
}

impl Deref for Output {
    type Target = String;

    fn deref(&self) -> &String {
        &self.text
    }
}

impl DerefMut for Output {
    fn deref_mut(&mut self) -> &mut String {
        &mut self.text
    }
}

fn write(value: &Value, mut out: Output) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => write_members(members, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_items(items, 0, &mut out),
        _ => {
            write_scalar(value, 2, &mut out);
            end_line(&mut out);
        }
    }
    out.text
}

fn write_members(members: &Map<String, Value>, column: usize, out: &mut Output) {
    for (position, (key, value)) in json::sorted(members).into_iter().enumerate() {
        if position > 0 {
            indent(column, out);
        }
        if key.len() > LONGEST_SIMPLE_KEY {
            out.push_str("? ");
            write_text(key, true, column, out);
            out.push('\n');
            indent(column, out);
        } else {
            write_text(key, true, column, out);
        }
        out.push(':');
        match value {
            Value::Object(members) if !members.is_empty() => {
                out.push('\n');
                indent(column + 2, out);
                write_members(members, column + 2, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                indent(column, out);
                write_items(items, column, out);
            }
            _ => {
                out.push(' ');
                write_scalar(value, column + 2, out);
                end_line(out);
            }
        }
    }
}

fn write_items(items: &[Value], column: usize, out: &mut Output) {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            indent(column, out);
        }
        out.push_str("- ");
        match item {
            Value::Object(members) if !members.is_empty() => write_members(members, column + 2, out),
            Value::Array(items) if !items.is_empty() => write_items(items, column + 2, out),
            _ => {
                write_scalar(item, column + 2, out);
                end_line(out);
            }
        }
    }
}

fn write_scalar(value: &Value, column: usize, out: &mut Output) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => write_text(text, false, column, out),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

fn write_text(text: &str, is_key: bool, column: usize, out: &mut Output) {
    let folds = out.folds && !is_key;
    match style(text, is_key) {
        Style::Plain if folds => fold(text, false, column, out),
        Style::Plain => out.push_str(text),
        Style::Single if folds => {
            let mut quoted = String::new();
            write_single(text, &mut quoted);
            fold(&quoted, false, column, out);
        }
        Style::Single => write_single(text, out),
        Style::Double if folds => {
            let mut quoted = String::new();
            write_double(text, &mut quoted);
            fold(&quoted, true, column, out);
        }
        Style::Double => write_double(text, out),
        Style::Literal => write_literal(text, column, out),
    }
}

fn write_literal(text: &str, column: usize, out: &mut Output) {
    let body = text.strip_suffix('\n');
    // How many line feeds end the text: none, one, or more.
    out.push_str(match body {
        None => "|-\n",
        Some(body) if body.ends_with('\n') => "|+\n",
        Some(_) => "|\n",
    });
    for line in body.unwrap_or(text).split('\n') {
        if !line.is_empty() {
            indent(column, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A fraction has a point and an exponent has a sign, without which readers of YAML 1.1 see a text.
fn number_text(number: &Number) -> String {
    if !number.is_f64() {
        return number.to_string();
    }
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn end_line(out: &mut Output) {
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

fn indent(column: usize, out: &mut Output) {
    out.extend(std::iter::repeat_n(' ', column));
}
