//! Places that keep credentials for many consumers, one file per type.

mod docker;
mod maven;
mod npm;
mod vault;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ocm_http::Client;
use ocm_model::Identity;
use serde_json::{Map, Value};

use crate::consumer::{located, unversioned};
use crate::docker::Helpers;
use crate::{Error, Found, Kind, Result};

/// Something that keeps credentials.
#[async_trait]
pub trait Store: Send + Sync {
    /// Whose credentials it has to show itself, under every name they may be configured for; empty if none.
    async fn needs(&self) -> Result<Vec<Identity>> {
        Ok(Vec::new())
    }

    /// The credentials for a consumer, who is meant by any of some identities; `None` if it has none.
    ///
    /// # Errors
    /// It cannot be asked. The message has no secret in it; whoever asked puts the place in the configuration in front.
    async fn find(&self, wanted: &[Identity], own: Option<&Found>) -> Result<Option<Found>>;
}

/// Types of stores, or of credentials that are to be had elsewhere, that are not built in.
pub trait Provider: Send + Sync {
    /// The store that a specification means; `None` if its type is unknown here.
    fn open(&self, specification: &Specification) -> Option<Result<Arc<dyn Store>>>;
}

/// What a configuration says about a store.
#[derive(Clone)]
pub struct Specification {
    /// Where it stands, as `file:line:column`.
    pub place: String,
    /// The file it stands in.
    pub file: String,
    /// Its type.
    pub kind: String,
    /// All other members. Some may be secret.
    pub members: Map<String, Value>,
}

/// What the built-in stores need from outside.
#[derive(Default)]
pub(crate) struct Surroundings {
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) http: Client,
    pub(crate) helpers: Arc<Helpers>,
}

/// The Docker configuration that a specification means; `None` if it is of another type.
pub(crate) fn docker(specification: &Specification, around: &Arc<Surroundings>) -> Option<Result<docker::DockerStore>> {
    (unversioned(&specification.kind) == "DockerConfig").then(|| docker::DockerStore::open(specification, around))
}

/// Without effect: a store is asked for every consumer.
const PROPAGATE: &str = "propagateConsumerIdentity";

/// In an entry of a consumer, the one credential that is taken.
const NAMED: &str = "credentialsName";

/// Types of stores without their versions, and the names of their members.
const STORES: [(&str, &[&str]); 4] = [
    ("DockerConfig", &["dockerConfigFile", "dockerConfig", NAMED, PROPAGATE]),
    ("HashiCorpVault", &["serverURL", "namespace", "mountPath", "path", "secrets", NAMED, PROPAGATE]),
    ("NPMConfig", &["npmrcFile", NAMED, PROPAGATE]),
    ("MavenSettings", &["settingsFile", NAMED, PROPAGATE]),
];

/// The built-in types of stores, without their versions, and the names of their members.
pub fn store_types() -> &'static [(&'static str, &'static [&'static str])] {
    &STORES
}

/// The store that a specification means; `None` if its type is not built in.
pub(crate) fn open(specification: &Specification, around: &Arc<Surroundings>) -> Option<Result<Arc<dyn Store>>> {
    fn shared<S: Store + 'static>(store: Result<S>) -> Result<Arc<dyn Store>> {
        store.map(|store| Arc::new(store) as Arc<dyn Store>)
    }
    let (_, known) = STORES.iter().find(|(name, _)| *name == unversioned(&specification.kind))?;
    for name in specification.members.keys().filter(|name| !known.contains(&name.as_str())) {
        let (place, kind) = (&specification.place, &specification.kind);
        tracing::warn!("configuration {place}: {kind} has no {name:?}; it takes {}", known.join(", "));
    }
    Some(match unversioned(&specification.kind) {
        "DockerConfig" => shared(docker::DockerStore::open(specification, around)),
        "HashiCorpVault" => shared(vault::Vault::open(specification, around)),
        "NPMConfig" => shared(npm::Npm::open(specification, around)),
        "MavenSettings" => shared(maven::Maven::open(specification, around)),
        _ => return None,
    })
}

/// Whose credentials the store of a specification has to show, as far as that is known without asking anybody.
pub(crate) fn needs(specification: &Specification) -> Vec<Identity> {
    match unversioned(&specification.kind) {
        "HashiCorpVault" => vault::needs(specification).unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl Specification {
    /// A member that is a text; `None` if it is missing or empty.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.malformed(format_args!("{name} has to be a text"))),
        }
    }

    /// A member that is a list of texts.
    ///
    /// # Errors
    /// It is something else.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        let wrong = || self.malformed(format_args!("{name} has to be a list of texts"));
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    pub(crate) fn path(&self, name: &str, home: Option<&Path>) -> Result<Option<PathBuf>> {
        Ok(self.text(name)?.map(|text| located(text, &self.file, home)))
    }

    pub(crate) fn malformed(&self, reason: impl fmt::Display) -> Error {
        Error::new(Kind::Malformed, format_args!("configuration {}", self.place), reason)
    }
}

impl fmt::Debug for Specification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Specification").field("place", &self.place).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Whether an entry for `host/path` covers a consumer, and how much of its path.
pub(crate) fn covered(entry: (&str, &str), wanted: &Identity) -> Option<usize> {
    let (host, path) = (entry.0, entry.1.trim_matches('/'));
    let standard = match wanted.get("scheme") {
        Some("http") => "80",
        _ => "443",
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (host, standard),
    };
    let wanted_port = wanted.get("port").filter(|port| !port.is_empty()).unwrap_or(standard);
    if !wanted.get("hostname").is_some_and(|host| host.eq_ignore_ascii_case(name)) || port != wanted_port {
        return None;
    }
    let rest = wanted.get("path").unwrap_or_default().trim_matches('/').strip_prefix(path)?;
    (path.is_empty() || rest.is_empty() || rest.starts_with('/')).then_some(path.len())
}

/// A text in which names between `open` and `}` stand for variables. The error is a reason without a subject.
fn expanded(text: &str, open: &str, variable: &dyn Fn(&str) -> Option<String>) -> std::result::Result<String, String> {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(open) {
        let Some((name, behind)) = after.split_once('}') else { break };
        expanded.push_str(before);
        expanded.push_str(&variable(name).ok_or_else(|| format!("the variable {name} is not set"))?);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}
