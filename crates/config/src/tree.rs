use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};

use crate::Place;

/// A value of a configuration file that still knows where each of its parts stands.
pub(crate) enum Tree {
    Scalar(Value),
    List(Vec<Spanned<Tree>>),
    Mapping(Vec<(String, Spanned<Tree>)>),
}

/// Where the parts of an entry stand, by JSON pointer (RFC 6901).
pub(crate) type Places = HashMap<String, Place>;

impl Tree {
    /// The plain value. Where its parts stand is added to `places`, under pointers that begin with `at`.
    pub(crate) fn settle(self, file: &Arc<str>, at: &str, places: &mut Places) -> Value {
        let mut below = |at: String, part: Spanned<Self>| {
            if part.referenced != Location::UNKNOWN {
                places.insert(at.clone(), Place::new(file, part.referenced));
            }
            part.value.settle(file, &at, places)
        };
        match self {
            Self::Scalar(value) => value,
            Self::List(parts) => {
                let parts = parts.into_iter().enumerate();
                Value::Array(parts.map(|(position, part)| below(format!("{at}/{position}"), part)).collect())
            }
            Self::Mapping(parts) => {
                let part = |(key, part): (String, _)| {
                    let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    let value = below(pointer, part);
                    (key, value)
                };
                Value::Object(parts.into_iter().map(part).collect::<Map<_, _>>())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Parts)
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element()? {
            parts.push(part);
        }
        Ok(Tree::List(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = map.next_entry()? {
            parts.push(part);
        }
        Ok(Tree::Mapping(parts))
    }
}
