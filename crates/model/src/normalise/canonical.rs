//! Canonical JSON (RFC 8785), written from pieces in one pass.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::piece::Piece;
use crate::{Error, Result, json};

/// What is done with members that are `null`. Items of lists stay, `null` or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nulls {
    Kept,
    Dropped,
}

/// The largest integer up to which every one is an IEEE double, so that its digits are those of the double.
const EXACT: u64 = 1 << 53;

pub(super) fn encode(piece: Piece<'_>, nulls: Nulls) -> Result<Vec<u8>> {
    let mut writer = Writer { out: Vec::new(), nulls };
    writer.piece(piece)?;
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
    nulls: Nulls,
}

impl Writer {
    fn piece(&mut self, piece: Piece<'_>) -> Result<()> {
        match piece {
            Piece::Text(text) => self.text(text),
            Piece::Value(value) => return self.value(value),
            Piece::Texts(texts) => {
                let mut members: Vec<(&str, &str)> =
                    texts.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
                members.sort_by(|(one, _), (other, _)| order(one, other));
                return self.members(members, |writer, text| {
                    writer.text(text);
                    Ok(())
                });
            }
            Piece::Object(mut members) => {
                members.0.retain(|(_, member)| self.nulls == Nulls::Kept || !member.is_null());
                members.0.sort_by(|(one, _), (other, _)| order(one, other));
                return self.members(members.0, Self::piece);
            }
            Piece::List(pieces) => return self.items(pieces, Self::piece),
        }
        Ok(())
    }

    fn value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => return self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => return self.items(items, Self::value),
            Value::Object(object) => {
                let members = object.iter().map(|(key, member)| (key.as_str(), member));
                let mut members: Vec<_> =
                    members.filter(|(_, member)| self.nulls == Nulls::Kept || !member.is_null()).collect();
                members.sort_by(|(one, _), (other, _)| order(one, other));
                return self.members(members, Self::value);
            }
        }
        Ok(())
    }

    fn members<'k, T>(
        &mut self,
        members: impl IntoIterator<Item = (&'k str, T)>,
        write: impl Fn(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.out.push(b'{');
        for (position, (key, member)) in members.into_iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            self.text(key);
            self.out.push(b':');
            write(self, member)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn items<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.out.push(b'[');
        for (position, item) in items.into_iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            write(self, item)?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// The shortest text of the number as an IEEE double (RFC 8785, 3.2.2.3).
    fn number(&mut self, number: &Number) -> Result<()> {
        let is_exact = number.as_i64().is_some_and(|integer| integer.unsigned_abs() <= EXACT);
        let text = if is_exact {
            number.to_string()
        } else {
            json::es6(number)
                .map_err(|error| Error::new("component descriptor", format_args!("has no canonical JSON: {error}")))?
        };
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Only what has to be is escaped (RFC 8785, 3.2.2.2).
    fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain = 0;
        for (position, byte) in text.bytes().enumerate() {
            let escape: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0x8 => b"\\b",
                0xc => b"\\f",
                0..=0x1f => b"",
                _ => continue,
            };
            self.out.extend_from_slice(&text.as_bytes()[plain..position]);
            if escape.is_empty() {
                let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
                self.out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            } else {
                self.out.extend_from_slice(escape);
            }
            plain = position + 1;
        }
        self.out.extend_from_slice(&text.as_bytes()[plain..]);
        self.out.push(b'"');
    }
}

/// Order by UTF-16 code units (RFC 8785, 3.2.3), which differs from the order of bytes for characters beyond the basic plane.
fn order(one: &str, other: &str) -> Ordering {
    if one.is_ascii() || other.is_ascii() { one.cmp(other) } else { one.encode_utf16().cmp(other.encode_utf16()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str, nulls: Nulls) -> String {
        let value: Value = serde_json::from_str(text).unwrap();
        String::from_utf8(encode(Piece::Value(&value), nulls).unwrap()).unwrap()
    }

    #[test]
    fn the_canonical_form_is_the_one_of_rfc_8785() {
        for text in [
            // Appendix B and section 3.2.2.3 of the RFC, and integers beyond what a double can say.
            "[0,-0,-0.0,5e-324,-5e-324,1.7976931348623157e308,9007199254740992,9007199254740993,-9007199254740993,295147905179352830000]",
            "[9.999999999999997e22,1e23,1.0000000000000001e23,999999999999999700000,1e21,1e-6,1e-7,333333333.33333329,1E30,4.50,2e-3]",
            "[18446744073709551615,9223372036854775807,-9223372036854775808,4503599627370497.5,0.1,100]",
            // Section 3.2.3: the order of keys.
            r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7,"":8}"#,
            // Section 3.2.2.2: escapes.
            r#"{"a":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/\b\f\n\r\t\u0000\u001f\u007f<>&\u2028"}"#,
            r#"{"b":[{},[],null,true,false,{"z":{"y":null,"x":[null]}}],"a":""}"#,
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(canonical(text, Nulls::Kept), serde_json_canonicalizer::to_string(&value).unwrap());
        }
        assert_eq!(canonical("[1e21,0.000001,9007199254740993]", Nulls::Kept), "[1e+21,0.000001,9007199254740992]");
    }

    /// Values that are as deep as three levels, with the characters and numbers that writers differ about.
    fn any_value() -> impl Strategy<Value = Value> {
        let text = || {
            let odd = ["\u{1f600}", "\u{fb33}", "\u{ffff}", "\"", "\\", "\0", "\u{1f}", "\u{7f}", "<", "\u{2028}", "é"];
            proptest::collection::vec(
                prop_oneof![proptest::sample::select(odd.to_vec()).prop_map(str::to_owned), "[a-c]"],
                0..4,
            )
            .prop_map(|parts| parts.concat())
        };
        let number = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (-20i64..20).prop_map(|near| Value::from(EXACT.cast_signed() + near)),
        ];
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text().prop_map(Value::from)];
        leaf.prop_recursive(3, 30, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((text(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_value_is_written_as_the_other_implementation_does(value in any_value()) {
            let written = String::from_utf8(encode(Piece::Value(&value), Nulls::Kept).unwrap()).unwrap();
            prop_assert_eq!(written, serde_json_canonicalizer::to_string(&value).unwrap());
        }
    }

    #[test]
    fn items_that_are_null_stay() {
        let text = r#"{"b":[null,{"c":null}],"a":null}"#;
        assert_eq!(canonical(text, Nulls::Dropped), r#"{"b":[null,{}]}"#);
        assert_eq!(canonical(text, Nulls::Kept), r#"{"a":null,"b":[null,{"c":null}]}"#);
    }

    #[test]
    fn keys_are_in_the_order_of_utf_16() {
        for (one, other) in [("\u{fb33}", "\u{1f600}"), ("a\u{ffff}", "a\u{10000}"), ("\u{e000}", "\u{10ffff}")] {
            assert_eq!(order(one, other), Ordering::Greater, "{one} {other}");
        }
        for (one, other) in [("a", "\u{1f600}"), ("aé", "aü"), ("", "a"), ("a", "a\u{1f600}"), ("a!", "aé")] {
            assert_eq!(order(one, other), Ordering::Less, "{one} {other}");
            assert_eq!(order(one, other), one.encode_utf16().cmp(other.encode_utf16()));
        }
    }
}
