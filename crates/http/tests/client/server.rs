//! A server that answers as a test tells it to, and the settings of a client in a hurry.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocm_http::{Method, Request, Retry, Settings, Timeouts, Url};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers connection number n with `answer(n, request)` and closes it.
pub(crate) struct Server {
    pub(crate) url: Url,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Self {
        Self::start_at(0, answer).await
    }

    pub(crate) async fn start_at(port: u16, answer: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (asked, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let log = asked.clone();
        let task = tokio::spawn(async move {
            for number in 0.. {
                let (mut socket, _) = listener.accept().await.unwrap();
                let (log, answer) = (log.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    loop {
                        let read = socket.read(&mut buffer).await.unwrap_or(0);
                        request.extend_from_slice(&buffer[..read]);
                        if read == 0 || is_whole(&request) {
                            break;
                        }
                    }
                    let request = String::from_utf8_lossy(&request).to_lowercase();
                    log.lock().unwrap().push(request.clone());
                    let text = answer(number, &request);
                    if text.is_empty() {
                        // Accepted, and silent from then on.
                        tokio::time::sleep(Duration::from_hours(1)).await;
                    }
                    let _ = socket.write_all(text.as_bytes()).await;
                });
            }
        });
        Self { url, asked, task }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Whether head and content of a request are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, content)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if head.contains("chunked") { content.ends_with("0\r\n\r\n") } else { content.len() >= length.unwrap_or(0) }
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

pub(crate) fn settings() -> Settings {
    let retry = Retry { min_wait: Duration::from_millis(1), max_wait: Duration::from_millis(2), ..Retry::default() };
    let short = Duration::from_millis(200);
    let timeouts = Timeouts { connect: short, answer: short, commit: short, stall: short, ..Timeouts::default() };
    Settings { retry, timeouts, ..Settings::default() }
}

pub(crate) fn get(url: &Url) -> Request {
    Request::new(Method::GET, url.clone())
}
