use serde_json::Value;

/// Where two normal forms first differ: the field, and what stands there in either; `None` if they are the same.
///
/// The forms are compared as values, so that a person reads `component.resources[0].digest.value` and not an offset. Forms
/// that are no JSON, or entry lists, are compared by their values all the same.
pub fn first_difference(expected: &[u8], actual: &[u8]) -> Option<Difference> {
    let [expected, actual] = [expected, actual].map(|form| serde_json::from_slice::<Value>(form).unwrap_or_default());
    find("", &expected, &actual)
}

/// A field in which two normal forms differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field, `component.resources[0].version`.
    pub field: String,
    /// What stands in the one that was signed; `None` if it has no such field.
    pub expected: Option<String>,
    /// What stands in the one at hand.
    pub actual: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{} is {}, but {} was signed", self.field, show(&self.actual), show(&self.expected))
    }
}

/// Longest value in a message, in characters.
const SHOWN: usize = 120;

fn find(place: &str, expected: &Value, actual: &Value) -> Option<Difference> {
    let found = |field: String, expected: Option<&Value>, actual: Option<&Value>| {
        let show = |value: &Value| {
            let text = value.to_string();
            if text.chars().count() > SHOWN { text.chars().take(SHOWN).collect::<String>() + "…" } else { text }
        };
        Some(Difference { field, expected: expected.map(show), actual: actual.map(show) })
    };
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter().find_map(|key| {
                let field = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => find(&field, left, right),
                    (left, right) => found(field, left, right),
                }
            })
        }
        (Value::Array(left), Value::Array(right)) => {
            let same = left.iter().zip(right).enumerate();
            same.into_iter()
                .find_map(|(position, (left, right))| find(&format!("{place}[{position}]"), left, right))
                .or_else(|| {
                    let position = left.len().min(right.len());
                    let field = format!("{place}[{position}]");
                    (left.len() != right.len()).then(|| found(field, left.get(position), right.get(position)))?
                })
        }
        (left, right) if left == right => None,
        (left, right) => found(place.to_owned(), Some(left), Some(right)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn first(expected: &str, actual: &str) -> Option<String> {
        first_difference(expected.as_bytes(), actual.as_bytes()).map(|difference| difference.to_string())
    }

    #[test]
    fn the_first_field_is_named() {
        assert_eq!(first(r#"{"a":[1,{"b":"x"}]}"#, r#"{"a":[1,{"b":"x"}]}"#), None);
        assert_eq!(
            first(r#"{"a":[1,{"b":"x"}]}"#, r#"{"a":[1,{"b":"y"}]}"#).unwrap(),
            r#"a[1].b is "y", but "x" was signed"#
        );
        assert_eq!(first(r#"{"a":1,"c":2}"#, r#"{"a":1}"#).unwrap(), "c is nothing, but 2 was signed");
        assert_eq!(first(r#"{"a":[1]}"#, r#"{"a":[1,2]}"#).unwrap(), "a[1] is 2, but nothing was signed");
    }
}
