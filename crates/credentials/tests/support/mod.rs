//! A web server of a test's own, and a place for files.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "not every test file needs everything")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use ocm_config::{Configuration, Document};
use ocm_credentials::{Credentials, DockerSources, Found, Resolver, Sources};
use ocm_http::{Addresses, Client, Retry, Settings};
use ocm_model::Identity;

/// What a server was asked: method, target, host, headers, content.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A field of the form that was sent.
    pub fn field(&self, name: &str) -> String {
        let url = ocm_http::Url::parse(&format!("http://x/?{}", self.body)).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }
}

/// A server on this machine that remembers what it was asked.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers with a status and a text.
    pub async fn start(answer: impl Fn(&Asked) -> (u16, String) + Clone + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (log, answer) = (log.clone(), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
                let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let asked = Asked {
                    line: format!("{} {}", head.method, head.uri),
                    headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
                    body: String::from_utf8(bytes.to_vec()).unwrap(),
                };
                let (status, text) = answer(&asked);
                log.lock().unwrap().push(asked);
                Response::builder().status(status).body(Body::from(text)).unwrap()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

/// Leads every name to this machine.
#[derive(Debug)]
struct Here;

impl ocm_http::Resolver for Here {
    fn addresses(&self, _host: &str) -> Addresses {
        Box::pin(async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) })
    }
}

/// A client for which every host is this machine.
pub fn client() -> Client {
    Client::new(Settings { retry: Retry::never(), resolver: Some(Arc::new(Here)), ..Settings::default() })
}

/// A folder with files.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Credentials as a configuration file in this folder has them.
    pub fn sources(&self, text: &str) -> Sources {
        let text = format!("type: credentials.config.ocm.software/v1\n{text}");
        let path = self.file("c.yaml", &text);
        let document = Document::read(path.to_str().unwrap(), &text).unwrap();
        Sources {
            configured: Configuration::new([document]).credentials().unwrap(),
            docker: DockerSources::default(),
            environment: BTreeMap::new(),
            home: Some(self.0.path().to_owned()),
        }
    }

    pub fn resolver(&self, text: &str) -> Resolver {
        Resolver::new(self.sources(text), client())
    }

    /// Where something is found, without the folder.
    pub fn short(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// A consumer: `type key=value …`.
pub fn consumer(text: &str) -> Identity {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.split_whitespace().filter_map(|part| part.split_once('='));
    [("type", kind)].into_iter().chain(rest).collect()
}

pub fn user(found: Option<Found>) -> String {
    match found.and_then(|found| found.properties.registry()) {
        Some(Credentials::Basic { username, password }) => format!("{username}:{}", password.reveal()),
        Some(Credentials::IdentityToken(token)) => format!("identity {}", token.reveal()),
        Some(Credentials::AccessToken(token)) => format!("access {}", token.reveal()),
        None => "nobody".into(),
    }
}
