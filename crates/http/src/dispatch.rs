//! One attempt of one request: connection, limits on how much is asked at once, the watch over its progress.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ::http::header::CONTENT_LENGTH;
use ::http::{Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::address::is_local_literal;
use crate::bandwidth::Bucket;
use crate::confided::Confided;
use crate::errands::Errands;
use crate::error::PROXY_ADVICE;
use crate::gate::{Gate, Lane};
use crate::pace::{Allowance, Pace};
use crate::progress::Progress;
use crate::request::{Body, BodyStream};
use crate::resolve::{Checked, NotPublic};
use crate::response::Hold;
#[cfg(target_os = "linux")]
use crate::sendfile;
use crate::shown::Shown;
use crate::trust::Trust;
use crate::{Class, Error, Handshake, Kind, Reach, Request, Response, Result, Settings};

/// Largest head of an answer in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// How often a connection that carries several requests is asked whether it is still there, and how long the answer may
/// take. Tunnels that hang say nothing by themselves.
const ALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(20));

/// How often a patient request doubles its wait for an answer; after that, one that stays away ends it.
pub(crate) const PATIENCE: u32 = 2;

/// What connections have in common that are made in the same way.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Road {
    /// The name under which the host has settings of its own.
    host: Option<String>,
    insecure: bool,
    reach: Reach,
    /// Whether TLS is spoken, to the host or to its proxy.
    tls: bool,
    /// What the request brings along.
    handshake: Option<Arc<Handshake>>,
}

/// A transport, once it was made.
type Made = Arc<OnceLock<Result<reqwest::Client, String>>>;

/// Signs of life that may stay away on a silent connection before the system gives it up.
const PROBES: u32 = 3;

/// Sends requests, each exactly once.
pub(crate) struct Dispatcher {
    pub(crate) settings: Settings,
    /// Made when first needed, because reading the system's trust store takes longer than many a command.
    transports: Mutex<HashMap<Road, Made>>,
    gate: Arc<Gate>,
    pace: Pace,
    bucket: Option<Arc<Bucket>>,
    pub(crate) shown: Shown,
    pub(crate) errands: Errands,
}

impl Dispatcher {
    pub(crate) fn new(settings: Settings) -> Self {
        let gate = Gate::new(settings.requests_per_host, settings.max_concurrency);
        let pace = Pace::new(settings.retry.max_retry_after);
        let bucket = settings.bandwidth.map(|rate| Arc::new(Bucket::new(rate)));
        Self {
            settings,
            transports: Mutex::default(),
            gate,
            pace,
            bucket,
            shown: Shown::default(),
            errands: Errands::default(),
        }
    }

    /// What all bodies draw from; `None` without a limit.
    pub(crate) fn bucket(&self) -> Option<Arc<Bucket>> {
        self.bucket.clone()
    }

    /// Whether a host has ever answered.
    pub(crate) fn has_answered(&self, url: &Url) -> bool {
        self.gate.has_answered(&authority(url))
    }

    /// Sends a request once, after so many attempts that failed.
    pub(crate) async fn send(&self, request: &Request, failed: u32) -> Result<Response> {
        let url = &request.url;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(Error::new(Kind::Invalid, url, "not a web address"));
        }
        if request.reach == Reach::Public && url.host_str().is_some_and(is_local_literal) {
            return Err(Error::new(Kind::Forbidden, url, NotPublic));
        }
        let transport = self.transport(request)?;
        let sends = !request.body.is_empty();
        let host = authority(url);
        let permit = Arc::new(self.gate.enter(&host, if sends { Lane::Send } else { Lane::Receive }).await);
        // After the wait for a place, which may have been long: what the host said meanwhile counts.
        self.pace.turn(&host, &request.method).await;
        let sent = Instant::now();
        let progress = Progress::start(&request.body, permit.clone());
        let attempt = self.attempt(&transport, request, &progress);
        let mut timeouts = self.settings.timeouts_of(url);
        if url.scheme() == "http" {
            timeouts.handshake = Duration::ZERO;
        }
        if request.patient {
            timeouts.answer = timeouts.answer.saturating_mul(1 << failed.min(PATIENCE));
        }
        let result = tokio::select! {
            result = attempt => result,
            () = progress.stalled(&timeouts, sends) => {
                Err(Error::new(Kind::Timeout, url, "no answer within the time limit"))
            }
        };
        let inner = match (progress.take_error(), result) {
            (Some(error), Err(_)) => return Err(Error::body(url, error)),
            (_, result) => result?,
        };
        let (status, headers) = (inner.status(), inner.headers());
        let throttled = Class::of_status(status) == Class::Throttled;
        self.gate.answered(&host, sent, throttled, Allowance::read(headers).map(|allowance| allowance.left));
        self.pace.answered(&host, &request.method, status, headers);
        let empty = request.method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
        Ok(Response {
            url: url.clone(),
            stall: timeouts.stall,
            proxied: self.settings.proxies.proxy_for(url).is_some(),
            // The place at the gate is held until the body has ended, or nobody wants it any more.
            note: None,
            confided: if status.is_success() { Confided::default() } else { Confided::by(request) },
            hold: Hold::new((!empty).then_some(permit), self.bucket.clone()),
            inner,
        })
    }

    async fn attempt(
        &self,
        transport: &reqwest::Client,
        request: &Request,
        progress: &Progress,
    ) -> Result<reqwest::Response> {
        let url = &request.url;
        #[cfg(target_os = "linux")]
        if let Body::File { file, offset, length, open } = &request.body
            && self.sends_files(url)
            && request.reach == Reach::Anywhere
        {
            let passing = open().await.map_err(|error| Error::body(url, error))?;
            let content = self.content(sendfile::stand_ins(passing), progress);
            let part = sendfile::Part { file: file.clone(), offset: *offset, length: *length };
            let sent = sendfile::send(request, &self.settings.user_agent, content, part, self.connecting(url));
            return checked(url, Box::pin(sent).await?);
        }
        let mut message = transport.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        let announces = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        match &request.body {
            // Front ends that wait for content answer 411 where nobody says that there is none (Google's, for one); the
            // distribution specification wants it said where an upload is opened, too.
            Body::Empty if announces => message = message.header(CONTENT_LENGTH, 0),
            Body::Bytes(bytes) if announces && bytes.is_empty() => message = message.header(CONTENT_LENGTH, 0),
            Body::Empty => {}
            Body::Bytes(bytes) => match &self.bucket {
                Some(bucket) if !bytes.is_empty() => {
                    let stream = Box::pin(futures_util::stream::iter([Ok(bytes.clone())]));
                    message = message.header(CONTENT_LENGTH, bytes.len());
                    message = message.body(reqwest::Body::wrap_stream(progress.watch(bucket.clone().slow(stream))));
                }
                _ => message = message.body(bytes.clone()),
            },
            Body::Stream { length, open } => {
                let stream = open().await.map_err(|error| Error::body(url, error))?;
                if let Some(length) = length {
                    message = message.header(CONTENT_LENGTH, *length);
                }
                message = message.body(self.content(stream, progress));
            }
            Body::File { file, offset, length, open } => {
                let passing = open().await.map_err(|error| Error::body(url, error))?;
                message = message.header(CONTENT_LENGTH, *length);
                message = message.body(self.content(crate::file::read(file.clone(), *offset, passing), progress));
            }
        }
        let proxy = self.settings.proxies.proxy_for(url);
        let inner = message.send().await.map_err(|error| Error::from_transport(url, error).through(proxy))?;
        // To a plain request, a proxy answers in the place of the server.
        if proxy.is_some() && inner.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(Error::new(Kind::Proxy, url, PROXY_ADVICE).through(proxy));
        }
        checked(url, inner)
    }

    /// Content on its way: slowed and watched.
    fn content(&self, stream: BodyStream, progress: &Progress) -> reqwest::Body {
        let stream = progress.lend(stream);
        let stream = match &self.bucket {
            Some(bucket) => bucket.clone().slow(Box::pin(stream)),
            None => Box::pin(stream),
        };
        reqwest::Body::wrap_stream(progress.watch(stream))
    }

    /// Whether the system can move files into a connection to this address: straight to the host, without TLS, and without
    /// asking anybody else for the name.
    pub(crate) fn sends_files(&self, url: &Url) -> bool {
        cfg!(target_os = "linux")
            && url.scheme() == "http"
            && url.username().is_empty()
            && url.password().is_none()
            && self.settings.resolver.is_none()
            && self.settings.proxies.proxy_for(url).is_none()
    }

    #[cfg(target_os = "linux")]
    fn connecting(&self, url: &Url) -> sendfile::Connecting {
        let own = self.settings.of(url).and_then(|(_, host)| host.keep_alive);
        let keep_alive = own.unwrap_or(self.settings.keep_alive);
        sendfile::Connecting { timeout: self.settings.timeouts_of(url).connect, keep_alive, probes: PROBES }
    }

    fn transport(&self, request: &Request) -> Result<reqwest::Client> {
        let (url, reach) = (&request.url, request.reach);
        let proxy = self.settings.proxies.proxy_for(url);
        let road = Road {
            host: self.settings.of(url).map(|(name, _)| name.to_owned()),
            insecure: self.settings.is_insecure(url),
            // A proxy may well be on the local network, and resolves names itself.
            reach: if proxy.is_some() { Reach::Anywhere } else { reach },
            tls: url.scheme() == "https" || proxy.is_some_and(|proxy| proxy.starts_with("https:")),
            handshake: request.handshake.clone().filter(|_| url.scheme() == "https"),
        };
        let made =
            self.transports.lock().unwrap_or_else(PoisonError::into_inner).entry(road.clone()).or_default().clone();
        let transport = made.get_or_init(|| build(&self.settings, &road, &self.shown));
        transport.clone().map_err(|reason| Error::new(Kind::Settings, url, reason))
    }
}

/// The answer, if its head is not too large.
fn checked(url: &Url, answer: reqwest::Response) -> Result<reqwest::Response> {
    let head: usize = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if head > HEAD_LIMIT {
        let reason = format!("the head of the answer is larger than {HEAD_LIMIT} bytes");
        return Err(Error::new(Kind::TooLarge, url, reason));
    }
    Ok(answer)
}

/// Host and port: those who count requests count them here.
fn authority(url: &Url) -> Arc<str> {
    url[url::Position::BeforeHost..url::Position::AfterPort].into()
}

fn build(settings: &Settings, road: &Road, shown: &Shown) -> Result<reqwest::Client, String> {
    let own = road.host.as_ref().and_then(|host| settings.hosts.get(host)).cloned().unwrap_or_default();
    if let Some(reason) = own.unusable.as_ref().or(settings.unusable.as_ref()).filter(|_| road.tls) {
        return Err(reason.clone());
    }
    let timeouts = own.timeouts.unwrap_or(settings.timeouts);
    let idle = own.idle.unwrap_or(settings.idle);
    let brought = road.handshake.as_deref().cloned().unwrap_or_default();
    let authorities = settings.certificate_authorities.iter().chain(&own.certificate_authorities);
    let authorities = authorities.chain(&brought.certificate_authorities);
    let trust = Trust {
        authorities: authorities.map(Vec::as_slice).collect(),
        identity: brought.identity.as_ref().or(own.identity.as_ref()).or(settings.identity.as_ref()),
        // Where no TLS is spoken, the system's trust store need not be read.
        insecure: road.insecure || !road.tls,
        shown: shown.clone(),
    };
    let connect = if road.tls { timeouts.connect.saturating_add(timeouts.handshake) } else { timeouts.connect };
    let keep_alive = own.keep_alive.unwrap_or(settings.keep_alive);
    let mut builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(connect)
        .tcp_keepalive(keep_alive)
        .tcp_keepalive_interval(keep_alive)
        .tcp_keepalive_retries(keep_alive.map(|_| PROBES))
        .pool_idle_timeout((idle != Duration::MAX).then_some(idle))
        .http2_keep_alive_interval(ALIVE.0)
        .http2_keep_alive_timeout(ALIVE.1)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http2_max_header_list_size(HEAD_LIMIT as u32)
        .http2_adaptive_window(true)
        .pool_max_idle_per_host(settings.requests_per_host)
        // Whatever features other crates switch on: content is handed out as it was sent.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .no_proxy()
        .tls_info(true)
        .tls_backend_preconfigured(trust.configuration()?);
    let proxies = settings.proxies.clone();
    proxies.check()?;
    if proxies.http.is_some() || proxies.https.is_some() {
        // The names that count are those that the proxy knows.
        let proxy_for =
            move |url: &Url| proxies.proxy_for(url).map(|proxy| proxy.replacen("socks5://", "socks5h://", 1));
        builder = builder.proxy(reqwest::Proxy::custom(proxy_for));
    }
    if road.reach == Reach::Public || settings.resolver.is_some() {
        builder = builder.dns_resolver(Checked { names: settings.resolver.clone(), reach: road.reach });
    }
    builder.build().map_err(|error| format!("the HTTP client cannot be set up: {error}"))
}
