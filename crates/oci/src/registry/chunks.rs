//! Blobs in pieces, for registries that take nothing else.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::Fuse;
use ocm_blob::{Blob, ByteStream, Digest, Measured};
use ocm_http::{Body, HeaderValue, Method, Request, header};

use super::RemoteRepository;
use super::checking::Check;
use super::upload::{Rest, Step, content_range};
use super::upload_session::Session;
use crate::{Error, Kind, Result, media_type};

/// Largest piece in bytes, whatever a registry asks for: it is held in memory.
const PIECE_LIMIT: usize = 128 << 20;

impl RemoteRepository {
    /// `PATCH` for each piece the registry does not have yet, then `PUT`. One piece at a time is in memory.
    pub(super) async fn send_in_pieces(
        &self,
        session: &mut Session,
        content: &dyn Blob,
        digest: Option<&Digest>,
        check: Check,
        measured: &mut Option<Measured>,
    ) -> Result<Step> {
        let size = self.connection().options.chunk.max(session.chunk_min as usize).clamp(1, PIECE_LIMIT);
        let Rest { stream, whole, .. } = self.rest(content, digest, session.received, check, None).await?;
        let mut pieces = Pieces { stream: stream.fuse(), size, rest: Bytes::new() };
        while let Some(piece) = pieces.next().await.map_err(Error::blob(self.subject()))? {
            let last = session.received + piece.len() as u64 - 1;
            let request = Request::new(Method::PATCH, session.location.clone())
                .header(header::CONTENT_TYPE, HeaderValue::from_static(media_type::OCTETS))
                .header(header::CONTENT_RANGE, content_range(session.received, last))
                .body(Body::Bytes(piece));
            let step = match self.step(request.clone()).await? {
                Step::Renewed => self.step(request).await?,
                step => step,
            };
            let Step::Taken(response) = step else { return Ok(step) };
            let next = self.session(&response, Some(session))?;
            // Some registries keep the last piece only, and say so (seen with GHCR).
            if next.received != 0 && next.received != last + 1 {
                let reason = format!("has {} bytes after {} were sent", next.received, last + 1);
                return Ok(Step::Lost(self.error(Kind::Invalid, reason)));
            }
            *session = Session { received: last + 1, ..next };
        }
        let whole = measured.insert(whole.result().ok_or_else(|| self.ended_early())?);
        self.close(session, &whole.digest).await
    }
}

/// A stream cut into pieces of the same size, the last one smaller.
struct Pieces {
    stream: Fuse<ByteStream>,
    size: usize,
    rest: Bytes,
}

impl Pieces {
    async fn next(&mut self) -> ocm_blob::Result<Option<Bytes>> {
        let mut piece = BytesMut::new();
        loop {
            let room = self.size - piece.len();
            let taken = self.rest.split_to(self.rest.len().min(room));
            piece.extend_from_slice(&taken);
            if piece.len() == self.size {
                return Ok(Some(piece.freeze()));
            }
            match self.stream.next().await.transpose()? {
                Some(chunk) => self.rest = chunk,
                None if piece.is_empty() => return Ok(None),
                None => return Ok(Some(piece.freeze())),
            }
        }
    }
}
