use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An object whose `type` says what its other members mean: an access, a repository, an input.
///
/// Members are kept as they were read, in their order, so that a type nobody here knows passes through unharmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Hash)]
pub struct TypedObject {
    /// The type as written: `localBlob`, `LocalBlob/v1`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// All other members.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl TypedObject {
    /// An object without other members.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), members: Map::new() }
    }

    /// Adds or replaces a member.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.insert(key.into(), value.into());
        self
    }

    /// The type without its version: `localBlob` of `localBlob/v1`.
    pub fn base_kind(&self) -> &str {
        self.kind.split_once('/').map_or(self.kind.as_str(), |(name, _)| name)
    }

    /// A text member, found by its exact name or, as the Go implementations do, by its name in any case.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.member(key)?.as_str()
    }

    /// A member, found by its exact name or, as the Go implementations do, by its name in any case.
    pub fn member(&self, key: &str) -> Option<&Value> {
        self.members
            .get(key)
            .or_else(|| self.members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
    }
}
