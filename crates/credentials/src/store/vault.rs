//! `HashiCorpVault`: secrets of a key-value engine (version 2), whose metadata say whom they are for.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ocm_config::specificity;
use ocm_http::{Body, Client, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Url, header};
use ocm_model::Identity;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Specification, Store, Surroundings};
use crate::{Error, Found, Kind, Properties, Result, Secret};

/// Type of the consumer whose credentials open a vault.
const CONSUMER: &str = "HashiCorpVault";

/// Where key-value engines usually are.
const MOUNT: &str = "secret";

/// Largest answer in bytes.
const LIMIT: u64 = 4 << 20;

/// Secrets of one path that are read before the list is taken for endless.
const SECRETS: usize = 1000;

/// How long a vault may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Characters of the name of a secret that stand for themselves in an address.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");

/// A folder of secrets in a vault.
pub(super) struct Vault {
    server: Url,
    namespace: Option<String>,
    mount: String,
    path: String,
    /// The secrets to read; all in the folder if none are named.
    secrets: Vec<String>,
    /// The one secret that is meant, whoever asks.
    named: Option<String>,
    needs: Vec<Identity>,
    client: Client,
    /// What the secrets hold, read once for everybody.
    entries: OnceCell<Result<Vec<Entry>>>,
}

/// A secret and whom it is for.
#[derive(Clone)]
struct Entry {
    name: String,
    identity: Option<Identity>,
    properties: Properties,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct Content {
    data: Option<BTreeMap<String, Value>>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    custom_metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Login {
    auth: Option<Auth>,
}

#[derive(Deserialize)]
struct Auth {
    client_token: Secret,
}

/// The identities under which the credentials for a vault may be configured, with and without its parts.
pub(super) fn needs(specification: &Specification) -> Result<Vec<Identity>> {
    let server = server(specification)?;
    let mut identity = Identity::default();
    let mut set = |key: &str, value: &str| {
        if !value.is_empty() {
            identity.0.insert(key.to_owned(), value.to_owned());
        }
    };
    set("type", CONSUMER);
    set("scheme", server.scheme());
    set("hostname", server.host_str().unwrap_or_default());
    set("port", &server.port().map(|port| port.to_string()).unwrap_or_default());
    set("path", specification.text("path")?.unwrap_or_default().trim_matches('/'));
    let parts = [("namespace", specification.text("namespace")?), ("secretEngine", specification.text("mountPath")?)];
    let mut all = vec![identity];
    for (key, value) in parts {
        let Some(value) = value else { continue };
        for position in 0..all.len() {
            let mut with = all[position].clone();
            with.0.insert(key.to_owned(), value.to_owned());
            all.push(with);
        }
    }
    Ok(all)
}

fn server(specification: &Specification) -> Result<Url> {
    let text = specification.text("serverURL")?.ok_or_else(|| specification.malformed("serverURL is missing"))?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    url.ok_or_else(|| specification.malformed("serverURL is no address of a web server"))
}

impl Vault {
    pub(super) fn open(specification: &Specification, around: &Arc<Surroundings>) -> Result<Self> {
        let text = |name: &str| Ok::<_, Error>(specification.text(name)?.map(|text| text.trim_matches('/').to_owned()));
        let name = text("credentialsName")?;
        let secrets = specification.texts("secrets")?;
        let vault = Self {
            server: server(specification)?,
            namespace: text("namespace")?,
            mount: text("mountPath")?.unwrap_or_else(|| MOUNT.to_owned()),
            path: text("path")?.unwrap_or_default(),
            secrets: name.as_ref().map_or(secrets, |name| vec![name.clone()]),
            named: name,
            needs: needs(specification)?,
            client: around.http.clone(),
            entries: OnceCell::new(),
        };
        for part in [&vault.mount, &vault.path].into_iter().chain(&vault.secrets) {
            if !is_plain(part) {
                return Err(specification.malformed(format_args!("{part:?} is no path in a vault")));
            }
        }
        Ok(vault)
    }

    async fn read(&self, own: &Found) -> Result<Vec<Entry>> {
        let token = self.token(own).await?;
        let mut waiting: VecDeque<String> = match self.secrets.as_slice() {
            [] => self.list(&token).await?.into(),
            named => named.iter().cloned().collect(),
        };
        let mut seen: HashSet<String> = waiting.iter().cloned().collect();
        let mut entries = Vec::new();
        while let Some(name) = waiting.pop_front() {
            if entries.len() == SECRETS {
                return Err(self.error(Kind::Denied, format_args!("has more than {SECRETS} secrets below this path")));
            }
            let Some((entry, more)) = self.secret(&token, name).await? else { continue };
            // Whoever writes metadata names secrets of the same folder, and no way out of it.
            let more = more.into_iter().filter(|name| is_plain(name));
            waiting.extend(more.filter(|name| seen.insert(name.clone())));
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The token to show: the configured one, or the one that a role gets for its secret.
    async fn token(&self, own: &Found) -> Result<HeaderValue> {
        let given = |name: &str| own.properties.get(&[name]);
        let method = given("authmeth").unwrap_or(if given("token").is_some() { "token" } else { "approle" });
        let missing = |name: &str| {
            Error::new(
                Kind::Denied,
                &own.origin,
                format_args!("{name} is missing for {} of {CONSUMER}", self.subject()),
            )
        };
        let token = match method {
            "token" => Secret::new(given("token").ok_or_else(|| missing("token"))?),
            "approle" => {
                let role = given("roleid").ok_or_else(|| missing("roleid"))?;
                let body = json!({"role_id": role, "secret_id": given("secretid").unwrap_or_default()});
                let request = Request::new(Method::POST, self.address(&["auth", "approle", "login"]))
                    .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                    .body(Body::Bytes(body.to_string().into()));
                let login: Login = self.ask(request, None, "logging in").await?.unwrap_or(Login { auth: None });
                login.auth.ok_or_else(|| self.error(Kind::Denied, "gave no token for the role"))?.client_token
            }
            other => {
                let reason = format!("authmeth {other:?} is unknown; it is token or approle");
                return Err(Error::new(Kind::Malformed, &own.origin, reason));
            }
        };
        let mut value = HeaderValue::from_str(token.reveal())
            .map_err(|_| Error::new(Kind::Malformed, &own.origin, "the token holds characters that cannot be sent"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn list(&self, token: &HeaderValue) -> Result<Vec<String>> {
        let mut url = self.address(&[self.mount.as_str(), "metadata", self.path.as_str()]);
        url.set_query(Some("list=true"));
        let answer: Option<Answer<Names>> = self.ask(Request::new(Method::GET, url), Some(token), "listing").await?;
        let names = answer.and_then(|answer| answer.data).map(|names| names.keys).unwrap_or_default();
        // What ends with a slash is a folder.
        Ok(names.into_iter().filter(|name| is_plain(name) && !name.ends_with('/')).collect())
    }

    async fn secret(&self, token: &HeaderValue, name: String) -> Result<Option<(Entry, Vec<String>)>> {
        let url = self.address(&[self.mount.as_str(), "data", self.path.as_str(), &name]);
        let what = format!("reading {name:?}");
        let answer: Option<Answer<Content>> = self.ask(Request::new(Method::GET, url), Some(token), &what).await?;
        let Some(content) = answer.and_then(|answer| answer.data) else { return Ok(None) };
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        };
        let parts = content.data.unwrap_or_default().into_iter();
        let properties = parts.filter_map(|(name, value)| Some((name, text(value)?))).collect();
        let metadata = content.metadata.and_then(|metadata| metadata.custom_metadata).unwrap_or_default();
        let more = metadata.get("secrets").map(|names| {
            names
                .split(',')
                .map(|name| name.trim().trim_matches('/').to_owned())
                .filter(|name| !name.is_empty())
                .collect()
        });
        let identity = match metadata.get("consumerId") {
            Some(text) => match serde_json::from_str::<BTreeMap<String, String>>(text) {
                Ok(identity) => Some(Identity(identity)),
                Err(_) => {
                    tracing::warn!("vault {}: the consumerId of {name:?} is no JSON mapping of texts", self.subject());
                    None
                }
            },
            None if metadata.contains_key("type") => Some(Identity(metadata)),
            None => None,
        };
        Ok(Some((Entry { name, identity, properties }, more.unwrap_or_default())))
    }

    /// An address below `/v1/`, of parts that may have slashes in them.
    fn address(&self, parts: &[&str]) -> Url {
        let segments = parts.iter().flat_map(|part| part.split('/')).filter(|segment| !segment.is_empty());
        let path: Vec<String> = segments.map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
        let mut url = self.server.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/v1/{}", path.join("/")));
        url.set_query(None);
        url
    }

    /// An answer as JSON; `None` if there is no such thing.
    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        request: Request,
        token: Option<&HeaderValue>,
        what: &str,
    ) -> Result<Option<T>> {
        // A redirect would carry the token along.
        let mut request = request.stay();
        if let Some(token) = token {
            request = request.header(TOKEN, token.clone());
        }
        if let Some(namespace) = &self.namespace {
            let value = HeaderValue::from_str(namespace)
                .map_err(|_| self.error(Kind::Malformed, "the namespace cannot be sent"))?;
            request = request.header(NAMESPACE, value);
        }
        let silent = |reason: &str| self.error(Kind::Unavailable, format_args!("{what} failed: {reason}"));
        let sent = tokio::time::timeout(PATIENCE, self.client.send(request)).await;
        let response: Response =
            sent.map_err(|_| silent("no answer within 30 s"))?.map_err(|error| silent(error.reason()))?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !status.is_success() {
            let kind = if status.is_server_error() { Kind::Unavailable } else { Kind::Denied };
            return Err(self.error(kind, format_args!("{what} failed: answered {status}")));
        }
        let text = response.bytes(LIMIT).await.map_err(|error| silent(error.reason()))?;
        let unreadable =
            |_| self.error(Kind::Unavailable, format_args!("{what} failed: the answer is not Vault's JSON"));
        serde_json::from_slice(&text).map(Some).map_err(unreadable)
    }

    fn subject(&self) -> String {
        let path = [self.mount.as_str(), self.path.as_str()].join("/");
        format!("{} ({})", ocm_http::redacted(&self.server), path.trim_end_matches('/'))
    }

    fn error(&self, kind: Kind, reason: impl std::fmt::Display) -> Error {
        Error::new(kind, format_args!("vault {}", self.subject()), reason)
    }
}

#[async_trait]
impl Store for Vault {
    async fn needs(&self) -> Result<Vec<Identity>> {
        Ok(self.needs.clone())
    }

    async fn find(&self, wanted: &[Identity], own: Option<&Found>) -> Result<Option<Found>> {
        let Some(own) = own else {
            let wanted = self.needs.first().map(ToString::to_string).unwrap_or_default();
            let reason = format!(
                "there are no credentials for it: configure a consumer {wanted} with token, or roleid and secretid"
            );
            return Err(self.error(Kind::Denied, reason));
        };
        // A vault that failed is not asked again and again: it locks roles that come with wrong secrets.
        let entries = self.entries.get_or_init(|| self.read(own)).await.as_ref().map_err(Clone::clone)?;
        let best = match &self.named {
            Some(named) => entries.iter().find(|entry| entry.name == *named),
            None => {
                let fit = |entry: &Entry| {
                    let identity = entry.identity.as_ref()?;
                    wanted.iter().filter_map(|wanted| specificity(identity, wanted)).max()
                };
                let fitting = entries.iter().filter_map(|entry| Some((fit(entry)?, entry)));
                fitting.max_by_key(|(specificity, _)| *specificity).map(|(_, entry)| entry)
            }
        };
        Ok(best.map(|entry| {
            Found::new(entry.properties.clone(), format_args!("vault {}: secret {:?}", self.subject(), entry.name))
        }))
    }
}

/// Whether a path stays below where it begins.
fn is_plain(path: &str) -> bool {
    !path.split('/').any(|part| matches!(part, "." | "..")) && !path.chars().any(char::is_control)
}
