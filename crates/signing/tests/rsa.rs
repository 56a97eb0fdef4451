//! Keys, certificates and signatures of our own making, and what must not verify.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, SystemTime};

use ocm_model::DigestSpec;
use ocm_model::descriptor::SignatureValue;
use ocm_model::digest::HashAlgorithm;
use ocm_signing::{
    Algorithm, Certificate, Encoding, EncryptionKey, Evidence, Kind, PrivateKey, PublicKey, RsaSigner, RsaVerifier,
    Secret, SignedDigest, Signer as _, Subject, TrustStore, Verifier as _, create_certificate,
};

const HOUR: Duration = Duration::from_hours(1);

fn digest(byte: &str) -> SignedDigest {
    SignedDigest::new(&DigestSpec::new(HashAlgorithm::Sha256, "jsonNormalisation/v4alpha1", byte.repeat(32))).unwrap()
}

fn names(common: &str) -> Vec<(String, String)> {
    vec![("CN".into(), common.into()), ("O".into(), "Acme".into())]
}

async fn sign(key: PrivateKey, algorithm: Algorithm, encoding: Encoding, chain: Vec<Certificate>) -> SignatureValue {
    let signer = RsaSigner { key, algorithm, encoding, chain, with_issuer: false };
    signer.sign(&digest("ab")).await.unwrap()
}

#[tokio::test]
async fn plain_signatures_fit_their_key_and_digest_only() {
    let other = PrivateKey::generate(2048).unwrap().public_key();
    for algorithm in [Algorithm::Pkcs1V15, Algorithm::Pss] {
        let key = PrivateKey::generate(2048).unwrap();
        let public = key.public_key();
        let mut value = sign(key, algorithm, Encoding::Plain, Vec::new()).await;
        assert_eq!((value.algorithm.as_str(), value.value.len()), (algorithm.name(), 512));
        let now = SystemTime::now();
        let with = |keys: Vec<PublicKey>| RsaVerifier { keys, ..RsaVerifier::default() };
        assert!(with(vec![other.clone(), public.clone()]).verify(&digest("ab"), &value, now).is_ok());
        let refused = |verifier: RsaVerifier, digest, value: &SignatureValue| {
            verifier.verify(&digest, value, now).unwrap_err().kind()
        };
        assert_eq!(refused(with(vec![public.clone()]), digest("ac"), &value), Kind::Rejected);
        assert_eq!(refused(with(vec![other.clone()]), digest("ab"), &value), Kind::Rejected);
        assert_eq!(refused(with(Vec::new()), digest("ab"), &value), Kind::MissingKey);
        assert_eq!(
            refused(RsaVerifier { minimum_bits: 3072, ..with(vec![public.clone()]) }, digest("ab"), &value),
            Kind::Untrusted
        );
        // Both media types occur with both algorithms.
        for media_type in ["application/vnd.ocm.signature.rsa", "application/vnd.ocm.signature.rsa.pss"] {
            value.media_type = media_type.into();
            assert!(
                with(vec![public.clone()]).verify(&digest("ab"), &value, now).is_ok(),
                "{algorithm:?} {media_type}"
            );
        }
        value.algorithm = "RSASSA-NONE".into();
        assert_eq!(refused(with(vec![public.clone()]), digest("ab"), &value), Kind::Unsupported);
        value.algorithm = String::new();
        value.value.truncate(510);
        assert_eq!(refused(with(vec![public]), digest("ab"), &value), Kind::Rejected);
    }
}

struct Chain {
    root: Certificate,
    between: Certificate,
    leaf: Certificate,
    key: PrivateKey,
}

fn chain(begin: SystemTime) -> Chain {
    let [root_key, between_key, key] = [(); 3].map(|()| PrivateKey::generate(2048).unwrap());
    let root = create_certificate(&root_key, &names("root"), None, true, begin, HOUR * 9).unwrap();
    let between =
        create_certificate(&between_key, &names("between"), Some((&root, &root_key)), true, begin, HOUR * 9).unwrap();
    let leaf =
        create_certificate(&key, &names("acme.org"), Some((&between, &between_key)), false, begin, HOUR).unwrap();
    Chain { root, between, leaf, key }
}

fn trusting(certificates: impl IntoIterator<Item = Certificate>) -> RsaVerifier {
    let mut trust = TrustStore::default();
    trust.add_bundle(certificates);
    RsaVerifier { trust, ..RsaVerifier::default() }
}

#[tokio::test]
async fn certificates_lead_to_a_root_of_the_verifier_or_count_for_nothing() {
    let now = SystemTime::now();
    let Chain { root, between, leaf, key } = chain(now - Duration::from_mins(1));
    let stranger = chain(now).root;
    let all = vec![leaf.clone(), between.clone(), root.clone()];
    let mut value = sign(key, Algorithm::Pss, Encoding::Pem, all).await;
    assert_eq!(value.value.matches("BEGIN CERTIFICATE").count(), 2, "the root is left out");

    let verified = trusting([root.clone()]).verify(&digest("ab"), &value, now).unwrap();
    let Evidence::Certificate { subject, issuer, root: name, .. } = verified.evidence() else { panic!("{verified:?}") };
    assert_eq!(
        (subject.as_str(), issuer.as_str(), name.as_str()),
        ("CN=acme.org,O=Acme", "CN=between,O=Acme", "CN=root,O=Acme")
    );
    let refused = |verifier: &RsaVerifier, value: &SignatureValue, at| {
        let error = verifier.verify(&digest("ab"), value, at).unwrap_err();
        (error.kind(), error.to_string())
    };
    assert_eq!(refused(&trusting([]), &value, now).0, Kind::MissingKey);
    let (kind, reason) = refused(&trusting([stranger]), &value, now);
    assert!(kind == Kind::Untrusted && reason.contains("leads to none of the trusted roots"), "{reason}");
    assert_eq!(
        refused(&trusting([between.clone()]), &value, now).0,
        Kind::MissingKey,
        "no root, only somebody between"
    );
    let (kind, reason) = refused(&trusting([root.clone()]), &value, now + HOUR * 2);
    assert!(kind == Kind::Untrusted && reason.contains("expired at") && reason.contains("--at"), "{reason}");
    assert_eq!(trusting([root.clone()]).verify(&digest("ac"), &value, now).unwrap_err().kind(), Kind::Rejected);

    let expecting =
        |text: &str| RsaVerifier { subject: Some(Subject::parse(text).unwrap()), ..trusting([root.clone()]) };
    assert!(expecting("acme.org").verify(&digest("ab"), &value, now).is_ok());
    assert!(expecting("O=Acme").verify(&digest("ab"), &value, now).is_ok());
    assert_eq!(refused(&expecting("acme.com"), &value, now).0, Kind::Untrusted);

    for issuer in ["CN=acme.org,O=Acme", "O=Acme,CN=between", "acme.org", "between"] {
        value.issuer = Some(issuer.into());
        assert!(trusting([root.clone()]).verify(&digest("ab"), &value, now).is_ok(), "{issuer}");
    }
    value.issuer = Some("CN=somebody".into());
    assert_eq!(refused(&trusting([root.clone()]), &value, now).0, Kind::Untrusted);
    value.issuer = None;

    // A root that comes along is neither trusted nor in the way.
    value.value.push_str(&root.to_pem());
    assert!(trusting([root.clone()]).verify(&digest("ab"), &value, now).is_ok());
    assert_eq!(refused(&trusting([]), &value, now).0, Kind::MissingKey);
    // Without what stands between, it has to come from the verifier.
    let cut = value.value.split("-----BEGIN CERTIFICATE").take(2).collect::<Vec<_>>().join("-----BEGIN CERTIFICATE");
    let alone = SignatureValue { value: cut, ..value.clone() };
    assert_eq!(refused(&trusting([root.clone()]), &alone, now).0, Kind::Untrusted);
    assert!(trusting([between, root.clone()]).verify(&digest("ab"), &alone, now).is_ok());

    let swapped = SignatureValue { algorithm: "RSASSA-PKCS1-V1_5".into(), ..value };
    assert_eq!(refused(&trusting([root]), &swapped, now).0, Kind::Rejected, "field and PEM header disagree");
}

#[tokio::test]
async fn who_signs_himself_counts_only_where_he_is_a_root() {
    let now = SystemTime::now();
    let key = PrivateKey::generate(2048).unwrap();
    let own = create_certificate(&key, &names("self"), None, false, now, HOUR).unwrap();
    let other =
        create_certificate(&PrivateKey::generate(2048).unwrap(), &names("self"), None, true, now, HOUR).unwrap();
    let value = sign(key, Algorithm::Pkcs1V15, Encoding::Pem, vec![own.clone()]).await;
    assert!(trusting([own.clone()]).verify(&digest("ab"), &value, now).is_ok());
    assert_eq!(trusting([other]).verify(&digest("ab"), &value, now).unwrap_err().kind(), Kind::Untrusted);
    let pinned = RsaVerifier { keys: vec![own.trusted_key().unwrap()], ..RsaVerifier::default() };
    assert!(pinned.verify(&digest("ab"), &value, now).is_ok());
    assert_eq!(pinned.verify(&digest("ab"), &value, now + HOUR * 2).unwrap_err().kind(), Kind::Untrusted);
    let other = RsaVerifier { key_subject: Some(Subject::parse("somebody").unwrap()), ..pinned };
    assert_eq!(other.verify(&digest("ab"), &value, now).unwrap_err().kind(), Kind::Untrusted);
}

#[test]
fn keys_come_back_from_their_files() {
    let key = PrivateKey::generate(2048).unwrap();
    let fingerprint = key.public_key().fingerprint();
    let pem = key.to_pem().unwrap();
    assert!(pem.reveal().starts_with(b"-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(PrivateKey::read(pem.reveal(), None).unwrap().public_key().fingerprint(), fingerprint);
    let public = key.public_key().to_pem().unwrap();
    assert!(public.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"));
    assert_eq!(PublicKey::read_all(public.as_bytes()).unwrap()[0].fingerprint(), fingerprint);

    let encryption = EncryptionKey::generate().unwrap();
    let encrypted = key.to_encrypted_pem(&encryption).unwrap();
    assert!(encrypted.contains("algorithm: AES-256"));
    let secret = Secret::new(encryption.to_pem());
    assert_eq!(PrivateKey::read(encrypted.as_bytes(), Some(&secret)).unwrap().public_key().fingerprint(), fingerprint);
    let wrong = Secret::new(EncryptionKey::generate().unwrap().to_pem());
    assert!(PrivateKey::read(encrypted.as_bytes(), Some(&wrong)).is_err());
    assert!(PrivateKey::read(encrypted.as_bytes(), None).unwrap_err().to_string().contains("--passphrase-file"));
    assert!(PrivateKey::read(public.as_bytes(), None).is_err());
    let armour = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlFgE\n=tEST\n-----END PGP PRIVATE KEY BLOCK-----\n";
    assert!(PrivateKey::read(armour.as_bytes(), None).unwrap_err().to_string().contains("--algorithm GPG"));
}

#[test]
fn subjects_of_new_certificates() {
    let key = PrivateKey::generate(2048).unwrap();
    let make = |attributes: &[(&str, &str)]| {
        let attributes: Vec<_> = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        create_certificate(&key, &attributes, None, false, SystemTime::now(), HOUR)
    };
    let all =
        make(&[("issuer", "a"), ("org", "b, c"), ("C", "DE"), ("province", "BW"), ("ou", "x"), ("OU", "y")]).unwrap();
    assert_eq!(all.subject().to_string(), "CN=a,ST=BW,OU=x+OU=y,O=b\\, c,C=DE");
    assert!(make(&[("O", "a")]).unwrap_err().to_string().contains("common name"));
    assert!(make(&[("CN", "a"), ("issuer", "b")]).is_err());
    assert!(make(&[("CN", "")]).is_err());
    assert!(make(&[("CN", "a"), ("X", "b")]).is_err());
}

#[test]
fn traditional_encryption_is_refused_with_the_way_out() {
    let key = PrivateKey::generate(2048).unwrap().to_pem().unwrap();
    let text = String::from_utf8(key.reveal().to_vec()).unwrap();
    let header = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n";
    let text = text.replace("-----BEGIN RSA PRIVATE KEY-----\n", header);
    let error = PrivateKey::read(text.as_bytes(), None).unwrap_err();
    assert_eq!(error.kind(), Kind::Malformed);
    assert!(error.to_string().contains("openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY.pem -out NEW.pem"), "{error}");
}
