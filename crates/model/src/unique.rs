use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Memory that the values of one document may take, in bytes. A list of zeros takes forty times as much as its text; a
/// descriptor of 16 MiB with 32,000 resources takes 80 MiB.
const MOST_ROOM: usize = 160 << 20;

/// About what a value takes by itself, in bytes: its place in a list or object.
const VALUE_ROOM: usize = 72;

/// What a list takes besides: it begins with four places.
const LIST_ROOM: usize = 3 * VALUE_ROOM;

/// What an object with one to three members takes besides.
const OBJECT_ROOM: usize = 312;

/// What each further member of an object takes besides.
const MEMBER_ROOM: usize = 100;

/// Any JSON document in which no object has a member twice, and which can be kept in 160 MiB of memory.
///
/// Two readers that disagree about which of two members counts can be shown two different descriptors under one
/// signature, so such a document is refused.
pub struct UniqueMembers;

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let left = Cell::new(MOST_ROOM);
        Members { left: &left }.deserialize(deserializer)?;
        Ok(Self)
    }
}

/// What visits every value.
#[derive(Clone, Copy)]
struct Members<'a> {
    /// What more values may still take.
    left: &'a Cell<usize>,
}

impl Members<'_> {
    fn spend<E: Error>(self, room: usize) -> Result<(), E> {
        let Some(left) = self.left.get().checked_sub(room) else {
            return Err(E::custom(format_args!("its values would take more than {} MiB of memory", MOST_ROOM >> 20)));
        };
        self.left.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.spend(VALUE_ROOM)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        Ok(())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.spend(text.len())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if items.next_element_seed(self)?.is_some() {
            self.spend(LIST_ROOM)?;
            while items.next_element_seed(self)?.is_some() {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        let mut count = 0;
        while let Some(Key(key)) = members.next_key()? {
            self.spend(key.len())?;
            self.spend(match count {
                0 => OBJECT_ROOM,
                1 | 2 => 0,
                _ => MEMBER_ROOM,
            })?;
            count += 1;
            // Of a member that stands before a YAML merge key and in what is merged, some programs take the first and others the
            // last.
            if key == "<<" && !seen.few.is_empty() {
                return Err(A::Error::custom("a merge key (<<) behind other members"));
            }
            if let Err(key) = seen.insert(key) {
                return Err(A::Error::custom(format_args!("duplicate member {key:?}")));
            }
            members.next_value_seed(self)?;
        }
        Ok(())
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
    fn what_values_take_is_known_before_anybody_keeps_them() {
        let list = |count: usize, item: &str| format!("[{}{item}]", format!("{item},").repeat(count - 1));
        for (item, room) in [("0", VALUE_ROOM), ("{\"a\":{}}", 2 * VALUE_ROOM + OBJECT_ROOM + 1)] {
            let most = (MOST_ROOM - VALUE_ROOM - LIST_ROOM) / room;
            assert!(is_unique(&list(most, item)), "{item}");
            let error = serde_json::from_str::<UniqueMembers>(&list(most + 1, item)).err();
            assert!(error.is_some_and(|error| error.to_string().contains("more than 160 MiB of memory")), "{item}");
        }
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
