use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::types::{Label, Provider};

/// The object form: inside the string of schema `v2`, plain in `v3alpha1` and in constructor files.
#[derive(Serialize, Deserialize)]
struct Object {
    name: String,
    #[serde(default, deserialize_with = "super::types::null_is_empty", skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Label>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Object(Object),
}

impl Provider {
    /// A provider without labels.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn from_object(object: Object) -> Self {
        Self { name: object.name, labels: object.labels, other: object.other }
    }
}

impl Serialize for Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.labels.is_empty() && self.other.is_empty() {
            return serializer.serialize_str(&self.name);
        }
        let object = Object { name: self.name.clone(), labels: self.labels.clone(), other: self.other.clone() };
        serializer.serialize_str(&serde_json::to_string(&object).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<Written>::deserialize(deserializer)? {
            None => Ok(Self::default()),
            Some(Written::Object(object)) => Ok(Self::from_object(object)),
            Some(Written::Text(text)) if text.starts_with('{') => {
                let object = serde_json::from_str(&text)
                    .map_err(|error| serde::de::Error::custom(format!("provider is not the JSON object it begins like: {error}")))?;
                Ok(Self::from_object(object))
            }
            Some(Written::Text(name)) => Ok(Self::named(name)),
        }
    }
}
