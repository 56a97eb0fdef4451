//! Whether an object fits the JSON Schema that a plugin announced for its type.
//!
//! Schemas of types are simple: members, their types, which of them are required. Keywords beyond that are left to the
//! plugin, which has to check anyway.

use serde_json::{Map, Value};

/// References and objects within each other that are followed; schemas may refer to themselves.
const DEEPEST: usize = 64;

/// Compares an object with a schema.
///
/// # Errors
/// Says which member does not fit, and why.
pub(crate) fn check(object: &Value, schema: &Value) -> Result<(), String> {
    Check { root: schema }.value(object, schema, "", 0)
}

struct Check<'a> {
    root: &'a Value,
}

impl Check<'_> {
    fn value(&self, value: &Value, schema: &Value, place: &str, depth: usize) -> Result<(), String> {
        let Value::Object(schema) = schema else {
            return if *schema == Value::Bool(false) { Err(format!("{}is not allowed", named(place))) } else { Ok(()) };
        };
        if depth > DEEPEST {
            return Ok(());
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|name| self.find(name)) {
            self.value(value, target, place, depth + 1)?;
        }
        kind(value, schema, place)?;
        choices(value, schema, place)?;
        for part in list(schema, "allOf") {
            self.value(value, part, place, depth + 1)?;
        }
        for key in ["anyOf", "oneOf"] {
            let parts = list(schema, key);
            let fitting = parts.iter().filter(|part| self.value(value, part, place, depth + 1).is_ok()).count();
            if !parts.is_empty() && (fitting == 0 || (key == "oneOf" && fitting > 1)) {
                let options: Vec<String> =
                    parts.iter().filter_map(|part| part.get("const")).map(Value::to_string).collect();
                let expected =
                    if options.is_empty() { String::new() } else { format!(": it takes {}", options.join(", ")) };
                return Err(format!("{}has none of the forms it may have{expected}", named(place)));
            }
        }
        match value {
            Value::Object(members) => self.members(members, schema, place, depth),
            Value::Array(entries) => match schema.get("items") {
                Some(items) => entries.iter().enumerate().try_for_each(|(position, entry)| {
                    self.value(entry, items, &format!("{place}[{position}]"), depth + 1)
                }),
                None => Ok(()),
            },
            Value::String(text) => match schema.get("pattern").and_then(Value::as_str).map(regex_lite::Regex::new) {
                Some(Ok(pattern)) if !pattern.is_match(text) => {
                    Err(format!("{}is {text:?}, which does not match {}", named(place), pattern.as_str()))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn members(
        &self,
        members: &Map<String, Value>,
        schema: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Result<(), String> {
        let within = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
        for key in list(schema, "required").iter().filter_map(Value::as_str) {
            if !members.contains_key(key) {
                return Err(format!("{} is missing", within(key)));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, value) in members {
            match (properties.and_then(|properties| properties.get(key)), schema.get("additionalProperties")) {
                (Some(property), _) => self.value(value, property, &within(key), depth + 1)?,
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<_> = properties.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
                    return Err(format!("{} means nothing: there are {}", within(key), known.join(", ")));
                }
                (None, Some(other)) => self.value(value, other, &within(key), depth + 1)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// The schema that `#/$defs/x` refers to; references elsewhere are not followed.
    fn find(&self, reference: &str) -> Option<&Value> {
        let path = reference.strip_prefix('#')?;
        self.root.pointer(path)
    }
}

fn list<'a>(schema: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn named(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!("{place} ") }
}

fn kind(value: &Value, schema: &Map<String, Value>, place: &str) -> Result<(), String> {
    let allowed: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    };
    if allowed.iter().any(|name| is(name)) {
        Ok(())
    } else {
        Err(format!("{}is not of the type {}", named(place), allowed.join(" or ")))
    }
}

fn choices(value: &Value, schema: &Map<String, Value>, place: &str) -> Result<(), String> {
    let options = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(options)), _) => options.as_slice(),
        (_, Some(option)) => std::slice::from_ref(option),
        _ => return Ok(()),
    };
    if options.contains(value) {
        return Ok(());
    }
    let options: Vec<String> = options.iter().map(Value::to_string).collect();
    Err(format!("{}is {value}, and it takes {}", named(place), options.join(", ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_compared_with_what_was_announced() {
        let schema = json!({
            "type": "object",
            "properties": {
                "type": {"$ref": "#/$defs/t", "oneOf": [{"const": "git/v1"}, {"const": "git"}]},
                "url": {"type": "string", "pattern": "^https:"},
                "depth": {"type": ["integer", "null"]},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["type", "url"],
            "additionalProperties": false,
            "$defs": {"t": {"type": "string"}},
        });
        let fits = |object: Value| check(&object, &schema);
        assert_eq!(fits(json!({"type": "git", "url": "https://x", "depth": 1, "tags": ["a"]})), Ok(()));
        for (object, reason) in [
            (json!({"type": "git"}), "url is missing"),
            (json!({"type": "svn", "url": "https://x"}), "type has none of the forms"),
            (json!({"type": "git", "url": "http://x"}), "does not match"),
            (json!({"type": "git", "url": 7}), "url is not of the type string"),
            (json!({"type": "git", "url": "https://x", "depth": 1.5}), "depth is not of the type"),
            (json!({"type": "git", "url": "https://x", "tags": [1]}), "tags[0] is not"),
            (json!({"type": "git", "url": "https://x", "branch": "b"}), "branch means nothing"),
            (json!([]), "is not of the type object"),
        ] {
            let error = fits(object.clone()).unwrap_err();
            assert!(error.contains(reason), "{object}: {error}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        assert_eq!(check(&json!({}), &json!({"$ref": "#"})), Ok(()));
    }
}
