//! Whether a repository has a blob, and how large it is.

use ocm_blob::Digest;
use ocm_http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::RemoteRepository;
use super::failure::failure;
use crate::{Error, Kind, Result};

impl RemoteRepository {
    /// The size of a blob that is to be read; `None` if it is not there.
    pub(super) async fn size_of_blob(&self, digest: &Digest) -> Result<Option<u64>> {
        if !self.connection().known.has_head() {
            return self.size_by_reading(digest).await;
        }
        let response = self.send(self.head_blob(digest)?, &self.pull_scope()).await?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                self.connection().known.lacks_head();
                self.size_by_reading(digest).await
            }
            _ => self.told_size(digest, response).await,
        }
    }

    /// The size of a blob that is to be pushed; `None` if it has to be. Where the registry gives no usable answer it has to
    /// be, too: the push that follows tells what is true.
    pub(super) async fn size_before_push(&self, digest: &Digest) -> Result<Option<u64>> {
        let (known, scope) = (&self.connection().known, self.push_scope());
        if !known.has_head() {
            return Ok(None);
        }
        // Old versions of distribution answer 500 for every blob that they do not have. To be as patient with each of them
        // as with a registry that is not well would cost seconds for every blob.
        let ask = || Ok::<_, Error>(self.head_blob(digest)?.answered_by(StatusCode::INTERNAL_SERVER_ERROR));
        let mut response = self.send(ask()?, &scope).await?;
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR && !known.breaks_on_missing() {
            response = self.send(ask()?, &scope).await?;
        }
        match response.status() {
            StatusCode::INTERNAL_SERVER_ERROR => {
                known.broke_on_missing();
                Ok(None)
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                known.lacks_head();
                Ok(None)
            }
            _ => self.told_size(digest, response).await,
        }
    }

    fn head_blob(&self, digest: &Digest) -> Result<Request> {
        let request = self.request(Method::HEAD, &format!("blobs/{digest}"))?;
        Ok(request.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
    }

    async fn told_size(&self, digest: &Digest, response: Response) -> Result<Option<u64>> {
        match response.status() {
            StatusCode::OK => match response.content_length() {
                Some(size) => {
                    self.connection().known.learn(self.name(), digest, size);
                    Ok(Some(size))
                }
                // Some registries tell it only with the content.
                None => self.size_by_reading(digest).await,
            },
            StatusCode::NOT_FOUND => Ok(None),
            // Why not, stands in a body, which this answer cannot have; and some proxies only refuse the method, some storages
            // an address that was made for reading.
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => self.size_by_reading(digest).await,
            _ => Err(failure(self.blob_subject(digest), response).await),
        }
    }

    /// Begins to read a blob, for the size that is told in front of it.
    async fn size_by_reading(&self, digest: &Digest) -> Result<Option<u64>> {
        let opened = match self.open_blob(digest, 0, None).await {
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            opened => opened?,
        };
        let untold = || Error::invalid(self.blob_subject(digest), "the registry does not tell its size");
        let size = opened.and_then(|opened| opened.total).ok_or_else(untold)?;
        self.connection().known.learn(self.name(), digest, size);
        Ok(Some(size))
    }
}
