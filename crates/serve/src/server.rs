use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ocm_oci::UploadRegistry;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::{Api, Options};

/// Connections served at once; more wait in the queue of the operating system.
const CONNECTIONS: usize = 512;

/// How long a client may take for the head of a request, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// How long requests under way may take to end once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// How long a client may go on sending after it was told that nobody listens.
const LINGER: Duration = Duration::from_secs(5);

/// Whoever answers requests. [`Api`] does; something in between may look at them or change them.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. A [`Connection`] is among its extensions.
    async fn handle(&self, request: Request<Body>) -> Response<Body>;
}

/// The connection of a request.
#[derive(Clone, Debug)]
pub struct Connection(AbortHandle);

impl Connection {
    /// Breaks the connection off without another byte.
    pub fn abort(&self) {
        self.0.abort();
    }
}

/// Listens on an address and answers over HTTP/1.1.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    handler: Arc<dyn Handler>,
    api: Option<Api>,
}

impl Server {
    /// Takes an address (port 0: any free port) to serve a registry on.
    ///
    /// # Errors
    /// The address cannot be resolved or is taken.
    pub async fn bind(
        address: impl ToSocketAddrs,
        registry: Arc<dyn UploadRegistry>,
        options: Options,
    ) -> io::Result<Self> {
        let api = Api::new(registry, options);
        let server = Self::bind_handler(address, Arc::new(api.clone())).await?;
        Ok(Self { api: Some(api), ..server })
    }

    /// The same for another way to answer requests.
    pub async fn bind_handler(address: impl ToSocketAddrs, handler: Arc<dyn Handler>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, handler, api: None })
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `until` is done; requests under way then have a few seconds to end.
    pub async fn run(self, until: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut until = std::pin::pin!(until);
        let mut sweep = tokio::time::interval(Duration::from_mins(1));
        loop {
            let accept = async {
                let slot = slots.clone().acquire_owned().await;
                (self.listener.accept().await, slot)
            };
            tokio::select! {
                () = &mut until => break,
                _ = sweep.tick() => if let Some(api) = &self.api { api.expire_uploads() },
                Some(_) = connections.join_next() => {}
                (accepted, slot) = accept => match accepted {
                    Ok((stream, _)) => {
                        let (tell, own) = oneshot::channel();
                        let connection = connect(stream, self.handler.clone(), own, stopping.clone());
                        let handle = connections.spawn(async move {
                            connection.await;
                            drop(slot);
                        });
                        let _ = tell.send(handle);
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: those in use will come free.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        drop(self.listener);
        let _ = stop.send(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, ended).await;
        connections.shutdown().await;
    }
}

/// Everything that happens on one connection; `own` is the handle of the task it runs in.
async fn connect(
    stream: TcpStream,
    handler: Arc<dyn Handler>,
    own: oneshot::Receiver<AbortHandle>,
    mut stopping: watch::Receiver<bool>,
) {
    // Answers come in two writes, head and body; waiting for the client's acknowledgement in between costs 40 ms each.
    let _ = stream.set_nodelay(true);
    let Ok(own) = own.await else { return };
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let handler = handler.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Connection(own.clone()));
        async move { Ok::<_, Infallible>(handler.handle(request).await) }.boxed()
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let (ended, stopped) = tokio::select! {
        ended = poll_fn(|context| connection.poll_without_shutdown(context)) => (ended, false),
        _ = stopping.changed() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (poll_fn(|context| connection.poll_without_shutdown(context)).await, true)
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    if !stopped {
        let stream = connection.into_parts().io.into_inner();
        tokio::select! {
            _ = stopping.changed() => {}
            _ = tokio::time::timeout(LINGER, close(stream)) => {}
        }
    }
}

/// Closes a connection so that the client gets the last answer.
///
/// A client that is still sending a body which was refused before its end would get a reset instead, which destroys the
/// answer on its way. So its bytes are taken and dropped until it has seen that nobody listens any more.
async fn close(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}
