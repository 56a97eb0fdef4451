//! One request on a connection of its own, whose content the system takes from a file (`sendfile`) and moves into it.
//!
//! That works where nothing changes the bytes on their way: over plain HTTP, straight to the host.
//!
//! The protocol is spoken by the same library as everywhere else. It is given stand-ins for the content, and where it hands
//! them to the connection, so many bytes of the file go there instead.

use std::fs::File;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::header::{ACCEPT, HOST, USER_AGENT};
use ::http::{HeaderValue, Uri};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hyper::service::Service as _;
use hyper_util::client::legacy::connect::{Connection as _, HttpConnector};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use url::Position;

use crate::file::read_at;
use crate::request::BodyStream;
use crate::{Error, Kind, Request, Result};

/// What stands for content of a file until it reaches the connection. It is known by its address and never sent.
static STAND_IN: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; 256 * 1024]));

/// Most bytes that go at once. The thread may have to wait for the disk meanwhile, so it should not be for long.
const AT_ONCE: usize = 1 << 20;

/// What is read and sent where the file system cannot move content by itself.
const READ: usize = 64 * 1024;

/// How long what was sent may stay unacknowledged before the system gives a connection up: as on all other connections.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How connections are made.
pub(crate) struct Connecting {
    pub(crate) timeout: Duration,
    pub(crate) keep_alive: Option<Duration>,
    /// Probes before a silent connection is given up.
    pub(crate) probes: u32,
}

/// The part of a file that is sent.
pub(crate) struct Part {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// Whether a buffer stands for content of a file.
fn stands_for_content(buffer: &[u8]) -> bool {
    STAND_IN.as_ptr_range().contains(&buffer.as_ptr())
}

/// As many stand-ins as there are bytes.
pub(crate) fn stand_ins(passing: BodyStream) -> BodyStream {
    Box::pin(passing.flat_map(|chunk| {
        let mut left = match &chunk {
            Ok(chunk) => chunk.len(),
            Err(_) => 0,
        };
        let pieces = std::iter::from_fn(move || {
            let piece = STAND_IN.slice(..left.min(STAND_IN.len()));
            left -= piece.len();
            (!piece.is_empty()).then_some(Ok(piece))
        });
        stream::iter(pieces.chain(chunk.err().map(Err)))
    }))
}

/// Sends a request whose content is a stream of stand-ins for `part`.
pub(crate) async fn send(
    request: &Request,
    user_agent: &str,
    content: reqwest::Body,
    part: Part,
    connecting: Connecting,
) -> Result<reqwest::Response> {
    let url = &request.url;
    let invalid = |error: ::http::Error| Error::new(Kind::Invalid, url, error);
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    let mut message = ::http::Request::builder()
        .method(request.method.clone())
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, host.map_err(|error| invalid(error.into()))?)
        .header(USER_AGENT, user_agent)
        .header(ACCEPT, "*/*")
        .body(content)
        .map_err(invalid)?;
    for (name, value) in &request.headers {
        message.headers_mut().insert(name, value.clone());
    }
    message.headers_mut().insert(::http::header::CONTENT_LENGTH, part.length.into());

    let to: Uri = url[..Position::AfterPort].parse().map_err(|error: ::http::uri::InvalidUri| invalid(error.into()))?;
    let connection = connect(url, to, &connecting).await?;
    let connected = connection.connected();
    let broken = |error: hyper::Error| Error::interrupted(url, &error);
    let connection = Connection { stream: connection.into_inner(), part };
    let mut protocol = hyper::client::conn::http1::Builder::new();
    // Content is known by its address: it must be handed over where it is, and not be copied behind the head.
    let (mut sender, driver) = protocol.writev(true).handshake(TokioIo::new(connection)).await.map_err(broken)?;
    // Ends with the answer, or as soon as nobody waits for it any more; what went wrong is said by the answer.
    tokio::spawn(driver);
    let mut answer = sender.send_request(message).await.map_err(broken)?;
    connected.get_extras(answer.extensions_mut());
    Ok(answer.map(reqwest::Body::wrap).into())
}

async fn connect(url: &url::Url, to: Uri, connecting: &Connecting) -> Result<TokioIo<TcpStream>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connecting.timeout));
    connector.set_keepalive(connecting.keep_alive);
    connector.set_keepalive_interval(connecting.keep_alive);
    connector.set_keepalive_retries(connecting.keep_alive.map(|_| connecting.probes));
    connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    match tokio::time::timeout(connecting.timeout, TowerToHyperService::new(connector).call(to)).await {
        Ok(connected) => connected.map_err(|error| Error::unconnected(url, &error)),
        Err(_) => Err(Error::new(Kind::Connect, url, "no connection within the time limit")),
    }
}

/// A connection that sends a part of a file wherever it is given stand-ins.
struct Connection {
    stream: TcpStream,
    part: Part,
}

impl Connection {
    /// Sends at most so many bytes of the file.
    fn poll_content(&mut self, context: &mut Context<'_>, count: usize) -> Poll<io::Result<usize>> {
        let left = usize::try_from(self.part.length).unwrap_or(usize::MAX);
        let count = count.min(AT_ONCE).min(left);
        let sent = loop {
            ready!(self.stream.poll_write_ready(context))?;
            let mut offset = self.part.offset;
            let send = || Ok(rustix::fs::sendfile(&self.stream, &*self.part.file, Some(&mut offset), count)?);
            match self.stream.try_io(Interest::WRITABLE, send) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Ok(sent) if sent > 0 => break sent,
                // The file has ended, or cannot be moved, or the connection broke: reading and writing tells.
                _ => break ready!(self.poll_read_content(context, count))?,
            }
        };
        self.part.offset += sent as u64;
        self.part.length -= sent as u64;
        Poll::Ready(Ok(sent))
    }

    fn poll_read_content(&mut self, context: &mut Context<'_>, count: usize) -> Poll<io::Result<usize>> {
        let content = match read_at(&self.part.file, self.part.offset, count.min(READ)) {
            Ok(content) => content,
            Err(error) => {
                let reason = format!("the file cannot be read to the end of the content: {error}");
                return Poll::Ready(Err(io::Error::new(error.kind(), reason)));
            }
        };
        Pin::new(&mut self.stream).poll_write(context, &content)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let is_content = |buffer: &&IoSlice<'_>| buffer.is_empty() || stands_for_content(buffer);
        let content = buffers.iter().take_while(is_content).map(|buffer| buffer.len()).sum();
        if content > 0 {
            return self.poll_content(context, content);
        }
        let head = buffers.iter().take_while(|buffer| buffer.is_empty() || !stands_for_content(buffer)).count();
        // A head has no zeros, and stand-ins have nothing else: were they ever copied, they would be sent in the place of the
        // content.
        if buffers[..head].iter().any(|buffer| buffer.contains(&0)) {
            return Poll::Ready(Err(io::Error::other("what stands for the content of a file was copied")));
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, &buffers[..head])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn copies_of_stand_ins_are_not_sent() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let part = Part { file: Arc::new(tempfile::tempfile().unwrap()), offset: 0, length: 8 };
        let mut connection = Connection { stream, part };
        connection.write_all(b"PUT / HTTP/1.1\r\n\r\n").await.unwrap();
        connection.write_all(&[0; 8]).await.unwrap_err();
    }
}
