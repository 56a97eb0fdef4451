use std::sync::Arc;
use std::time::Instant;

use ocm_http::{Client, Method, Request, Response, Retry, StatusCode, Url, header};

use super::Endpoint;
use super::authorization::{Authorization, Shown};
use super::failure::{failure, no_page, transport};
use super::journal::Journal;
use super::known::Known;
use super::options::RemoteOptions;
use super::scope::Scope;
use super::trial::Verdict;
use crate::{Authenticator, Error, Kind, Result};

/// The one way to a registry; shared by everything that talks to it.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) endpoint: Endpoint,
    pub(super) options: RemoteOptions,
    pub(super) known: Known,
    pub(super) journal: Option<Journal>,
    pub(super) authorization: Arc<Authorization>,
}

/// What became of a request whose content can be sent only once.
pub(super) enum Sent {
    /// The registry answered.
    Answered(Box<Response>),
    /// The registry wanted other authorization, which now stands ready: send it again, with the content opened anew.
    Renewed,
}

/// Whom a request concerns: for authorization and for messages.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) subject: &'a str,
    pub(super) repository: Option<&'a str>,
    pub(super) scope: &'a Scope,
}

impl Connection {
    pub(super) fn new(
        client: Client,
        endpoint: Endpoint,
        authenticator: Arc<dyn Authenticator>,
        options: RemoteOptions,
    ) -> Self {
        let authorization: Arc<_> =
            Authorization::new(client.clone(), endpoint.clone(), authenticator, options.clone()).into();
        let journal = options.uploads.clone().map(Journal::new);
        Self { client, endpoint, options, known: Known::default(), journal, authorization }
    }

    /// When and how often this registry is asked again.
    pub(super) fn retry(&self) -> Retry {
        let settings = self.client.settings();
        self.endpoint.url("").map_or(settings.retry, |url| settings.retry_of(&url))
    }

    /// Sends a request whose content can be sent again. Refusals other than missing authorization are answers.
    pub(super) async fn send(&self, request: Request, about: About<'_>) -> Result<Response> {
        for _ in 0..2 {
            if let Sent::Answered(response) = self.try_send(request.clone(), about, true).await? {
                return Ok(*response);
            }
        }
        match self.try_send(request, about, false).await? {
            Sent::Answered(response) => Ok(*response),
            Sent::Renewed => Err(Error::new(Kind::Denied, about.subject, "authorization is refused")),
        }
    }

    /// Sends a request once. With `renew`, a refusal for want of authorization is answered by getting it.
    pub(super) async fn try_send(&self, request: Request, about: About<'_>, renew: bool) -> Result<Sent> {
        let method = request.method().clone();
        let used = self.authorization.header(&method, about.scope, about.repository).await;
        let used = used.map_err(|error| name(&error, about))?;
        let request = match &used {
            Some(header) => request.authorization(header.clone()),
            None => request,
        };
        let trial = match &used {
            Some(header) => self.authorization.trial(&method, about.scope, header).await,
            None => Ok(None),
        };
        let trial = trial.map_err(|reason| Error::new(Kind::Denied, about.subject, reason))?;
        let sent = Instant::now();
        let response = self.client.send(request).await.map_err(transport(about.subject))?;
        let trial = match trial {
            Some(trial) if self.is_own(&response) => trial.answered(response.status()).await,
            // Whoever leads to a storage has let somebody in.
            Some(trial) => {
                trial.end(Verdict::Taken).await;
                None
            }
            None => None,
        };
        if method != Method::GET {
            no_page(about.subject, &response)?;
        }
        if !self.is_own(&response) {
            // A storage was shown nothing: what it refuses says nothing about the credentials, nor has it any to ask for.
            return Ok(Sent::Answered(Box::new(response)));
        }
        self.pass_on_warnings(&response);
        if response.status() == StatusCode::FORBIDDEN {
            let shown = self.authorization.explained(about.repository).await;
            return Ok(Sent::Answered(Box::new(response.noted(shown))));
        }
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(Sent::Answered(Box::new(response)));
        }
        if renew {
            let shown = Shown { header: used.as_ref(), sent };
            let better = self.authorization.renew(&response, &method, about.scope, about.repository, shown).await;
            if better.map_err(|error| name(&error, about))?.is_some() {
                return Ok(Sent::Renewed);
            }
        }
        let denied = self.denied(about, response).await;
        if let Some(trial) = trial.filter(|_| !about.scope.is_of_several()) {
            trial.end(Verdict::Refused(denied.reason().to_owned())).await;
        }
        Err(denied)
    }

    /// Whether the registry itself answered, and not a storage that it led to.
    pub(super) fn is_own(&self, response: &Response) -> bool {
        self.endpoint.url("").is_ok_and(|home| ocm_http::same_origin(&home, response.url()))
    }

    /// Warnings are for people (distribution specification, *Warnings*): each is logged once and decides nothing.
    fn pass_on_warnings(&self, response: &Response) {
        for value in response.headers().get_all(header::WARNING) {
            let text = value.to_str().unwrap_or_default().trim_start_matches("299 - ");
            let text = super::failure::shown(text.trim_matches('"'));
            if !text.is_empty() && self.known.is_new_warning(&text) {
                tracing::warn!(registry = self.endpoint.host(), "the registry says: {text}");
            }
        }
    }

    async fn denied(&self, about: About<'_>, response: Response) -> Error {
        let error = failure(about.subject, response).await;
        let shown = self.authorization.explained(about.repository).await;
        Error::new(Kind::Denied, about.subject, format!("{}; {shown}", error.reason()))
    }

    /// An address that a registry sent, if it leads to the registry itself.
    ///
    /// Requests to it carry authorization, so it must not lead anywhere else (CVE-2026-50151).
    pub(super) fn own_address(&self, base: &Url, address: &str, what: &str, subject: &str) -> Result<Url> {
        let refuse = |reason: &str| {
            // Behind the question mark stands what lets its owner go on with an upload, under a name of the server's choice.
            let redacted = ocm_http::redacted(address);
            let shown = super::failure::shown(redacted.split('?').next().unwrap_or_default());
            Error::new(Kind::Denied, subject, format!("the {what} {shown:?} of its answer {reason}"))
        };
        let mut url = base.join(address).map_err(|_| refuse("is no address"))?;
        let home = self.endpoint.url("")?;
        // A registry behind a proxy that ends TLS often does not know that it is spoken to in TLS.
        if home.scheme() == "https" && url.scheme() == "http" && url.host() == home.host() && url.port().is_none() {
            let port = home.port();
            if url.set_scheme("https").is_err() || url.set_port(port).is_err() {
                return Err(refuse("is no address"));
            }
        }
        if !url.username().is_empty() || url.password().is_some() || !ocm_http::same_origin(&home, &url) {
            return Err(refuse("leads away from the registry and is not followed"));
        }
        Ok(url)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> Result<Request> {
        Ok(Request::new(method, self.endpoint.url(path)?))
    }
}

/// Names what was being done in an error about the host as a whole.
fn name(error: &Error, about: About<'_>) -> Error {
    Error::new(error.kind(), about.subject, error.reason())
}
