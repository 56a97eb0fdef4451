use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use crate::{Credentials, Error, Helper, Kind, Result, Secret};

/// Names under which Docker Hub's credentials are stored, all meaning the same account.
const DOCKER_HUB: [&str; 4] = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// The key that `docker login` writes for Docker Hub.
pub(crate) const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A Docker configuration (`config.json`, also Podman's `auth.json`): credentials and helpers by registry.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig {
    /// Credentials by normalised key: host, or host and path.
    entries: BTreeMap<String, (String, std::result::Result<Credentials, &'static str>)>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

/// What the configuration says about a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The credentials themselves, and the part of the configuration that has them: `auths entry "a.io"`.
    Credentials(Credentials, String),
    /// A helper program that knows them.
    Helper(HelperEntry),
    /// Why the credentials that stand there cannot be used, and the part of the configuration that has them.
    Unusable(&'static str, String),
}

/// A helper, what to ask it, and which part of the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperEntry {
    /// The helper; none if its name leads to no program.
    pub helper: Option<Helper>,
    /// The host to ask it about.
    pub host: String,
    /// The part of the configuration, for messages: `credsStore "desktop"`, `credHelpers entry "a.io": "ecr-login"`.
    pub place: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    auths: Option<BTreeMap<String, Option<Auth>>>,
    cred_helpers: Option<BTreeMap<String, String>>,
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
        let fail =
            |reason: String| Error::new(Kind::Malformed, origin, format_args!("not a docker configuration: {reason}"));
        let file: File = serde_json::from_slice(text)
            .map_err(|error| fail(format!("line {}, column {}", error.line(), error.column())))?;
        let mut entries = BTreeMap::new();
        for (key, auth) in file.auths.unwrap_or_default() {
            // What is wrong with one host is no reason to refuse the others.
            if let Some(credentials) = auth.unwrap_or_default().credentials().transpose() {
                entries.insert(normal(&key), (key, credentials));
            }
        }
        let helpers = file.cred_helpers.unwrap_or_default().into_iter();
        let helpers = helpers.filter(|(_, name)| !name.is_empty()).map(|(host, name)| (normal(&host), name)).collect();
        Ok(Self { entries, helpers, store: file.creds_store.filter(|name| !name.is_empty()) })
    }

    /// The helper that keeps the credentials of a host, if one does.
    pub(crate) fn keeper(&self, host: &str) -> Option<HelperEntry> {
        let host = normal(host);
        let own = self.helpers.get(&host).map(|name| ask(&host, name, "credHelpers", Some(&host)));
        own.or_else(|| self.store.as_ref().map(|name| ask(&host, name, "credsStore", None)))
    }

    /// What is said about a repository of a host (`host` with port), the best first: for the repository and each path
    /// above it down to the host, a helper and then an entry; the same for the host without its port; last the helper for
    /// everything, with and then without the port. Whoever asks takes the first that knows credentials: a helper may not.
    ///
    /// Docker itself wants the port to be there; the Go programs give what is there for the host to all its ports.
    pub fn lookup(&self, host: &str, repository: Option<&str>) -> Vec<Entry> {
        let host = normal(host);
        let bare = without_port(&host).map(str::to_owned);
        let hosts: Vec<&String> = [&host].into_iter().chain(&bare).collect();
        let mut found = Vec::new();
        for host in &hosts {
            let mut path = repository.unwrap_or_default();
            loop {
                let key = if path.is_empty() { (*host).clone() } else { format!("{host}/{path}") };
                if let Some(name) = self.helpers.get(&key) {
                    found.push(Entry::Helper(ask(host, name, "credHelpers", Some(&key))));
                }
                if let Some((key, credentials)) = self.entries.get(&key) {
                    let place = format!("auths entry {key:?}");
                    found.push(match credentials {
                        Ok(credentials) => Entry::Credentials(credentials.clone(), place),
                        Err(reason) => Entry::Unusable(reason, place),
                    });
                }
                if path.is_empty() {
                    break;
                }
                path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            }
        }
        let stores =
            self.store.iter().flat_map(|name| hosts.iter().map(move |host| ask(host, name, "credsStore", None)));
        found.extend(stores.map(Entry::Helper));
        found
    }
}

/// What to ask a helper about a host, and where it is named.
fn ask(host: &str, name: &str, member: &str, key: Option<&str>) -> HelperEntry {
    let host = if host == normal(DOCKER_HUB_KEY) { DOCKER_HUB_KEY } else { host }.to_owned();
    let place = match key {
        Some(key) => format!("{member} entry {key:?}: {name:?}"),
        None => format!("{member} {name:?}"),
    };
    HelperEntry { helper: Helper::new(name), host, place }
}

/// A host without its port; `None` if it has none.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = host.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_port && (!name.contains(':') || name.ends_with(']'))).then_some(name)
}

/// Host, or host and path, in the one spelling of several that mean the same.
pub(crate) fn normal(key: &str) -> String {
    let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let host = if DOCKER_HUB.contains(&host) { "docker.io" } else { host };
    // `v1` and `v2` are leftovers of API addresses, not repositories.
    if path.is_empty() || path == "v1" || path == "v2" { host.to_owned() } else { format!("{host}/{path}") }
}

impl Auth {
    fn credentials(self) -> std::result::Result<Option<Credentials>, &'static str> {
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
        // Some programs leave the padding out, and people leave a line break in.
        let bytes = LENIENT.decode(auth.reveal().trim()).map_err(|_| "auth is not base64")?;
        let text = String::from_utf8(bytes).map_err(|_| "auth is not text")?;
        let (username, password) = text.split_once(':').ok_or("auth is not user:password")?;
        // Docker pads the password with zero bytes in some old versions.
        let password = Secret::new(password.trim_end_matches('\0'));
        if username.is_empty() && password.is_empty() {
            return Ok(None);
        }
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

    fn user(entries: &[Entry]) -> String {
        match entries.first() {
            Some(Entry::Credentials(Credentials::Basic { username, .. }, _)) => username.clone(),
            other => format!("{other:?}"),
        }
    }

    /// The places of helpers, and the users.
    fn order(entries: &[Entry]) -> Vec<String> {
        let name = |entry: &Entry| match entry {
            Entry::Helper(helper) => format!("{} for {}", helper.place, helper.host),
            entry => user(std::slice::from_ref(entry)),
        };
        entries.iter().map(name).collect()
    }

    #[test]
    fn the_longest_path_wins() {
        let config = config(
            r#"{"auths":{"ghcr.io":{"username":"host","password":"p"},"ghcr.io/acme":{"username":"acme","password":"p"},
            "ghcr.io/acme/product":{"username":"product","password":"p"}}}"#,
        );
        for (repository, expected) in [
            (None, "host"),
            (Some("other/x"), "host"),
            (Some("acme/x"), "acme"),
            (Some("acme"), "acme"),
            (Some("acmeother"), "host"),
            (Some("acme/product/image"), "product"),
        ] {
            assert_eq!(user(&config.lookup("ghcr.io", repository)), expected, "{repository:?}");
        }
        assert_eq!(config.lookup("quay.io", Some("acme")), []);
        // What is there for the host is for all its ports, as in the Go programs.
        assert_eq!(user(&config.lookup("ghcr.io:8443", Some("acme"))), "acme");
        assert_eq!(user(&config.lookup("ghcr.io:8443", None)), "host");
    }

    #[test]
    fn an_entry_with_the_port_goes_before_one_without() {
        let config = config(
            r#"{"auths":{"h.io":{"username":"host","password":"p"},"h.io/a/b":{"username":"path","password":"p"},
            "h.io:5000":{"username":"port","password":"p"}},"credHelpers":{"h.io":"one","h.io:5000":"two"}}"#,
        );
        assert_eq!(
            order(&config.lookup("h.io:5000", Some("a/b"))),
            [
                "credHelpers entry \"h.io:5000\": \"two\" for h.io:5000",
                "port",
                "path",
                "credHelpers entry \"h.io\": \"one\" for h.io",
                "host"
            ]
        );
        assert_eq!(order(&config.lookup("h.io:6000", None)), ["credHelpers entry \"h.io\": \"one\" for h.io", "host"]);
        // An entry for a port is for this port.
        let config = DockerConfig::read(br#"{"auths":{"h.io:5000":{"auth":"dTpw"}}}"#, "c").unwrap();
        assert_eq!((config.lookup("h.io", None), config.lookup("h.io:6000", None)), (vec![], vec![]));
        assert_eq!(without_port("[::1]:5000"), Some("[::1]"));
        assert_eq!((without_port("::1"), without_port("h.io"), without_port("h.io:")), (None, None, None));
    }

    #[test]
    fn what_is_logged_in_is_kept_for_exactly_this_host() {
        let config = config(r#"{"credHelpers":{"h.io":"one"},"credsStore":"all"}"#);
        assert_eq!(config.keeper("h.io").unwrap().place, "credHelpers entry \"h.io\": \"one\"");
        let keeper = config.keeper("h.io:5000").unwrap();
        assert_eq!((keeper.place.as_str(), keeper.host.as_str()), ("credsStore \"all\"", "h.io:5000"));
    }

    #[test]
    fn docker_hub_has_one_account_and_many_names() {
        let config = config(r#"{"auths":{"https://index.docker.io/v1/":{"auth":"aHViOnB3"}}}"#);
        for host in ["docker.io", "registry-1.docker.io", "index.docker.io"] {
            assert_eq!(user(&config.lookup(host, Some("library/busybox"))), "hub");
        }
    }

    #[test]
    fn a_helper_for_the_host_comes_before_its_entry_and_the_store_last() {
        let config = config(
            r#"{"auths":{"a.io":{"username":"u","password":"p"},"b.io":{"username":"u","password":"p"},"c.io":{}},
            "credHelpers":{"a.io":"one","a.io/team":"two","d.io":""},"credsStore":"all"}"#,
        );
        let one = r#"credHelpers entry "a.io": "one" for a.io"#;
        let two = r#"credHelpers entry "a.io/team": "two" for a.io"#;
        let all = |host: &str| format!("credsStore \"all\" for {host}");
        assert_eq!(order(&config.lookup("a.io", None)), [one, "u", &all("a.io")]);
        assert_eq!(order(&config.lookup("a.io", Some("team/x"))), [two, one, "u", &all("a.io")]);
        assert_eq!(order(&config.lookup("b.io", None)), ["u", &all("b.io")]);
        for host in ["c.io", "d.io"] {
            assert_eq!(order(&config.lookup(host, None)), [all(host)]);
        }
        assert_eq!(order(&config.lookup("e.io:5000", None)), [all("e.io:5000"), all("e.io")]);
        assert_eq!(order(&config.lookup("docker.io", None)), [all("https://index.docker.io/v1/")]);
    }

    /// What `docker login`, `podman login`, ACR's and ECR's helpers, Kubernetes' pull secrets and people write.
    #[test]
    fn every_form_of_an_entry() {
        for (entry, expected) in [
            (r#"{"auth":"dTpw"}"#, "Basic u p"),
            (r#"{"auth":"dTpwOnE=","email":"x@y.z"}"#, "Basic u p:q"),
            (r#"{"auth":"dTpwOnE"}"#, "Basic u p:q"),
            (r#"{"auth":"dTpw\n"}"#, "Basic u p"),
            (r#"{"auth":"dTpwAAA="}"#, "Basic u p"),
            (r#"{"username":"u","password":"p","auth":"eDp5"}"#, "Basic u p"),
            (r#"{"auth":"MDAwMDowMDA=","identitytoken":"i"}"#, "identity i"),
            (r#"{"identitytoken":"","auth":"dTpw"}"#, "Basic u p"),
            (r#"{"registrytoken":"r"}"#, "access r"),
            (r#"{"auth":""}"#, "none"),
            (r#"{"auth":"Og=="}"#, "none"),
            ("{}", "none"),
            ("null", "none"),
        ] {
            let config = config(&format!(r#"{{"auths":{{"a.io":{entry}}},"credHelpers":null,"HttpHeaders":{{}}}}"#));
            let shown = match config.lookup("a.io", None).first() {
                Some(Entry::Credentials(Credentials::Basic { username, password }, _)) => {
                    format!("Basic {username} {}", password.reveal())
                }
                Some(Entry::Credentials(Credentials::IdentityToken(token), _)) => {
                    format!("identity {}", token.reveal())
                }
                Some(Entry::Credentials(Credentials::AccessToken(token), _)) => format!("access {}", token.reveal()),
                Some(Entry::Helper(_) | Entry::Unusable(..)) => "something else".into(),
                None => "none".into(),
            };
            assert_eq!(shown, expected, "{entry}");
        }
        assert_eq!(config(r#"{"auths":null}"#).lookup("a.io", None), []);
    }

    #[test]
    fn keys_in_every_spelling() {
        for key in ["a.io", "https://a.io", "http://a.io/", "https://a.io/v2/", "a.io/v1", "https://a.io/v1/"] {
            let config = config(&format!(r#"{{"auths":{{"{key}":{{"auth":"dTpw"}}}}}}"#));
            assert_eq!(user(&config.lookup("a.io", Some("x/y"))), "u", "{key}");
        }
    }

    #[test]
    fn a_helper_name_is_no_path() {
        assert_eq!(Helper::new("../../tmp/x"), None);
        assert_eq!(Helper::new(""), None);
    }

    #[test]
    fn errors_do_not_repeat_secrets() {
        let config = config(r#"{"auths":{"a.io":{"auth":"top-secret!"},"b.io":{"auth":"dTpw"}}}"#);
        let unusable = Entry::Unusable("auth is not base64", "auths entry \"a.io\"".to_owned());
        assert_eq!(config.lookup("a.io", None), [unusable]);
        // What is wrong with one host does not touch the others.
        assert_eq!(user(&config.lookup("b.io", None)), "u");
        assert!(!format!("{:?}", Secret::new("top-secret")).contains("top"));
    }
}
