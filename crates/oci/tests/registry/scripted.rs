//! A server that answers as a test tells it to, and remembers what it was asked.
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode};
use ocm_http::{Client, Retry, Settings, Timeouts};
use ocm_oci::{Authenticator, Credentials, Endpoint, RemoteOptions, RemoteRegistry};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    /// What arrived of the content; less than announced if the connection broke.
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `METHOD target`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// The server; ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server. `answer` is called once the whole request has arrived.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Response + Clone + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let service = axum::Router::new().fallback(move |request: Request| {
            let (log, answer) = (log.clone(), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let mut content = Vec::new();
                let mut stream = body.into_data_stream();
                while let Some(Ok(chunk)) = stream.next().await {
                    content.extend_from_slice(&chunk);
                }
                let asked = Asked {
                    method: parts.method.to_string(),
                    target: parts.uri.path_and_query().unwrap().to_string(),
                    headers: parts.headers,
                    body: content.into(),
                };
                log.lock().unwrap().push(asked.clone());
                answer(&asked)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, asked, task }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// All requests so far as lines; forgets them.
    pub(crate) fn lines(&self) -> String {
        self.asked.lock().unwrap().drain(..).fold(String::new(), |mut lines, asked| {
            let _ = writeln!(lines, "{}", asked.line());
            lines
        })
    }

    pub(crate) fn registry(&self) -> RemoteRegistry {
        self.registry_for(Nobody)
    }

    pub(crate) fn registry_for(&self, authenticator: impl Authenticator + 'static) -> RemoteRegistry {
        let (endpoint, _) = Endpoint::parse(&format!("http://{}", self.address)).unwrap();
        RemoteRegistry::with_options(client(), endpoint, "", Arc::new(authenticator), options())
    }

    /// A client that tries so many times more.
    pub(crate) fn registry_with_retries(&self, max_retries: u32) -> RemoteRegistry {
        let settings = client().settings().clone();
        let client = Client::new(Settings { retry: Retry { max_retries, ..settings.retry }, ..settings });
        let (endpoint, _) = Endpoint::parse(&format!("http://{}", self.address)).unwrap();
        RemoteRegistry::new(client, endpoint, "", Arc::new(Nobody))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn client() -> Client {
    let retry = Retry { min_wait: Duration::from_millis(2), max_wait: Duration::from_millis(10), ..Retry::default() };
    let timeouts =
        Timeouts { stall: Duration::from_millis(300), answer: Duration::from_secs(2), ..Timeouts::default() };
    Client::new(Settings { retry, timeouts, ..Settings::default() })
}

pub(crate) fn options() -> RemoteOptions {
    RemoteOptions { chunk: 1000, pages: 20, ..RemoteOptions::default() }
}

pub(crate) use ocm_oci::Anonymous as Nobody;

/// Has the user `me` with the password `canary` everywhere, and counts how often it is asked.
#[derive(Clone, Default)]
pub(crate) struct Me(pub(crate) Arc<Mutex<Vec<Wanted>>>);

/// Host and repository for which credentials were wanted.
pub(crate) type Wanted = (String, Option<String>);

#[async_trait]
impl Authenticator for Me {
    async fn credentials(&self, host: &str, repository: Option<&str>) -> ocm_oci::Result<Option<Credentials>> {
        self.0.lock().unwrap().push((host.to_owned(), repository.map(str::to_owned)));
        Ok(Some(Credentials::Basic { username: "me".into(), password: "canary".into() }))
    }
}

/// Has one kind of credentials everywhere.
pub(crate) struct With(pub(crate) Credentials);

#[async_trait]
impl Authenticator for With {
    async fn credentials(&self, _host: &str, _repository: Option<&str>) -> ocm_oci::Result<Option<Credentials>> {
        Ok(Some(self.0.clone()))
    }
}

/// `me:canary` as a header.
pub(crate) const ME: &str = "Basic bWU6Y2FuYXJ5";

/// An answer with headers and content.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// The first `bytes` of some content, then a broken connection.
pub(crate) fn cut(content: &Bytes, bytes: usize) -> Body {
    let parts: Vec<Result<Bytes, std::io::Error>> =
        vec![Ok(content.slice(..bytes.min(content.len()))), Err(std::io::Error::other("cut"))];
    // Between the two, so that what was sent has left before the connection is torn down.
    Body::from_stream(futures_util::stream::iter(parts).then(|part| async {
        if part.is_err() {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        part
    }))
}
