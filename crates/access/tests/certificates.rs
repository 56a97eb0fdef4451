//! Certificates that credentials hold: shown to the host they are for, and to nobody else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use ocm_model::TypedObject;
use ocm_oci::Kind;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use support::{Network, chart, open, read};

const AUTHORITY: &str = include_str!("../../testkit/certificates/ca.pem");
const SERVER: (&str, &str) =
    (include_str!("../../testkit/certificates/server.pem"), include_str!("../../testkit/certificates/server.key"));
const CLIENT: (&str, &str) =
    (include_str!("../../testkit/certificates/client.pem"), include_str!("../../testkit/certificates/client.key"));

/// A web server that talks only to those who show a certificate of the authority. An answer that begins with `https` is a
/// redirect. Gives its address.
fn server(files: BTreeMap<String, Vec<u8>>) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(SERVER.0.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(SERVER.1.as_bytes()).unwrap();
    let config = Arc::new(config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (config, files) = (config.clone(), files.clone());
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
                let mut request = [0; 4096];
                let Ok(length) = stream.read(&mut request) else { return };
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let found = files.get(text.split(' ').nth(1).unwrap_or_default());
                let head = match found {
                    None => "404 Not Found\r\n".to_owned(),
                    Some(to) if to.starts_with(b"https") => {
                        format!("302 Found\r\nlocation: {}\r\n", String::from_utf8_lossy(to))
                    }
                    Some(_) => "200 OK\r\n".to_owned(),
                };
                let body = found.filter(|_| head.starts_with("200")).cloned().unwrap_or_default();
                let head = format!("HTTP/1.1 {head}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    address
}

fn page(address: &str, path: &str) -> TypedObject {
    TypedObject::new("wget/v1").with("url", format!("{address}{path}")).with("mediaType", "text/plain")
}

#[tokio::test]
async fn credentials_for_web_servers_may_be_a_certificate() {
    let address = server([("/page".to_owned(), b"hello".to_vec())].into());
    let all = [("certificate", CLIENT.0), ("privateKey", CLIENT.1), ("certificateAuthority", AUTHORITY)];
    let content = open(&page(&address, "/page"), &Network::knowing("Wget", &all)).await.unwrap();
    assert_eq!(read(content).await.unwrap().0, b"hello");
    // Beside user and password, too.
    let both = [&all[..], &[("username", "me"), ("password", "pw")]].concat();
    assert!(open(&page(&address, "/page"), &Network::knowing("Wget", &both)).await.is_ok());
    for without in 0..all.len() {
        let parts: Vec<_> = all.iter().enumerate().filter(|(n, _)| *n != without).map(|(_, part)| *part).collect();
        let error = open(&page(&address, "/page"), &Network::knowing("Wget", &parts)).await.err().unwrap();
        assert!(!error.to_string().contains("BEGIN"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_does_not_follow_a_redirect_to_somebody_else() {
    let other = server([("/page".to_owned(), b"hello".to_vec())].into());
    let address = server(
        [("/away".to_owned(), format!("{other}/page").into_bytes()), ("/here".to_owned(), b"hello".to_vec())].into(),
    );
    let all = [("certificate", CLIENT.0), ("privateKey", CLIENT.1), ("certificateAuthority", AUTHORITY)];
    let network = Network::knowing("Wget", &all);
    assert!(open(&page(&address, "/here"), &network).await.is_ok());
    let error = open(&page(&address, "/away"), &network).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
}

#[tokio::test]
async fn credentials_for_charts_may_be_files_with_a_certificate() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/certificates");
    let file = |name: &str| format!("{folder}/{name}");
    let address = server(
        [
            (
                "/stable/index.yaml".to_owned(),
                b"apiVersion: v1\nentries:\n  app:\n  - {version: 1.2.0, urls: [app-1.2.0.tgz]}\n".to_vec(),
            ),
            ("/stable/app-1.2.0.tgz".to_owned(), chart("app", "1.2.0")),
        ]
        .into(),
    );
    let access = TypedObject::new("helm/v1")
        .with("helmRepository", format!("{address}/stable"))
        .with("helmChart", "app:1.2.0")
        .with("caCert", AUTHORITY);
    let (certificate, key) = (file("client.pem"), file("client.key"));
    for parts in [
        [("certFile", certificate.as_str()), ("keyFile", key.as_str())],
        [("certData", CLIENT.0), ("keyData", CLIENT.1)],
        [("certificate", CLIENT.0), ("privateKey", CLIENT.1)],
    ] {
        let opened = open(&access, &Network::knowing("HelmChartRepository", &parts)).await;
        assert!(opened.is_ok(), "{:?}: {}", parts[0].0, opened.err().unwrap());
    }
    assert!(open(&access, &Network::default()).await.is_err());
    let missing = Network::knowing("HelmChartRepository", &[("certFile", "/nowhere/x.pem"), ("keyFile", &key)]);
    let error = open(&access, &missing).await.err().unwrap().to_string();
    assert!(error.contains("certFile /nowhere/x.pem"), "{error}");
}
