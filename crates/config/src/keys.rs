use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Entry, Error, Material, MaterialSource, Result};

/// Parts of the name of an issuer, and how they are written in a distinguished name.
const ISSUER: [(&str, &str); 8] = [
    ("commonName", "CN"),
    ("organization", "O"),
    ("organizationalUnit", "OU"),
    ("country", "C"),
    ("locality", "L"),
    ("province", "ST"),
    ("streetAddress", "STREET"),
    ("postalCode", "POSTALCODE"),
];

/// Keys and root certificates as the older program has them (`keys.config.ocm.software`, `rootcerts.config.ocm.software`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Public keys or certificates by the name of the signature.
    pub public: BTreeMap<String, Material>,
    /// Private keys by the name of the signature.
    pub private: BTreeMap<String, Material>,
    /// What the certificate of a signature's maker must have, as a distinguished name, by the name of the signature.
    pub issuers: BTreeMap<String, String>,
    /// Root certificates, which are trusted for signatures and for connections.
    pub roots: Vec<Material>,
}

impl Keys {
    /// Reads entries of both types in order; the last key of a name counts.
    ///
    /// # Errors
    /// A key that is neither a path nor data, or a member nobody knows.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut keys = Self::default();
        for entry in entries {
            for (member, value) in entry.members.iter().filter(|(_, value)| !value.is_null()) {
                let at = format!("/{member}");
                let wrong =
                    |reason: &str| Error::new(entry.place_of(&at), format_args!("{}: {member} {reason}", entry.kind));
                match (member.as_str(), value) {
                    ("publicKeys", Value::Object(named)) => keys.public.extend(materials(entry, &at, named)?),
                    ("privateKeys", Value::Object(named)) => keys.private.extend(materials(entry, &at, named)?),
                    ("issuers", Value::Object(named)) => {
                        for (name, issuer) in named {
                            let issuer = issuer.as_object().ok_or_else(|| wrong("is a mapping of mappings"))?;
                            keys.issuers.insert(name.clone(), distinguished(issuer));
                        }
                    }
                    ("rootCertificates", Value::Array(all)) => {
                        for (index, value) in all.iter().enumerate() {
                            keys.roots.push(material(entry, &format!("{at}/{index}"), value)?);
                        }
                    }
                    // Time stamps are checked where they are; none are asked for.
                    ("tsaURL", Value::String(_)) => {}
                    ("publicKeys" | "privateKeys" | "issuers", _) => return Err(wrong("has to be a mapping")),
                    ("rootCertificates", _) => return Err(wrong("has to be a list")),
                    _ => {
                        return Err(wrong(
                            "is unknown; there are publicKeys, privateKeys, issuers and rootCertificates",
                        ));
                    }
                }
            }
        }
        Ok(keys)
    }
}

fn materials(entry: &Entry, at: &str, named: &Map<String, Value>) -> Result<Vec<(String, Material)>> {
    let one = |(name, value): (&String, &Value)| Ok((name.clone(), material(entry, &format!("{at}/{name}"), value)?));
    named.iter().map(one).collect()
}

/// One key: a `path`, `data` in base64, or `stringdata`.
fn material(entry: &Entry, at: &str, value: &Value) -> Result<Material> {
    let place = entry.place_of(at).clone();
    // The value stays out of the message: it may be a key.
    let wrong = || Error::new(&place, format_args!("{}: a key is given as path, data or stringdata", entry.kind));
    let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let source = match (text("path"), text("data").or_else(|| text("stringdata")).or_else(|| text("stringData"))) {
        (Some(path), _) => MaterialSource::File(path),
        (None, Some(data)) => MaterialSource::Data(data),
        (None, None) => return Err(wrong()),
    };
    Ok(Material { place, source })
}

fn distinguished(issuer: &Map<String, Value>) -> String {
    let mut parts = Vec::new();
    for (member, attribute) in ISSUER {
        let values = match issuer.get(member) {
            Some(Value::Array(values)) => values.iter().collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        };
        for value in values.into_iter().filter_map(Value::as_str) {
            parts.push(format!("{attribute}={}", value.replace('\\', "\\\\").replace(',', "\\,")));
        }
    }
    parts.join(",")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Configuration, Document};

    fn read(text: &str) -> Result<Keys> {
        Configuration::new([Document::read("c.yaml", &format!("configurations:\n{text}")).unwrap()]).keys()
    }

    #[test]
    fn keys_and_roots_of_the_older_program() {
        let keys = read(
            "- {type: keys.config.ocm.software, publicKeys: {a: {path: a.pub}, b: {data: Yg==}}, \
             privateKeys: {a: {stringdata: canary}}, issuers: {a: {commonName: acme, country: [DE]}}}\n\
             - {type: rootcerts.config.ocm.software/v1, rootCertificates: [{path: ca.pem}]}\n",
        )
        .unwrap();
        assert!(keys.public["a"].source == MaterialSource::File("a.pub".into()));
        assert!(keys.private["a"].source == MaterialSource::Data("canary".into()));
        assert_eq!(keys.issuers["a"], "CN=acme,C=DE");
        assert_eq!((keys.public.len(), keys.roots.len()), (2, 1));
        assert!(!format!("{keys:?}").contains("canary"));
    }

    #[test]
    fn mistakes_are_named_without_the_key() {
        for (text, expected) in [
            ("privateKeys: {a: canary}", "path, data or stringdata"),
            ("publicKeys: [canary]", "has to be a mapping"),
            ("keys: {}", "keys is unknown"),
        ] {
            let problem = read(&format!("- {{type: keys.config.ocm.software, {text}}}\n")).unwrap_err().to_string();
            assert!(problem.starts_with("c.yaml:2:") && problem.contains(expected), "{problem}");
            assert!(!problem.contains("canary"), "{problem}");
        }
    }
}
