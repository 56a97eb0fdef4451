//! Reading a blob, taken up where the connection broke.

use std::time::Duration;

use futures_util::StreamExt as _;
use ocm_blob::{ByteStream, Digest, Error as BlobError, skip, verified};
use ocm_http::{HeaderValue, Method, Response, ResponseStream, StatusCode, header};

use super::RemoteRepository;
use super::failure::{failure, no_page, transport};
use crate::{Error, Kind, Result};

impl RemoteRepository {
    pub(super) async fn download(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        let (stream, _, mut page) = self.reading(digest, offset).await?;
        if offset > 0 {
            return Ok(stream);
        }
        // The digest covers the length, too, and a registry that told a wrong one may correct itself on the way.
        let checked = verified(stream, None, Some(digest.clone()));
        // A blob may be a page; one with another digest is not the blob.
        Ok(Box::pin(checked.map(move |chunk| match (chunk, page.take()) {
            (Err(BlobError::DigestMismatch { .. }), Some(page)) => Err(BlobError::source(page)),
            (chunk, kept) => {
                page = kept;
                chunk
            }
        })))
    }

    pub(super) async fn download_unverified(&self, digest: &Digest) -> Result<ByteStream> {
        let (stream, total, _) = self.reading(digest, 0).await?;
        Ok(verified(stream, total, None))
    }

    /// A blob from `offset` on, the size of all of it, if the registry told, and what to say if it is another one and looks
    /// like a web page.
    async fn reading(&self, digest: &Digest, offset: u64) -> Result<(ByteStream, Option<u64>, Option<Error>)> {
        let subject = self.blob_subject(digest);
        let mut opened = self.open_blob(digest, offset, None).await?;
        let page = opened.as_mut().and_then(|opened| opened.page.take());
        let total = opened.as_ref().and_then(|opened| opened.total);
        let unmarked = opened.as_ref().is_some_and(|opened| opened.unmarked);
        let reading = Reading {
            repository: self.clone(),
            digest: digest.clone(),
            subject,
            position: offset,
            total,
            unmarked,
            stream: opened.map(|opened| opened.stream),
            failures: 0,
        };
        let stream: ByteStream = Box::pin(futures_util::stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            match reading.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(reading))),
                Ok(None) => None,
                Err(error) => Some((Err(ocm_blob::Error::source(error)), None)),
            }
        }));
        Ok((stream, total, page))
    }

    async fn ask_for_blob(&self, method: Method, digest: &Digest, range: Option<String>) -> Result<Response> {
        let mut request = self.request(method, &format!("blobs/{digest}"))?;
        // Content is named by the digest of its bytes, so nobody may pack them on the way.
        request = request.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(range) = range {
            let range = HeaderValue::from_str(&range).map_err(|error| self.error(Kind::Invalid, error))?;
            request = request.header(header::RANGE, range);
        }
        // A `HEAD` has nothing that could be held back.
        let request = if request.method() == Method::GET { request.patient() } else { request };
        self.send(request, &self.pull_scope()).await
    }

    /// The size a registry tells when it is asked for nothing else; `None` if it tells none.
    async fn announced_size(&self, digest: &Digest) -> Option<u64> {
        if let Some(size) = self.connection().known.size(self.name(), digest) {
            return Some(size);
        }
        let head = self.ask_for_blob(Method::HEAD, digest, None).await.ok()?;
        head.content_length().filter(|_| head.status() == StatusCode::OK)
    }

    /// Asks for a blob from `offset` on; `None` if it ends there. `patience` is the silence to bear, if not the usual one.
    pub(super) async fn open_blob(
        &self,
        digest: &Digest,
        offset: u64,
        patience: Option<Duration>,
    ) -> Result<Option<Opened>> {
        let range = (offset > 0).then(|| format!("bytes={offset}-"));
        let mut response = self.ask_for_blob(Method::GET, digest, range.clone()).await?;
        if !self.connection().is_own(&response) && matches!(response.status().as_u16(), 400 | 401 | 403 | 410) {
            // Addresses at a storage end after a while, which a long wait for a turn can outlast; the registry makes another.
            response = self.ask_for_blob(Method::GET, digest, range).await?;
        }
        if offset > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // Either nothing is left, or the registry understands ranges with two ends only (go-containerregistry), or none.
            let head = self.ask_for_blob(Method::HEAD, digest, None).await?;
            // What a refusal says of its own length is not the size of the blob.
            let size = head.content_length().filter(|_| head.status() == StatusCode::OK);
            match size {
                Some(size) if offset >= size => return Ok(None),
                Some(size) => {
                    let range = format!("bytes={offset}-{}", size - 1);
                    response = self.ask_for_blob(Method::GET, digest, Some(range)).await?;
                    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                        response = self.ask_for_blob(Method::GET, digest, None).await?;
                    }
                }
                None => response = self.ask_for_blob(Method::GET, digest, None).await?,
            }
        }
        let response = match patience {
            Some(patience) => response.patience(patience),
            None => response,
        };
        let (subject, unmarked) = (self.blob_subject(digest), response.ends_with_connection());
        match response.status() {
            StatusCode::OK => {
                if self
                    .told_digest(&response)?
                    .is_some_and(|told| told.algorithm() == digest.algorithm() && told != *digest)
                {
                    return Err(Error::invalid(subject, "answered with another blob than the one asked for"));
                }
                let (total, page) = (response.content_length(), no_page(&subject, &response).err());
                // A registry that knows no ranges sends everything.
                Ok(Some(Opened { stream: skip(response.stream(), offset), total, unmarked, page }))
            }
            StatusCode::PARTIAL_CONTENT if offset > 0 => {
                let (first, total) = content_range(&response).unwrap_or((offset, None));
                if first != offset {
                    return Err(Error::invalid(
                        subject,
                        format!("answered with bytes from {first} on when asked for {offset}"),
                    ));
                }
                let total = total.or_else(|| response.content_length().map(|length| offset.saturating_add(length)));
                Ok(Some(Opened { stream: response.stream(), total, unmarked, page: None }))
            }
            StatusCode::NOT_FOUND => Err(Error::not_found(subject)),
            _ => Err(failure(subject, response).await),
        }
    }
}

pub(super) struct Opened {
    stream: ResponseStream,
    /// Size of the whole blob, if the registry told.
    pub(super) total: Option<u64>,
    /// Whether its end is the end of the connection, be that for whatever reason.
    unmarked: bool,
    /// Says that the answer is a web page, if it looks like one.
    page: Option<Error>,
}

/// A blob being read.
struct Reading {
    repository: RemoteRepository,
    digest: Digest,
    subject: String,
    position: u64,
    total: Option<u64>,
    unmarked: bool,
    stream: Option<ResponseStream>,
    /// Attempts in a row that brought not a single byte.
    failures: u32,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>> {
        loop {
            let error = match self.stream.as_mut() {
                None => return Ok(None),
                Some(stream) => match stream.next().await {
                    Some(Ok(chunk)) => {
                        self.position += chunk.len() as u64;
                        self.failures = 0;
                        return Ok(Some(chunk));
                    }
                    None => {
                        if self.total.is_none() && self.unmarked {
                            self.total = self.repository.announced_size(&self.digest).await;
                        }
                        let Some(total) = self.total.filter(|total| self.position < *total) else { return Ok(None) };
                        let reason = format!("the answer ended after {} of {total} bytes", self.position);
                        Error::new(Kind::Unavailable, &self.subject, reason)
                    }
                    Some(Err(error)) => transport(&self.subject)(error),
                },
            };
            self.resume(error).await?;
        }
    }

    async fn resume(&mut self, error: Error) -> Result<()> {
        let mut error = error;
        let connection = self.repository.connection();
        let (retry, settings) = (connection.retry(), connection.client.settings());
        let timeouts = connection.endpoint.url("").map_or(settings.timeouts, |url| settings.timeouts_of(&url));
        loop {
            let wait = retry.wait(self.failures).filter(|_| error.kind() == Kind::Unavailable);
            let Some(wait) = wait else { return Err(error) };
            self.failures += 1;
            tracing::info!(
                blob = self.subject,
                position = self.position,
                cause = error.reason(),
                ?wait,
                "download broke off, going on"
            );
            tokio::time::sleep(wait).await;
            if self.total == Some(self.position) {
                self.stream = None;
                return Ok(());
            }
            // Some proxies hold a body back for minutes to look into it, and then send it all at once: give each attempt
            // that brought nothing more time than the one before.
            let patience = timeouts.stall.saturating_mul(2_u32.saturating_pow(self.failures - 1));
            match self.repository.open_blob(&self.digest, self.position, Some(patience)).await {
                Ok(opened) => {
                    self.total = self.total.or(opened.as_ref().and_then(|opened| opened.total));
                    self.unmarked = opened.as_ref().is_some_and(|opened| opened.unmarked);
                    self.stream = opened.map(|opened| opened.stream);
                    return Ok(());
                }
                Err(next) => error = next,
            }
        }
    }
}

/// First byte and size of the whole in `Content-Range: bytes 5-9/10`; the size may be `*`.
fn content_range(response: &Response) -> Option<(u64, Option<u64>)> {
    let text = response.header(header::CONTENT_RANGE)?.trim();
    let (range, total) = text.strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}
