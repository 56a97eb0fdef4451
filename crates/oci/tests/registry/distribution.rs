//! The registry client against Docker's own registry, where that is installed.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use ocm_blob::{Blob, ByteStream, Digest, FileBlob, MemoryBlob, read_to_end};
use ocm_http::{Client, Retry, Settings};
use ocm_oci::{
    Anonymous, Descriptor, Document, Endpoint, Kind, Manifest, Pushed, Registry as _, RemoteRegistry, Repository as _,
    Selector, media_type,
};

const PROGRAM: &str = "/usr/bin/docker-registry";

/// A registry that ends with the test.
struct Distribution {
    child: Child,
    _folder: tempfile::TempDir,
    address: String,
}

impl Distribution {
    async fn start() -> Option<Self> {
        Self::start_with("").await
    }

    /// `tls` is a line of the configuration's section `http`.
    async fn start_with(tls: &str) -> Option<Self> {
        if !std::path::Path::new(PROGRAM).exists() {
            eprintln!("skipped: {PROGRAM} is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let configuration = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
             http: {{addr: '{address}'{tls}}}\n",
            folder.path().join("data").display()
        );
        std::fs::File::create(&configuration).unwrap().write_all(text.as_bytes()).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg(&configuration).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Self { child: command.spawn().unwrap(), _folder: folder, address };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(&started.address).await.is_ok() {
                return Some(started);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{PROGRAM} does not listen at {}", started.address);
    }

    fn client(&self) -> RemoteRegistry {
        let retry = Retry { min_wait: Duration::from_millis(5), ..Retry::default() };
        let client = Client::new(Settings { retry, ..Settings::default() });
        let (endpoint, _) = Endpoint::parse(&format!("http://{}", self.address)).unwrap();
        RemoteRegistry::new(client, endpoint, "base", Arc::new(Anonymous))
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Content that hides its size, its digest, or both.
struct Shy {
    content: Bytes,
    size: bool,
}

#[async_trait]
impl Blob for Shy {
    fn size(&self) -> Option<u64> {
        self.size.then_some(self.content.len() as u64)
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let parts: Vec<_> = self.content.chunks(100_000).map(Bytes::copy_from_slice).collect();
        Ok(Box::pin(futures_util::stream::iter(parts).map(Ok)))
    }
}

fn noise(bytes: usize) -> Bytes {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn image(config: &Descriptor, layer: &Descriptor, subject: Option<&Descriptor>) -> Manifest {
    let mut document = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": [layer],
    });
    if let Some(subject) = subject {
        document["subject"] = serde_json::to_value(subject).unwrap();
    }
    Manifest::write(&document, media_type::MANIFEST).unwrap()
}

#[tokio::test]
async fn an_image_goes_there_and_back() {
    let Some(server) = Distribution::start().await else { return };
    let (registry, again) = (server.client(), server.client());
    let repository = registry.remote_repository("product/image");
    assert_eq!(repository.tags().await.unwrap(), Vec::<String>::new());

    let (config, _) = repository.push_blob(&MemoryBlob::new("{}")).await.unwrap();
    let content = noise(3_000_000);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("layer"), &content).unwrap();
    let layer = FileBlob::whole(folder.path().join("layer")).unwrap().with_digest(Digest::of(&content));
    let (layer, how) = repository.push_blob(&layer).await.unwrap();
    assert_eq!((how, layer.size), (Pushed::Sent, 3_000_000));
    let manifest = image(&config, &layer, None);
    repository.push_manifest(&manifest, Some("v1")).await.unwrap();
    repository.push_manifest(&manifest, None).await.unwrap();

    let fresh = again.repository("product/image");
    assert_eq!(fresh.tags().await.unwrap(), ["v1"]);
    assert_eq!(again.repositories().await.unwrap(), ["product/image"]);
    let by_tag = Selector::parse("v1");
    assert_eq!(fresh.resolve(&by_tag).await.unwrap().unwrap(), manifest.descriptor());
    assert_eq!(fresh.manifest(&by_tag).await.unwrap(), manifest);
    assert_eq!(fresh.resolve(&Selector::parse("v2")).await.unwrap(), None);
    assert_eq!(fresh.manifest(&Selector::parse("v2")).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(fresh.blob_size(&layer.digest).await.unwrap(), Some(3_000_000));
    let read = read_to_end(fresh.blob(&layer.digest, 0).await.unwrap(), 4 << 20, "layer").await.unwrap();
    assert_eq!(read, content);
    let read = read_to_end(fresh.blob(&layer.digest, 2_999_990).await.unwrap(), 4 << 20, "layer").await.unwrap();
    assert_eq!(read, content.slice(2_999_990..));
    let read = read_to_end(fresh.blob(&layer.digest, 3_000_000).await.unwrap(), 4 << 20, "layer").await.unwrap();
    assert!(read.is_empty());
    assert_eq!(fresh.blob(&Digest::of("missing"), 0).await.err().unwrap().kind(), Kind::NotFound);

    assert!(again.repository("other").mount(&layer.digest, "product/image").await.unwrap());
    assert!(!again.repository("other").mount(&Digest::of("missing"), "product/image").await.unwrap());
    assert_eq!(again.repository("other").blob_size(&layer.digest).await.unwrap(), Some(3_000_000));

    assert!(fresh.delete_manifest(&Selector::Digest(manifest.digest().clone())).await.unwrap());
    assert!(!fresh.delete_manifest(&Selector::Digest(manifest.digest().clone())).await.unwrap());
    assert!(fresh.delete_blob(&layer.digest).await.unwrap());
    assert!(!fresh.delete_blob(&layer.digest).await.unwrap());
}

#[tokio::test]
async fn content_of_unknown_size_or_digest() {
    let Some(server) = Distribution::start().await else { return };
    let repository = server.client().remote_repository("shy");
    for (bytes, size) in [(0, true), (0, false), (1, true), (1, false), (1_234_567, true), (2_345_678, false)] {
        let content = noise(bytes);
        let (descriptor, how) = repository.push_blob(&Shy { content: content.clone(), size }).await.unwrap();
        assert_eq!((descriptor.digest.clone(), how), (Digest::of(&content), Pushed::Sent), "{bytes} {size}");
        let read = read_to_end(repository.blob(&descriptor.digest, 0).await.unwrap(), 4 << 20, "blob").await.unwrap();
        assert_eq!(read, content);
    }
    let empty = MemoryBlob::new("");
    assert_eq!(server.client().repository("empty").push_blob(&empty).await.unwrap().0.size, 0);
}

#[tokio::test]
async fn referrers_without_an_interface_for_them() {
    let Some(server) = Distribution::start().await else { return };
    let repository = server.client().remote_repository("subject");
    let (config, _) = repository.push_blob(&MemoryBlob::new("{}")).await.unwrap();
    let subject = image(&config, &config, None);
    repository.push_manifest(&subject, Some("v1")).await.unwrap();
    let mut expected = Vec::new();
    for content in ["one", "two"] {
        let (layer, _) = repository.push_blob(&MemoryBlob::new(content)).await.unwrap();
        let referrer = image(&config, &layer, Some(&subject.descriptor()));
        repository.push_manifest(&referrer, None).await.unwrap();
        expected.push(referrer.digest().clone());
    }
    let found = server.client().repository("subject").referrers(subject.digest()).await.unwrap();
    assert_eq!(found.iter().map(|referrer| referrer.digest.clone()).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|referrer| referrer.artifact_type.as_deref() == Some(media_type::OCTETS)));
    let tag = format!("sha256-{}", subject.digest().hex());
    let list = repository.manifest(&Selector::Tag(tag)).await.unwrap();
    assert!(matches!(list.document().unwrap(), Document::Index(index) if index.manifests == found));
}

#[tokio::test]
async fn a_private_certificate_authority() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]);
    openssl.args([
        "-subj",
        "/CN=test",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    if !openssl.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let tls = format!(", tls: {{certificate: {certificate}, key: {key}}}");
    let Some(server) = Distribution::start_with(&tls).await else { return };
    let tags = async |scheme: &str, settings: Settings| {
        let (endpoint, _) = Endpoint::parse(&format!("{scheme}://{}", server.address)).unwrap();
        RemoteRegistry::new(Client::new(settings), endpoint, "", Arc::new(Anonymous)).repository("a").tags().await
    };
    let retry = Retry { max_retries: 1, min_wait: Duration::from_millis(1), ..Retry::default() };
    let untold = Settings { retry, ..Settings::default() };
    let error = tags("https", untold.clone()).await.unwrap_err();
    assert!(error.to_string().contains("certificate is not trusted"), "{error}");
    assert_eq!((error.kind(), error.advice()), (Kind::Unavailable, None), "{error}");
    let told = Settings { certificate_authorities: vec![std::fs::read(&certificate).unwrap()], ..untold.clone() };
    assert_eq!(tags("https", told).await.unwrap(), Vec::<String>::new());
    let insecure = Settings { insecure_hosts: [server.address.clone()].into(), ..untold.clone() };
    assert_eq!(tags("https", insecure).await.unwrap(), Vec::<String>::new());
    let error = tags("http", untold).await.unwrap_err();
    assert!(error.to_string().contains("write https://"), "{error}");
}
