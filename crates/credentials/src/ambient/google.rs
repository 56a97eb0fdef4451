//! Google's registries: an access token of the application's default credentials, as password of `oauth2accesstoken`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ocm_http::{Body, HeaderName, HeaderValue, Method, Request, Url, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::web::{NoAnswer, Where, form};
use super::{Environment, Failed, in_seconds};
use crate::{Credentials, Found, Secret};

/// User name that goes with an access token.
const USER: &str = "oauth2accesstoken";

/// What tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where user and service accounts get their tokens.
const TOKENS: &str = "https://oauth2.googleapis.com/token";

/// Where identities of other clouds do.
const FEDERATION: &str = "https://sts.googleapis.com/v1/token";

/// The metadata service of a machine or pod.
const MACHINES: &str = "metadata.google.internal";

const FLAVOUR: HeaderName = HeaderName::from_static("metadata-flavor");

#[derive(Deserialize)]
struct Token {
    access_token: Secret,
    expires_in: Option<u64>,
}

/// Default credentials as `gcloud` and the console write them.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Account {
    #[serde(rename = "authorized_user")]
    User { client_id: String, client_secret: Secret, refresh_token: Secret },
    #[serde(rename = "service_account")]
    Service { client_email: String, private_key: Secret, private_key_id: Option<String>, token_uri: Option<String> },
    #[serde(rename = "external_account")]
    External {
        audience: String,
        subject_token_type: String,
        token_url: Option<String>,
        credential_source: Source,
        service_account_impersonation_url: Option<String>,
    },
    /// What `gcloud auth application-default login --impersonate-service-account` writes.
    #[serde(rename = "impersonated_service_account")]
    Impersonated {
        service_account_impersonation_url: String,
        #[serde(default)]
        delegates: Vec<String>,
        source_credentials: Box<Account>,
    },
    #[serde(other)]
    Other,
}

/// Where the token of another identity is.
#[derive(Deserialize)]
struct Source {
    file: Option<String>,
    url: Option<String>,
    /// Set where the other identity is one of Amazon: `url` has its keys then, and not a token.
    environment_id: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: Secret,
}

pub(super) async fn credentials(environment: &Environment) -> Result<Option<Found>, Failed> {
    let (token, origin) = match file(environment) {
        Some((path, origin)) => {
            let text = Environment::file(&origin, &path.display().to_string())?;
            let unreadable = |_| (origin.clone(), format!("{}: not what Google writes", path.display()));
            let account: Account = serde_json::from_str(&text).map_err(unreadable)?;
            (account.token(environment).await.map_err(|reason| (origin.clone(), reason))?, origin)
        }
        None => match machine(environment).await? {
            Some(token) => (token, "the metadata service of Google".to_owned()),
            None => return Ok(None),
        },
    };
    let until = in_seconds(token.expires_in.unwrap_or(3600));
    let credentials = Credentials::Basic { username: USER.to_owned(), password: token.access_token };
    Ok(Some(Found { until, ..Found::new(credentials, origin) }))
}

/// The file of the default credentials, and what it is called in messages.
fn file(environment: &Environment) -> Option<(PathBuf, String)> {
    if let Some(path) = environment.value("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some((path.into(), format!("GOOGLE_APPLICATION_CREDENTIALS {path}")));
    }
    let folder = environment.value("CLOUDSDK_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| environment.home.as_ref().map(|home| home.join(".config/gcloud")))?;
    let path = folder.join("application_default_credentials.json");
    path.is_file().then(|| (path.clone(), path.display().to_string()))
}

impl Account {
    async fn token(&self, environment: &Environment) -> Result<Token, String> {
        match self {
            Self::User { client_id, client_secret, refresh_token } => {
                let parts = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id.as_str()),
                    ("client_secret", client_secret.reveal()),
                    ("refresh_token", refresh_token.reveal()),
                ];
                ask(environment, form(address(TOKENS)?, &parts)).await
            }
            Self::Service { client_email, private_key, private_key_id, token_uri } => {
                let address_text = token_uri.as_deref().unwrap_or(TOKENS);
                let assertion = assertion(client_email, private_key, private_key_id.as_deref(), address_text)?;
                let parts =
                    [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.as_str())];
                ask(environment, form(address(address_text)?, &parts)).await
            }
            Self::External {
                audience,
                subject_token_type,
                token_url,
                credential_source,
                service_account_impersonation_url,
            } => {
                let subject = credential_source.token(environment).await?;
                let parts = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                    ("audience", audience.as_str()),
                    ("scope", SCOPE),
                    ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                    ("subject_token_type", subject_token_type.as_str()),
                    ("subject_token", subject.as_str()),
                ];
                let url = address(token_url.as_deref().unwrap_or(FEDERATION))?;
                let federated = ask(environment, form(url, &parts)).await?;
                let Some(url) = service_account_impersonation_url else { return Ok(federated) };
                impersonated(environment, address(url)?, &federated, &[]).await
            }
            Self::Impersonated { service_account_impersonation_url, delegates, source_credentials } => {
                if matches!(**source_credentials, Self::Impersonated { .. }) {
                    return Err("source_credentials are those of another impersonation".to_owned());
                }
                let source = Box::pin(source_credentials.token(environment)).await?;
                let url = address(service_account_impersonation_url)?;
                impersonated(environment, url, &source, delegates).await
            }
            Self::Other => {
                Err("credentials of this type are not supported; there are authorized_user, service_account, \
                                external_account and impersonated_service_account"
                    .to_owned())
            }
        }
    }
}

impl Source {
    async fn token(&self, environment: &Environment) -> Result<String, String> {
        if let Some(identity) = &self.environment_id {
            return Err(format!("credential_source is an identity of {identity:?}, which is not supported"));
        }
        let text = if let Some(file) = &self.file {
            Environment::file("", file).map_err(|(_, reason)| reason)?
        } else if let Some(url) = &self.url {
            let mut request = Request::new(Method::GET, address(url)?);
            for (name, value) in &self.headers {
                let header = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
                let (name, mut value) = header.ok_or_else(|| format!("the header {name:?} cannot be sent"))?;
                value.set_sensitive(true);
                request = request.header(name, value);
            }
            let failed = |error: NoAnswer| format!("asking for the identity to exchange failed: {}", error.reason());
            environment.web.text(Where::Local, request).await.map_err(failed)?
        } else {
            return Err("credential_source names neither a file nor an address".to_owned());
        };
        match &self.format {
            Some(Format { kind, subject_token_field_name }) if kind == "json" => {
                let field = subject_token_field_name.as_deref().unwrap_or("access_token");
                let value: Value = serde_json::from_str(&text).map_err(|_| "the identity to exchange is no JSON")?;
                let token = value.get(field).and_then(Value::as_str);
                token.map(str::to_owned).ok_or_else(|| format!("the identity to exchange has no {field}"))
            }
            _ => Ok(text.trim().to_owned()),
        }
    }
}

/// A token of a service account, for whoever may act as it.
async fn impersonated(
    environment: &Environment,
    url: Url,
    source: &Token,
    delegates: &[String],
) -> Result<Token, String> {
    let bearer = HeaderValue::from_str(&format!("Bearer {}", source.access_token.reveal()))
        .map_err(|_| "the token cannot be sent".to_owned())?;
    let body = json!({"scope": [SCOPE], "lifetime": "3600s", "delegates": delegates}).to_string();
    let request = Request::new(Method::POST, url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .authorization(bearer)
        .body(Body::Bytes(body.into()));
    let failed = |error: NoAnswer| format!("taking on the service account failed: {}", error.reason());
    let answer: Impersonated = environment.web.json(Where::Service, request).await.map_err(failed)?;
    Ok(Token { access_token: answer.access_token, expires_in: Some(3600) })
}

async fn ask(environment: &Environment, request: Request) -> Result<Token, String> {
    let host = request.url().host_str().unwrap_or_default().to_owned();
    let failed = |error: NoAnswer| format!("asking {host} for a token failed: {}", error.reason());
    environment.web.json(Where::Service, request).await.map_err(failed)
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{text:?} is no address"))?;
    let host = url.host_str().unwrap_or_default();
    // Keys and tokens are sent there.
    let local = ocm_http::is_loopback_host(host) || host == "169.254.169.254";
    if url.scheme() == "https" || url.scheme() == "http" && local {
        Ok(url)
    } else {
        Err(format!("{host} is not reached in TLS"))
    }
}

/// What a service account says of itself (RFC 7523), signed with its key.
fn assertion(email: &str, key: &Secret, id: Option<&str>, audience: &str) -> Result<String, String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|_| "the clock is wrong")?.as_secs();
    let mut head = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = id {
        head["kid"] = id.into();
    }
    let claims = json!({"iss": email, "scope": SCOPE, "aud": audience, "iat": now, "exp": now + 3600});
    let encode = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let text = format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let unusable = || "private_key is no RSA key in PKCS#8 form".to_owned();
    let lines = key.reveal().lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let der = STANDARD.decode(lines.collect::<String>()).map_err(|_| unusable())?;
    let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| unusable())?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).map_err(|_| unusable())?;
    Ok(format!("{text}.{}", encode(&signature)))
}

/// The token of the account of a machine or pod.
async fn machine(environment: &Environment) -> Result<Option<Token>, Failed> {
    let host = environment.value("GCE_METADATA_HOST").unwrap_or(MACHINES);
    let origin = || "the metadata service of Google".to_owned();
    let text = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
    let url = Url::parse(&text).map_err(|_| (origin(), format!("{host:?} is no host")))?;
    let request = Request::new(Method::GET, url).header(FLAVOUR, HeaderValue::from_static("Google"));
    match environment.web.json(Where::Local, request).await {
        Ok(token) => Ok(Some(token)),
        // No such service, or a machine without an account: nobody in particular.
        Err(NoAnswer::Silent(_) | NoAnswer::Refused(404, _) | NoAnswer::Unreadable) => Ok(None),
        Err(error) => Err((origin(), error.reason())),
    }
}
