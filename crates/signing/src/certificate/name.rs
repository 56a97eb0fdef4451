use std::fmt;

use x509_cert::der::asn1::Any;
use x509_cert::der::{Decode as _, Encode as _, Tag, Tagged as _};
use x509_cert::name::Name;

use crate::Result;
use crate::error::malformed;
use ocm_blob::hex;

/// The attributes that have short names, in the order in which Go prints them.
const SHORT: [(&str, &str); 9] = [
    ("SERIALNUMBER", "2.5.4.5"),
    ("CN", "2.5.4.3"),
    ("POSTALCODE", "2.5.4.17"),
    ("STREET", "2.5.4.9"),
    ("ST", "2.5.4.8"),
    ("L", "2.5.4.7"),
    ("OU", "2.5.4.11"),
    ("O", "2.5.4.10"),
    ("C", "2.5.4.6"),
];

/// More short names that are read.
const ALIASES: [(&str, &str); 5] = [
    ("SN", "2.5.4.5"),
    ("S", "2.5.4.8"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

const COMMON_NAME: &str = "2.5.4.3";

/// A distinguished name: attributes by their object identifiers, in no particular order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName {
    /// Object identifier and value; sorted, so that order does not matter when names are compared.
    attributes: Vec<(String, String)>,
}

impl DistinguishedName {
    /// Reads a name in one of the spellings in use: RFC 2253 with its escapes (`CN=a,O=b`), the one of OpenSSL
    /// (`/C=DE/CN=a`), with `;` in place of commas, or nothing but a common name.
    ///
    /// # Errors
    /// An attribute that is not known, or a broken escape.
    pub fn parse(text: &str) -> Result<Self> {
        if !text.contains('=') {
            return Ok(Self { attributes: vec![(COMMON_NAME.to_owned(), text.trim().to_owned())] });
        }
        let mut attributes = Vec::new();
        for part in split(text) {
            let wrong = || malformed(format!("{part:?} is no attribute of a distinguished name: CN=… is expected"));
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            let oid = identifier(key.trim()).ok_or_else(wrong)?;
            attributes.push((oid, unescaped(value)?));
        }
        attributes.sort();
        Ok(Self { attributes })
    }

    pub(crate) fn of(name: &Name) -> Self {
        let mut attributes: Vec<_> = name.iter().map(|item| (item.oid.to_string(), text(&item.value))).collect();
        attributes.sort();
        Self { attributes }
    }

    /// Values of an attribute.
    pub(crate) fn values(&self, oid: &str) -> impl Iterator<Item = &str> {
        self.attributes.iter().filter(move |(key, _)| key == oid).map(|(_, value)| value.as_str())
    }

    /// The common name.
    pub fn common_name(&self) -> Option<&str> {
        self.values(COMMON_NAME).next()
    }

    /// Whether every attribute of `other` is here, too.
    pub fn contains(&self, other: &Self) -> bool {
        other.attributes.iter().all(|attribute| self.attributes.contains(attribute))
    }
}

/// Prints as Go does: known attributes in a fixed order, the others by number behind them, RFC 2253 escapes.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (name, oid) in SHORT {
            let values: Vec<_> = self.values(oid).map(|value| format!("{name}={}", escaped(value))).collect();
            if !values.is_empty() {
                parts.push(values.join("+"));
            }
        }
        let others = self.attributes.iter().filter(|(oid, _)| SHORT.iter().all(|(_, known)| known != oid));
        parts.extend(others.map(|(oid, value)| format!("{oid}={}", escaped(value))));
        f.write_str(&parts.join(","))
    }
}

fn identifier(key: &str) -> Option<String> {
    let upper = key.to_ascii_uppercase();
    let upper = upper.strip_prefix("OID.").unwrap_or(&upper);
    let known = SHORT.iter().chain(&ALIASES).find(|(name, _)| *name == upper).map(|(_, oid)| (*oid).to_owned());
    let is_dotted = upper.contains('.') && upper.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    known.or_else(|| is_dotted.then(|| upper.to_owned()))
}

/// Cuts a name into its attributes. A slash separates only in front of something that is an attribute: `O=a/b` is one.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escape, mut quoted) = (0, false, false);
    for (position, letter) in text.char_indices() {
        let separates = match letter {
            _ if escape => {
                escape = false;
                false
            }
            '\\' => {
                escape = true;
                false
            }
            '"' => {
                quoted = !quoted;
                false
            }
            ',' | ';' | '+' => !quoted,
            '/' => {
                let key = text[position + 1..].split_once('=').map(|(key, _)| key.trim());
                !quoted && key.is_some_and(|key| identifier(key).is_some())
            }
            _ => false,
        };
        if separates {
            parts.push(&text[start..position]);
            start = position + letter.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// A value without quotes and escapes; `#` and hexadecimal digits are an encoded string.
fn unescaped(value: &str) -> Result<String> {
    let value = value.trim_start();
    if let Some(bytes) =
        value.strip_prefix('#').and_then(|digits| hex::decode(digits.trim())).filter(|bytes| !bytes.is_empty())
    {
        return Any::from_der(&bytes)
            .map(|any| text(&any))
            .map_err(|error| malformed(format!("{value:?} in a distinguished name is no encoded string: {error}")));
    }
    let inner = value.trim_end();
    if let Some(quoted) = inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return plain(quoted);
    }
    // A blank at the end counts only behind a backslash.
    let trimmed = value.trim_end();
    let ends_in_escape = trimmed.ends_with('\\') && !trimmed.ends_with("\\\\") && trimmed.len() < value.len();
    plain(if ends_in_escape { &value[..=trimmed.len()] } else { trimmed })
}

fn plain(value: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok()).and_then(hex::decode);
        match (pair, tail) {
            (Some(pair), _) => {
                bytes.extend(pair);
                rest = &tail[2..];
            }
            (None, [next, tail @ ..]) => {
                bytes.push(*next);
                rest = tail;
            }
            // Nothing follows: it stands for itself.
            (None, []) => bytes.push(b'\\'),
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed(format!("{value:?} in a distinguished name is not UTF-8")))
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::new();
    for (position, letter) in value.chars().enumerate() {
        let special = matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || letter == ' ' && (position == 0 || position == last)
            || letter == '#' && position == 0;
        if special {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// The text of an attribute's value; what is no text is shown as its encoding.
fn text(value: &Any) -> String {
    let bytes = value.value();
    let decoded = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => String::from_utf8(bytes.to_vec()).ok(),
        Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16(&units).ok().filter(|_| bytes.len().is_multiple_of(2))
        }
        _ => None,
    };
    decoded.unwrap_or_else(|| format!("#{}", hex::encode(&value.to_der().unwrap_or_default())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name() {
        let name = DistinguishedName::parse("CN=acme.org,O=Acme\\, Inc,C=DE").unwrap();
        for other in [
            "C=DE,O=\"Acme, Inc\",CN=acme.org",
            "/C=DE/O=Acme\\, Inc/CN=acme.org",
            "CN=acme.org; C=DE ;O=Acme\\2c Inc",
            "2.5.4.3=acme.org+c=DE,O=Acme\\, Inc",
        ] {
            assert_eq!(DistinguishedName::parse(other).unwrap(), name, "{other}");
        }
        assert_eq!(name.to_string(), "CN=acme.org,O=Acme\\, Inc,C=DE");
        assert_eq!(DistinguishedName::parse("acme.org").unwrap().to_string(), "CN=acme.org");
        assert_eq!(DistinguishedName::parse("O=a/b").unwrap().to_string(), "O=a/b");
        assert!(DistinguishedName::parse("XYZ=a").is_err());
        assert!(name.contains(&DistinguishedName::parse("C=DE").unwrap()));
        assert!(!name.contains(&DistinguishedName::parse("C=DE,OU=x").unwrap()));
    }
}
