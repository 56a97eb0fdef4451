use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::SystemTime;

use crate::{Credentials, Error, Kind, Result, Secret};

/// Largest file with a key or a token in bytes.
const LARGEST: u64 = 1 << 20;

/// Credentials by the names of their parts: `username`, `password`, `token`.
///
/// The older program writes names in `snake_case`, the current one in `camelCase`; both mean the same part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(pub BTreeMap<String, Secret>);

/// Credentials that were found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What to show.
    pub properties: Properties,
    /// Where they are from: `file:line:column` of an entry, a Docker configuration and its key or helper, a cloud.
    pub origin: String,
    /// When they end, for those that do; whoever keeps them asks again before.
    pub until: Option<SystemTime>,
}

impl Properties {
    /// The first of some names of one part that has a text.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.part(name)).map(Secret::reveal).find(|text| !text.is_empty())
    }

    fn part(&self, name: &str) -> Option<&Secret> {
        self.0.get(name).or_else(|| {
            let wanted = folded(name);
            self.0.iter().find(|(own, _)| folded(own) == wanted).map(|(_, secret)| secret)
        })
    }

    /// A part that may stand in a file of its own: `token`, or what is in the file that `tokenFile` names.
    ///
    /// # Errors
    /// The file cannot be read, or is larger than any key or token.
    pub fn content(&self, name: &str) -> Result<Option<ocm_http::Secret<Vec<u8>>>> {
        if let Some(text) = self.get(&[name]) {
            return Ok(Some(ocm_http::Secret::new(text)));
        }
        let Some(path) = self.get(&[&format!("{name}File")]) else { return Ok(None) };
        let failed = |reason: String| Error::new(Kind::Local, format_args!("{name}File {path}"), reason);
        let mut content = Vec::new();
        let file = File::open(Path::new(path)).map_err(|error| failed(error.to_string()))?;
        file.take(LARGEST + 1).read_to_end(&mut content).map_err(|error| failed(error.to_string()))?;
        if content.len() as u64 > LARGEST {
            return Err(failed(format!("is larger than the limit of {LARGEST} bytes")));
        }
        Ok(Some(ocm_http::Secret::new(content)))
    }

    /// What a registry may be shown; tokens go before user and password.
    pub fn registry(&self) -> Option<Credentials> {
        if let Some(token) = self.get(&["accessToken", "registryToken"]) {
            return Some(Credentials::AccessToken(Secret::new(token)));
        }
        if let Some(token) = self.get(&["refreshToken", "identityToken"]) {
            return Some(Credentials::IdentityToken(Secret::new(token)));
        }
        let username = self.get(&["username", "user"])?.to_owned();
        Some(Credentials::Basic { username, password: Secret::new(self.get(&["password"]).unwrap_or_default()) })
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(parts: I) -> Self {
        Self(parts.into_iter().map(|(name, text)| (name.into(), Secret::new(text))).collect())
    }
}

impl From<Credentials> for Properties {
    fn from(credentials: Credentials) -> Self {
        match credentials {
            Credentials::Basic { username, password } => {
                [("username", username), ("password", password.reveal().to_owned())].into_iter().collect()
            }
            Credentials::IdentityToken(token) => [("refreshToken", token.reveal())].into_iter().collect(),
            Credentials::AccessToken(token) => [("accessToken", token.reveal())].into_iter().collect(),
        }
    }
}

impl Found {
    /// Credentials that do not end, from somewhere.
    pub fn new(properties: impl Into<Properties>, origin: impl fmt::Display) -> Self {
        Self { properties: properties.into(), origin: origin.to_string(), until: None }
    }

    /// What was shown and where it is from, without any secret: `user "me" from ~/.docker/config.json: …`.
    pub fn described(&self) -> String {
        match self.properties.registry() {
            Some(Credentials::Basic { username, .. }) => format!("user {username:?} from {}", self.origin),
            Some(_) => format!("a token from {}", self.origin),
            None => format!("those from {}", self.origin),
        }
    }
}

/// A name without what the spellings differ in.
pub(crate) fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn properties(parts: &[(&str, &str)]) -> Properties {
        parts.iter().copied().collect()
    }

    #[test]
    fn both_spellings_mean_the_same_part() {
        for name in ["accessToken", "access_token", "access-token", "ACCESS_TOKEN"] {
            assert_eq!(properties(&[(name, "t")]).get(&["accessToken"]), Some("t"), "{name}");
        }
        let snake = properties(&[("public_key_pem", "k"), ("private_key_pem_file", "/f")]);
        assert_eq!((snake.get(&["publicKeyPEM"]), snake.get(&["privateKeyPEMFile"])), (Some("k"), Some("/f")));
        assert_eq!(properties(&[("accessToken", "")]).get(&["accessToken"]), None);
    }

    #[test]
    fn tokens_go_before_user_and_password() {
        let basic = [("username", "u"), ("password", "p")];
        let with = |more: &[(&str, &str)]| properties(&[&basic[..], more].concat()).registry().unwrap();
        assert_eq!(with(&[]), Credentials::Basic { username: "u".into(), password: Secret::new("p") });
        assert_eq!(with(&[("refresh_token", "r")]), Credentials::IdentityToken(Secret::new("r")));
        assert_eq!(with(&[("identityToken", "i")]), Credentials::IdentityToken(Secret::new("i")));
        assert_eq!(with(&[("refreshToken", "r"), ("accessToken", "a")]), Credentials::AccessToken(Secret::new("a")));
        assert_eq!(properties(&[("publicKeyPEM", "k")]).registry(), None);
    }

    #[test]
    fn content_may_be_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "secret").unwrap();
        let found = properties(&[("token_file", path.to_str().unwrap())]);
        assert_eq!(found.content("token").unwrap().unwrap().reveal(), b"secret");
        assert_eq!(
            properties(&[("token", "t"), ("tokenFile", "/none")]).content("token").unwrap().unwrap().reveal(),
            b"t"
        );
        let error = properties(&[("tokenFile", "/none")]).content("token").unwrap_err().to_string();
        assert!(error.starts_with("tokenFile /none: "), "{error}");
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        let found = Found::new(properties(&[("username", "me"), ("password", "canary")]), "c.yaml:3:5");
        assert_eq!(found.described(), "user \"me\" from c.yaml:3:5");
        assert!(!format!("{found:?}").contains("canary"));
    }
}
