//! What a scalar means. YAML 1.1 and 1.2 disagree about many plain ones, and the older programs turn some of them into
//! something else without a word; here whatever is not plainly a number, a truth value or nothing stays the text it is.

use serde_json::{Map, Number, Value};

use super::tree::{Form, Kind, Node, Scalar};

/// Floating point numbers with more digits lose some of them.
const EXACT_DIGITS: usize = 17;

impl Scalar {
    pub(crate) fn is_null(&self) -> bool {
        self.form == Form::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// A truth value where one is expected; then the words of YAML 1.1 count too.
    pub(crate) fn truth(&self) -> Option<bool> {
        if self.form == Form::Text {
            return None;
        }
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// Where any value is allowed.
    pub(crate) fn value(&self) -> Value {
        if self.form != Form::Plain {
            return Value::String(self.text.clone());
        }
        if self.is_null() {
            return Value::Null;
        }
        match self.text.as_str() {
            "true" | "True" | "TRUE" => return Value::Bool(true),
            "false" | "False" | "FALSE" => return Value::Bool(false),
            _ => {}
        }
        number(&self.text).map_or_else(|| Value::String(self.text.clone()), Value::Number)
    }

    /// What another reader would take this plain scalar for, if not for a text.
    pub(crate) fn mistakable(&self) -> Option<&'static str> {
        if self.form != Form::Plain {
            return None;
        }
        let text = self.text.as_str();
        if matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n") {
            return Some("a truth value");
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if is_date(text) {
            return Some("a date");
        }
        let numeric = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
            && (digits.replace('_', "").parse::<f64>().is_ok()
                || digits.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
                || digits.strip_prefix("0o").is_some_and(|octal| octal.bytes().all(|byte| byte.is_ascii_digit())));
        numeric.then_some("a number")
    }
}

/// `2026-01-30`, with or without a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.split(['T', 't', ' ']).next().unwrap_or_default().split('-');
    let mut digits = |most: usize| {
        parts
            .next()
            .is_some_and(|part| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    text.as_bytes().get(4) == Some(&b'-') && digits(4) && digits(2) && digits(2)
}

/// A decimal number that can be kept exactly, or one that was meant as floating point. A leading zero (an octal number to
/// YAML 1.1, digits of a commit to its author), separators and digits beyond 64 bits leave it a text.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        return text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok();
    }
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let written_as_float =
        digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'))
            && mantissa.bytes().any(|byte| byte.is_ascii_digit())
            && mantissa.bytes().filter(u8::is_ascii_digit).count() <= EXACT_DIGITS
            && !(mantissa.len() > 1 && mantissa.starts_with('0') && !mantissa.starts_with("0."));
    let value = text.parse::<f64>().ok().filter(|value| written_as_float && value.is_finite())?;
    // The numbers of JSON have no type: 2.0 and 2 are one value, written in the shorter way.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

impl Node {
    /// The node as a JSON value.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.value(),
            Kind::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Mapping(entries) => {
                let members: Map<String, Value> =
                    entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect();
                Value::Object(members)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.into(), form: Form::Plain }
    }

    #[test]
    fn numbers_stay_exact_or_stay_texts() {
        for (text, value) in [
            ("1", json!(1)),
            ("-7", json!(-7)),
            ("18446744073709551615", json!(u64::MAX)),
            ("2.50", json!(2.5)),
            ("1.0", json!(1)),
            ("1e3", json!(1000)),
            ("0.5", json!(0.5)),
            ("0123", json!("0123")),
            ("0123456789012345678901234567890123456789", json!("0123456789012345678901234567890123456789")),
            ("1234567890123456789012345678901234567890", json!("1234567890123456789012345678901234567890")),
            ("12345678901234567890123456789012345678e1", json!("12345678901234567890123456789012345678e1")),
            ("1_000", json!("1_000")),
            ("1.2.3", json!("1.2.3")),
            ("2026-01-30", json!("2026-01-30")),
            ("on", json!("on")),
            ("n", json!("n")),
            ("true", json!(true)),
            ("~", json!(null)),
            (".", json!(".")),
            ("e5", json!("e5")),
            ("-", json!("-")),
        ] {
            assert_eq!(plain(text).value(), value, "{text}");
        }
    }

    #[test]
    fn knows_what_others_would_read() {
        for (text, what) in [
            ("1.0", "a number"),
            ("1e5", "a number"),
            ("0123", "a number"),
            ("1_0", "a number"),
            ("2026-01-30", "a date"),
            ("yes", "a truth value"),
        ] {
            assert_eq!(plain(text).mistakable(), Some(what), "{text}");
        }
        for text in ["1.0.0", "v1", "latest", "1.0.0-rc.1", "inf", "nan"] {
            assert_eq!(plain(text).mistakable(), None, "{text}");
        }
        assert_eq!(Scalar { text: "1.0".into(), form: Form::Text }.mistakable(), None);
    }
}
