//! A web server of a test's own, and sources that reach it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "not every test file needs everything"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use ocm_access::{Content, Properties, Sources};
use ocm_blob::read_to_end;
use ocm_model::{Descriptor, Identity, TypedObject};
use ocm_oci::{ImageReference, MemoryRegistry, Registry, Repository};
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};

/// What a test server was asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    /// Path with query.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// A server on this machine that remembers what it was asked.
pub struct Server {
    pub address: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts one that answers with `answer`, which gets the address of the server too.
    pub async fn new(answer: impl Fn(&str, &Asked) -> Response<Body> + Clone + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (own, log) = (address.clone(), asked.clone());
        let router = Router::new().fallback(move |request: Request| {
            let (own, log, answer) = (own.clone(), log.clone(), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
                    (name.to_string(), value.to_str().unwrap_or_default().to_owned())
                };
                let asked = Asked {
                    method: head.method.to_string(),
                    target: head.uri.to_string(),
                    headers: head.headers.iter().map(header).collect(),
                    body: axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec(),
                };
                let answer = answer(&own, &asked);
                log.lock().unwrap().push(asked);
                answer
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked }
    }

    /// Starts one with fixed answers by path; everything else does not exist.
    pub async fn with(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files: Arc<BTreeMap<String, Vec<u8>>> = Arc::new(files.into_iter().collect());
        Self::new(move |_, asked| match files.get(&asked.target) {
            Some(content) => Response::new(Body::from(content.clone())),
            None => status(404),
        })
        .await
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.target.clone()).collect()
    }
}

pub fn status(code: u16) -> Response<Body> {
    Response::builder().status(code).body(Body::empty()).unwrap()
}

/// The network as tests see it: all images in one registry in memory, the web, and credentials by type of consumer.
pub struct Network {
    pub images: MemoryRegistry,
    pub known: BTreeMap<String, Properties>,
    client: ocm_http::Client,
}

impl Default for Network {
    fn default() -> Self {
        let retry = ocm_http::Retry { min_wait: Duration::from_millis(1), ..ocm_http::Retry::default() };
        let client = ocm_http::Client::new(ocm_http::Settings { retry, ..ocm_http::Settings::default() });
        Self { images: MemoryRegistry::new(), known: BTreeMap::new(), client }
    }
}

impl Network {
    pub fn through(settings: ocm_http::Settings) -> Self {
        Self { client: ocm_http::Client::new(settings), ..Self::default() }
    }

    pub fn knowing(kind: &str, parts: &[(&str, &str)]) -> Self {
        let known = BTreeMap::from([(kind.to_owned(), parts.iter().copied().collect())]);
        Self { known, ..Self::default() }
    }
}

#[async_trait]
impl Sources for Network {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, ocm_oci::Error> {
        Ok(self.images.repository(&reference.repository()))
    }

    fn http(&self) -> Option<ocm_http::Client> {
        Some(self.client.clone())
    }

    /// A text was signed by whoever it names, up to where it ends.
    async fn signed_text(&self, message: &[u8], keyring: &[u8]) -> Result<String, ocm_oci::Error> {
        let text = String::from_utf8_lossy(message);
        let signed = text.split("-----END-----").next().unwrap_or_default();
        let by = format!("by: {}\n", String::from_utf8_lossy(keyring));
        let refuse = || ocm_oci::Error::invalid("keyring", "not by one of these keys");
        signed.contains(&by).then(|| signed.to_owned()).ok_or_else(refuse)
    }

    async fn credentials(&self, consumer: &Identity) -> Result<Option<Properties>, ocm_oci::Error> {
        Ok(consumer.0.get("type").and_then(|kind| self.known.get(kind)).cloned())
    }
}

/// A component version that content can belong to.
pub async fn version() -> ComponentVersion {
    let target = ComponentRepository::new(Arc::new(MemoryRegistry::new()), "");
    let mut descriptor = Descriptor::default();
    descriptor.component.name = "acme.org/x".into();
    descriptor.component.version = "1.0.0".into();
    let staged = target.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    target.publish(vec![staged]).await.unwrap();
    target.get("acme.org/x", "1.0.0").await.unwrap()
}

pub async fn open(access: &TypedObject, network: &Network) -> Result<Content, ocm_oci::Error> {
    Ok(ocm_access::open(access, &version().await, network).await?.expect("a type that is known"))
}

/// All bytes of a blob, and what it is.
pub async fn read(content: Content) -> Result<(Vec<u8>, String), ocm_blob::Error> {
    let Content::Blob { blob, media_type } = content else { panic!("a blob") };
    Ok((read_to_end(blob.open().await?, 1 << 30, "content").await?.to_vec(), media_type))
}

/// A packed chart.
pub fn chart(name: &str, version: &str) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut builder = tar::Builder::new(gzip);
    let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: 1.10\n");
    for (path, content) in [("Chart.yaml", metadata.as_str()), ("values.yaml", "a: b\n")] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, format!("{name}/{path}"), content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}
