use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use http::header::{
    ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION, RANGE, RETRY_AFTER, TRANSFER_ENCODING,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use ocm_oci::MemoryRegistry;
use ocm_serve::{Api, Body, Connection, Endpoint, Failure, Handler, Query, Target};

use super::body::{corrupted, counted, cut, held, shortened, slowed, stalled};
use super::fault::{Fault, Harm};
use super::habits::{self, Counters};
use super::lock;
use super::quirk::Quirk;
use super::record::{Class, Entry, Origin};
use super::sparse;
use super::token::{Tokens, challenge, is_user};

/// What both addresses share.
pub(super) struct Shared {
    api: Api,
    addresses: OnceLock<(SocketAddr, SocketAddr)>,
    pub(super) quirks: Mutex<Vec<Quirk>>,
    pub(super) faults: Mutex<Vec<Fault>>,
    pub(super) entries: Mutex<Vec<Arc<Entry>>>,
    pub(super) tokens: Tokens,
    pub(super) counters: Counters,
    store: MemoryRegistry,
    /// Uploads that got a chunk below the minimum, which must have been their last one.
    small: Mutex<HashSet<String>>,
    /// Counts the values of [`Quirk::LocationParameter`].
    parameter: AtomicU64,
    /// The values that were not used yet.
    parameters: Mutex<HashSet<String>>,
}

/// One of the two addresses.
pub(super) struct Side {
    origin: Origin,
    shared: Arc<Shared>,
}

impl Shared {
    pub(super) fn new(api: Api, store: MemoryRegistry) -> Self {
        Self {
            api,
            store,
            counters: Counters::default(),
            addresses: OnceLock::new(),
            quirks: Mutex::default(),
            faults: Mutex::default(),
            entries: Mutex::default(),
            tokens: Tokens::default(),
            small: Mutex::default(),
            parameter: AtomicU64::default(),
            parameters: Mutex::default(),
        }
    }

    pub(super) fn set_addresses(&self, registry: SocketAddr, storage: SocketAddr) {
        let _ = self.addresses.set((registry, storage));
    }

    pub(super) fn open_uploads(&self) -> usize {
        self.api.open_uploads()
    }

    fn address(&self, origin: Origin) -> SocketAddr {
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let (registry, storage) = self.addresses.get().copied().unwrap_or((unknown, unknown));
        if origin == Origin::Registry { registry } else { storage }
    }

    fn due(&self, method: &Method, class: Class) -> Option<Harm> {
        let mut faults = lock(&self.faults);
        faults.iter_mut().find_map(|fault| fault.strikes(method.as_str(), class).then(|| fault.harm.clone()))
    }
}

impl Side {
    pub(super) fn new(origin: Origin, shared: Arc<Shared>) -> Self {
        Self { origin, shared }
    }

    /// The answer, with all quirks but without faults.
    async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let quirks = lock(&self.shared.quirks).clone();
        let method = request.method().clone();
        let endpoint = Target::parse(request.uri()).map(|target| target.endpoint);
        let elsewhere = quirks.iter().any(|quirk| matches!(quirk, Quirk::TokensElsewhere));
        let tokens = if elsewhere { Origin::Storage } else { Origin::Registry };
        if self.origin == tokens && request.uri().path() == "/token" {
            return self.token(&quirks, request).await;
        }
        if self.origin == Origin::Storage {
            if request.headers().contains_key(AUTHORIZATION) {
                let message = "credentials of the registry were sent to its storage";
                return Failure::new(StatusCode::BAD_REQUEST, "DENIED", message).into();
            }
        } else {
            for quirk in &quirks {
                if let Some(refusal) = self.authorize(quirk, &request, tokens) {
                    return refusal;
                }
            }
        }
        for quirk in &quirks {
            if let Some(answer) = self.before(quirk, &mut request, endpoint.as_ref()) {
                return answer;
            }
        }
        for quirk in &quirks {
            habits::opened(quirk, &mut request);
            request = match habits::before(quirk, request, &self.shared.counters, &self.shared.store).await {
                Ok(request) => request,
                Err(answer) => return answer,
            };
        }
        if quirks.iter().any(|quirk| matches!(quirk, Quirk::SparseIndexes))
            && let Some(answer) = sparse::take(&self.shared.store, &mut request).await
        {
            return answer;
        }
        let mut response = self.shared.api.handle(request).await;
        for quirk in &quirks {
            self.after(quirk, &method, endpoint.as_ref(), &mut response);
            response = habits::after(quirk, &method, endpoint.as_ref(), response, &self.shared.counters).await;
        }
        response
    }

    /// The token endpoint.
    async fn token(&self, quirks: &[Quirk], request: Request<Body>) -> Response<Body> {
        let exchange = quirks.iter().find_map(|quirk| match quirk {
            Quirk::TokenExchange(token) => Some(token.as_str()),
            _ => None,
        });
        let issued = quirks.iter().find_map(|quirk| match quirk {
            Quirk::Token { lifetime, user } => Some((*lifetime, user.as_ref())),
            _ => None,
        });
        match (issued, exchange) {
            (Some((lifetime, _)), Some(token)) => self.shared.tokens.exchange(request, lifetime, token).await,
            (Some((lifetime, user)), None) => self.shared.tokens.issue(&request, lifetime, user),
            (None, _) => Failure::new(StatusCode::NOT_FOUND, "UNSUPPORTED", "not offered here").into(),
        }
    }

    fn authorize(&self, quirk: &Quirk, request: &Request<Body>, tokens: Origin) -> Option<Response<Body>> {
        match quirk {
            Quirk::Token { .. } => self.shared.tokens.refusal(request, self.shared.address(tokens)),
            Quirk::Basic { user, password } if !is_user(request.headers(), user, password) => {
                Some(challenge("Basic realm=\"testkit\""))
            }
            _ => None,
        }
    }

    /// What a quirk does to a request, or its answer to it.
    fn before(
        &self,
        quirk: &Quirk,
        request: &mut Request<Body>,
        endpoint: Option<&Endpoint>,
    ) -> Option<Response<Body>> {
        let method = request.method().clone();
        let refused = |status, code| Some(Failure::new(status, code, "not offered here").into());
        match (quirk, endpoint?) {
            (Quirk::NoReferrers, Endpoint::Referrers(_)) | (Quirk::NoCatalog, Endpoint::Catalog) => {
                refused(StatusCode::NOT_FOUND, "UNSUPPORTED")
            }
            (Quirk::NoHead, _) if method == Method::HEAD => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
                Some(response)
            }
            (Quirk::NoDelete, Endpoint::Blob(_) | Endpoint::Manifest(_)) if method == Method::DELETE => {
                refused(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED")
            }
            (Quirk::NoChunks, Endpoint::Upload(_)) if method == Method::PATCH => {
                refused(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED")
            }
            (Quirk::NoMount, Endpoint::Uploads) => without(request, &["mount", "from"]),
            (Quirk::NoSinglePost, Endpoint::Uploads) => {
                let had = Query::parse(request.uri()).get("digest").is_some();
                if had {
                    *request.body_mut() = Body::empty();
                    request.headers_mut().remove(CONTENT_LENGTH);
                }
                without(request, &["digest"])
            }
            (Quirk::NoRange, Endpoint::Blob(_)) => {
                request.headers_mut().remove(RANGE);
                None
            }
            (Quirk::TagsPage(size), Endpoint::Tags) => {
                let asked = Query::parse(request.uri()).get("n").and_then(|n| n.parse::<usize>().ok());
                let size = asked.map_or(*size, |asked| asked.min(*size));
                without(request, &["n"]);
                append(request, &format!("n={size}"));
                None
            }
            (Quirk::RedirectBlobs, Endpoint::Blob(_))
                if self.origin == Origin::Registry && matches!(method, Method::GET | Method::HEAD) =>
            {
                Some(self.redirect(request.uri()))
            }
            (Quirk::ChunkMinimum(minimum), Endpoint::Upload(uuid)) if method == Method::PATCH => {
                let length = request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
                let mut small = lock(&self.shared.small);
                if small.contains(uuid) {
                    return refused(StatusCode::BAD_REQUEST, "SIZE_INVALID");
                }
                if length < *minimum {
                    small.insert(uuid.clone());
                }
                None
            }
            (Quirk::SlowUploads(pause), Endpoint::Upload(_)) => {
                let body = std::mem::take(request.body_mut());
                *request.body_mut() = slowed(body, *pause);
                None
            }
            (Quirk::LocationParameter, Endpoint::Upload(_)) => {
                let query = Query::parse(request.uri());
                let known = query.get("_state").is_some_and(|state| lock(&self.shared.parameters).remove(state));
                if known { None } else { refused(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID") }
            }
            _ => None,
        }
    }

    /// The address of a blob in the storage. It has a signature, without which a storage would not give it away.
    fn redirect(&self, uri: &Uri) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        let location = format!("http://{}{}?signature=a%2Bb", self.shared.address(Origin::Storage), uri.path());
        set(&mut response, LOCATION, &location);
        response
    }

    /// What a quirk does to an answer.
    fn after(&self, quirk: &Quirk, method: &Method, endpoint: Option<&Endpoint>, response: &mut Response<Body>) {
        let upload = matches!(endpoint, Some(Endpoint::Uploads | Endpoint::Upload(_)));
        // Not the location of the blob that an upload became.
        let open = upload && response.status() != StatusCode::CREATED;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match (quirk, location) {
            (Quirk::NoDigestHeader, _) => {
                response.headers_mut().remove("docker-content-digest");
            }
            (Quirk::NoReferrers, _) => {
                response.headers_mut().remove("oci-subject");
            }
            (Quirk::NoDigestCheck, _)
                if upload && method == Method::PUT && response.status() == StatusCode::BAD_REQUEST =>
            {
                *response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::CREATED;
            }
            (Quirk::ChunkMinimum(minimum), _) if upload && method == Method::POST => {
                set(response, HeaderName::from_static("oci-chunk-min-length"), &minimum.to_string());
            }
            (Quirk::ForeignLocation, Some(location)) if open && location.starts_with('/') => {
                set(response, LOCATION, &format!("http://{}{location}", self.shared.address(Origin::Storage)));
            }
            (Quirk::AbsoluteLocation, Some(location)) if location.starts_with('/') => {
                set(response, LOCATION, &format!("http://{}{location}", self.shared.address(self.origin)));
            }
            (Quirk::LocationParameter, Some(location)) if open => {
                let state = format!("a+b/{}=", self.shared.parameter.fetch_add(1, Ordering::Relaxed));
                let escaped = state.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                lock(&self.shared.parameters).insert(state);
                set(response, LOCATION, &format!("{location}?_state={escaped}"));
            }
            _ => {}
        }
    }
}

#[async_trait]
impl Handler for Side {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let entry = Arc::new(Entry::new(self.origin, &request));
        lock(&self.shared.entries).push(entry.clone());
        let connection = request.extensions().get::<Connection>().cloned();
        let (method, class) = (request.method().clone(), Class::of(request.uri()));
        let harm = self.shared.due(&method, class);
        let sends = request.headers().contains_key(TRANSFER_ENCODING)
            || request.headers().get(CONTENT_LENGTH).is_some_and(|length| length != "0");
        let request =
            request.map(|body| if sends { counted(body, entry.clone(), |entry| &entry.received) } else { body });
        let mut response = match &harm {
            Some(Harm::Status(status, retry_after)) => {
                let mut response = refuse(*status);
                if let Some(time) = retry_after {
                    set(&mut response, RETRY_AFTER, time);
                }
                response
            }
            Some(Harm::Html) => {
                const PAGE: &str = "<!doctype html><title>Sign in</title>";
                let mut response = Response::new(Body::from(PAGE));
                set(&mut response, CONTENT_TYPE, "text/html; charset=utf-8");
                set(&mut response, CONTENT_LENGTH, &PAGE.len().to_string());
                response
            }
            Some(Harm::Cut(bytes)) if sends => {
                self.answer(request.map(|body| cut(body, *bytes, connection.clone()))).await
            }
            Some(Harm::Reset) => {
                if let Some(connection) = &connection {
                    connection.abort();
                }
                std::future::pending().await
            }
            Some(Harm::Stall(0)) => std::future::pending().await,
            _ => self.answer(request).await,
        };
        entry.status.store(response.status().as_u16(), Ordering::Release);
        if let Some(harm) = harm {
            response = damage(response, harm, &method, connection, sends).await;
        }
        count(response, entry)
    }
}

/// Counts the content of an answer.
fn count(response: Response<Body>, entry: Arc<Entry>) -> Response<Body> {
    match length(&response) {
        // A stream would take the place of no content at all, and be announced as one.
        None | Some(0) => response,
        Some(_) => response.map(|body| counted(body, entry, |entry| &entry.sent)),
    }
}

/// Length of the content of an answer; whatever has content says it.
fn length(response: &Response<Body>) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn damage(
    mut response: Response<Body>,
    harm: Harm,
    method: &Method,
    connection: Option<Connection>,
    sends: bool,
) -> Response<Body> {
    let length = length(&response).unwrap_or(0);
    let with_length = |mut response: Response<Body>, length: u64| {
        set(&mut response, CONTENT_LENGTH, &length.to_string());
        response
    };
    match harm {
        Harm::Status(..) | Harm::Html | Harm::Reset => response,
        Harm::Held(time) => with_length(response, length).map(|body| held(body, time)),
        // The content was cut on its way here, and the connection is about to break.
        Harm::Cut(_) if sends => std::future::pending().await,
        Harm::Cut(bytes) => with_length(response, length.max(bytes + 1)).map(|body| cut(body, bytes, connection)),
        Harm::Stall(bytes) => with_length(response, length.max(bytes + 1)).map(|body| stalled(body, bytes)),
        Harm::Slow(pause) => with_length(response, length).map(|body| slowed(body, pause)),
        Harm::Corrupt => with_length(response, length).map(|body| corrupted(body, length.saturating_sub(1))),
        Harm::Short(bytes) => {
            let length = length.saturating_sub(bytes);
            response = response.map(|body| shortened(body, length));
            with_length(response, length)
        }
        Harm::Length(difference) if method == Method::HEAD => {
            with_length(response, length.saturating_add_signed(difference))
        }
        Harm::Length(difference) => {
            let response = with_length(response, length + difference.unsigned_abs());
            response.map(|body| cut(body, length, connection))
        }
    }
}

fn refuse(status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = if status == StatusCode::TOO_MANY_REQUESTS { "TOOMANYREQUESTS" } else { "UNKNOWN" };
    Failure::new(status, code, "this is a test").into()
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Takes parameters out of the address of a request.
fn without(request: &mut Request<Body>, names: &[&str]) -> Option<Response<Body>> {
    let query = request.uri().query().unwrap_or_default();
    let kept = query.split('&').filter(|pair| !names.contains(&pair.split('=').next().unwrap_or_default()));
    let kept = kept.collect::<Vec<_>>().join("&");
    let path = request.uri().path();
    let address = if kept.is_empty() { path.to_owned() } else { format!("{path}?{kept}") };
    if let Ok(uri) = address.parse() {
        *request.uri_mut() = uri;
    }
    None
}

/// Adds a parameter to the address of a request.
fn append(request: &mut Request<Body>, parameter: &str) {
    let address = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let separator = if request.uri().query().is_some() { '&' } else { '?' };
    if let Ok(uri) = format!("{address}{separator}{parameter}").parse() {
        *request.uri_mut() = uri;
    }
}
