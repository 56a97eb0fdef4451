use serde_json::{Deserializer, Value};

/// Takes the JSON object off the front of a reference: `{"type":"ctf","filePath":"x"}//acme.org/y`.
pub(super) fn split(text: &str) -> Result<(Value, &str), String> {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Ok((value, &text[values.byte_offset()..])),
        Some(Err(error)) => Err(format!("begins like an inline specification, but is no JSON: {error}")),
        None => Err("is empty".into()),
    }
}
