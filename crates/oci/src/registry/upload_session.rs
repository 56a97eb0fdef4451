use ocm_blob::Digest;
use ocm_http::{Method, Request, Response, StatusCode, Url, header};

use super::RemoteRepository;
use super::failure::failure;
use crate::{Error, Result};

/// A header in which a registry names the smallest piece it takes, except for the last one.
const CHUNK_MIN_LENGTH: &str = "oci-chunk-min-length";

/// An open upload (distribution specification, *Pushing blobs*).
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Where the next request goes; changes with every answer.
    pub(super) location: Url,
    /// Bytes the registry has.
    pub(super) received: u64,
    /// Smallest piece it takes.
    pub(super) chunk_min: u64,
}

impl Session {
    /// The address that closes the upload. The registry's own parameters stay as they are.
    pub(super) fn closing(&self, digest: &Digest) -> Url {
        let mut url = self.location.clone();
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        url
    }
}

impl RemoteRepository {
    /// Opens an upload.
    pub(super) async fn begin(&self) -> Result<Session> {
        let request = self.request(Method::POST, "blobs/uploads/")?;
        let response = self.send(request, &self.push_scope()).await?;
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::CREATED => self.session(&response, None),
            StatusCode::NOT_FOUND => {
                let error = failure(&self.subject(), response).await;
                let hint = "the registry may want the repository to be created first";
                Err(Error::new(error.kind(), self.subject(), format!("{}; {hint}", error.reason())))
            }
            _ => Err(failure(&self.subject(), response).await),
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
        Ok(Session {
            location,
            received: received(response).unwrap_or(0),
            chunk_min: chunk_min.or(before.map(|before| before.chunk_min)).unwrap_or(0),
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
            _ => Ok(None),
        }
    }

    /// Gives an upload up. The registry would forget it anyway, so what it answers does not matter.
    pub(super) async fn abandon(&self, session: &Session) {
        let request = Request::new(Method::DELETE, session.location.clone()).once();
        let _ = self.send(request, &self.push_scope()).await;
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
