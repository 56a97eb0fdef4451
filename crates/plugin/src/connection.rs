//! One request to a running plugin: HTTP over a socket of this machine, which is the one kind of connection that does not go
//! through the shared HTTP client. It leads to a program that this one started, never to a network.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::address::Address;

/// Largest answer in bytes: descriptors have at most 16 MiB.
const LARGEST_ANSWER: usize = 16 << 20;

/// Longest text of a failure that is shown, in characters.
const SHOWN: usize = 2000;

/// A request without its destination.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: &'a str,
    pub(crate) body: Option<Bytes>,
    /// Credentials as JSON: the protocol puts them there. They are as open as the socket is.
    pub(crate) authorization: Option<String>,
    /// How long the whole may take.
    pub(crate) patience: Duration,
}

/// Why there is no good answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody answers, or not in time.
    Unanswered(String),
    /// The answer is a refusal.
    Refused(StatusCode, String),
    /// The answer is not what HTTP has, or too large.
    Broken(String),
}

/// Asks, and gives the body of a good answer.
pub(crate) async fn ask(address: &Address, question: Question<'_>) -> Result<Bytes, Failure> {
    let patience = question.patience;
    let asked = async {
        match address {
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                exchange(stream.map_err(|error| Failure::Unanswered(error.to_string()))?, question).await
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(Failure::Broken("it listens on a socket, which this system does not have".into())),
            Address::Tcp(address) => {
                let stream = tokio::net::TcpStream::connect(address).await;
                exchange(stream.map_err(|error| Failure::Unanswered(error.to_string()))?, question).await
            }
        }
    };
    let late = |_| Failure::Unanswered(format!("no answer within {} s", patience.as_secs()));
    tokio::time::timeout(patience, asked).await.map_err(late)?
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    question: Question<'_>,
) -> Result<Bytes, Failure> {
    let unanswered = |error: hyper::Error| Failure::Unanswered(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unanswered)?;
    let mut request = Request::builder()
        .method(question.method)
        .uri(question.path)
        .header(header::HOST, "unix")
        .header(header::CONNECTION, "close")
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(text) = question.authorization {
        let mut value = header::HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| Failure::Broken("the credentials for it hold characters that cannot be sent".into()))?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    let request = request.body(Full::new(question.body.unwrap_or_default()));
    let request = request.map_err(|error| Failure::Broken(error.to_string()))?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(unanswered)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => Failure::Broken(format!("its answer is larger than {LARGEST_ANSWER} bytes")),
            None => Failure::Unanswered(error.to_string()),
        })?;
        Ok((status, body.to_bytes()))
    };
    let (status, body) = tokio::select! {
        biased;
        answer = answered => answer?,
        // The connection makes the answer come; by itself it ends only when there is none to be had.
        result = async { let ended = connection.await; std::future::pending::<()>().await; ended } => {
            return Err(Failure::Unanswered(result.err().map(|error| error.to_string()).unwrap_or_default()));
        }
    };
    if status.is_success() {
        return Ok(body);
    }
    let text: String = String::from_utf8_lossy(&body).trim().chars().take(SHOWN).collect();
    Err(Failure::Refused(status, text))
}
