//! What an entry for a consumer holds: credentials themselves, or the name of something that has them.

use std::path::{Path, PathBuf};

use ocm_config::{Consumer, Credential};
use serde_json::{Map, Value};

use crate::properties::folded;
use crate::{Error, Found, Kind, Properties, Result, Secret};

/// Types of credentials whose parts stand below `properties`, by any name.
const DIRECT: [&str; 2] = ["DirectCredentials", "Credentials"];

/// Types of credentials, and the names of their parts.
const TYPED: [(&str, &[&str]); 9] = [
    ("OCICredentials", &["username", "password", "accessToken", "refreshToken"]),
    (
        "HelmHTTPCredentials",
        &["username", "password", "certFile", "keyFile", "keyring", "certData", "keyData", "caCert", "caFile"],
    ),
    (
        "WgetCredentials",
        &["username", "password", "identityToken", "certificate", "privateKey", "certificateAuthority"],
    ),
    ("GitHubCredentials", &["token"]),
    ("S3Credentials", &["accessKeyId", "secretAccessKey", "sessionToken"]),
    (
        "RSACredentials",
        &[
            "publicKeyPEM",
            "publicKeyPEMFile",
            "privateKeyPEM",
            "privateKeyPEMFile",
            "privateKeyPassphrase",
            "privateKeyPassphraseFile",
        ],
    ),
    ("GPGCredentials", &["privateKeyPGP", "privateKeyPGPFile", "publicKeyPGP", "publicKeyPGPFile", "passphrase"]),
    ("OIDCIdentityToken", &["token", "tokenFile"]),
    ("TrustedRoot", &["trustedRootJSON", "trustedRootJSONFile"]),
];

/// What an entry holds.
pub(crate) enum Holding<'a> {
    /// The credentials themselves.
    Literal(Found),
    /// Something to ask for them.
    Indirect(&'a Credential),
    /// Nothing.
    Nothing,
}

/// Reads an entry: the first of a type of its own wins; without one, the direct ones are put together, the last wins; only
/// without any, something is asked.
///
/// # Errors
/// A part that is no text. No message repeats a value.
pub(crate) fn read<'a>(consumer: &'a Consumer, home: Option<&Path>) -> Result<Holding<'a>> {
    let mut direct: Option<(Properties, String)> = None;
    let mut indirect = None;
    for credential in &consumer.credentials {
        let kind = unversioned(&credential.kind);
        if let Some((_, names)) = TYPED.iter().find(|(name, _)| *name == kind) {
            warn_of_unknown(credential, names);
            let properties = properties(credential, &credential.members, home)?;
            return Ok(Holding::Literal(Found::new(properties, &credential.place)));
        }
        if DIRECT.contains(&kind) {
            let parts = match credential.members.get("properties") {
                Some(Value::Object(parts)) => parts,
                None | Some(Value::Null) => &credential.members,
                Some(_) => return Err(malformed(credential, "properties has to be a mapping")),
            };
            let (all, _) = direct.get_or_insert_with(|| (Properties::default(), credential.place.to_string()));
            all.0.extend(properties(credential, parts, home)?.0);
        } else if indirect.is_none() {
            indirect = Some(credential);
        }
    }
    Ok(match (direct, indirect) {
        (Some((properties, place)), _) if !properties.0.is_empty() => Holding::Literal(Found::new(properties, place)),
        (_, Some(credential)) => Holding::Indirect(credential),
        _ => Holding::Nothing,
    })
}

/// The types of credentials that stand in the configuration itself, without their versions, and the names of their parts; any
/// name for those that stand below `properties`.
pub fn credential_types() -> Vec<(&'static str, &'static [&'static str])> {
    let direct = DIRECT.into_iter().map(|name| (name, &["properties"][..]));
    direct.chain(TYPED).collect()
}

/// Whether credentials of a type stand in the entry itself.
pub(crate) fn is_literal(kind: &str) -> bool {
    let kind = unversioned(kind);
    DIRECT.contains(&kind) || TYPED.iter().any(|(name, _)| *name == kind)
}

fn malformed(credential: &Credential, reason: impl std::fmt::Display) -> Error {
    Error::new(Kind::Malformed, format_args!("configuration {}", credential.place), reason)
}

fn properties(credential: &Credential, parts: &Map<String, Value>, home: Option<&Path>) -> Result<Properties> {
    let mut properties = Properties::default();
    for (name, value) in parts {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => continue,
            // To YAML the passwords `0123` and `yes` are a number and a truth, and what was written is lost.
            _ => return Err(malformed(credential, format_args!("{name} has to be a text: put it in quotes"))),
        };
        let text = if folded(name).ends_with("file") && !text.is_empty() {
            located(&text, credential.place.file(), home).display().to_string()
        } else {
            text
        };
        properties.0.insert(name.clone(), Secret::new(text));
    }
    Ok(properties)
}

/// A misspelled name would otherwise mean nobody in particular, without a word.
fn warn_of_unknown(credential: &Credential, names: &[&str]) {
    for name in credential.members.keys() {
        if !names.iter().any(|known| folded(known) == folded(name)) {
            tracing::warn!(
                "configuration {}: {} has no {name:?}; it takes {}",
                credential.place,
                credential.kind,
                names.join(", ")
            );
        }
    }
}

/// A path that stands in a configuration file: below the home folder, else beside that file, else where the program was
/// started.
pub(crate) fn located(text: &str, file: &str, home: Option<&Path>) -> PathBuf {
    if let (Some(rest), Some(home)) = (text.strip_prefix("~/"), home) {
        return home.join(rest);
    }
    let beside = Path::new(file).parent().unwrap_or(Path::new("")).join(text);
    if beside.exists() || !Path::new(text).exists() { beside } else { PathBuf::from(text) }
}

/// A type without its version.
pub(crate) fn unversioned(kind: &str) -> &str {
    kind.split_once('/').map_or(kind, |(name, _)| name)
}
