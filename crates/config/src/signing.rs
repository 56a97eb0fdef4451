use serde_json::{Map, Value};

use crate::{Entry, Error, Result};

/// How to sign and verify (`signing.config.ocm.software`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signing {
    /// Specification of the signer, with its `type`; `None` leaves the choice to the program.
    pub signer: Option<Map<String, Value>>,
    /// Specification of the verifier, with its `type`.
    pub verifier: Option<Map<String, Value>>,
}

impl Signing {
    /// Reads entries for a signature: those for all signatures first, then those for this one, wherever they stand.
    ///
    /// # Errors
    /// A specification without a type, or a member that means nothing.
    pub(crate) fn read(entries: &[&Entry], signature: &str) -> Result<Self> {
        let name =
            |entry: &Entry| entry.members.get("signature").and_then(Value::as_str).unwrap_or_default().to_owned();
        let general = entries.iter().filter(|entry| name(entry).is_empty());
        let own = entries.iter().filter(|entry| !signature.is_empty() && name(entry) == signature);
        let mut signing = Self::default();
        for entry in entries {
            check(entry)?;
        }
        for entry in general.chain(own) {
            for (key, place) in [("signer", &mut signing.signer), ("verifier", &mut signing.verifier)] {
                if let Some(Value::Object(specification)) = entry.members.get(key) {
                    *place = Some(specification.clone());
                }
            }
        }
        Ok(signing)
    }
}

fn check(entry: &Entry) -> Result<()> {
    for (key, value) in &entry.members {
        let is_right = match key.as_str() {
            "signature" => value.is_string() || value.is_null(),
            "signer" | "verifier" => {
                let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
                if value.is_object() && kind.is_empty() {
                    return Err(Error::new(&entry.place, format_args!("{key} specification must have a type")));
                }
                value.is_object() || value.is_null()
            }
            _ => false,
        };
        if !is_right {
            let message = format!(
                "{} has a member {key:?} that means nothing: it takes signature, signer and verifier",
                entry.kind
            );
            return Err(Error::new(&entry.place, message));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use crate::{Configuration, Document};

    fn configuration(text: &str) -> Configuration {
        Configuration::new([Document::read("c.yaml", text).unwrap()])
    }

    #[test]
    fn what_is_said_of_one_signature_wins_wherever_it_stands() {
        let configuration = configuration(
            "\
configurations:
- {type: signing.config.ocm.software/v1alpha1, signature: release, signer: {type: A, x: 1}}
- {type: signing.config.ocm.software, signer: {type: B}, verifier: {type: C}}
",
        );
        let release = configuration.signing("release").unwrap();
        assert_eq!(release.signer.unwrap(), *json!({"type": "A", "x": 1}).as_object().unwrap());
        assert_eq!(release.verifier.unwrap()["type"], "C");
        assert_eq!(configuration.signing("default").unwrap().signer.unwrap()["type"], "B");
        assert!(configuration.notices().is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("signer: {x: 1}", "signer specification must have a type"),
            ("signers: {type: A}", "means nothing"),
            ("signature: [a]", "means nothing"),
        ] {
            let configuration = configuration(&format!("type: signing.config.ocm.software/v1alpha1\n{text}\n"));
            let problem = configuration.signing("x").unwrap_err().to_string();
            assert!(problem.starts_with("c.yaml") && problem.contains(expected), "{problem}");
        }
    }
}
