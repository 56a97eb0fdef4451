use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ocm_http::{Client, HeaderValue, Method, Request, StatusCode, Url};

use super::RemoteRepository;
use super::authorization::Authorization;
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
        let Self { client, authorization, scope, repository } = &self;
        let send = async |shown: Option<HeaderValue>| {
            let request = Request::new(Method::DELETE, location.clone());
            let request = match shown {
                Some(shown) => request.authorization(shown),
                None => request,
            };
            client.send(request).await.ok()
        };
        let shown = authorization.header(scope, Some(repository)).await?;
        let Some(refusal) = send(shown.clone()).await.filter(|answer| answer.status() == StatusCode::UNAUTHORIZED)
        else {
            return Ok(());
        };
        // Some want the right to delete for this.
        if let Some(better) = authorization.renew(&refusal, scope, Some(repository), shown.as_ref()).await? {
            send(Some(better)).await;
        }
        Ok(())
    }
}
