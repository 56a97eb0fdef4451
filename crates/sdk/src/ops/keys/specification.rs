use serde_json::{Map, Value};

use crate::{Error, Result};

/// Ways to sign and verify that a specification can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Rsa,
    OpenPgp,
    SigstoreSigning,
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
pub(super) struct Specification {
    pub(super) way: Way,
    members: Map<String, Value>,
}

impl Specification {
    /// # Errors
    /// Its type is not known here; nothing else is done in its place.
    pub(super) fn read(members: &Map<String, Value>, what: &str) -> Result<Self> {
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

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.members.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
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
