//! Entry lists: `{"b":1,"a":2}` becomes `[{"a":2},{"b":1}]`, so that no reader can reorder what is signed.

use serde_json::Value;

use crate::json;

pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push('[');
            for (position, (key, member)) in json::sorted(members).into_iter().enumerate() {
                out.push_str(if position > 0 { ",{" } else { "{" });
                json::write_text(key, out);
                out.push(':');
                write(member, out);
                out.push('}');
            }
            out.push(']');
        }
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::String(text) => json::write_text(text, out),
        Value::Number(number) => out.push_str(&json::es6(number)),
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
    }
}
