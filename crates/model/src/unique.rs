use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Any JSON document in which no object has a member twice.
///
/// Two readers that disagree about which of two members counts can be shown two different descriptors under one
/// signature, so such a document is refused.
pub struct UniqueMembers;

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueMembers {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut seen = Seen::default();
        while let Some(Key(key)) = members.next_key()? {
            // Of a member that stands before a YAML merge key and in what is merged, some programs take the first and others the
            // last.
            if key == "<<" && !seen.few.is_empty() {
                return Err(A::Error::custom("a merge key (<<) behind other members"));
            }
            if let Err(key) = seen.insert(key) {
                return Err(A::Error::custom(format_args!("duplicate member {key:?}")));
            }
            members.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// Members up to which comparing each with all before is faster than hashing.
const FEW: usize = 16;

/// The keys of an object so far. Most objects have a handful, and a descriptor has very many objects.
#[derive(Default)]
struct Seen<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Seen<'de> {
    /// Gives back a key that was seen before.
    fn insert(&mut self, key: Cow<'de, str>) -> Result<(), Cow<'de, str>> {
        if self.few.contains(&key) || self.many.contains(&key) {
            return Err(key);
        }
        if self.few.len() < FEW {
            self.few.push(key);
        } else {
            self.many.insert(key);
        }
        Ok(())
    }
}

/// A key; borrowed from the text where it stands there without escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(key)))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(key.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_unique(json: &str) -> bool {
        serde_json::from_str::<UniqueMembers>(json).is_ok()
    }

    #[test]
    fn a_member_stands_once_however_many_there_are() {
        let members = |count: usize| (0..count).map(|number| format!("\"m{number}\":0")).collect::<Vec<_>>().join(",");
        for count in [1, FEW, FEW + 1, 1000] {
            assert!(is_unique(&format!("{{{}}}", members(count))), "{count}");
            for twice in [0, count / 2, count - 1] {
                assert!(!is_unique(&format!("{{{},\"m{twice}\":1}}", members(count))), "{twice} of {count}");
            }
        }
        assert!(!is_unique(r#"{"a":[{"b":1,"\u0062":2}]}"#), "an escape is no other name");
        assert!(is_unique(r#"{"a":{"a":{"a":[{"a":0},{"a":0}]}}}"#));
    }

    #[test]
    fn keys_of_yaml_that_become_the_same_text_are_one() {
        let reads = |text: &str| crate::yaml::read_unmerged::<UniqueMembers>(text).is_ok();
        assert!(reads("{a: 1, A: 2, 1: 3, b: [1.5, null, 99999999999999999999999, 2026-01-01, !!str 5]}"));
        assert!(reads("{<<: {a: 1}, a: 2}"));
        for twice in ["{1: 1, '1': 2}", "{a: [{true: 1, 'true': 2}]}", "{a: 1, \"a\": 2}", "{a: 1, <<: {a: 2}}"] {
            assert!(!reads(twice), "{twice}");
        }
    }
}
