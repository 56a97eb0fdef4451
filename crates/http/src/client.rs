use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::bandwidth::Bucket;
use crate::dispatch::{Dispatcher, PATIENCE};
use crate::{Class, Error, Kind, Request, Response, Result, Settings, Url, redirect};

/// The HTTP client. Cheap to clone; all clones share connections and limits.
#[derive(Clone)]
pub struct Client(Arc<Dispatcher>);

impl Client {
    /// A client. Nothing is opened or read before the first request.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Dispatcher::new(settings)))
    }

    /// What the client was told.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What all bodies draw from, for content that moves beside them at the same rate; `None` without a limit.
    pub fn bucket(&self) -> Option<Arc<Bucket>> {
        self.0.bucket()
    }

    /// Whether a part of a file goes to this address without passing through this process ([`crate::Body::file`]).
    pub fn sends_files(&self, url: &Url) -> bool {
        self.0.sends_files(url)
    }

    /// The certificates that a host showed last, in DER form, its own first: also when they were not believed, and at the end
    /// of a tunnel through a proxy. None without TLS.
    pub fn certificates_of(&self, url: &Url) -> Vec<Vec<u8>> {
        url.host_str().map(|host| self.0.shown.by(host)).unwrap_or_default()
    }

    /// Does something that nobody waits for: takes back what was begun at a server and is given up. Can be called where a
    /// value is dropped; outside of a runtime nothing happens.
    pub fn errand(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.errands.run(work);
    }

    /// Waits until all errands are done, no longer than `limit`: for the end of a program.
    pub async fn errands_done(&self, limit: Duration) {
        self.0.errands.done(limit).await;
    }

    /// Sends a request, again if it failed for a passing reason, and follows redirects.
    ///
    /// Every answer is a success here, whatever its status; the last one is handed out when attempts run out.
    ///
    /// # Errors
    /// No answer came, a redirect must not be followed, or the content to send could not be read.
    pub async fn send(&self, request: Request) -> Result<Response> {
        let total = self.0.settings.timeouts_of(&request.url).total;
        // Content may take as long as it takes: slow is not dead.
        if total == Duration::MAX || !request.body.is_empty() {
            return self.follow(request).await;
        }
        let url = request.url.clone();
        tokio::time::timeout(total, self.follow(request)).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} seconds, all attempts together", total.as_secs_f32());
            Err(Error::new(Kind::Timeout, &url, reason))
        })
    }

    async fn follow(&self, request: Request) -> Result<Response> {
        let mut request = request;
        for _ in 0..=self.0.settings.redirects {
            let response = self.send_to_one(&request).await?;
            match redirect::next(&request, &response)? {
                None => return Ok(response),
                Some(next) => {
                    tracing::debug!(to = %crate::redacted(&next.url), "redirected");
                    request = next;
                }
            }
        }
        let reason = format!("more than {} redirects", self.0.settings.redirects);
        Err(Error::new(Kind::Loop, &request.url, reason))
    }

    async fn send_to_one(&self, request: &Request) -> Result<Response> {
        let retry = self.0.settings.retry_of(&request.url);
        let mut attempt = 0;
        loop {
            let result = self.0.send(request, attempt).await;
            let (wait, cause) = match &result {
                Ok(response) if request.answer == Some(response.status()) => (None, String::new()),
                Ok(response) => {
                    let wait = retry.wait_after(attempt, response.status(), response.headers());
                    (wait, response.status().to_string())
                }
                // A host that hangs has to be given up some time.
                Err(error) if request.patient && attempt >= PATIENCE && error.kind() == Kind::Timeout => {
                    (None, String::new())
                }
                Err(error) if Class::of_error(error.kind(), self.0.has_answered(&request.url)).is_transient() => {
                    (retry.wait(attempt), error.reason().to_owned())
                }
                Err(_) => (None, String::new()),
            };
            match wait {
                Some(wait) if request.repeatable => {
                    attempt += 1;
                    let url = crate::redacted(&request.url);
                    tracing::info!(method = %request.method, url, cause, ?wait, attempt, "trying again");
                    tokio::time::sleep(wait).await;
                }
                _ => return result,
            }
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.0.settings).finish()
    }
}
