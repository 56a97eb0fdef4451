//! The golden copies in `conformance/signatures`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::time::SystemTime;

use ocm_blob::{Algorithm as Hash, Digester};
use ocm_model::Descriptor;
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::{Algorithm as Normalisation, check_unambiguous, normalise};
use ocm_signing::{
    Algorithm, Certificate, Encoding, PrivateKey, PublicKey, RsaSigner, RsaVerifier, SignedDigest, Signer as _,
    Subject, TrustStore, Verifier as _,
};

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/signatures").join(name)).unwrap()
}

/// What four normalisations make of a document, one line each.
#[test]
fn every_normal_form_comes_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/normalisation");
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let descriptor = Descriptor::read(&std::fs::read(&path).unwrap()).unwrap();
        check_unambiguous(&descriptor).unwrap();
        let line = |algorithm: Normalisation| {
            let form = String::from_utf8(normalise(&descriptor, algorithm).unwrap()).unwrap();
            format!("{} {form}\n", algorithm.name())
        };
        let all = [Normalisation::V1, Normalisation::V2, Normalisation::V3, Normalisation::V4Alpha1];
        let forms = all.map(line).concat();
        let expected = std::fs::read_to_string(path.with_extension("forms")).unwrap();
        assert_eq!(forms, expected, "{}", path.display());
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[tokio::test]
async fn every_digest_and_signature_comes_out() {
    let descriptor = Descriptor::read(&read("component-descriptor.yaml")).unwrap();
    check_unambiguous(&descriptor).unwrap();
    let mut trust = TrustStore::default();
    trust.add_bundle(Certificate::read_all(&read("keys/ca.cert")).unwrap());
    let verifier = RsaVerifier {
        keys: PublicKey::read_all(&read("keys/rsa.pub")).unwrap(),
        trust,
        subject: Some(Subject::parse("CN=acme.org,O=Acme").unwrap()),
        ..RsaVerifier::default()
    };
    assert_eq!(descriptor.signatures.len(), 7);
    for signature in &descriptor.signatures {
        let name = &signature.name;
        let form = normalise(&descriptor, signature.digest.normalisation_algorithm.parse().unwrap()).unwrap();
        let mut digester = Digester::new(match signature.digest.hash().unwrap() {
            HashAlgorithm::Sha256 => Hash::Sha256,
            HashAlgorithm::Sha512 => Hash::Sha512,
        });
        digester.update(&form);
        assert_eq!(digester.finish().hex(), signature.digest.value, "{name}");
        let digest = SignedDigest::new(&signature.digest).unwrap();
        let verified = verifier.verify(&digest, &signature.signature, SystemTime::now());
        assert!(verified.is_ok(), "{name}: {verified:?}");
        if name.starts_with("pkcs1") {
            let signer = RsaSigner {
                key: PrivateKey::read(&read("keys/rsa.priv"), None).unwrap(),
                algorithm: Algorithm::Pkcs1V15,
                encoding: Encoding::Plain,
                chain: Vec::new(),
                with_issuer: false,
            };
            assert_eq!(signer.sign(&digest).await.unwrap(), signature.signature, "{name}");
        }
    }
}
