use ocm_model::Identity;
use serde_json::{Map, Value};

use super::glob::Glob;
use super::{Consumer, Credential, CredentialRepository, Credentials};
use crate::{Entry, Error, Result};

impl Credentials {
    /// Reads entries in order, the highest priority last.
    ///
    /// # Errors
    /// A part that is no list or mapping, an identity without a type or with a value that is no text, a pattern that
    /// means nothing. No message repeats a value that may be secret.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut credentials = Self::default();
        for entry in entries {
            for (key, value) in &entry.members {
                match key.as_str() {
                    "consumers" => {
                        for at in items(entry, "/consumers", value)? {
                            credentials.consumers.push(consumer(entry, &at)?);
                        }
                    }
                    "repositories" => {
                        for at in items(entry, "/repositories", value)? {
                            credentials.repositories.push(repository(entry, &at)?);
                        }
                    }
                    // The older program remembers aliases of repositories; they name nothing that would be asked.
                    "aliases" => {}
                    _ => {
                        let message = format!(
                            "{} has the unknown member {key:?}; it takes consumers and repositories",
                            entry.kind
                        );
                        return Err(Error::new(entry.place_of(&format!("/{key}")), message));
                    }
                }
            }
        }
        Ok(credentials)
    }
}

/// A part of an entry, and where it stands.
struct Part<'a> {
    pointer: String,
    value: &'a Value,
}

fn items<'a>(entry: &Entry, pointer: &str, value: &'a Value) -> Result<Vec<Part<'a>>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            let part = |(position, value)| Part { pointer: format!("{pointer}/{position}"), value };
            Ok(items.iter().enumerate().map(part).collect())
        }
        _ => Err(Error::new(entry.place_of(pointer), format_args!("{} has to be a list", &pointer[1..]))),
    }
}

fn mapping<'a>(entry: &Entry, part: &Part<'a>) -> Result<&'a Map<String, Value>> {
    part.value.as_object().ok_or_else(|| Error::new(entry.place_of(&part.pointer), "a mapping is expected here"))
}

fn consumer(entry: &Entry, part: &Part<'_>) -> Result<Consumer> {
    let members = mapping(entry, part)?;
    let place = entry.place_of(&part.pointer).clone();
    let mut consumer = Consumer { place, identities: Vec::new(), credentials: Vec::new() };
    for (key, value) in members {
        let pointer = format!("{}/{key}", part.pointer);
        match key.as_str() {
            "identity" => consumer.identities.push(identity(entry, &Part { pointer, value })?),
            "identities" => {
                for part in items(entry, &pointer, value)? {
                    consumer.identities.push(identity(entry, &part)?);
                }
            }
            "credentials" => {
                for part in items(entry, &pointer, value)? {
                    let (kind, members) = typed(entry, &part)?;
                    let place = entry.place_of(&part.pointer).clone();
                    consumer.credentials.push(Credential { place, kind, members });
                }
            }
            _ => {
                let message = format!(
                    "the consumer has the unknown member {key:?}; it takes identity, identities and credentials"
                );
                return Err(Error::new(entry.place_of(&pointer), message));
            }
        }
    }
    if consumer.identities.is_empty() {
        return Err(Error::new(&consumer.place, "the consumer has no identity: say who the credentials are for"));
    }
    Ok(consumer)
}

fn repository(entry: &Entry, part: &Part<'_>) -> Result<CredentialRepository> {
    let members = mapping(entry, part)?;
    let Some(value) = members.get("repository") else {
        return Err(Error::new(entry.place_of(&part.pointer), "the entry names no repository"));
    };
    let inner = Part { pointer: format!("{}/repository", part.pointer), value };
    let (kind, members) = typed(entry, &inner)?;
    Ok(CredentialRepository { place: entry.place_of(&part.pointer).clone(), kind, members })
}

/// The type of a part and its other members.
fn typed(entry: &Entry, part: &Part<'_>) -> Result<(String, Map<String, Value>)> {
    let mut members = mapping(entry, part)?.clone();
    match members.remove("type") {
        Some(Value::String(kind)) if !kind.is_empty() => Ok((kind, members)),
        _ => Err(Error::new(entry.place_of(&part.pointer), "it has no type")),
    }
}

fn identity(entry: &Entry, part: &Part<'_>) -> Result<Identity> {
    let mut identity = Identity::default();
    for (key, value) in mapping(entry, part)? {
        let at = || entry.place_of(&format!("{}/{key}", part.pointer));
        let value = match value {
            Value::String(text) => text.clone(),
            // A port is a number to whoever writes it.
            Value::Number(number) => number.to_string(),
            Value::Null => continue,
            _ => return Err(Error::new(at(), format_args!("the attribute {key} of an identity has to be a text"))),
        };
        if key == "path" && Glob::parse(&value).is_none() {
            return Err(Error::new(
                at(),
                format_args!("the path {value:?} is no pattern: a bracket or backslash is left open"),
            ));
        }
        identity.0.insert(key.clone(), value);
    }
    if identity.get("type").is_none_or(str::is_empty) {
        return Err(Error::new(entry.place_of(&part.pointer), "the identity has no type"));
    }
    Ok(identity)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Configuration, Document};

    fn read(text: &str) -> Result<Credentials> {
        let text = format!("type: credentials.config.ocm.software/v1\n{text}");
        Configuration::new([Document::read("c.yaml", &text).unwrap()]).credentials()
    }

    #[test]
    fn the_closest_entry_is_found_wherever_it_stands() {
        let credentials = read(
            "\
consumers:
- identity: {type: OCIRegistry, hostname: h, path: a/b}
  credentials: [{type: Credentials, properties: {username: exact}}]
- identities:
  - {type: OCIRegistry, hostname: h}
  - {type: OCIRegistry, hostname: other, port: 5000}
  credentials: [{type: Credentials/v1, properties: {username: host}}]
repositories:
- repository: {type: DockerConfig/v1, dockerConfigFile: ~/.docker/config.json}
",
        )
        .unwrap();
        let found = |text: &[(&str, &str)]| {
            let wanted = text.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            credentials.consumer(&Identity(wanted)).map(|consumer| consumer.place.to_string())
        };
        let registry = ("type", "OCIRegistry");
        assert_eq!(found(&[registry, ("hostname", "h"), ("path", "a/b")]).unwrap(), "c.yaml:3:3");
        assert_eq!(found(&[registry, ("hostname", "h"), ("path", "a/c")]).unwrap(), "c.yaml:5:3");
        assert_eq!(found(&[registry, ("hostname", "other"), ("port", "5000")]).unwrap(), "c.yaml:5:3");
        assert_eq!(found(&[registry, ("hostname", "none")]), None);
        assert_eq!(credentials.repositories[0].kind, "DockerConfig/v1");
        assert_eq!(credentials.repositories[0].place.to_string(), "c.yaml:10:3");
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_without_secrets() {
        for (text, expected) in [
            ("consumers: {}\n", "c.yaml:2:12: consumers has to be a list"),
            ("consumers:\n- x\n", "c.yaml:3:3: a mapping is expected here"),
            ("consumers:\n- credentials: []\n", "c.yaml:3:3: the consumer has no identity"),
            ("consumers:\n- identity: {hostname: h}\n", "c.yaml:3:13: the identity has no type"),
            ("consumers:\n- identity: {type: a, path: '['}\n", "c.yaml:3:29: the path \"[\" is no pattern"),
            (
                "consumers:\n- identity: {type: a}\n  credentials: [{properties: {password: canary}}]\n",
                "it has no type",
            ),
            ("consumers:\n- {identity: {type: a}, credential: canary}\n", "the unknown member \"credential\""),
            ("repositories: [{}]\n", "names no repository"),
            ("consumer: []\n", "c.yaml:2:11: credentials.config.ocm.software/v1 has the unknown member \"consumer\""),
        ] {
            let problem = read(text).unwrap_err().to_string();
            assert!(problem.contains(expected) && !problem.contains("canary"), "{text}: {problem}");
        }
        let shown = format!(
            "{:?}",
            read("consumers:\n- identity: {type: a}\n  credentials: [{type: x, token: canary}]\n").unwrap()
        );
        assert!(!shown.contains("canary"), "{shown}");
    }
}
