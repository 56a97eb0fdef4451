use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use ocm_serve::{Body, Failure, Query, Target};
use serde_json::json;

use super::lock;

/// The tokens that were handed out.
#[derive(Default)]
pub(super) struct Tokens {
    issued: AtomicU64,
    valid: Mutex<HashMap<String, Grant>>,
}

struct Grant {
    until: Instant,
    scopes: Vec<String>,
}

impl Tokens {
    pub(super) fn revoke(&self) {
        lock(&self.valid).clear();
    }

    /// The token endpoint, `GET /token?service=…&scope=…`.
    pub(super) fn issue(
        &self,
        request: &Request<Body>,
        lifetime: Duration,
        user: Option<&(String, String)>,
    ) -> Response<Body> {
        if let Some((name, password)) = user
            && !is_user(request.headers(), name, password)
        {
            return Failure::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "wrong user or password").into();
        }
        let query = Query::parse(request.uri());
        self.grant(&query, lifetime)
    }

    /// The token endpoint, `POST` with a refresh token (OAuth 2, as ACR speaks it).
    pub(super) async fn exchange(&self, request: Request<Body>, lifetime: Duration, refresh: &str) -> Response<Body> {
        let is_post = request.method() == Method::POST;
        let mut form = Vec::new();
        let mut chunks = request.into_body().into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            form.extend_from_slice(&chunk);
        }
        let uri = format!("/token?{}", String::from_utf8_lossy(&form)).parse::<Uri>().unwrap_or_default();
        let query = Query::parse(&uri);
        if !is_post || query.get("grant_type") != Some("refresh_token") || query.get("refresh_token") != Some(refresh) {
            return Failure::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "wrong refresh token").into();
        }
        self.grant(&query, lifetime)
    }

    fn grant(&self, query: &Query, lifetime: Duration) -> Response<Body> {
        let scopes = query.all("scope").flat_map(|scope| scope.split([' ', '+'])).map(str::to_owned).collect();
        let token = format!("token-{}", self.issued.fetch_add(1, Ordering::Relaxed));
        let grant = Grant { until: Instant::now() + lifetime, scopes };
        lock(&self.valid).insert(token.clone(), grant);
        let answer = json!({ "token": token, "access_token": token, "expires_in": lifetime.as_secs() });
        let answer = answer.to_string();
        let length = HeaderValue::from(answer.len());
        let mut response = Response::new(Body::from(answer));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CONTENT_LENGTH, length);
        response
    }

    /// The challenge to a request that has no token for what it wants.
    pub(super) fn refusal(&self, request: &Request<Body>, address: SocketAddr) -> Option<Response<Body>> {
        let scope = scope(request.method(), request.uri());
        let token = credentials(request.headers(), "bearer");
        let valid = lock(&self.valid);
        let grant = token.and_then(|token| valid.get(&token)).filter(|grant| grant.until > Instant::now());
        let error = match grant {
            Some(grant) if scope.as_ref().is_none_or(|scope| covers(&grant.scopes, scope)) => return None,
            Some(_) => ",error=\"insufficient_scope\"",
            None => "",
        };
        let scope = scope.map(|(name, actions)| format!(",scope=\"repository:{name}:{}\"", actions.join(",")));
        let scope = scope.unwrap_or_default();
        // Who came by a name, through a proxy, finds the token service under it.
        let host = request.headers().get("host").and_then(|host| host.to_str().ok());
        let named = host.filter(|host| host.parse::<SocketAddr>().is_err()).map(str::to_owned);
        let address = named.unwrap_or_else(|| address.to_string());
        Some(challenge(&format!("Bearer realm=\"http://{address}/token\",service=\"testkit\"{scope}{error}")))
    }
}

/// Repository and actions that a request needs.
fn scope(method: &Method, uri: &Uri) -> Option<(String, Vec<&'static str>)> {
    let name = Target::parse(uri)?.repository;
    let actions = match *method {
        Method::GET | Method::HEAD => vec!["pull"],
        Method::DELETE => vec!["delete"],
        _ => vec!["pull", "push"],
    };
    (!name.is_empty()).then_some((name, actions))
}

fn covers(scopes: &[String], (name, actions): &(String, Vec<&'static str>)) -> bool {
    let granted = |action: &str| {
        scopes.iter().any(|scope| {
            let rest = scope.strip_prefix("repository:").and_then(|rest| rest.strip_prefix(name.as_str()));
            let granted = rest.and_then(|rest| rest.strip_prefix(':'));
            granted.is_some_and(|granted| granted.split(',').any(|granted| granted == action || granted == "*"))
        })
    };
    actions.iter().all(|action| granted(action))
}

/// Whether a request names this user.
pub(super) fn is_user(headers: &HeaderMap, user: &str, password: &str) -> bool {
    let decoded = credentials(headers, "basic").and_then(|text| STANDARD.decode(text).ok());
    decoded.is_some_and(|decoded| decoded == format!("{user}:{password}").into_bytes())
}

fn credentials(headers: &HeaderMap, scheme: &str) -> Option<String> {
    let (given, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| rest.trim().to_owned())
}

/// 401 with what the client has to bring.
pub(super) fn challenge(text: &str) -> Response<Body> {
    let mut response: Response<Body> =
        Failure::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required").into();
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
