use std::time::{Duration, Instant};

use ocm_http::{Body, Client, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Deserialize;

use super::document::Attempts;
use super::failure::{failure, transport};
use super::realm::Realm;
use super::scope::Scope;
use crate::{Credentials, Error, Kind, Result};

/// Largest answer of a token service in bytes.
const TOKEN_LIMIT: u64 = 1 << 20;

/// How the program calls itself to a token service.
const CLIENT: &str = "ocm";

/// A token that a registry takes, and when to stop using it.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) issued: Instant,
    until: Instant,
}

impl Token {
    pub(super) fn new(text: &str, lifetime: Duration) -> Option<Self> {
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).ok().filter(|_| !text.is_empty())?;
        header.set_sensitive(true);
        // Given up a little early: a request may take a while to arrive.
        let margin = (lifetime / 10).min(Duration::from_secs(10));
        let issued = Instant::now();
        Some(Self { header, issued, until: issued + lifetime.saturating_sub(margin) })
    }

    pub(super) fn is_fresh(&self) -> bool {
        Instant::now() < self.until
    }
}

/// Answer of a token service; the two spellings are Docker's and OAuth's.
#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    /// Seconds; a number, or the same in quotes.
    expires_in: Option<serde_json::Value>,
}

/// Why there is no token.
pub(super) struct Refusal {
    pub(super) error: Error,
    /// Whether the credentials are wrong, whatever they are shown for.
    pub(super) is_of_credentials: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, is_of_credentials: false }
    }
}

/// Asks a token service.
///
/// # Errors
/// It refuses, or answers something that is not a token.
pub(super) async fn fetch(
    client: &Client,
    subject: &str,
    realm: &Realm,
    service: Option<&str>,
    scope: &Scope,
    credentials: Option<&Credentials>,
) -> Result<Token, Refusal> {
    let is_exchange = matches!(credentials, Some(Credentials::RefreshToken(_)));
    let request = match credentials {
        Some(Credentials::RefreshToken(token)) => exchange(realm, service, scope, token),
        credentials => ask(realm, service, scope, credentials)?,
    };
    let service = realm.service();
    // It is not the registry that fails here, and whoever reads the message must not look there.
    let silent = |error: ocm_http::Error| {
        let error = transport(subject)(error);
        Error::new(error.kind(), subject, format!("the token service {service} does not answer: {}", error.reason()))
    };
    let malformed = |reason: String| Error::invalid(subject, format!("the token service {service} {reason}"));
    let request = request.reach(realm.reach);
    let mut attempts = Attempts::new(client.settings().retry_of(&realm.url));
    let (page, body) = loop {
        let response = client.send(request.clone()).await.map_err(silent)?;
        if response.status() != StatusCode::OK {
            // What others say with 401 is an invalid grant of OAuth (RFC 6749, section 5.2).
            let is_of_credentials = response.status() == StatusCode::UNAUTHORIZED
                || is_exchange && response.status() == StatusCode::BAD_REQUEST;
            return Err(Refusal { error: refused(subject, &service, response).await, is_of_credentials });
        }
        let page = response.header(header::CONTENT_TYPE).is_some_and(|value| value.starts_with("text/html"));
        let broken = |error: ocm_http::Error| match error.kind() {
            ocm_http::Kind::TooLarge => malformed(format!("sent no token: {}", error.reason())),
            _ => silent(error),
        };
        if let Some(body) = attempts.read(response, TOKEN_LIMIT, broken).await? {
            break (page, body);
        }
    };
    let what = if page { "sent a web page instead of a token" } else { "sent something that is not a token" };
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| malformed(what.to_owned()))?;
    let text = answer.token.filter(|token| !token.is_empty()).or(answer.access_token).unwrap_or_default();
    // A token lives a minute unless the service says otherwise; no service means a year.
    let seconds = answer.expires_in.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
    let seconds = seconds.filter(|seconds: &f64| seconds.is_finite());
    let lifetime = Duration::from_secs_f64(seconds.unwrap_or(60.0).clamp(1.0, 86_400.0));
    Token::new(&text, lifetime).ok_or_else(|| malformed("sent no token".to_owned()).into())
}

fn ask(realm: &Realm, service: Option<&str>, scope: &Scope, credentials: Option<&Credentials>) -> Result<Request> {
    let mut url = realm.url.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        // One parameter per resource; services that know of one only read the last.
        for part in scope.to_string().split_ascii_whitespace() {
            query.append_pair("scope", part);
        }
        if let Some(Credentials::Basic { username, .. }) = credentials {
            query.append_pair("account", username);
        }
    }
    let request = Request::new(Method::GET, url);
    match credentials {
        Some(Credentials::Basic { username, password }) => Ok(request.authorization(basic(username, password)?)),
        _ => Ok(request),
    }
}

fn exchange(realm: &Realm, service: Option<&str>, scope: &Scope, token: &str) -> Request {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    form.append_pair("service", service.unwrap_or_default());
    form.append_pair("client_id", CLIENT);
    form.append_pair("scope", &scope.to_string());
    form.append_pair("refresh_token", token);
    let request = Request::new(Method::POST, realm.url.clone());
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.header(header::CONTENT_TYPE, form_type).body(Body::Bytes(form.finish().into()))
}

/// What is shown to a service for a token, if anything is that can be wrong.
pub(super) fn proof(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    match credentials {
        Credentials::Basic { username, password } => basic(username, password).map(Some),
        Credentials::RefreshToken(token) => Ok(HeaderValue::from_str(token).ok()),
        Credentials::Bearer(_) => Ok(None),
    }
}

/// Whether a value of `Authorization` has a password.
pub(super) fn is_password(value: &HeaderValue) -> bool {
    value.as_bytes().starts_with(BASIC.as_bytes())
}

/// What stands in front of user and password.
const BASIC: &str = "Basic ";

/// The value of `Authorization` for user and password.
pub(super) fn basic(username: &str, password: &str) -> Result<HeaderValue> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    let invalid = |_| Error::new(Kind::Invalid, "credentials", "not usable in a header");
    let mut value = HeaderValue::from_str(&format!("{BASIC}{text}")).map_err(invalid)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A token service that says "bad request" to credentials means what others say with 401. "Not found" is not said of
/// what the registry was asked for.
async fn refused(subject: &str, service: &str, response: Response) -> Error {
    let status = response.status();
    // Told with its address: nothing in the reason has to say once more where it is.
    let error = failure(service, response).await;
    let kind = match (status, error.kind()) {
        (StatusCode::BAD_REQUEST, _) | (_, Kind::Denied) => Kind::Denied,
        (_, Kind::Unavailable) => Kind::Unavailable,
        _ => Kind::Invalid,
    };
    Error::new(kind, subject, format!("the token service {service} refused: {}", error.reason()))
}
