//! Between streams, which are polled, and readers, which block.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::{ByteStream, Error, Result, read_in_background};

/// Chunks that may wait between the stream and the reader.
const CHUNKS_AHEAD: usize = 4;

/// A stream as a blocking reader, for use on a thread that may block.
///
/// The end of the reader is the end of the stream. If whoever feeds it goes away before that, reading fails: a stream
/// that was given up must never look like one that is complete.
pub(crate) struct StreamReader {
    receiver: mpsc::Receiver<Option<Result<Bytes>>>,
    current: Bytes,
    ended: bool,
}

/// Feeds a reader; ends when it is dropped.
pub(crate) struct Feed(AbortHandle);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A reader of the stream, and what keeps it fed.
pub(crate) fn reader(mut stream: ByteStream) -> (StreamReader, Feed) {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let feeding = tokio::spawn(async move {
        while let Some(chunk) = stream.next().await {
            if sender.send(Some(chunk)).await.is_err() {
                return;
            }
        }
        let _ = sender.send(None).await;
    });
    (StreamReader { receiver, current: Bytes::new(), ended: false }, Feed(feeding.abort_handle()))
}

impl Read for StreamReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Some(chunk)) => self.current = chunk.map_err(io::Error::other)?,
                Some(None) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "reading was given up")),
            }
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// Sends a stream through a blocking reader on a thread of its own.
pub(crate) fn through<R: Read>(
    stream: ByteStream,
    wrap: impl FnOnce(StreamReader) -> R + Send + 'static,
) -> ByteStream {
    let (reader, feed) = reader(stream);
    let output = read_in_background(move || Ok(wrap(reader)));
    Box::pin(futures_util::stream::unfold((output, feed), |(mut output, feed)| async move {
        let chunk = output.next().await?;
        Some((chunk, (output, feed)))
    }))
}

/// Runs blocking work that reads a stream.
///
/// If the returned future is dropped, the work sees an error at its next read.
pub(crate) async fn consume<T: Send + 'static>(
    stream: ByteStream,
    work: impl FnOnce(StreamReader) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (reader, _feed) = reader(stream);
    tokio::task::spawn_blocking(move || work(reader)).await.map_err(|error| Error::Io(io::Error::other(error)))?
}
