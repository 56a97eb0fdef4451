//! Azure's registries: a token of the directory, exchanged by the registry for a refresh token of its own.

use ocm_http::{HeaderName, HeaderValue, Method, Request, Url};
use ocm_model::Identity;
use serde::Deserialize;

use super::web::{NoAnswer, Where, form};
use super::{Environment, Failed, in_seconds};
use crate::{Credentials, Found, Secret};

/// What tokens for registries are for.
const AUDIENCE: &str = "https://containerregistry.azure.net";

/// The metadata service of a machine.
const MACHINES: &str = "http://169.254.169.254";

/// How long a registry's refresh token is good, in seconds: three hours, which it does not say outside the token itself.
const LIFETIME: u64 = 3 * 3600;

#[derive(Deserialize)]
struct Directory {
    access_token: Secret,
}

#[derive(Deserialize)]
struct Exchanged {
    refresh_token: Secret,
}

/// The directory of the cloud that a registry belongs to.
pub(super) fn authority(host: &str) -> Option<&'static str> {
    let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|name| name.len() > 1 && name.ends_with('.'));
    match () {
        () if is_below("azurecr.io") => Some("https://login.microsoftonline.com"),
        () if is_below("azurecr.cn") => Some("https://login.partner.microsoftonline.cn"),
        () if is_below("azurecr.us") => Some("https://login.microsoftonline.us"),
        () => None,
    }
}

pub(super) async fn credentials(
    environment: &Environment,
    registry: &Identity,
    host: &str,
) -> Result<Option<Found>, Failed> {
    let Some((token, origin)) = directory(environment, authority(host).unwrap_or_default()).await? else {
        return Ok(None);
    };
    let failed = |reason: String| (origin.clone(), format!("the exchange at {host} failed: {reason}"));
    let port = registry.get("port").map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = registry.get("scheme").unwrap_or("https");
    let url =
        Url::parse(&format!("{scheme}://{host}{port}/oauth2/exchange")).map_err(|_| failed("no address".into()))?;
    let mut parts = vec![("grant_type", "access_token"), ("service", host), ("access_token", token.reveal())];
    if let Some(tenant) = environment.value("AZURE_TENANT_ID") {
        parts.push(("tenant", tenant));
    }
    let answer = environment.web.json::<Exchanged>(Where::Service, form(url, &parts)).await;
    let exchanged = answer.map_err(|error| failed(error.reason()))?;
    let until = in_seconds(LIFETIME);
    Ok(Some(Found { until, ..Found::new(Credentials::IdentityToken(exchanged.refresh_token), origin) }))
}

/// A token of the directory: of a workload, of an application with its secret, or of the machine.
async fn directory(environment: &Environment, authority: &str) -> Result<Option<(Secret, String)>, Failed> {
    let base = environment.value("AZURE_AUTHORITY_HOST").unwrap_or(authority).trim_end_matches('/');
    let scope = format!("{AUDIENCE}/.default");
    if let (Some(client), Some(tenant)) = (environment.value("AZURE_CLIENT_ID"), environment.value("AZURE_TENANT_ID")) {
        let (origin, name, secret) = if let Some(file) = environment.value("AZURE_FEDERATED_TOKEN_FILE") {
            let origin = format!("AZURE_FEDERATED_TOKEN_FILE {file}");
            let token = Environment::file(&origin, file)?;
            (origin, "client_assertion", Some(token))
        } else {
            let secret = environment.value("AZURE_CLIENT_SECRET").map(str::to_owned);
            ("AZURE_CLIENT_SECRET".to_owned(), "client_secret", secret)
        };
        if let Some(secret) = secret {
            let failed = |reason: String| (origin.clone(), format!("asking {base} failed: {reason}"));
            let url =
                Url::parse(&format!("{base}/{tenant}/oauth2/v2.0/token")).map_err(|_| failed("no address".into()))?;
            let mut parts =
                vec![("client_id", client), ("grant_type", "client_credentials"), ("scope", &scope), (name, &secret)];
            if name == "client_assertion" {
                parts.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
            }
            let answer = environment.web.json::<Directory>(Where::Service, form(url, &parts)).await;
            let answer = answer.map_err(|error| failed(error.reason()))?;
            return Ok(Some((answer.access_token, origin)));
        }
    }
    machine(environment).await
}

/// The identity of a machine, or of an application on one.
async fn machine(environment: &Environment) -> Result<Option<(Secret, String)>, Failed> {
    let application = environment.value("IDENTITY_ENDPOINT").zip(environment.value("IDENTITY_HEADER"));
    let (origin, address, version, name, value) = match application {
        Some((address, secret)) => (
            "IDENTITY_ENDPOINT",
            address.to_owned(),
            "2019-08-01",
            HeaderName::from_static("x-identity-header"),
            secret,
        ),
        None => {
            let base = environment.value("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or(MACHINES).trim_end_matches('/');
            let address = format!("{base}/metadata/identity/oauth2/token");
            ("the metadata service of Azure", address, "2018-02-01", HeaderName::from_static("metadata"), "true")
        }
    };
    let failed = |reason: String| (origin.to_owned(), reason);
    let mut url = Url::parse(&address).map_err(|_| failed("is no address".to_owned()))?;
    url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", AUDIENCE);
    if let Some(client) = environment.value("AZURE_CLIENT_ID") {
        url.query_pairs_mut().append_pair("client_id", client);
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| failed("the header cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    let asked =
        environment.web.json::<Directory>(Where::Local, Request::new(Method::GET, url).header(name, value)).await;
    match asked {
        Ok(answer) => Ok(Some((answer.access_token, origin.to_owned()))),
        // No such service, or a machine without an identity: nobody in particular.
        Err(NoAnswer::Silent(_) | NoAnswer::Refused(400 | 404, _) | NoAnswer::Unreadable) if application.is_none() => {
            Ok(None)
        }
        Err(error) => Err(failed(error.reason())),
    }
}
