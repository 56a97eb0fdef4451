use std::sync::Arc;

use ocm_blob::Digest;
use ocm_http::{Method, Request, Response, StatusCode, Url, header};

use super::RemoteRepository;
use super::advice;
use super::failure::{Refusal, refused_push};
use super::journal::{Entry, Subject};
use super::open_upload::OpenUpload;
use crate::{Error, Result};

/// A header in which a registry names the smallest piece it takes, except for the last one.
const CHUNK_MIN_LENGTH: &str = "oci-chunk-min-length";

/// Bytes from which on a blob is remembered when its upload breaks off: several are on their way at a time, and together
/// they should not cost more than one large piece.
const REMEMBERED: u64 = 1 << 20;

/// Times an upload is begun again where the repository is not known: it may be in the making.
const UNKNOWN_NAME: u32 = 2;

/// An open upload (distribution specification, *Pushing blobs*).
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Where the next request goes; changes with every answer.
    pub(super) location: Url,
    /// Bytes the registry has.
    pub(super) received: u64,
    /// Smallest piece it takes.
    pub(super) chunk_min: u64,
    /// Where it is remembered.
    pub(super) entry: Option<Arc<Entry>>,
    /// Takes the upload back unless it is ended or remembered.
    pub(super) open: Arc<OpenUpload>,
}

impl Session {
    /// The same, remembered from now on.
    pub(super) fn remembered(mut self, entry: Option<Arc<Entry>>) -> Self {
        if let Some(entry) = &entry {
            entry.remember(self.location.as_str());
            self.open.keep(true);
        }
        self.entry = entry;
        self
    }

    /// Nobody goes on with it, neither here nor in another process.
    pub(super) fn give_up(&self) {
        self.open.keep(false);
    }

    /// The address that closes the upload. The registry's own parameters stay as they are.
    pub(super) fn closing(&self, digest: &Digest) -> Url {
        let mut url = self.location.clone();
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        url
    }
}

impl RemoteRepository {
    /// Opens an upload.
    ///
    /// Registries that make repositories when something is pushed (ECR with a template for that) may refuse what made them
    /// do it.
    pub(super) async fn begin(&self) -> Result<Session> {
        let (retry, mut attempt) = (self.connection().retry(), 0);
        loop {
            let request = self.request(Method::POST, "blobs/uploads/")?;
            let response = self.send(request, &self.push_scope()).await?;
            match response.status() {
                StatusCode::ACCEPTED | StatusCode::CREATED => return self.session(&response, None),
                StatusCode::NOT_FOUND => {}
                _ => return Err(refused_push(&self.subject(), response).await),
            }
            let refusal = Refusal::read(&self.subject(), response).await;
            match retry.wait(attempt).filter(|_| refusal.says("NAME_UNKNOWN") && attempt < UNKNOWN_NAME) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => {
                    let (host, error) = (self.connection().endpoint.host(), refusal.error);
                    let hint = advice::missing_repository(host, self.name());
                    return Err(Error::new(error.kind(), self.subject(), format!("{}; {hint}", error.reason())));
                }
            }
            attempt += 1;
        }
    }

    /// The session an answer tells of; what it does not tell is as before.
    pub(super) fn session(&self, response: &Response, before: Option<&Session>) -> Result<Session> {
        let subject = self.subject();
        let location = match (response.header(header::LOCATION), before) {
            (Some(location), _) => {
                self.connection().own_address(response.url(), location, "upload address", &subject)?
            }
            (None, Some(before)) => before.location.clone(),
            (None, None) => return Err(Error::invalid(subject, "opened an upload without saying where")),
        };
        let chunk_min = response.header(CHUNK_MIN_LENGTH).and_then(|text| text.parse().ok());
        let entry = before.and_then(|before| before.entry.clone());
        if let Some(entry) = &entry {
            entry.remember(location.as_str());
        }
        let open = match before {
            Some(before) => {
                before.open.moved(&location);
                before.open.clone()
            }
            None => OpenUpload::new(self, location.clone()),
        };
        Ok(Session {
            location,
            received: received(response).unwrap_or(0),
            chunk_min: chunk_min.or(before.map(|before| before.chunk_min)).unwrap_or(0),
            entry,
            open,
        })
    }

    /// Asks how far a broken upload came; `None` if the registry has forgotten it.
    pub(super) async fn status(&self, session: &Session) -> Result<Option<Session>> {
        let request = Request::new(Method::GET, session.location.clone());
        let response = self.send(request, &self.push_scope()).await?;
        match response.status() {
            StatusCode::NO_CONTENT | StatusCode::ACCEPTED | StatusCode::OK => {
                self.session(&response, Some(session)).map(Some)
            }
            StatusCode::NOT_FOUND => {
                session.open.ended();
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// What an upload is remembered by; `None` for one that is not worth it.
    pub(super) fn remembered_as(&self, digest: &Digest, size: Option<u64>) -> Option<Subject> {
        let size = size.filter(|size| *size >= REMEMBERED)?;
        let registry = self.connection().endpoint.to_string();
        Some(Subject { registry, repository: self.name().to_owned(), digest: digest.clone(), size })
    }

    /// An upload that another process left open, with what the registry has of it.
    pub(super) async fn left_open(&self, entry: &Arc<Entry>, size: u64) -> Option<Session> {
        let location = entry.location()?;
        let home = self.connection().endpoint.url("").ok()?;
        let location = self.connection().own_address(&home, &location, "upload address", &self.subject()).ok()?;
        let open = OpenUpload::new(self, location.clone());
        open.keep(true);
        let session = Session { location, received: 0, chunk_min: 0, entry: Some(entry.clone()), open };
        let session = self.status(&session).await.ok()?;
        let usable = session.as_ref().is_some_and(|session| (1..=size).contains(&session.received));
        if let Some(useless) = session.as_ref().filter(|_| !usable) {
            useless.give_up();
        }
        session.filter(|_| usable)
    }
}

/// Number of bytes in `Range: 0-<last>` (or, from some, `bytes=0-<last>`).
fn received(response: &Response) -> Option<u64> {
    let range = response.header(header::RANGE)?.trim();
    let (first, last) = range.strip_prefix("bytes=").unwrap_or(range).split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    // An upload without a byte is shown as `0-0`, like one with a single byte; taking it for empty is right for the
    // first and found out by the registry for the second.
    if first != 0 || last == 0 { None } else { last.checked_add(1) }
}
