use serde_json::{Map, Value};

use crate::{Error, Result};

/// Ways to sign and verify that a specification can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// With an RSA key.
    Rsa,
    /// With an OpenPGP key.
    OpenPgp,
    /// In the name of an identity.
    SigstoreSigning,
    /// Who may have signed in the name of an identity.
    SigstoreVerification,
    /// A signing server.
    Service,
    /// A program.
    Command,
}

const WAYS: [(&str, Way); 6] = [
    ("RSASigningConfiguration", Way::Rsa),
    ("GPGSigningConfiguration", Way::OpenPgp),
    ("SigstoreSigningConfiguration", Way::SigstoreSigning),
    ("SigstoreVerificationConfiguration", Way::SigstoreVerification),
    ("SigningServiceConfiguration", Way::Service),
    ("SigningCommandConfiguration", Way::Command),
];

/// The specification of a signer or verifier.
#[derive(Clone, Debug)]
pub struct Specification {
    /// The way that its type asks for.
    pub way: Way,
    members: Map<String, Value>,
}

impl Specification {
    /// Reads a specification; `what` is it in errors: signer, verifier.
    ///
    /// # Errors
    /// Its type is not known here; nothing else is done in its place.
    pub fn read(members: &Map<String, Value>, what: &str) -> Result<Self> {
        let kind = members.get("type").and_then(Value::as_str).unwrap_or_default();
        let (name, version) = kind.split_once('/').unwrap_or((kind, "v1alpha1"));
        let way = WAYS.iter().find(|(known, _)| *known == name && version == "v1alpha1").map(|(_, way)| *way);
        let way = way.ok_or_else(|| {
            let known: Vec<_> = WAYS.iter().map(|(name, _)| format!("{name}/v1alpha1")).collect();
            Error::usage(format!("the {what} specification has the type {kind:?}, which is not known here"))
                .hint(format!("use one of {}", known.join(", ")))
        })?;
        Ok(Self { way, members: members.clone() })
    }

    /// Whether a type is one of those that are known here, in any of its versions.
    pub fn is_built_in(kind: &str) -> bool {
        let name = kind.split('/').next().unwrap_or_default();
        WAYS.iter().any(|(known, _)| *known == name)
    }

    /// A member that is a text and not empty.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.members.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A member that is needed.
    ///
    /// # Errors
    /// It is missing.
    pub fn needed(&self, key: &str) -> Result<&str> {
        self.text(key).ok_or_else(|| Error::usage(format!("the specification has no {key}")))
    }

    /// A member that is a list of texts.
    ///
    /// # Errors
    /// It is missing, or something else.
    pub fn words(&self, key: &str) -> Result<Vec<String>> {
        let wrong = || Error::usage(format!("the specification has no {key}: a list of texts"));
        let words = self.members.get(key).and_then(Value::as_array).ok_or_else(wrong)?;
        words.iter().map(|word| word.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    /// # Errors
    /// The member is neither true nor false.
    pub(super) fn flag(&self, key: &str) -> Result<bool> {
        match self.members.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(Error::usage(format!("{key} is true or false, not {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::types;

    #[test]
    fn every_way_is_described() {
        for (name, _) in WAYS {
            assert!(types::is_built_in("signing", &format!("{name}/v1alpha1")), "{name}");
            assert!(types::is_built_in("signing", name), "{name}");
        }
    }
}
