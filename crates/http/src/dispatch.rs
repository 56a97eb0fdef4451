//! One attempt of one request: connection, limits on how much is asked at once, the watch over its progress.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::http::header::CONTENT_LENGTH;
use ::http::{Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::address::is_local_literal;
use crate::bandwidth::Bucket;
use crate::gate::{Gate, Lane};
use crate::pace::{Allowance, Pace};
use crate::progress::Progress;
use crate::request::Body;
use crate::resolve::{Checked, NotPublic};
use crate::response::Hold;
use crate::{Class, Error, Kind, Reach, Request, Response, Result, Settings, trust};

/// Largest head of an answer in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// How often a connection that carries several requests is asked whether it is still there, and how long the answer may
/// take. Tunnels that hang say nothing by themselves.
const ALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(20));

/// Sends requests, each exactly once.
pub(crate) struct Dispatcher {
    pub(crate) settings: Settings,
    /// By trust (certificate checked or not) and reach; made when first needed, because reading the system's trust
    /// store takes longer than many a command.
    transports: [OnceLock<Result<reqwest::Client, String>>; 4],
    gate: Arc<Gate>,
    pace: Pace,
    bucket: Option<Arc<Bucket>>,
}

impl Dispatcher {
    pub(crate) fn new(settings: Settings) -> Self {
        let gate = Gate::new(settings.requests_per_host, settings.max_concurrency);
        let pace = Pace::new(settings.retry.max_retry_after);
        let bucket = settings.bandwidth.map(|rate| Arc::new(Bucket::new(rate)));
        Self { settings, transports: Default::default(), gate, pace, bucket }
    }

    /// Whether a host has ever answered.
    pub(crate) fn has_answered(&self, url: &Url) -> bool {
        self.gate.has_answered(&authority(url))
    }

    pub(crate) async fn send(&self, request: &Request) -> Result<Response> {
        let url = &request.url;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(Error::new(Kind::Invalid, url, "not a web address"));
        }
        if request.reach == Reach::Public && url.host_str().is_some_and(is_local_literal) {
            return Err(Error::new(Kind::Forbidden, url, NotPublic));
        }
        let transport = self.transport(url, request.reach)?;
        let sends = !request.body.is_empty();
        let host = authority(url);
        let permit = Arc::new(self.gate.enter(&host, if sends { Lane::Send } else { Lane::Receive }).await);
        // After the wait for a place, which may have been long: what the host said meanwhile counts.
        self.pace.turn(&host, &request.method).await;
        let sent = Instant::now();
        let progress = Progress::start(&request.body, permit.clone());
        let attempt = self.attempt(transport, request, &progress);
        let result = tokio::select! {
            result = attempt => result,
            () = progress.stalled(&self.settings.timeouts, sends) => {
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
            stall: self.settings.timeouts.stall,
            proxied: self.settings.proxies.proxy_for(url).is_some(),
            // The place at the gate is held until the body has ended, or nobody wants it any more.
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
        let mut message = transport.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        match &request.body {
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
                let stream = progress.lend(stream);
                let stream = match &self.bucket {
                    Some(bucket) => bucket.clone().slow(Box::pin(stream)),
                    None => Box::pin(stream),
                };
                message = message.body(reqwest::Body::wrap_stream(progress.watch(stream)));
            }
        }
        let inner = message.send().await.map_err(|error| Error::from_transport(url, error))?;
        let head: usize = inner.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if head > HEAD_LIMIT {
            return Err(Error::new(
                Kind::TooLarge,
                url,
                format!("the head of the answer is larger than {HEAD_LIMIT} bytes"),
            ));
        }
        Ok(inner)
    }

    fn transport(&self, url: &Url, reach: Reach) -> Result<&reqwest::Client> {
        let host = url.host_str().unwrap_or_default();
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let insecure = [host, authority].iter().any(|name| self.settings.insecure_hosts.contains(*name));
        // A proxy may well be on the local network, and resolves names itself.
        let reach = if self.settings.proxies.proxy_for(url).is_some() { Reach::Anywhere } else { reach };
        let slot = usize::from(insecure) * 2 + usize::from(reach == Reach::Public);
        let transport = self.transports[slot].get_or_init(|| build(&self.settings, insecure, reach));
        transport.as_ref().map_err(|reason| Error::new(Kind::Invalid, url, reason))
    }
}

/// Host and port: those who count requests count them here.
fn authority(url: &Url) -> Arc<str> {
    url[url::Position::BeforeHost..url::Position::AfterPort].into()
}

fn build(settings: &Settings, insecure: bool, reach: Reach) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.timeouts.connect)
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
        .no_proxy();
    let proxies = settings.proxies.clone();
    for proxy in [&proxies.http, &proxies.https].into_iter().flatten() {
        Url::parse(proxy).map_err(|error| format!("the proxy {} is not valid: {error}", crate::redacted(proxy)))?;
    }
    if proxies.http.is_some() || proxies.https.is_some() {
        builder = builder.proxy(reqwest::Proxy::custom(move |url| proxies.proxy_for(url).map(str::to_owned)));
    }
    if !insecure && !settings.certificate_authorities.is_empty() {
        builder = builder.tls_backend_preconfigured(trust::with_authorities(&settings.certificate_authorities)?);
    }
    if insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if reach == Reach::Public || settings.resolver.is_some() {
        builder = builder.dns_resolver(Checked { names: settings.resolver.clone(), reach });
    }
    builder.build().map_err(|error| format!("the HTTP client cannot be set up: {error}"))
}
