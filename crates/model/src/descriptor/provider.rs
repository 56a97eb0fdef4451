use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
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

impl Provider {
    /// A provider without labels.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn from_object(object: Object) -> Self {
        Self { name: object.name, labels: object.labels, other: object.other, is_json: false }
    }
}

impl Serialize for Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.labels.is_empty() && self.other.is_empty() && !self.is_json {
            return serializer.serialize_str(&self.name);
        }
        let object = Object { name: self.name.clone(), labels: self.labels.clone(), other: self.other.clone() };
        serializer.serialize_str(&serde_json::to_string(&object).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form)
    }
}

struct Form;

impl<'de> Visitor<'de> for Form {
    type Value = Provider;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the provider's name in quotes, or an object with its name and labels")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Provider, E> {
        if !text.starts_with('{') {
            return Ok(Provider::named(text));
        }
        let object = serde_json::from_str(text)
            .map_err(|error| E::custom(format_args!("provider is not the JSON object it begins like: {error}")))?;
        Ok(Provider { is_json: true, ..Provider::from_object(object) })
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Provider, A::Error> {
        Object::deserialize(MapAccessDeserializer::new(members)).map(Provider::from_object)
    }

    fn visit_unit<E: Error>(self) -> Result<Provider, E> {
        Ok(Provider::default())
    }

    fn visit_none<E: Error>(self) -> Result<Provider, E> {
        Ok(Provider::default())
    }
}
