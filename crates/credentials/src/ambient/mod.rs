//! The identity that a cloud gives to its machines, exchanged for what the cloud's registry takes. One file per cloud.
//!
//! Asked only when nothing that somebody configured knows a registry of that cloud. Metadata services are reached from here
//! alone, and never through a proxy.

mod aws;
mod aws_keys;
mod azure;
mod google;
mod web;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ocm_model::Identity;
use tokio::sync::Mutex as AsyncMutex;

use crate::store::Surroundings;
use crate::{Error, Found, Kind, Result};
use web::Web;

/// How long before their end credentials are fetched anew: an upload that has just begun must not run into it.
const MARGIN: Duration = Duration::from_mins(15);

/// How long "there is no identity here" counts: a metadata service does not appear out of nowhere.
const NOBODY: Duration = Duration::from_mins(10);

/// What a cloud knows about a machine, for its registries.
pub(crate) struct Ambient {
    around: Environment,
    known: Mutex<HashMap<String, Slot>>,
}

type Slot = Arc<AsyncMutex<Option<Known>>>;

struct Known {
    found: Option<Found>,
    fresh_until: Instant,
}

/// What the clouds' files need: variables, home folder, connections.
pub(super) struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
    web: Web,
}

/// The clouds that have registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cloud {
    Amazon,
    Google,
    Azure,
}

impl Ambient {
    pub(crate) fn new(around: &Surroundings) -> Self {
        let (variables, home) = (around.environment.clone(), around.home.clone());
        Self { around: Environment { variables, home, web: Web::new(&around.http) }, known: Mutex::default() }
    }

    /// Credentials for a registry of a cloud; `None` for any other, and where there is no identity.
    ///
    /// # Errors
    /// There is an identity, but the cloud refuses it or does not answer.
    pub(crate) async fn credentials(&self, registry: &Identity) -> Result<Option<Found>> {
        let Some(host) = registry.get("hostname") else { return Ok(None) };
        let Some(cloud) = cloud(host) else { return Ok(None) };
        let key = format!("{host}:{}", registry.get("port").unwrap_or_default());
        let slot = self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(known) = slot.as_ref().filter(|known| Instant::now() < known.fresh_until) {
            return Ok(known.found.clone());
        }
        let found = match cloud {
            Cloud::Amazon => aws::credentials(&self.around, host).await,
            Cloud::Google => google::credentials(&self.around).await,
            Cloud::Azure => azure::credentials(&self.around, registry, host).await,
        };
        let found = found.map_err(|(origin, reason)| {
            Error::new(Kind::Denied, format_args!("{origin}, which is to say who this machine is to {host}"), reason)
        })?;
        *slot = Some(Known { fresh_until: Instant::now() + freshness(found.as_ref()), found: found.clone() });
        Ok(found)
    }
}

/// How long an answer counts: until a while before its end, at least for half of its time.
fn freshness(found: Option<&Found>) -> Duration {
    let Some(found) = found else { return NOBODY };
    let left = found.until.and_then(|until| until.duration_since(SystemTime::now()).ok()).unwrap_or_default();
    left.saturating_sub(MARGIN).max(left / 2)
}

/// Who failed, and why. Never what was said.
type Failed = (String, String);

impl Environment {
    /// A variable that is set to something.
    fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn file(origin: &str, path: &str) -> std::result::Result<String, Failed> {
        let text = std::fs::read_to_string(path).map_err(|error| (origin.to_owned(), format!("{path}: {error}")))?;
        Ok(text.trim().to_owned())
    }
}

fn cloud(host: &str) -> Option<Cloud> {
    if aws::Registry::of(host).is_some() {
        Some(Cloud::Amazon)
    } else if host == "gcr.io" || host.ends_with(".gcr.io") || host.ends_with("-docker.pkg.dev") {
        Some(Cloud::Google)
    } else if azure::authority(host).is_some() {
        Some(Cloud::Azure)
    } else {
        None
    }
}

/// The cloud that a registry belongs to, in the words of its owner.
pub(crate) fn cloud_name(host: &str) -> Option<&'static str> {
    cloud(host).map(|cloud| match cloud {
        Cloud::Amazon => "Amazon",
        Cloud::Google => "Google",
        Cloud::Azure => "Azure",
    })
}

/// The moment some seconds from now.
fn in_seconds(seconds: u64) -> Option<SystemTime> {
    SystemTime::now().checked_add(Duration::from_secs(seconds.min(86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registries_of_a_cloud_get_its_identity() {
        for (host, expected) in [
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", Some(Cloud::Amazon)),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", Some(Cloud::Amazon)),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(Cloud::Amazon)),
            ("public.ecr.aws", Some(Cloud::Amazon)),
            ("123456789012.dkr-ecr.eu-central-1.on.aws", Some(Cloud::Amazon)),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", Some(Cloud::Amazon)),
            ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", Some(Cloud::Amazon)),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", Some(Cloud::Amazon)),
            ("123456789012.dkr-ecr.eu-central-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-central-1.on.aws", None),
            ("123456789012.dkr-ecr.eu-central-1.on.aws.evil.org", None),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.org", None),
            ("x.dkr.ecr.eu-central-1.amazonaws.com", None),
            ("europe-docker.pkg.dev", Some(Cloud::Google)),
            ("eu.gcr.io", Some(Cloud::Google)),
            ("notgcr.io", None),
            ("pkg.dev.evil.org", None),
            ("acme.azurecr.io", Some(Cloud::Azure)),
            ("acme.azurecr.cn", Some(Cloud::Azure)),
            ("azurecr.io", None),
            ("acme.azurecr.io.evil.org", None),
            ("ghcr.io", None),
        ] {
            assert_eq!(cloud(host), expected, "{host}");
        }
    }

    #[test]
    fn credentials_are_renewed_before_they_end() {
        let ends = |seconds| {
            let until = in_seconds(seconds);
            let found = Found { until, ..Found::new(crate::Properties::default(), "x") };
            freshness(Some(&found)).as_secs()
        };
        assert!((44 * 60..=45 * 60).contains(&ends(3600)), "{}", ends(3600));
        assert!((299..=300).contains(&ends(600)), "{}", ends(600));
    }
}
