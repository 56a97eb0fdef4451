use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Method, Response, StatusCode, header};
use ocm_blob::ByteStream;
use ocm_oci::Error;

use crate::Failure;
use crate::answer::{self, CONTENT_DIGEST, With as _};
use crate::api::{Answer, Call, Inner, digest};
use crate::range::{ETAG_HEADER, Wanted, etag, is_known, wanted};

/// Content under a digest never changes.
pub(crate) const FOREVER: &str = "max-age=31536000, immutable";

fn fail(error: &Error) -> Failure {
    Failure::store(error, "BLOB_UNKNOWN", "DIGEST_INVALID")
}

impl Inner {
    /// `GET` and `HEAD` of a blob (end-2), or of a part of it.
    pub(crate) async fn blob(&self, call: &Call, text: &str) -> Answer {
        let digest = digest(text)?;
        let store = self.store(call);
        let unknown = || Failure::unknown("BLOB_UNKNOWN", format!("{digest} is not in {}", call.repository));
        let size = store.blob_size(&digest).await.map_err(|error| fail(&error))?.ok_or_else(unknown)?;
        let etag = etag(&digest);
        let headers = |status| {
            answer::empty(status)
                .with(CONTENT_DIGEST, &digest)
                .with(ETAG_HEADER, &etag)
                .with(header::CACHE_CONTROL, FOREVER)
                .with(header::ACCEPT_RANGES, "bytes")
        };
        if is_known(&call.headers, &etag) {
            return Ok(headers(StatusCode::NOT_MODIFIED));
        }
        // A range is defined for GET only (RFC 9110, section 14.2).
        let part = if call.method == Method::GET { wanted(&call.headers, &etag, size) } else { Wanted::Whole };
        let (response, first, length) = match part {
            Wanted::Whole => (headers(StatusCode::OK), 0, size),
            Wanted::Part(first, last) => {
                let range = format!("bytes {first}-{last}/{size}");
                (headers(StatusCode::PARTIAL_CONTENT).with(header::CONTENT_RANGE, range), first, last - first + 1)
            }
            Wanted::Unsatisfiable => {
                let message = format!("the blob has {size} bytes; the range lies outside");
                return Err(Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", message)
                    .with(header::CONTENT_RANGE, format!("bytes */{size}")));
            }
        };
        let mut response: Response<Body> =
            response.with(header::CONTENT_TYPE, "application/octet-stream").with(header::CONTENT_LENGTH, length);
        if call.method == Method::GET && length > 0 {
            let content = store.blob(&digest, first).await.map_err(|error| fail(&error))?;
            *response.body_mut() = Body::from_stream(part_of(content, length));
        }
        Ok(response)
    }

    /// `DELETE` of a blob (end-10).
    pub(crate) async fn delete_blob(&self, call: &Call, text: &str) -> Answer {
        let digest = digest(text)?;
        if !self.store(call).delete_blob(&digest).await.map_err(|error| fail(&error))? {
            return Err(Failure::unknown("BLOB_UNKNOWN", format!("{digest} is not in {}", call.repository)));
        }
        self.commit().await?;
        Ok(answer::empty(StatusCode::ACCEPTED).with(CONTENT_DIGEST, digest))
    }
}

/// The first `length` bytes of a stream.
///
/// The last chunk is held back until the stream has ended well: a digest is checked only at the end, and a client that got
/// all bytes it was promised would never see the failure.
fn part_of(content: ByteStream, length: u64) -> impl Stream<Item = ocm_blob::Result<Bytes>> {
    let state = (content, None::<Bytes>, length);
    stream::unfold(state, |(mut content, mut held, mut left)| async move {
        loop {
            match content.next().await {
                Some(Ok(chunk)) if (chunk.len() as u64) <= left => {
                    left -= chunk.len() as u64;
                    if let Some(ready) = held.replace(chunk) {
                        return Some((Ok(ready), (content, held, left)));
                    }
                }
                // The rest was not asked for.
                Some(Ok(chunk)) => {
                    let last = chunk.slice(..std::mem::take(&mut left) as usize);
                    content = Box::pin(stream::empty());
                    let ready = if last.is_empty() { None } else { held.replace(last) };
                    if let Some(ready) = ready {
                        return Some((Ok(ready), (content, held, left)));
                    }
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "a blob could not be read to its end");
                    return Some((Err(error), (Box::pin(stream::empty()), None, 0)));
                }
                None => return held.take().map(|ready| (Ok(ready), (content, None, left))),
            }
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn cut(chunks: Vec<ocm_blob::Result<Bytes>>, length: u64) -> Vec<Option<Bytes>> {
        part_of(Box::pin(stream::iter(chunks)), length).map(Result::ok).collect().await
    }

    #[tokio::test]
    async fn the_end_is_cut_and_the_last_chunk_waits_for_the_check() {
        let chunks = || vec![Ok(Bytes::from("abc")), Ok(Bytes::from("def"))];
        assert_eq!(cut(chunks(), 6).await, [Some("abc".into()), Some("def".into())]);
        assert_eq!(cut(chunks(), 4).await, [Some("abc".into()), Some("d".into())]);
        assert_eq!(cut(chunks(), 3).await, [Some(Bytes::from("abc"))]);
        assert_eq!(cut(chunks(), 2).await, [Some(Bytes::from("ab"))]);
        let broken = vec![Ok(Bytes::from("abc")), Err(ocm_blob::Error::Archive("broken".into()))];
        assert_eq!(cut(broken, 3).await, [None]);
    }
}
