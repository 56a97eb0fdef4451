use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::SystemTime;

use ocm_http::{Client, Identity, Secret, Settings};
use ocm_model::DigestSpec;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::testing::{YEAR, extended_key_usage, issue, name};
use crate::{
    Algorithm, Certificate, Encoding, Error, Kind, PrivateKey, Result, RsaSigner, RsaVerifier, SignedDigest, Signer,
    TrustStore, Verifier as _, create_certificate, der, media_type,
};

fn digest(bytes: &[u8]) -> SignedDigest {
    let value = ocm_blob::hex::encode(bytes);
    SignedDigest::new(&DigestSpec { hash_algorithm: "SHA-256".into(), value, ..DigestSpec::default() }).unwrap()
}

/// An authority for everything.
struct World {
    root: Certificate,
    root_key: PrivateKey,
}

impl World {
    fn new() -> Self {
        let root_key = PrivateKey::generate(2048).unwrap();
        let root =
            create_certificate(&root_key, &name("root"), None, true, SystemTime::now() - YEAR, 3 * YEAR).unwrap();
        Self { root, root_key }
    }

    fn leaf(&self, common: &str, extensions: &[Vec<u8>]) -> (PrivateKey, Certificate) {
        let key = PrivateKey::generate(2048).unwrap();
        let certificate = issue(&key, common, (&self.root, &self.root_key), SystemTime::now() - YEAR, extensions);
        (key, certificate)
    }

    fn trust(&self) -> TrustStore {
        let mut trust = TrustStore::default();
        trust.add_anchors([self.root.clone()]);
        trust
    }

    fn signer(&self, algorithm: Algorithm) -> RsaSigner {
        let key = PrivateKey::generate(2048).unwrap();
        let issuer = Some((&self.root, &self.root_key));
        let leaf =
            create_certificate(&key, &name("signer"), issuer, false, SystemTime::now() - YEAR, 2 * YEAR).unwrap();
        RsaSigner { key, algorithm, encoding: Encoding::Pem, chain: vec![leaf, self.root.clone()], with_issuer: false }
    }
}

/// What a signing server does: the digest comes in, a signature in PEM form goes out.
fn answer(stream: &mut (impl Read + Write), signer: &RsaSigner) -> std::io::Result<()> {
    let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
    let body = loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        asked.extend_from_slice(&buffer[..read]);
        let end = asked.windows(4).position(|part| part == b"\r\n\r\n").map(|at| at + 4);
        if let Some(at) = end.filter(|at| asked.len() == at + 32) {
            break asked[at..].to_vec();
        }
    };
    let head = String::from_utf8_lossy(&asked).into_owned();
    let path = format!("POST /api/sign/{}?hashAlgorithm=SHA-256 ", signer.algorithm.name().to_lowercase());
    let (status, said) = if head.starts_with(&path) && head.to_lowercase().contains("accept: application/x-pem-file") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        ("200 OK", runtime.block_on(signer.sign(&digest(&body))).unwrap().value)
    } else {
        ("403 Forbidden", "not for you".into())
    };
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", said.len());
    stream.write_all(&[head.as_bytes(), said.as_bytes()].concat())?;
    stream.flush()
}

fn serve(handle: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(|stream| handle(stream.unwrap())));
    port
}

#[tokio::test]
async fn a_signing_server_is_asked_over_mutual_tls() {
    let world = World::new();
    // For 127.0.0.1, and for servers and clients alike.
    let address = der::sequence(&[
        &der::oid(&[0x55, 0x1d, 17]),
        &der::octets(&der::sequence(&[&der::element(0x87, &[127, 0, 0, 1])])),
    ]);
    let (server_key, server) = world.leaf("server", &[address]);
    let client_usage = extended_key_usage(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02], false);
    let (client_key, client) = world.leaf("client", &[client_usage]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(world.root.der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let server_key = PrivateKeyDer::from_pem_slice(server_key.to_pem().unwrap().reveal()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![CertificateDer::from(server.der().to_vec())], server_key)
        .unwrap();
    let (config, signer) = (Arc::new(config), world.signer(Algorithm::Pss));
    let port = serve(move |stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        // A client that shows nothing is turned away.
        let _ = answer(&mut StreamOwned::new(connection, stream), &signer);
    });
    let address = format!("https://127.0.0.1:{port}/api/");
    let ask = async |identity: Option<Identity>| {
        let settings = Settings {
            identity,
            certificate_authorities: vec![world.root.to_pem().into_bytes()],
            retry: ocm_http::Retry { max_retries: 0, ..ocm_http::Retry::default() },
            ..Settings::default()
        };
        let known = Known { roots: world.trust(), ..Known::default() };
        ServiceSigner::new(Client::new(settings), &address, Algorithm::Pss, known)
            .unwrap()
            .sign(&digest(&[7; 32]))
            .await
    };
    let key = Secret::new(client_key.to_pem().unwrap().reveal());
    let value = ask(Some(Identity { certificate: client.to_pem().into_bytes(), key })).await.unwrap();
    assert_eq!((value.media_type.as_str(), value.algorithm.as_str()), (media_type::PEM, "RSASSA-PSS"));
    assert_eq!(value.value.matches("BEGIN CERTIFICATE").count(), 1, "the root does not come along");
    let judge = RsaVerifier { trust: world.trust(), ..RsaVerifier::default() };
    judge.verify(&digest(&[7; 32]), &value, SystemTime::now()).unwrap();
    let refused = ask(None).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable, "{refused}");
}

#[tokio::test]
async fn what_a_server_answers_is_judged_before_it_is_stored() {
    let (world, other) = (World::new(), World::new());
    let signer = world.signer(Algorithm::Pkcs1V15);
    let right = signer.key.public_key();
    let port = serve(move |mut stream| answer(&mut stream, &signer).unwrap());
    let wrong = PrivateKey::generate(2048).unwrap().public_key();
    let ask = async |path: &str, algorithm, known| -> Result<_> {
        let client = Client::new(Settings::default());
        let address = format!("http://127.0.0.1:{port}{path}");
        ServiceSigner::new(client, &address, algorithm, known)?.sign(&digest(&[7; 32])).await
    };
    let known = |keys: Vec<_>, roots| Known { keys, roots, ..Known::default() };
    let all = TrustStore::default;
    ask("/api", Algorithm::Pkcs1V15, known(vec![right], world.trust())).await.unwrap();
    let fails = |result: Result<_>, reason: &str| {
        let error: Error = result.map(|_: ocm_model::descriptor::SignatureValue| ()).unwrap_err();
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    };
    fails(ask("/api", Algorithm::Pkcs1V15, known(vec![wrong], all())).await, "by the known key");
    fails(ask("/api", Algorithm::Pkcs1V15, known(vec![], other.trust())).await, "none of the trusted roots");
    fails(ask("/api", Algorithm::Pss, known(vec![], all())).await, "not for you");
    let expected = Some(crate::Subject::parse("CN=somebody").unwrap());
    fails(ask("/api", Algorithm::Pkcs1V15, Known { subject: expected, ..Known::default() }).await, "is expected");
    for address in ["http://signing.example", "ftp://127.0.0.1", "signing.example"] {
        let client = Client::new(Settings::default());
        assert!(ServiceSigner::new(client, address, Algorithm::Pss, Known::default()).is_err(), "{address}");
    }
}

#[cfg(unix)]
mod command {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    /// A program that keeps its question and prints an answer.
    fn program(folder: &std::path::Path, answer: &str, status: u8) -> PathBuf {
        let path = folder.join("signer");
        std::fs::write(folder.join("answer"), answer).unwrap();
        let folder = folder.display();
        let text = format!("#!/bin/sh\ncat > '{folder}/question'\ncat '{folder}/answer'\nexit {status}\n");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_program_signs_and_its_answer_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate(2048).unwrap();
        let public = key.public_key();
        let signer =
            RsaSigner { key, algorithm: Algorithm::Pss, encoding: Encoding::Plain, chain: vec![], with_issuer: false };
        let good = serde_json::to_string(&signer.sign(&digest(&[7; 32])).await.unwrap()).unwrap();
        let ask = async |answer: &str, status, of: u8| {
            let program = program(folder.path(), answer, status);
            let known = Known { keys: vec![public.clone()], ..Known::default() };
            let signer = CommandSigner { program, arguments: vec!["a b".into()], algorithm: Algorithm::Pss, known };
            signer.sign(&digest(&[of; 32])).await
        };
        assert!(ask(&good, 0, 7).await.is_ok());
        let question: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.path().join("question")).unwrap()).unwrap();
        assert_eq!(question["algorithm"], "RSASSA-PSS");
        assert_eq!(question["digest"], serde_json::json!({"hashAlgorithm": "SHA-256", "value": "07".repeat(32)}));
        for (answer, status, of, reason) in [
            (good.as_str(), 0, 8, "by the known key"),
            (&good, 3, 7, "ended with"),
            ("", 0, 7, "no signature in JSON"),
            (&good.replace("RSASSA-PSS", "RSASSA-PKCS1-V1_5"), 0, 7, "was asked for"),
            (&good.replace("signature.rsa.pss", "signature.unknown"), 0, 7, "media type"),
            (&good[..good.len() - 4], 0, 7, "no signature in JSON"),
        ] {
            let error = ask(answer, status, of).await.unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}
