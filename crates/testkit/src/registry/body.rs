//! Content on its way, counted and damaged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, future, stream};
use ocm_serve::{Body, Connection};

use super::record::Entry;

type Chunk = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Time for bytes to leave this machine before their connection is broken.
const FLUSH: Duration = Duration::from_millis(30);

fn chunks(body: Body) -> impl Stream<Item = Chunk> + Send {
    body.into_data_stream().map(|chunk| chunk.map_err(Into::into))
}

/// Counts what passes.
pub(super) fn counted(body: Body, entry: Arc<Entry>, counter: fn(&Entry) -> &AtomicU64) -> Body {
    Body::from_stream(chunks(body).inspect(move |chunk| {
        if let Ok(chunk) = chunk {
            counter(&entry).fetch_add(chunk.len() as u64, Ordering::AcqRel);
        }
    }))
}

/// Breaks a connection, and returns when it is gone: an answer to whoever reads the content could leave before.
async fn hang_up(connection: Option<&Connection>) {
    if let Some(connection) = connection {
        connection.abort();
        tokio::time::sleep(FLUSH).await;
    }
}

/// Passes so many bytes, then breaks the connection.
pub(super) fn cut(body: Body, bytes: u64, connection: Option<Connection>) -> Body {
    let end = stream::once(async move {
        tokio::time::sleep(FLUSH).await;
        hang_up(connection.as_ref()).await;
        Err("the connection was cut".into())
    });
    Body::from_stream(first(body, bytes).chain(end))
}

/// Passes so many bytes; breaks the connection when there are more.
pub(super) fn at_most(body: Body, bytes: u64, connection: Option<Connection>) -> Body {
    let state = (Box::pin(chunks(body)), bytes, connection);
    Body::from_stream(stream::unfold(state, |(mut chunks, left, connection)| async move {
        let chunk = chunks.next().await?;
        let size = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if size > left {
            hang_up(connection.as_ref()).await;
            return Some((Err("too much at once".into()), (chunks, 0, connection)));
        }
        Some((chunk, (chunks, left - size, connection)))
    }))
}

/// Keeps everything back for a while, then passes it at once.
pub(super) fn held(body: Body, time: Duration) -> Body {
    let first = stream::once(async move {
        tokio::time::sleep(time).await;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Bytes::new())
    });
    Body::from_stream(first.chain(chunks(body)))
}

/// Passes so many bytes, then nothing, for ever.
pub(super) fn stalled(body: Body, bytes: u64) -> Body {
    Body::from_stream(first(body, bytes).chain(stream::once(future::pending())))
}

/// Passes all but the last bytes.
pub(super) fn shortened(body: Body, length: u64) -> Body {
    Body::from_stream(first(body, length))
}

fn first(body: Body, bytes: u64) -> impl Stream<Item = Chunk> + Send {
    let state = (Box::pin(chunks(body)), bytes);
    stream::unfold(state, |(mut chunks, left)| async move {
        if left == 0 {
            return None;
        }
        let mut chunk = chunks.next().await?;
        if let Ok(chunk) = &mut chunk {
            chunk.truncate(left as usize);
        }
        let taken = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Some((chunk, (chunks, left - taken)))
    })
}

/// Pauses before every piece.
pub(super) fn slowed(body: Body, pause: Duration) -> Body {
    const PIECE: usize = 16 * 1024;
    let pieces = chunks(body).flat_map(|chunk| {
        let pieces: Vec<Chunk> = match chunk {
            Ok(mut chunk) => {
                let mut pieces = Vec::new();
                while chunk.len() > PIECE {
                    pieces.push(Ok(chunk.split_to(PIECE)));
                }
                pieces.push(Ok(chunk));
                pieces
            }
            Err(error) => vec![Err(error)],
        };
        stream::iter(pieces)
    });
    Body::from_stream(pieces.then(move |piece| async move {
        tokio::time::sleep(pause).await;
        piece
    }))
}

/// Changes the byte at a position.
pub(super) fn corrupted(body: Body, position: u64) -> Body {
    let mut passed = 0;
    Body::from_stream(chunks(body).map(move |chunk| {
        let chunk = chunk?;
        let at = position.checked_sub(passed).map(|at| at as usize).filter(|at| *at < chunk.len());
        passed += chunk.len() as u64;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(match at {
            Some(at) => {
                let mut changed = BytesMut::from(&chunk[..]);
                changed[at] ^= 0x20;
                changed.freeze()
            }
            None => chunk,
        })
    }))
}
