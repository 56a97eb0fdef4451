use std::collections::BTreeMap;

use serde_json::Value;

use crate::file::{Kind, parse};
use crate::problem::{Problem, Problems};

/// Values for the variables of constructor files. Later additions win.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables(BTreeMap<String, Value>);

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds variables whose values are texts: the environment, or assignments of a command line.
    #[must_use]
    pub fn with_texts<N: Into<String>, V: Into<String>>(mut self, texts: impl IntoIterator<Item = (N, V)>) -> Self {
        self.0.extend(texts.into_iter().map(|(name, value)| (name.into(), Value::String(value.into()))));
        self
    }

    /// Adds the top-level keys of a settings file (YAML or JSON); their values may have any form.
    ///
    /// # Errors
    /// The text is not one mapping.
    pub fn with_settings(mut self, file: &str, text: &str) -> Result<Self, Problems> {
        let documents = parse(file, text)?;
        if let Some(second) = documents.get(1) {
            return Err(Problems::one(Problem::at(
                file,
                second.position,
                "a settings file is one document, but this is a second one",
            )));
        }
        for document in documents {
            let Kind::Mapping(entries) = &document.kind else {
                return Err(Problems::one(Problem::at(
                    file,
                    document.position,
                    "a settings file is a mapping of names to values",
                )));
            };
            self.0.extend(entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())));
        }
        Ok(self)
    }

    /// Adds variables whose values may have any form.
    #[must_use]
    pub fn with_values(mut self, values: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.0.extend(values);
        self
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value as a text: what Go prints for it with `%v`, mappings as JSON.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(print)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All variables, sorted by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }
}

impl From<BTreeMap<String, Value>> for Variables {
    fn from(values: BTreeMap<String, Value>) -> Self {
        Self(values)
    }
}

/// The older program writes mappings as JSON and lists in Go's notation; files rely on both.
fn print(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => format!("[{}]", items.iter().map(print).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

/// Whether a text can be the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn later_additions_win() {
        let variables = Variables::new()
            .with_texts([("A", "env"), ("B", "env"), ("C", "env")])
            .with_settings("a.yaml", "B: settings\nC: [1, 2]\nD: {x: y}\n")
            .unwrap()
            .with_texts([("B", "assigned")]);
        let text = |name: &str| variables.text(name).unwrap();
        assert_eq!([text("A"), text("B"), text("C"), text("D")], ["env", "assigned", "[1 2]", "{\"x\":\"y\"}"]);
    }

    #[test]
    fn a_settings_file_is_a_mapping() {
        let error = Variables::new().with_settings("s.yaml", "- a\n").unwrap_err();
        assert_eq!(error.to_string(), "s.yaml:1:1: a settings file is a mapping of names to values");
    }
}
