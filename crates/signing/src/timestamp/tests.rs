use std::sync::Arc;

use ocm_http::{Client, Settings};
use ocm_model::DigestSpec;
use ocm_model::descriptor::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::testing::{Authority, Usage};
use super::token::LABEL;
use super::*;
use crate::certificate::Certificate;
use crate::testing::{YEAR, name};
use crate::{
    Algorithm, Encoding, Kind, PemBlock, PrivateKey, RsaSigner, RsaVerifier, SignedDigest, Signer as _, TrustStore,
    Verifier as _, create_certificate, der,
};

fn digest(of: &str) -> SignedDigest {
    SignedDigest::new(&DigestSpec { hash_algorithm: "SHA-256".into(), value: of.repeat(32), ..DigestSpec::default() })
        .unwrap()
}

fn verifier(root: &Certificate) -> TimestampVerifier {
    let mut trust = TrustStore::default();
    trust.add_anchors([root.clone()]);
    TimestampVerifier { trust, ..TimestampVerifier::default() }
}

fn stamp(value: String) -> Timestamp {
    Timestamp { value, ..Timestamp::default() }
}

#[test]
fn a_timestamp_says_when_and_who_says_so() {
    let authority = Authority::new(Usage::Right);
    let value = stamp(authority.pem(&digest("ab"), None));
    let stamped = verifier(&authority.root).verify(&digest("ab"), &value).unwrap();
    let apart = authority.time.duration_since(stamped.time).unwrap();
    assert!(apart.as_secs() == 0 && stamped.authority == "CN=time" && stamped.root == "CN=time root");
}

#[test]
fn nothing_that_should_fail_passes() {
    let authority = Authority::new(Usage::Right);
    let (right, other) = (digest("ab"), digest("cd"));
    let fails = |verifier: &TimestampVerifier, value: String, reason: &str| {
        let error = verifier.verify(&right, &stamp(value)).unwrap_err();
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    };
    let trusting = verifier(&authority.root);
    fails(&trusting, authority.pem(&other, None), "another digest");
    fails(&trusting, String::new(), "one PEM block");
    fails(&trusting, authority.pem(&right, None).repeat(2), "one PEM block");
    // The time was changed after it was signed.
    let changed = authority.token(&right, None, |mut content| {
        let last = content.len() - 2;
        content[last] ^= 1;
        content
    });
    fails(&trusting, PemBlock::new(LABEL, changed).write(), "not the one that was signed");
    // Its certificate came along, but nobody named it.
    fails(&TimestampVerifier::default(), authority.pem(&right, None), "no root is known");
    fails(&verifier(&Authority::new(Usage::Right).root), authority.pem(&right, None), "none of the trusted roots");
    for usage in [Usage::NotCritical, Usage::Other] {
        let wrong = Authority::new(usage);
        fails(&verifier(&wrong.root), wrong.pem(&right, None), "not meant for timestamps");
    }
    let ahead = Authority { time: std::time::SystemTime::now() + YEAR, ..Authority::new(Usage::Right) };
    fails(&verifier(&ahead.root), ahead.pem(&right, None), "from the future");
    let early = Authority { time: std::time::SystemTime::now() - 10 * YEAR, ..Authority::new(Usage::Right) };
    fails(&verifier(&early.root), early.pem(&right, None), "valid only from");
}

#[test]
fn every_changed_byte_is_noticed() {
    let authority = Authority::new(Usage::Right);
    let (trusting, right) = (verifier(&authority.root), digest("ab"));
    let token = authority.token(&right, None, |content| content);
    let mut passed = Vec::new();
    for position in 0..token.len() {
        let mut changed = token.clone();
        changed[position] ^= 0x04;
        if trusting.verify(&right, &stamp(PemBlock::new(LABEL, changed).write())).is_ok() {
            passed.push(position);
        }
    }
    // Version numbers, the list of hashes and the name of the signer are data beside what was signed.
    let beside = b"not looked at".len() + 40;
    assert!(passed.len() <= beside, "{passed:?}");
    for length in 0..token.len() {
        let cut = stamp(PemBlock::new(LABEL, &token[..length]).write());
        assert!(trusting.verify(&right, &cut).is_err(), "{length}");
    }
}

#[tokio::test]
async fn an_expired_certificate_counts_as_of_the_timestamp() {
    let authority = Authority::new(Usage::Right);
    let (root_key, key) = (PrivateKey::generate(2048).unwrap(), PrivateKey::generate(2048).unwrap());
    let from = std::time::SystemTime::now() - 2 * YEAR;
    let root = create_certificate(&root_key, &name("root"), None, true, from, 20 * YEAR).unwrap();
    let leaf = create_certificate(&key, &name("release"), Some((&root, &root_key)), false, from, YEAR * 3 / 2).unwrap();
    let signer =
        RsaSigner { key, algorithm: Algorithm::Pss, encoding: Encoding::Pem, chain: vec![leaf], with_issuer: false };
    let value = signer.sign(&digest("ab")).await.unwrap();
    let mut rsa = RsaVerifier::default();
    rsa.trust.add_anchors([root]);
    let late = rsa.verify(&digest("ab"), &value, std::time::SystemTime::now()).unwrap_err();
    assert!(late.to_string().contains("expired"), "{late}");
    let stamped = verifier(&authority.root).verify(&digest("ab"), &stamp(authority.pem(&digest("ab"), None))).unwrap();
    rsa.verify(&digest("ab"), &value, stamped.time).unwrap();
}

/// Serves answers to queries; `answer` gets the query and makes the response.
async fn serve(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
            let body = loop {
                let read = socket.read(&mut buffer).await.unwrap();
                asked.extend_from_slice(&buffer[..read]);
                let end = asked.windows(4).position(|part| part == b"\r\n\r\n").map(|at| at + 4);
                // A query is one sequence of fewer than 128 bytes.
                let whole =
                    |at: &usize| asked.get(at + 1).is_some_and(|length| asked.len() == at + 2 + usize::from(*length));
                if let Some(at) = end.filter(whole) {
                    break asked[at..].to_vec();
                }
                assert_ne!(read, 0);
            };
            let said = answer(&body);
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", said.len());
            socket.write_all(&[head.as_bytes(), &said].concat()).await.unwrap();
        }
    });
    url
}

fn granted(token: &[u8]) -> Vec<u8> {
    let oid = der::oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]);
    let wrapped = der::sequence(&[&oid, &der::element(0xa0, token)]);
    der::sequence(&[&der::sequence(&[&der::unsigned(&[0])]), &wrapped])
}

/// The number that has to come back: before the wish for certificates, which is last.
fn nonce(query: &[u8]) -> Vec<u8> {
    query[query.len() - 11..query.len() - 3].to_vec()
}

#[tokio::test]
async fn a_timestamp_is_asked_for_and_judged_before_it_is_stored() {
    let authority = Arc::new(Authority::new(Usage::Right));
    let client = Client::new(Settings::default());
    let right = digest("ab");
    let ask = async |url: String, verifier: TimestampVerifier| {
        TimestampAuthority::new(client.clone(), &url).unwrap().stamp(&digest("ab"), &verifier).await
    };
    let one = authority.clone();
    let url = serve(move |query| granted(&one.token(&digest("ab"), Some(&nonce(query)), |content| content))).await;
    let stored = ask(url.clone(), verifier(&authority.root)).await.unwrap();
    assert!(stored.value.starts_with("-----BEGIN TIMESTAMP INFO-----\n") && stored.time.is_some());
    verifier(&authority.root).verify(&right, &stored).unwrap();
    ask(url.clone(), TimestampVerifier::default()).await.unwrap();
    let other = ask(url, verifier(&Authority::new(Usage::Right).root)).await.unwrap_err();
    assert_eq!(other.kind(), Kind::Untrusted, "{other}");

    let one = authority.clone();
    let url = serve(move |query| granted(&one.token(&digest("cd"), Some(&nonce(query)), |content| content))).await;
    assert!(ask(url, TimestampVerifier::default()).await.unwrap_err().to_string().contains("another digest"));
    let one = authority.clone();
    let url = serve(move |_| granted(&one.token(&digest("ab"), Some(&[9; 8]), |content| content))).await;
    assert!(ask(url, TimestampVerifier::default()).await.unwrap_err().to_string().contains("another question"));
    let url = serve(|_| der::sequence(&[&der::sequence(&[&der::unsigned(&[2])])])).await;
    assert!(ask(url, TimestampVerifier::default()).await.unwrap_err().to_string().contains("refuses"));
    assert!(TimestampAuthority::new(client, "ftp://a").is_err());
}
