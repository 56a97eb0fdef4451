//! What a program offers, as it says itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Most types that one program may offer. Those in use offer a handful.
const MOST_TYPES: usize = 1000;

/// What a program can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Repositories of component versions.
    ComponentVersionRepository,
    /// The names of the components of a repository.
    ComponentLister,
    /// Content of access types.
    ResourceRepository,
    /// Digests of content of access types.
    DigestProcessor,
    /// Content of input types.
    Input,
    /// Credentials out of a store.
    CredentialRepository,
    /// Credentials made from a credential of a type.
    Credential,
    /// Signatures.
    SigningHandler,
    /// Content into other content.
    BlobTransformer,
}

impl Capability {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::ComponentVersionRepository,
        Self::ComponentLister,
        Self::ResourceRepository,
        Self::DigestProcessor,
        Self::Input,
        Self::CredentialRepository,
        Self::Credential,
        Self::SigningHandler,
        Self::BlobTransformer,
    ];

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::ComponentVersionRepository => "componentVersionRepository",
            Self::ComponentLister => "componentLister",
            Self::ResourceRepository => "resourceRepository",
            Self::DigestProcessor => "digestProcessorRepository",
            Self::Input => "inputRepository",
            Self::CredentialRepository => "credentialRepository",
            Self::Credential => "credentialPlugin",
            Self::SigningHandler => "signingHandler",
            Self::BlobTransformer => "blobTransformer",
        }
    }

    /// The member of an announcement that lists its types.
    fn types(self) -> &'static str {
        match self {
            Self::ComponentVersionRepository | Self::ComponentLister => "supportedRepositorySpecTypes",
            Self::ResourceRepository | Self::DigestProcessor => "supportedAccessTypes",
            Self::Input => "supportedInputTypes",
            Self::CredentialRepository => "supportedCredentialRepositorySpecTypes",
            Self::Credential => "supportedCredentialPluginTypes",
            Self::SigningHandler => "supportedSigningSpecTypes",
            Self::BlobTransformer => "supportedTransformerSpecTypes",
        }
    }

    /// The capability with a name of the protocol.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }
}

/// A type that a program offers.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedType {
    /// Its name, with a version if it has one.
    pub name: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// JSON Schema of its objects, if the program gave one.
    pub schema: Option<Value>,
}

impl OfferedType {
    /// All its names, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// One capability of a program with its types.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What it does.
    pub capability: Capability,
    /// For which types.
    pub types: Vec<OfferedType>,
    /// Types of credentials that only its programs know ([`Capability::CredentialRepository`]).
    pub credentials: Vec<OfferedType>,
    /// Types of consumers that it has credentials for ([`Capability::CredentialRepository`]).
    pub consumers: Vec<OfferedType>,
}

/// Everything that a program offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announcement {
    /// Its capabilities.
    pub offers: Vec<Offer>,
    /// Capabilities it named that mean nothing here.
    pub unknown: Vec<String>,
    /// Types of configuration entries it wants to be given.
    pub configuration_types: Vec<String>,
}

impl Announcement {
    /// Reads the answer to `capabilities`.
    ///
    /// # Errors
    /// Says what is not as the protocol has it.
    pub fn read(said: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(said).map_err(|error| {
            if said.iter().all(u8::is_ascii_whitespace) {
                "says nothing when it is called with `capabilities`".to_owned()
            } else {
                format!("what it says when it is called with `capabilities` is no JSON: {error}")
            }
        })?;
        let Value::Object(members) = value else { return Err("its capabilities are no JSON object".into()) };
        let mut announcement = Self::default();
        for capability in list(&members, "capabilities")? {
            let Value::Object(members) = capability else { return Err("a capability is no JSON object".into()) };
            let name = text(members, "type").ok_or("a capability has no type")?;
            let Some(capability) = Capability::named(name) else {
                announcement.unknown.push(name.to_owned());
                continue;
            };
            let member = capability.types();
            let types = |member: &str| -> Result<Vec<OfferedType>, String> {
                list(members, member)?.iter().map(|entry| read_type(entry, member)).collect()
            };
            announcement.offers.push(Offer {
                capability,
                types: types(member)?,
                credentials: types("customCredentialTypes")?,
                consumers: types("supportedConsumerIdentityTypes")?,
            });
        }
        if announcement.offers.iter().map(|offer| offer.types.len()).sum::<usize>() > MOST_TYPES {
            return Err(format!("it offers more than {MOST_TYPES} types"));
        }
        if announcement.offers.is_empty() && announcement.unknown.is_empty() {
            return Err("it names no capabilities".into());
        }
        for kind in list(&members, "supportedConfigTypes")? {
            let kind = kind.as_str().ok_or("an entry of supportedConfigTypes is no text")?;
            announcement.configuration_types.push(kind.to_owned());
        }
        Ok(announcement)
    }
}

/// A list; a list without entries may be left out or be null.
fn list<'a>(members: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], String> {
    match members.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(format!("{key} is no list")),
    }
}

fn text<'a>(members: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    members.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn read_type(entry: &Value, member: &str) -> Result<OfferedType, String> {
    let Value::Object(members) = entry else { return Err(format!("an entry of {member} is no JSON object")) };
    let name = text(members, "type").ok_or_else(|| format!("an entry of {member} has no type"))?;
    let aliases = list(members, "aliases")?.iter().map(|alias| {
        alias.as_str().map(str::to_owned).ok_or_else(|| format!("an alias of {name:?} in {member} is no text"))
    });
    let schema = match members.get("jsonSchema") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        // The SDK for Go sends bytes, which its JSON writes as base64.
        Some(Value::String(text)) => {
            let bytes = STANDARD.decode(text).unwrap_or_else(|_| text.clone().into_bytes());
            let schema = serde_json::from_slice(&bytes);
            Some(schema.map_err(|error| format!("the schema of {name:?} in {member} is no JSON: {error}"))?)
        }
        Some(schema @ (Value::Object(_) | Value::Bool(_))) => Some(schema.clone()),
        Some(_) => return Err(format!("the schema of {name:?} in {member} is no JSON schema")),
    };
    Ok(OfferedType { name: name.to_owned(), aliases: aliases.collect::<Result<_, _>>()?, schema })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_types_aliases_and_schemas() {
        let schema = STANDARD.encode(r#"{"type":"object"}"#);
        let said = format!(
            r#"{{"capabilities":[{{"type":"inputRepository","supportedInputTypes":[{{"type":"git/v1","aliases":["git"],"jsonSchema":"{schema}"}}]}},
            {{"type":"later"}}],"supportedConfigTypes":["my.config/v1"]}}"#
        );
        let announcement = Announcement::read(said.as_bytes()).unwrap();
        let offer = &announcement.offers[0];
        assert_eq!(offer.capability, Capability::Input);
        assert_eq!(offer.types[0].names().collect::<Vec<_>>(), ["git/v1", "git"]);
        assert_eq!(offer.types[0].schema.as_ref().unwrap()["type"], "object");
        assert_eq!(announcement.unknown, ["later"]);
        assert_eq!(announcement.configuration_types, ["my.config/v1"]);
    }

    #[test]
    fn what_is_not_the_protocol_is_named() {
        for (said, reason) in [
            ("", "says nothing"),
            ("usage: x", "no JSON"),
            ("[]", "no JSON object"),
            ("{}", "no capabilities"),
            (r#"{"capabilities":{}}"#, "no list"),
            (r#"{"capabilities":[1]}"#, "no JSON object"),
            (r#"{"capabilities":[{"type":"inputRepository","supportedInputTypes":[{"type":7}]}]}"#, "no type"),
            (
                r#"{"capabilities":[{"type":"inputRepository","supportedInputTypes":[{"type":"a","jsonSchema":"e30="},{"type":"b","jsonSchema":7}]}]}"#,
                "no JSON schema",
            ),
        ] {
            let error = Announcement::read(said.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{said}: {error}");
        }
    }
}
