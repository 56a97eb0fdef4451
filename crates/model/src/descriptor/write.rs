use serde_json::Value;

use super::Descriptor;
use crate::{json, yaml};

impl Descriptor {
    /// Writes it as compact JSON, the form stored in registries: members sorted, HTML characters escaped, `[]` for empty
    /// lists, no line feed at the end.
    pub fn write_json(&self) -> Vec<u8> {
        json::to_string(&self.tree()).into_bytes()
    }

    /// Writes it as YAML, the form stored in archives of components; YAML 1.1 readers read it back unchanged.
    pub fn write_yaml(&self) -> Vec<u8> {
        yaml::to_string(&self.tree()).into_bytes()
    }

    /// The descriptor as plain JSON values in the form of schema `v2`.
    pub fn tree(&self) -> Value {
        // Texts, finite numbers and maps with text keys only: there is nothing in it that JSON cannot say.
        serde_json::to_value(self).unwrap_or_default()
    }
}
