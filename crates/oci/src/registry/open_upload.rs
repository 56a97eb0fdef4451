use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ocm_http::{Client, HeaderValue, Method, Request, Response, StatusCode, Url, header};

use super::RemoteRepository;
use super::authorization::{Authorization, Shown};
use super::scope::Scope;
use crate::Result;

/// An upload that a registry holds open. When the last one who knows of it goes away, be it that a future is dropped, it
/// is taken back: registries keep what was sent for a week, and count it.
pub(super) struct OpenUpload {
    location: Mutex<Url>,
    /// Whether the registry has closed it, or has forgotten it.
    ended: AtomicBool,
    /// Whether another process may go on with it.
    kept: AtomicBool,
    cancellation: Cancellation,
}

/// What it takes to take an upload back. Not the connection: that one knows open uploads itself, and neither would ever go.
#[derive(Clone)]
struct Cancellation {
    client: Client,
    authorization: Arc<Authorization>,
    scope: Scope,
    repository: String,
}

impl OpenUpload {
    pub(super) fn new(repository: &RemoteRepository, location: Url) -> Arc<Self> {
        let connection = repository.connection();
        Arc::new(Self {
            location: Mutex::new(location),
            ended: AtomicBool::new(false),
            kept: AtomicBool::new(false),
            cancellation: Cancellation {
                client: connection.client.clone(),
                authorization: connection.authorization.clone(),
                scope: repository.push_scope(),
                repository: repository.name().to_owned(),
            },
        })
    }

    /// It goes on elsewhere; the old address may not do any more.
    pub(super) fn moved(&self, location: &Url) {
        location.clone_into(&mut self.location.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// There is nothing to take back any more.
    pub(super) fn ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether it stays open although nobody here goes on with it.
    pub(super) fn keep(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        if *self.ended.get_mut() || *self.kept.get_mut() {
            return;
        }
        let location = self.location.get_mut().unwrap_or_else(PoisonError::into_inner).clone();
        let cancellation = self.cancellation.clone();
        let client = cancellation.client.clone();
        client.errand(async move {
            // What is answered changes nothing: the registry forgets the upload some day in any case.
            let _ = cancellation.run(location).await;
        });
    }
}

impl fmt::Debug for OpenUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenUpload").field("ended", &self.ended).field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl Cancellation {
    async fn run(self, location: Url) -> Result<()> {
        let answer = self.ask(Method::DELETE, &location).await?;
        if answer.is_none_or(|answer| answer.status() != StatusCode::RANGE_NOT_SATISFIABLE) {
            return Ok(());
        }
        // Distribution writes into the address how much it had, and refuses one that came before what was sent since.
        let Some(status) = self.ask(Method::GET, &location).await? else { return Ok(()) };
        let now = status.header(header::LOCATION).and_then(|address| status.url().join(address).ok());
        if let Some(now) = now.filter(|now| *now != location && ocm_http::same_origin(now, &location)) {
            self.ask(Method::DELETE, &now).await?;
        }
        Ok(())
    }

    /// Sends a request about the upload; `None` without an answer.
    async fn ask(&self, method: Method, location: &Url) -> Result<Option<Response>> {
        let Self { client, authorization, scope, repository } = self;
        let send = async |shown: Option<HeaderValue>| {
            let request = Request::new(method.clone(), location.clone());
            let request = match shown {
                Some(shown) => request.authorization(shown),
                None => request,
            };
            client.send(request).await.ok()
        };
        let shown = authorization.header(&method, scope, Some(repository)).await?;
        let sent = Instant::now();
        let answer = send(shown.clone()).await;
        let Some(refusal) = answer.as_ref().filter(|answer| answer.status() == StatusCode::UNAUTHORIZED) else {
            return Ok(answer);
        };
        // Some want the right to delete for this.
        let shown = Shown { header: shown.as_ref(), sent };
        match authorization.renew(refusal, &method, scope, Some(repository), shown).await? {
            Some(better) => Ok(send(Some(better)).await),
            None => Ok(answer),
        }
    }
}
