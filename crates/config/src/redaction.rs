//! Values of a configuration for somebody's eyes: without its secrets.

use serde_json::{Map, Value};

/// Stands for a value that nobody shall read.
pub const REDACTED: &str = "***";

/// Members of credentials that tell nobody how to get in. Everything else in credentials is taken for a secret.
const OPEN: [&str; 14] = [
    "type",
    "username",
    "user",
    "serverAddress",
    "server_address",
    "serverURL",
    "hostname",
    "awsAccessKeyID",
    "email",
    "authmeth",
    "roleid",
    "publicKeyPEM",
    "public_key_pem",
    "certificateAuthority",
];

/// Parts of the names of members that hold secrets where most members do not.
const SECRET: [&str; 7] = ["password", "passphrase", "secret", "token", "private", "keydata", "dockerconfig"];

/// Credentials without their secrets: types, names of users and paths of files stay.
pub fn credentials(members: &Map<String, Value>) -> Map<String, Value> {
    let member = |(key, value): (&String, &Value)| {
        let is_path = key.ends_with("File") || key.ends_with("_file");
        let shown = match value {
            Value::Object(inner) => Value::Object(credentials(inner)),
            Value::Array(_) => REDACTED.into(),
            value if is_path || OPEN.contains(&key.as_str()) => other(value),
            _ => REDACTED.into(),
        };
        (key.clone(), shown)
    };
    members.iter().map(member).collect()
}

/// Types of repositories of credentials whose members are known; of others, nobody knows which of them are secret.
const REPOSITORIES: [&str; 5] = ["DockerConfig", "HashiCorpVault", "NPMConfig", "MavenSettings", "GardenerConfig"];

/// A repository of credentials, which may hold what opens it, without its secrets.
pub fn repository(value: &Value) -> Value {
    let inner = value.get("repository").unwrap_or(value);
    let kind = inner.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_known = REPOSITORIES.contains(&kind.split('/').next().unwrap_or_default());
    match value {
        Value::Object(members) if !is_known => Value::Object(credentials(members)),
        value => other(value),
    }
}

/// The texts in credentials, or in a repository of them, that are not shown: for whoever takes them out of what others say.
/// Addresses without a password are none.
pub fn secrets(members: &Map<String, Value>) -> Vec<String> {
    fn texts(value: &Value, shown: Option<&Value>, all: &mut Vec<String>) {
        let inner = |key: &str| shown.filter(|shown| shown.is_object()).and_then(|shown| shown.get(key));
        match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| texts(value, inner(key), all)),
            Value::Array(values) => values.iter().for_each(|value| texts(value, None, all)),
            Value::String(text) if shown.and_then(Value::as_str) != Some(text) => {
                let password = text.rsplit_once('@').and_then(|(user, _)| user.split_once("://")?.1.split_once(':'));
                all.extend(password.map(|(_, password)| password.to_owned()));
                all.extend((!text.contains("://") || address(text) != *text).then(|| text.clone()));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    for (key, value) in credentials(members) {
        texts(&members[&key], Some(&value), &mut all);
    }
    all
}

/// Any other part of a configuration without what is named like a secret.
pub fn other(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                let name = key.to_lowercase();
                let is_path = name.ends_with("file") && value.is_string();
                let is_secret = !is_path && SECRET.iter().any(|part| name.contains(part));
                (key.clone(), if is_secret { REDACTED.into() } else { other(value) })
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(other).collect()),
        Value::String(text) => address(text).into(),
        value => value.clone(),
    }
}

/// A text without what gives access in the addresses that it may hold: user and password in front of a host, and everything
/// behind a question mark, where signatures of addresses stand.
fn address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?***"));
    // A password with a slash in it should have been escaped, and is one all the same.
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{REDACTED}@{host}{query}"),
        None => format!("{scheme}://{rest}{query}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_credentials_only_what_is_known_to_be_open_is_shown() {
        let all = json!({
            "type": "Credentials/v1",
            "properties": {"username": "u", "password": "canary", "apiKey": "canary", "list": ["canary"]},
            "privateKeyPEMFile": "k.pem",
            "privateKeyPEM": "canary",
            "serverURL": "https://me:canary@h",
        });
        let shown = Value::Object(credentials(all.as_object().unwrap()));
        assert!(!shown.to_string().contains("canary"), "{shown}");
        assert_eq!((&shown["properties"]["username"], &shown["privateKeyPEMFile"]), (&json!("u"), &json!("k.pem")));
    }

    #[test]
    fn elsewhere_what_is_named_like_a_secret_is_not_shown() {
        let all = json!({"dockerConfigFile": "c.json", "dockerConfig": {"auths": {"h": {"auth": "canary"}}}, "url": "u",
                         "address": "https://me:canary@h/p", "list": ["https://me:can/ary@h?sig=canary"], "plain": "https://h/p",
                         "deep": [{"identityToken": "canary"}], "clientKeyData": "canary"});
        let shown = other(&all);
        assert!(!shown.to_string().contains("canary"), "{shown}");
        assert_eq!((&shown["dockerConfigFile"], &shown["url"]), (&json!("c.json"), &json!("u")));
        assert_eq!((&shown["address"], &shown["plain"]), (&json!("https://***@h/p"), &json!("https://h/p")));
        assert_eq!(shown["list"][0], "https://***@h?***");
    }

    #[test]
    fn a_repository_of_an_unknown_type_shows_nothing_and_its_secrets_are_known() {
        let own = json!({"type": "Own/v1", "apiKey": "canary", "username": "me", "deep": {"list": ["canary2"]},
                         "serverURL": "https://me:canary3@h", "plain": "https://h/p"});
        let shown = repository(&json!({"repository": own}));
        assert!(!shown.to_string().contains("canary"), "{shown}");
        assert_eq!(shown["repository"]["username"], "me");
        let npm =
            repository(&json!({"repository": {"type": "NPMConfig/v1", "npmrcFile": "a", "credentialsName": "n"}}));
        assert_eq!(npm["repository"]["credentialsName"], "n");
        let mut all = secrets(own.as_object().unwrap());
        all.sort();
        assert_eq!(all, ["canary", "canary2", "canary3", "https://me:canary3@h"]);
    }
}
