//! Entry lists: `{"b":1,"a":2}` becomes `[{"a":2},{"b":1}]`, so that no reader can reorder what is signed.

use serde_json::Value;

use super::piece::Piece;
use crate::{Error, Result, json};

pub(super) fn encode(piece: Piece<'_>) -> Result<Vec<u8>> {
    let mut out = String::new();
    write_piece(piece, &mut out)?;
    Ok(out.into_bytes())
}

fn write_piece(piece: Piece<'_>, out: &mut String) -> Result<()> {
    match piece {
        Piece::Text(text) => json::write_text(text, out),
        Piece::Value(value) => return write(value, out),
        Piece::Texts(texts) => {
            return entries(texts.iter().map(|(key, text)| (key.as_str(), text)), out, |text, out| {
                json::write_text(text, out);
                Ok(())
            });
        }
        Piece::Object(mut members) => {
            members.0.sort_by_key(|(key, _)| *key);
            return entries(members.0.into_iter(), out, write_piece);
        }
        Piece::List(pieces) => return list(pieces, out, write_piece),
    }
    Ok(())
}

fn write(value: &Value, out: &mut String) -> Result<()> {
    match value {
        Value::Object(members) => {
            let members = json::sorted(members).into_iter().map(|(key, member)| (key.as_str(), member));
            return entries(members, out, write);
        }
        Value::Array(items) => return list(items.iter(), out, write),
        Value::String(text) => json::write_text(text, out),
        Value::Number(number) => out.push_str(
            &json::es6(number)
                .map_err(|error| Error::new("component descriptor", format_args!("has no canonical JSON: {error}")))?,
        ),
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
    }
    Ok(())
}

fn entries<'k, T>(
    members: impl Iterator<Item = (&'k str, T)>,
    out: &mut String,
    write: impl Fn(T, &mut String) -> Result<()>,
) -> Result<()> {
    out.push('[');
    for (position, (key, member)) in members.enumerate() {
        out.push_str(if position > 0 { ",{" } else { "{" });
        json::write_text(key, out);
        out.push(':');
        write(member, out)?;
        out.push('}');
    }
    out.push(']');
    Ok(())
}

fn list<T>(
    items: impl Iterator<Item = T>,
    out: &mut String,
    write: impl Fn(T, &mut String) -> Result<()>,
) -> Result<()> {
    out.push('[');
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(item, out)?;
    }
    out.push(']');
    Ok(())
}
