use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;

use crate::{Credentials, Error, Helper, Result, Secret};

/// Names under which Docker Hub's credentials are stored, all meaning the same account.
const DOCKER_HUB: [&str; 4] = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// The key that `docker login` writes for Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A Docker configuration (`config.json`, also Podman's `auth.json`): credentials and helpers by registry.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig {
    /// Credentials by normalised key: host, or host and path.
    entries: BTreeMap<String, Entry>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

/// What the configuration says about a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The credentials themselves.
    Credentials(Credentials),
    /// A helper program that knows them, and the host to ask it about.
    Helper(Helper, String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

impl DockerConfig {
    /// Reads a configuration. `origin` names it in errors.
    pub fn read(text: &[u8], origin: &str) -> Result<Self> {
        let fail = |reason: String| Error::Configuration { origin: origin.to_owned(), reason };
        let file: File = serde_json::from_slice(text)
            .map_err(|error| fail(format!("line {}, column {}", error.line(), error.column())))?;
        let mut entries = BTreeMap::new();
        for (key, auth) in file.auths {
            let credentials = auth.credentials().map_err(|reason| fail(format!("entry {key:?}: {reason}")))?;
            if let Some(credentials) = credentials {
                entries.insert(normal(&key), Entry::Credentials(credentials));
            }
        }
        let helpers = file.cred_helpers.into_iter().map(|(host, name)| (normal(&host), name)).collect();
        Ok(Self { entries, helpers, store: file.creds_store.filter(|name| !name.is_empty()) })
    }

    /// What is said about a repository of a host (`host` with port): the entry with the longest matching path, then the
    /// helper of the host, then the entry of the host, then the helper for everything.
    pub fn lookup(&self, host: &str, repository: Option<&str>) -> Option<Entry> {
        let host = normal(host);
        let mut path = repository.unwrap_or_default();
        while !path.is_empty() {
            if let Some(entry) = self.entries.get(&format!("{host}/{path}")) {
                return Some(entry.clone());
            }
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        let asked = if host == normal(DOCKER_HUB_KEY) { DOCKER_HUB_KEY.to_owned() } else { host.clone() };
        let helper = |name: &String| Helper::new(name).map(|helper| Entry::Helper(helper, asked.clone()));
        self.helpers
            .get(&host)
            .and_then(helper)
            .or_else(|| self.entries.get(&host).cloned())
            .or_else(|| self.store.as_ref().and_then(helper))
    }
}

/// Host, or host and path, in the one spelling of several that mean the same.
fn normal(key: &str) -> String {
    let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let host = if DOCKER_HUB.contains(&host) { "docker.io" } else { host };
    // `v1` and `v2` are leftovers of API addresses, not repositories.
    if path.is_empty() || path == "v1" || path == "v2" { host.to_owned() } else { format!("{host}/{path}") }
}

impl Auth {
    fn credentials(self) -> Result<Option<Credentials>, String> {
        let given = |secret: Option<Secret>| secret.filter(|secret| !secret.is_empty());
        if let Some(token) = given(self.identitytoken) {
            return Ok(Some(Credentials::IdentityToken(token)));
        }
        if let Some(token) = given(self.registrytoken) {
            return Ok(Some(Credentials::AccessToken(token)));
        }
        if let (Some(username), Some(password)) = (self.username, self.password) {
            return Ok(Some(Credentials::Basic { username, password }));
        }
        let Some(auth) = given(self.auth) else { return Ok(None) };
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(auth.reveal()).map_err(|_| "auth is not base64")?;
        let text = String::from_utf8(bytes).map_err(|_| "auth is not text")?;
        let (username, password) = text.split_once(':').ok_or("auth is not user:password")?;
        // Docker pads the password with zero bytes in some old versions.
        let password = Secret::new(password.trim_end_matches('\0'));
        Ok(Some(Credentials::Basic { username: username.to_owned(), password }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config(text: &str) -> DockerConfig {
        DockerConfig::read(text.as_bytes(), "config.json").unwrap()
    }

    fn user(entry: Option<Entry>) -> String {
        match entry {
            Some(Entry::Credentials(Credentials::Basic { username, .. })) => username,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_longest_path_wins() {
        let config = config(
            r#"{"auths":{"ghcr.io":{"username":"host","password":"p"},"ghcr.io/acme":{"username":"acme","password":"p"},
            "ghcr.io/acme/product":{"username":"product","password":"p"}}}"#,
        );
        assert_eq!(user(config.lookup("ghcr.io", None)), "host");
        assert_eq!(user(config.lookup("ghcr.io", Some("other/x"))), "host");
        assert_eq!(user(config.lookup("ghcr.io", Some("acme/x"))), "acme");
        assert_eq!(user(config.lookup("ghcr.io", Some("acme/product/image"))), "product");
        assert_eq!(config.lookup("quay.io", Some("acme")), None);
    }

    #[test]
    fn docker_hub_has_one_account_and_many_names() {
        let config = config(r#"{"auths":{"https://index.docker.io/v1/":{"auth":"aHViOnB3"}}}"#);
        for host in ["docker.io", "registry-1.docker.io", "index.docker.io"] {
            assert_eq!(user(config.lookup(host, Some("library/busybox"))), "hub");
        }
    }

    #[test]
    fn a_helper_for_the_host_comes_before_its_entry_and_the_store_last() {
        let config = config(
            r#"{"auths":{"a.io":{"username":"u","password":"p"},"b.io":{"username":"u","password":"p"}},
            "credHelpers":{"a.io":"one"},"credsStore":"all"}"#,
        );
        let helper = |name: &str, host: &str| Some(Entry::Helper(Helper::new(name).unwrap(), host.to_owned()));
        assert_eq!(config.lookup("a.io", None), helper("one", "a.io"));
        assert_eq!(user(config.lookup("b.io", None)), "u");
        assert_eq!(config.lookup("c.io:5000", None), helper("all", "c.io:5000"));
    }

    #[test]
    fn a_helper_name_is_no_path() {
        assert_eq!(Helper::new("../../tmp/x"), None);
        assert_eq!(Helper::new(""), None);
    }

    #[test]
    fn errors_do_not_repeat_secrets() {
        let error = DockerConfig::read(br#"{"auths":{"a.io":{"auth":"top-secret!"}}}"#, "config.json").unwrap_err();
        assert_eq!(error.to_string(), "config.json: not a docker configuration: entry \"a.io\": auth is not base64");
        assert!(!format!("{:?}", Secret::new("top-secret")).contains("top"));
    }
}
