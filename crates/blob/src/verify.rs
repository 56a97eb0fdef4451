use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::{Algorithm, ByteStream, Digest, Digester, Error, Result};

/// Checks a stream while it is read: the size as soon as it is exceeded, size and digest at the end.
///
/// # Guarantees
/// The end of the returned stream (`None` after the last chunk) is reached only if every byte was right. Chunks pass
/// through before that, so whoever stores them must throw them away when the stream fails.
pub fn verified(stream: ByteStream, size: Option<u64>, digest: Option<Digest>) -> ByteStream {
    let digester = digest.as_ref().map(|digest| Digester::new(digest.algorithm()));
    Box::pin(Verified { stream, size, digest, digester, read: 0, ended: false })
}

struct Verified {
    stream: ByteStream,
    size: Option<u64>,
    digest: Option<Digest>,
    digester: Option<Digester>,
    read: u64,
    ended: bool,
}

impl Verified {
    fn take_in(&mut self, chunk: &Bytes) -> Result<()> {
        self.read += chunk.len() as u64;
        if let Some(expected) = self.size.filter(|size| self.read > *size) {
            return Err(Error::SizeMismatch { expected, actual: self.read });
        }
        if let Some(digester) = &mut self.digester {
            digester.update(chunk);
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<()> {
        if let Some(expected) = self.size.filter(|size| self.read != *size) {
            return Err(Error::SizeMismatch { expected, actual: self.read });
        }
        if let (Some(digester), Some(expected)) = (self.digester.take(), self.digest.take()) {
            let actual = digester.finish();
            if actual != expected {
                return Err(Error::DigestMismatch { expected: expected.into(), actual: actual.into() });
            }
        }
        Ok(())
    }
}

impl Stream for Verified {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match self.stream.poll_next_unpin(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => self.take_in(&chunk).map(|()| Some(chunk)),
            Poll::Ready(Some(Err(error))) => Err(error),
            Poll::Ready(None) => self.check_end().map(|()| None),
        };
        self.ended = !matches!(item, Ok(Some(_)));
        Poll::Ready(item.transpose())
    }
}

/// Reads a whole stream into memory, at most `limit` bytes. `what` names it in the error.
pub async fn read_to_end(mut stream: ByteStream, limit: u64, what: &str) -> Result<Bytes> {
    let mut content = BytesMut::new();
    while let Some(chunk) = stream.next().await.transpose()? {
        if content.len() as u64 + chunk.len() as u64 > limit {
            return Err(Error::TooLarge { what: what.to_owned(), limit });
        }
        if content.is_empty() {
            // Most small things come as one chunk; nothing is copied then if the stream ends here.
            match stream.next().await.transpose()? {
                None => return Ok(chunk),
                Some(second) => {
                    if chunk.len() as u64 + second.len() as u64 > limit {
                        return Err(Error::TooLarge { what: what.to_owned(), limit });
                    }
                    content.extend_from_slice(&chunk);
                    content.extend_from_slice(&second);
                }
            }
        } else {
            content.extend_from_slice(&chunk);
        }
    }
    Ok(content.freeze())
}

/// What a stream turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Digest of everything read.
    pub digest: Digest,
    /// Bytes read.
    pub size: u64,
}

/// Digest and size of a stream that somebody else reads; for content whose digest is known only at its end.
#[derive(Clone, Debug, Default)]
pub struct Measure(Arc<Mutex<Option<Measured>>>);

impl Measure {
    /// Wraps a stream; when it has ended without an error, [`Measure::result`] tells what it was.
    pub fn watch(algorithm: Algorithm, stream: ByteStream) -> (ByteStream, Self) {
        let measure = Self::default();
        let slot = measure.clone();
        let state = (stream, Some(Digester::new(algorithm)), 0_u64, slot);
        let watched = futures_util::stream::unfold(state, |(mut stream, mut digester, mut size, slot)| async move {
            match stream.next().await {
                Some(Ok(chunk)) => {
                    size += chunk.len() as u64;
                    if let Some(digester) = &mut digester {
                        digester.update(&chunk);
                    }
                    Some((Ok(chunk), (stream, digester, size, slot)))
                }
                Some(Err(error)) => Some((Err(error), (stream, None, size, slot))),
                None => {
                    if let Some(digester) = digester {
                        let measured = Measured { digest: digester.finish(), size };
                        *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(measured);
                    }
                    None
                }
            }
        });
        (Box::pin(watched), measure)
    }

    /// What the stream was; `None` until it has ended well.
    pub fn result(&self) -> Option<Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::once;

    async fn read(size: Option<u64>, digest: Option<Digest>) -> Result<Bytes> {
        read_to_end(verified(once("content"), size, digest), 100, "content").await
    }

    #[tokio::test]
    async fn lets_only_the_promised_bytes_through() {
        assert_eq!(read(Some(7), Some(Digest::of("content"))).await.unwrap(), "content");
        assert!(matches!(read(Some(8), None).await, Err(Error::SizeMismatch { expected: 8, actual: 7 })));
        assert!(matches!(read(Some(6), None).await, Err(Error::SizeMismatch { expected: 6, .. })));
        assert!(matches!(read(None, Some(Digest::of("other"))).await, Err(Error::DigestMismatch { .. })));
    }

    #[tokio::test]
    async fn a_limit_is_an_error_not_a_cut() {
        assert!(matches!(read_to_end(once("content"), 6, "x").await, Err(Error::TooLarge { limit: 6, .. })));
    }

    #[tokio::test]
    async fn measures_what_passes() {
        let (stream, measure) = Measure::watch(Algorithm::Sha256, once("content"));
        assert_eq!(measure.result(), None);
        read_to_end(stream, 100, "x").await.unwrap();
        assert_eq!(measure.result(), Some(Measured { digest: Digest::of("content"), size: 7 }));
    }
}
