use std::collections::BTreeMap;
use std::fmt;

use ocm_model::{Identity, TypedObject};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::plugin::{Ask, Header, Plugin, QUICK};
use crate::{Kind, Result};

/// Credentials on their way to or from a plugin: a type, and texts by name. They are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Their type; texts without one of their own are `DirectCredentials`.
    pub kind: String,
    /// The texts.
    pub properties: BTreeMap<String, String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.keys().collect();
        f.debug_struct("Credentials").field("kind", &self.kind).field("properties", &names).finish()
    }
}

/// The type of texts by name, in all its spellings.
const DIRECT: [&str; 4] = ["Credentials/v1", "DirectCredentials/v1", "Credentials", "DirectCredentials"];

impl Credentials {
    /// Texts by name.
    pub fn direct(properties: BTreeMap<String, String>) -> Self {
        Self { kind: DIRECT[0].to_owned(), properties }
    }

    /// Whether they are texts without a type of their own.
    pub fn is_direct(&self) -> bool {
        DIRECT.contains(&self.kind.as_str())
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let open = ["username", "user", "hostname", "realm", "clientId"];
        self.properties.iter().filter(move |(name, _)| !open.contains(&name.as_str())).map(|(_, text)| text.as_str())
    }

    pub(crate) fn write(&self) -> String {
        let mut value = if self.is_direct() { json!({"properties": self.properties}) } else { json!(self.properties) };
        value["type"] = self.kind.clone().into();
        value.to_string()
    }

    /// From what a plugin answered; `None` for none.
    fn read(value: Option<Map<String, Value>>) -> Result<Option<Self>, String> {
        let Some(members) = value.filter(|members| !members.is_empty()) else { return Ok(None) };
        let kind = members.get("type").and_then(Value::as_str).unwrap_or(DIRECT[0]).to_owned();
        let texts = match members.get("properties") {
            Some(Value::Object(properties)) if DIRECT.contains(&kind.as_str()) => properties,
            _ => &members,
        };
        let mut properties = BTreeMap::new();
        for (name, value) in texts.iter().filter(|(name, _)| *name != "type") {
            // The value stays out of the message: it is the secret.
            let text = value.as_str().ok_or_else(|| format!("the part {name:?} of its credentials is no text"))?;
            properties.insert(name.clone(), text.to_owned());
        }
        Ok(Some(Self { kind, properties }))
    }
}

#[derive(Serialize)]
struct Wrapped<'a> {
    #[serde(rename = "type")]
    object: &'a TypedObject,
}

#[derive(serde::Deserialize)]
struct Answered {
    identity: Option<Identity>,
}

impl Plugin {
    /// Under which identity credentials for an object are configured (access, input, repository, transformer); `None` when it
    /// needs none.
    ///
    /// # Errors
    /// The object does not fit its schema, or the plugin does not answer.
    pub async fn identity(&self, object: &TypedObject) -> Result<Option<Identity>> {
        self.fits(object)?;
        let payload = Some(Wrapped { object });
        let ask = Ask { path: "/identity", payload, credentials: Header::None, patience: QUICK };
        let answered: Option<Answered> = self.ask_identity(ask).await?;
        Ok(answered.and_then(|answered| answered.identity).filter(|identity| !identity.0.is_empty()))
    }

    /// Whose credentials a store wants before it gives away others (`credentialRepository`), or a credential needs before it
    /// can be made (`credentialPlugin`). `None` when it needs none.
    pub async fn consumer(&self, object: &TypedObject) -> Result<Option<Identity>> {
        self.fits(object)?;
        let key = if self.is_store() { "config" } else { "credential" };
        let payload = Some(json!({key: object}));
        let ask = Ask { path: "/consumer-identity", payload, credentials: Header::None, patience: QUICK };
        let identity: Option<Identity> = self.ask_identity(ask).await?;
        Ok(identity.filter(|identity| !identity.0.is_empty()))
    }

    /// Credentials for somebody out of a store or made from a credential; `None` if it has none.
    pub async fn credentials_for(
        &self,
        object: &TypedObject,
        identity: &Identity,
        credentials: Option<&Credentials>,
    ) -> Result<Option<Credentials>> {
        let payload = if self.is_store() {
            self.fits(object)?;
            json!({"config": object, "identity": identity})
        } else {
            json!({"identity": identity})
        };
        let credentials = Header::Optional(credentials);
        let ask = Ask { path: "/resolve", payload: Some(payload), credentials, patience: QUICK };
        let answered: Option<Map<String, Value>> = self.ask(ask).await?;
        Credentials::read(answered).map_err(|reason| self.fail(Kind::Misbehaves, reason))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_written_and_read_with_their_type() {
        let direct = Credentials::direct([("username".to_owned(), "me".to_owned())].into());
        assert_eq!(direct.write(), r#"{"properties":{"username":"me"},"type":"Credentials/v1"}"#);
        let read = |text: &str| Credentials::read(serde_json::from_str(text).unwrap());
        assert_eq!(read(&direct.write()).unwrap().unwrap(), direct);
        let typed = read(r#"{"type":"DummyToken/v1","token":"t"}"#).unwrap().unwrap();
        assert_eq!((typed.kind.as_str(), typed.properties["token"].as_str()), ("DummyToken/v1", "t"));
        assert_eq!(read("null").unwrap(), None);
        assert!(!read(r#"{"type":"T","token":["canary"]}"#).unwrap_err().contains("canary"));
        assert!(!format!("{typed:?}").contains("\"t\""));
    }
}
