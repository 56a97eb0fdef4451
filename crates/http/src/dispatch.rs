//! One attempt of one request: connection, limits on how much is asked at once, the watch over its progress.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::address::{NotPublic, PublicResolver, is_local_literal};
use crate::progress::Progress;
use crate::request::Body;
use crate::{Error, Kind, Reach, Request, Response, Result, Settings, trust};

/// Largest head of an answer in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// Sends requests, each exactly once.
pub(crate) struct Dispatcher {
    pub(crate) settings: Settings,
    /// By trust (certificate checked or not) and reach; made when first needed, because reading the system's trust
    /// store takes longer than many a command.
    transports: [OnceLock<Result<reqwest::Client, String>>; 4],
    permits: Mutex<HashMap<(String, bool), Arc<Semaphore>>>,
}

impl Dispatcher {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, transports: Default::default(), permits: Mutex::default() }
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
        // Held until the head of the answer is there, never while a body is received: whoever waits for a permit waits
        // for the network only, and a copy within one host cannot starve itself of the permits it needs to go on.
        let _permit = self.permit(url, sends).await;
        let progress = Progress::start(&request.body);
        let attempt = self.attempt(transport, request, &progress);
        let result = tokio::select! {
            result = attempt => result,
            () = progress.stalled(&self.settings.timeouts, sends) => {
                Err(Error::new(Kind::Timeout, url, "no answer within the time limit"))
            }
        };
        match progress.take_error() {
            Some(error) if result.is_err() => Err(Error::body(url, error)),
            _ => result,
        }
    }

    async fn attempt(&self, transport: &reqwest::Client, request: &Request, progress: &Progress) -> Result<Response> {
        let url = &request.url;
        let mut message = transport.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        match &request.body {
            Body::Empty => {}
            Body::Bytes(bytes) => message = message.body(bytes.clone()),
            Body::Stream { length, open } => {
                let stream = open().await.map_err(|error| Error::body(url, error))?;
                if let Some(length) = length {
                    message = message.header(::http::header::CONTENT_LENGTH, *length);
                }
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
        let proxied = self.settings.proxies.proxy_for(url).is_some();
        Ok(Response { inner, url: url.clone(), stall: self.settings.timeouts.stall, proxied })
    }

    async fn permit(&self, url: &Url, sends: bool) -> Option<OwnedSemaphorePermit> {
        let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let semaphore = {
            let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(self.settings.requests_per_host.max(1)));
            permits.entry((host, sends)).or_insert_with(new).clone()
        };
        semaphore.acquire_owned().await.ok()
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

fn build(settings: &Settings, insecure: bool, reach: Reach) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.timeouts.connect)
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
    if reach == Reach::Public {
        builder = builder.dns_resolver(PublicResolver);
    }
    builder.build().map_err(|error| format!("the HTTP client cannot be set up: {error}"))
}
