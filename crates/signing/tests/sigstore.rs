//! Sigstore: signing with an instance of our own, both forms, and what must not verify.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::path::Path;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_model::descriptor::SignatureValue;
use ocm_model::digest::HashAlgorithm;
use ocm_model::{Descriptor, DigestSpec};
use ocm_signing::sigstore::{
    ExpectedSigner, Form, IdentityToken, Match, Services, SigstoreKey, SigstoreSigner, SigstoreVerifier, TrustedRoot,
    Unpublished, algorithm,
};
use ocm_signing::{Evidence, Kind, Secret, SignedDigest, Signer as _, Verifier as _};
use ocm_testkit::sigstore::{Fault, Sigstore};
use serde_json::{Value, json};

const WHO: &str = "release@acme.org";
const ISSUER: &str = "https://accounts.acme.org";

fn digest(byte: &str, hash: HashAlgorithm) -> SignedDigest {
    let length = if hash == HashAlgorithm::Sha256 { 32 } else { 64 };
    SignedDigest::new(&DigestSpec::new(hash, "jsonNormalisation/v4alpha1", byte.repeat(length))).unwrap()
}

fn sha256(byte: &str) -> SignedDigest {
    digest(byte, HashAlgorithm::Sha256)
}

fn signer(instance: &Sigstore, form: Form) -> SigstoreSigner {
    let mut settings = ocm_http::Settings::default();
    settings.retry.max_retries = 0;
    SigstoreSigner {
        client: ocm_http::Client::new(settings),
        services: Services::read(instance.signing_config().as_bytes()).unwrap(),
        token: IdentityToken::read(&Secret::new(Sigstore::token(WHO, ISSUER)), SystemTime::now()).unwrap(),
        trusted_root: TrustedRoot::read(instance.trusted_root().as_bytes()).unwrap(),
        form,
    }
}

fn expecting(identity: &str, issuer: &str) -> ExpectedSigner {
    ExpectedSigner { identity: Match::Exact(identity.into()), issuer: Match::Exact(issuer.into()) }
}

fn trusting(instance: &Sigstore) -> SigstoreVerifier {
    SigstoreVerifier {
        trusted_root: TrustedRoot::read(instance.trusted_root().as_bytes()).unwrap(),
        expected: Some(expecting(WHO, ISSUER)),
        keys: Vec::new(),
        private_infrastructure: false,
        minimum_bits: 0,
    }
}

fn refused(verifier: &SigstoreVerifier, digest: &SignedDigest, value: &SignatureValue) -> (Kind, String) {
    let error = verifier.verify(digest, value, SystemTime::now()).unwrap_err();
    (error.kind(), error.to_string())
}

/// The same signature with something else in its document.
fn changed(value: &SignatureValue, change: impl FnOnce(&mut Value)) -> SignatureValue {
    let mut document: Value = serde_json::from_slice(&STANDARD.decode(&value.value).unwrap()).unwrap();
    change(&mut document);
    SignatureValue { value: STANDARD.encode(document.to_string()), ..value.clone() }
}

#[tokio::test]
async fn bundles_verify_for_their_digest_signer_and_instance_only() {
    let instance = Sigstore::start(Fault::None);
    for digest in [sha256("ab"), digest("ab", HashAlgorithm::Sha512)] {
        let value = signer(&instance, Form::Bundle).sign(&digest).await.unwrap();
        assert_eq!(value.algorithm, "Sigstore/v1alpha1");
        assert_eq!(value.media_type, "application/vnd.dev.sigstore.bundle.v0.3+json");
        assert!(value.issuer.is_none());
        let verified = trusting(&instance).verify(&digest, &value, SystemTime::now()).unwrap();
        let Evidence::Identity { identity, issuer, time, logged } = verified.evidence() else { panic!("{verified:?}") };
        assert_eq!((identity.as_str(), issuer.as_str(), *logged), (WHO, ISSUER, true));
        assert!(time.is_some());
    }
    let value = signer(&instance, Form::Bundle).sign(&sha256("ab")).await.unwrap();
    assert_eq!(refused(&trusting(&instance), &sha256("ac"), &value).0, Kind::Rejected);
    let other = trusting(&Sigstore::start(Fault::None));
    assert_eq!(refused(&other, &sha256("ab"), &value).0, Kind::Rejected);
    let public = SigstoreVerifier { trusted_root: TrustedRoot::public().unwrap(), ..trusting(&instance) };
    assert_eq!(refused(&public, &sha256("ab"), &value).0, Kind::Rejected);
    for (who, issuer) in [("other@acme.org", ISSUER), (WHO, "https://accounts.evil.example"), ("", ISSUER)] {
        let verifier = SigstoreVerifier { expected: Some(expecting(who, issuer)), ..trusting(&instance) };
        assert_eq!(refused(&verifier, &sha256("ab"), &value).0, Kind::Untrusted, "{who} {issuer}");
    }
    let nobody = SigstoreVerifier { expected: None, ..trusting(&instance) };
    let (kind, reason) = refused(&nobody, &sha256("ab"), &value);
    assert!(kind == Kind::MissingKey && reason.contains("--certificate-identity"), "{reason}");
    // The algorithm has another name in older signatures; the media type decides.
    let older = SignatureValue { algorithm: algorithm::KEY_ENTRY.into(), ..value };
    assert!(trusting(&instance).verify(&sha256("ab"), &older, SystemTime::now()).is_ok());
}

#[tokio::test]
async fn changed_bundles_are_refused() {
    let instance = Sigstore::start(Fault::None);
    let value = signer(&instance, Form::Bundle).sign(&sha256("ab")).await.unwrap();
    let other = signer(&instance, Form::Bundle).sign(&sha256("ac")).await.unwrap();
    let other: Value = serde_json::from_slice(&STANDARD.decode(&other.value).unwrap()).unwrap();
    let entry = |bundle: &Value| bundle["verificationMaterial"]["tlogEntries"][0].clone();
    let cases: Vec<(&str, SignatureValue)> = vec![
        (
            "an entry of another signature",
            changed(&value, |bundle| {
                bundle["verificationMaterial"]["tlogEntries"][0] = entry(&other);
            }),
        ),
        ("no entry", changed(&value, |bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]))),
        (
            "a later time",
            changed(&value, |bundle| {
                bundle["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = json!("1");
            }),
        ),
        (
            "no promise",
            changed(&value, |bundle| {
                bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionPromise");
            }),
        ),
        (
            "no proof",
            changed(&value, |bundle| {
                bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionProof");
            }),
        ),
        (
            "another certificate",
            changed(&value, |bundle| {
                bundle["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"].clone();
            }),
        ),
        (
            "a key in place of the certificate",
            changed(&value, |bundle| {
                let material = bundle["verificationMaterial"].as_object_mut().unwrap();
                material.remove("certificate");
                material.insert("publicKey".into(), json!({"hint": "x"}));
            }),
        ),
        ("another signature", changed(&value, |bundle| bundle["messageSignature"] = other["messageSignature"].clone())),
        ("no base64", SignatureValue { value: "!".into(), ..value.clone() }),
        ("cut", SignatureValue { value: value.value[..value.value.len() / 8 * 4].into(), ..value.clone() }),
        ("empty", SignatureValue { value: String::new(), ..value.clone() }),
    ];
    for (what, value) in cases {
        assert!(trusting(&instance).verify(&sha256("ab"), &value, SystemTime::now()).is_err(), "{what}");
    }
    let text = String::from_utf8(STANDARD.decode(&value.value).unwrap()).unwrap();
    let twice = text.replacen('{', "{\"mediaType\":\"x\",", 1);
    let twice = SignatureValue { value: STANDARD.encode(twice), ..value };
    assert!(refused(&trusting(&instance), &sha256("ab"), &twice).1.contains("duplicate member"));
}

#[tokio::test]
async fn log_entries_of_the_older_program_are_made_and_judged() {
    let instance = Sigstore::start(Fault::None);
    let signer = signer(&instance, Form::CertificateEntry);
    let value = signer.sign(&sha256("ab")).await.unwrap();
    assert_eq!(value.algorithm, "sigstore-v2");
    assert_eq!(value.media_type, "application/vnd.ocm.signature.sigstore");
    assert!(trusting(&instance).verify(&sha256("ab"), &value, SystemTime::now()).is_ok());
    assert_eq!(refused(&trusting(&instance), &sha256("ac"), &value).0, Kind::Rejected);
    let stranger = SigstoreVerifier { expected: Some(expecting("x@acme.org", ISSUER)), ..trusting(&instance) };
    assert_eq!(refused(&stranger, &sha256("ab"), &value).0, Kind::Untrusted);
    assert_eq!(signer.sign(&digest("ab", HashAlgorithm::Sha512)).await.unwrap_err().kind(), Kind::Unsupported);
    let both = changed(&value, |entries| {
        let entry = entries.as_object().unwrap().values().next().unwrap().clone();
        entries["another"] = entry;
    });
    assert_eq!(refused(&trusting(&instance), &sha256("ab"), &both).0, Kind::Rejected);
    assert!(Form::of_algorithm("sigstore").unwrap_err().to_string().contains("sigstore-v2"));
}

#[tokio::test]
async fn logs_of_the_second_kind_leave_the_time_to_an_authority() {
    let instance = Sigstore::start(Fault::None);
    let services = Services::read(instance.signing_config_v2().as_bytes()).unwrap();
    let signer = SigstoreSigner { services, ..signer(&instance, Form::Bundle) };
    let value = signer.sign(&sha256("ab")).await.unwrap();
    let verifier = trusting(&instance);
    verifier.verify(&sha256("ab"), &value, SystemTime::now()).unwrap();
    assert!(verifier.verify(&sha256("ac"), &value, SystemTime::now()).is_err());
    let timeless = changed(&value, |bundle| {
        bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
    });
    assert!(verifier.verify(&sha256("ab"), &timeless, SystemTime::now()).is_err());
    let private = SigstoreVerifier { private_infrastructure: true, ..verifier };
    let unlogged = changed(&value, |bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]));
    private.verify(&sha256("ab"), &unlogged, SystemTime::now()).unwrap();
}

#[tokio::test]
async fn services_that_answer_wrongly_make_no_signature() {
    for fault in [Fault::OtherKey, Fault::Unlogged, Fault::EmptyPromise, Fault::Refusal] {
        let instance = Sigstore::start(fault);
        let error = signer(&instance, Form::Bundle).sign(&sha256("ab")).await.unwrap_err();
        assert!(!error.to_string().contains("eyJ"), "{fault:?}: {error}");
    }
    // An answer that was lost: the entry is there already.
    let instance = Sigstore::start(Fault::Known);
    assert!(signer(&instance, Form::Bundle).sign(&sha256("ab")).await.is_ok());
    let elsewhere = SigstoreSigner { trusted_root: TrustedRoot::public().unwrap(), ..signer(&instance, Form::Bundle) };
    assert!(elsewhere.sign(&sha256("ab")).await.unwrap_err().to_string().contains("does not verify here"));
    assert_eq!(Unpublished(Form::Bundle).sign(&sha256("ab")).await.unwrap().value, "");
}

/// A server that has the same answer for everybody.
fn server(answer: &'static str) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut vec![0; 1 << 16]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[tokio::test]
async fn whoever_does_not_answer_as_expected_is_named() {
    let instance = Sigstore::start(Fault::None);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let page = server("HTTP/1.1 200 OK\r\ncontent-length: 14\r\nconnection: close\r\n\r\n<html>Hi</html");
    let broken = server("HTTP/1.1 503 No\r\ncontent-length: 14\r\nconnection: close\r\n\r\n<html>No</html");
    let empty = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    for (address, kind, words) in [
        (format!("http://{closed}"), Kind::Unavailable, ""),
        (page, Kind::Rejected, "answered with a web page"),
        (broken, Kind::Unavailable, "refused with status 503 and a web page"),
        (empty, Kind::Rejected, ""),
    ] {
        let config = |config: String, path: &str| {
            let mut config: Value = serde_json::from_str(&config).unwrap();
            config[path][0]["url"] = json!(address);
            Services::read(config.to_string().as_bytes()).unwrap()
        };
        for (services, service) in [
            (config(instance.signing_config(), "caUrls"), "the Sigstore certificate authority"),
            (config(instance.signing_config(), "rekorTlogUrls"), "the Sigstore log"),
            (config(instance.signing_config_v2(), "rekorTlogUrls"), "the Sigstore log"),
            (config(instance.signing_config_v2(), "tsaUrls"), "the Sigstore timestamp authority"),
        ] {
            let signer = SigstoreSigner { services, ..signer(&instance, Form::Bundle) };
            let error = signer.sign(&sha256("ab")).await.unwrap_err();
            let text = error.to_string();
            assert!(!text.contains("eyJ"), "{text}");
            if !words.is_empty() || kind == Kind::Unavailable {
                assert_eq!(error.kind(), kind, "{service} {address}: {text}");
                assert!(text.contains(service) && text.contains(words), "{text}");
                assert!(text.contains(address.trim_start_matches("http://")), "{text}");
            }
        }
    }
}

/// Numbers that are the same in every run.
fn random(state: &mut u64, limit: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % limit.max(1) as u64).unwrap()
}

#[tokio::test]
async fn no_change_of_a_signature_makes_it_another_right_one() {
    let instance = Sigstore::start(Fault::None);
    let verifier = trusting(&instance);
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let words: [&[u8]; 12] =
        [b"\"", b"{", b"[", b"null", b"1e400", b"-1", b"\\ud800", b"\0", b"AAAA", b"=", b"\\u0000", b"\xff"];
    for form in [Form::Bundle, Form::CertificateEntry] {
        let value = signer(&instance, form).sign(&sha256("ab")).await.unwrap();
        let document = STANDARD.decode(&value.value).unwrap();
        let signed: Value = serde_json::from_slice(&document).unwrap();
        for _ in 0..600 {
            let mut text = document.clone();
            let at = random(&mut state, text.len());
            match random(&mut state, 4) {
                0 => drop(text.drain(at..(at + random(&mut state, 60)).min(document.len()))),
                1 => text[at] ^= 1 << random(&mut state, 8),
                2 => drop(text.splice(at..at, words[random(&mut state, words.len())].iter().copied())),
                _ => text.truncate(at),
            }
            let changed = SignatureValue { value: STANDARD.encode(&text), ..value.clone() };
            if verifier.verify(&sha256("ab"), &changed, SystemTime::now()).is_ok() {
                // Only what says nothing may be another one: blanks, and what is not part of what was signed.
                let read: Value = serde_json::from_slice(&text).unwrap();
                let part = |document: &Value, path: &str| document.pointer(path).cloned();
                for path in ["/messageSignature/signature", "/verificationMaterial/certificate/rawBytes"] {
                    assert_eq!(part(&read, path), part(&signed, path), "{path}");
                }
            }
        }
    }
    // Nothing that is deep or large costs more than its length.
    for text in ["[".repeat(1 << 19), "{\"a\":".repeat(1 << 17), " ".repeat(1 << 21), "\"".repeat(1 << 19)] {
        for media_type in ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.ocm.signature.sigstore"] {
            let value = STANDARD.encode(&text);
            let value = SignatureValue { value, media_type: media_type.into(), ..SignatureValue::default() };
            assert!(verifier.verify(&sha256("ab"), &value, SystemTime::now()).is_err());
        }
        assert!(TrustedRoot::read(text.as_bytes()).is_err() && Services::read(text.as_bytes()).is_err());
    }
}

#[tokio::test]
async fn private_infrastructure_needs_a_root_of_its_own_and_a_time() {
    let instance = Sigstore::start(Fault::None);
    let value = signer(&instance, Form::Bundle).sign(&sha256("ab")).await.unwrap();
    let private = SigstoreVerifier { private_infrastructure: true, ..trusting(&instance) };
    assert!(private.verify(&sha256("ab"), &value, SystemTime::now()).is_ok());
    let unlogged = changed(&value, |bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]));
    assert!(private.verify(&sha256("ab"), &unlogged, SystemTime::now()).is_err(), "nobody says when");
    let public = SigstoreVerifier { trusted_root: TrustedRoot::public().unwrap(), ..private };
    assert_eq!(refused(&public, &sha256("ab"), &value).0, Kind::MissingKey);
}

#[test]
fn broken_trusted_roots_are_refused() {
    let text = Sigstore::start(Fault::None).trusted_root();
    assert!(TrustedRoot::read(text.as_bytes()).is_ok());
    for broken in
        ["{}".to_owned(), text.replacen('{', "{\"tlogs\":[],", 1), text.replace("2020-01-01T00:00:00Z", "yesterday")]
    {
        assert_eq!(TrustedRoot::read(broken.as_bytes()).unwrap_err().kind(), Kind::Malformed, "{broken}");
    }
}

#[test]
fn signatures_of_the_older_program() {
    let path = Path::new("../../../shared/vectors/v1/sigstore/component-descriptor-signed.yaml");
    let Ok(content) = std::fs::read(path) else {
        eprintln!("skipped: {} is not here", path.display());
        return;
    };
    let descriptor = Descriptor::read(&content).unwrap();
    let anybody = |issuer: &str| ExpectedSigner {
        identity: Match::new("identity", None, Some(".+@.+")).unwrap(),
        issuer: Match::Exact(issuer.into()),
    };
    let verifier = SigstoreVerifier {
        trusted_root: TrustedRoot::public().unwrap(),
        expected: Some(anybody("https://github.com/login/oauth")),
        keys: Vec::new(),
        private_infrastructure: false,
        minimum_bits: 0,
    };
    let [legacy, recommended] = descriptor.signatures.as_slice() else { panic!("two signatures are expected") };
    let of = |signature: &ocm_model::Signature| SignedDigest::new(&signature.digest).unwrap();
    let now = SystemTime::now();
    verifier.verify(&of(recommended), &recommended.signature, now).unwrap();
    let other = SigstoreVerifier { expected: Some(anybody("https://accounts.google.com")), ..verifier.clone() };
    assert_eq!(refused(&other, &of(recommended), &recommended.signature).0, Kind::Untrusted);

    // Nothing but a key: it counts only where it was given.
    assert_eq!(refused(&verifier, &of(legacy), &legacy.signature).0, Kind::MissingKey);
    let entries: Value = serde_json::from_slice(&STANDARD.decode(&legacy.signature.value).unwrap()).unwrap();
    let body = entries.as_object().unwrap().values().next().unwrap()["body"].as_str().unwrap();
    let body: Value = serde_json::from_slice(&STANDARD.decode(body).unwrap()).unwrap();
    let pem = STANDARD.decode(body["spec"]["signature"]["publicKey"]["content"].as_str().unwrap()).unwrap();
    let keyed = SigstoreVerifier { keys: SigstoreKey::read_all(&pem).unwrap(), ..verifier };
    keyed.verify(&of(legacy), &legacy.signature, now).unwrap();
    let wrong = SignedDigest::new(&DigestSpec { value: "ab".repeat(32), ..legacy.digest.clone() }).unwrap();
    assert_eq!(refused(&keyed, &wrong, &legacy.signature).0, Kind::Rejected);
}
