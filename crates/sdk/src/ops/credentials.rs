//! `get credentials`: what would be shown to a consumer, and where it is from.

use std::collections::BTreeMap;

use ocm_credentials::Properties;
use ocm_model::Identity;
use ocm_oci::Endpoint;
use schemars::JsonSchema;
use serde::Serialize;

use crate::authenticator::identity;
use crate::{Context, Error, Kind, Result};

/// Stands for what is secret.
const HIDDEN: &str = "***";

/// Parts that are no secret, and those that name files.
const OPEN: [&str; 6] = ["username", "user", "email", "accesskeyid", "awsaccesskeyid", "authmeth"];

/// Whose credentials, and whether they are shown.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Attributes of a consumer as `key=value`, or a registry with a repository: `ghcr.io/acme`, `http://localhost:5000`.
    pub words: Vec<String>,
    /// Whether secrets are in the report. Without, `***` stands for them.
    pub reveal: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The consumer that was asked for.
    pub consumer: BTreeMap<String, String>,
    /// Where the credentials are from: file, line and column of an entry, a Docker configuration and its key or helper, a cloud.
    pub origin: String,
    /// When they end, for those that do (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Their parts by name.
    pub credentials: BTreeMap<String, String>,
}

/// Finds the credentials for a consumer.
///
/// # Errors
/// [`Kind::Usage`] for words that name no consumer, [`Kind::NotFound`] if there are no credentials for it.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let wanted = consumer(&request.words)?;
    let found = context.resolver().resolve(&wanted).await?.ok_or_else(|| {
        let hint = match wanted.get("type") {
            Some("OCIRegistry") => "`ocm login HOST` adds them, or an entry for this consumer in a configuration file",
            _ => "add an entry for this consumer to a configuration file",
        };
        let missed = context.resolver().missed(&wanted);
        let missed = missed.map_or_else(String::new, |missed| format!("; {missed}"));
        Error::new(Kind::NotFound, format!("there are no credentials for {wanted}{missed}")).hint(hint)
    })?;
    let until = found.until.and_then(|until| jiff::Timestamp::try_from(until).ok());
    Ok(Report {
        consumer: wanted.0,
        origin: found.origin,
        until: until.map(|until| until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        credentials: shown(&found.properties, request.reveal),
    })
}

fn shown(properties: &Properties, reveal: bool) -> BTreeMap<String, String> {
    let parts = properties.0.iter().map(|(name, secret)| {
        let folded = name.replace(['_', '-'], "").to_ascii_lowercase();
        let is_open = OPEN.contains(&folded.as_str()) || folded.ends_with("file");
        (name.clone(), if reveal || is_open { secret.reveal() } else { HIDDEN }.to_owned())
    });
    parts.collect()
}

fn consumer(words: &[String]) -> Result<Identity> {
    if let [word] = words
        && !word.contains('=')
    {
        let (endpoint, path) = Endpoint::parse(word)?;
        return Ok(identity(&endpoint, Some(&path)));
    }
    let mut wanted = Identity::default();
    for word in words {
        let part = word.split_once('=').filter(|(key, _)| !key.is_empty());
        let Some((key, value)) = part else {
            return Err(Error::usage(format!("{word:?} is no attribute of a consumer")).hint("write it as key=value"));
        };
        // Requests have a path; where the older program has entries for all below one, it asks with their name.
        let key = if key == "pathprefix" { "path" } else { key };
        wanted.0.insert(key.to_owned(), value.to_owned());
    }
    if wanted.get("type").is_none_or(str::is_empty) {
        return Err(Error::usage("the consumer has no type")
            .hint("write a registry (ghcr.io/acme), or attributes: type=OCIRegistry hostname=ghcr.io path=acme"));
    }
    Ok(wanted)
}
