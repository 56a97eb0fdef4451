//! Signatures and names of both older programs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::path::Path;
use std::time::SystemTime;

use ocm_model::Descriptor;
use ocm_signing::{
    Certificate, DistinguishedName, PrivateKey, PublicKey, RsaVerifier, SignedDigest, TrustStore, Verifier as _,
};
use serde_json::Value;

const VECTORS: &str = "../../../shared/vectors";

fn vectors() -> Option<&'static Path> {
    let path = Path::new(VECTORS);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: {VECTORS} is not here");
    None
}

#[test]
fn signatures_of_the_newer_program() {
    let Some(vectors) = vectors() else { return };
    let folder = vectors.join("generated-v2/signatures");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let descriptor = Descriptor::read(&read("component-descriptor-signed.yaml")).unwrap();
    let mut trust = TrustStore::default();
    trust.add_bundle(Certificate::read_all(&read("keys/ca.pem")).unwrap());
    let verifier =
        RsaVerifier { keys: PublicKey::read_all(&read("keys/rsa.pub")).unwrap(), trust, ..RsaVerifier::default() };
    assert_eq!(descriptor.signatures.len(), 6);
    for signature in &descriptor.signatures {
        let digest = SignedDigest::new(&signature.digest).unwrap();
        let verified = verifier.verify(&digest, &signature.signature, SystemTime::now());
        assert!(verified.is_ok(), "{}: {verified:?}", signature.name);
    }
    assert_eq!(
        PrivateKey::read(&read("keys/rsa.priv"), None).unwrap().public_key().fingerprint(),
        verifier.keys[0].fingerprint()
    );
    assert!(PrivateKey::read(&read("keys/leaf.key"), None).is_ok());
}

fn table(vectors: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(vectors.join("tables").join(name)).unwrap()).unwrap()
}

#[test]
fn distinguished_names_of_both_programs() {
    let Some(vectors) = vectors() else { return };
    for row in table(vectors, "v1-dn.json")["rows"].as_array().unwrap() {
        let [input, canonical] = [0, 1].map(|column| row[column].as_str().unwrap());
        let name = DistinguishedName::parse(input).unwrap();
        assert_eq!(name, DistinguishedName::parse(canonical).unwrap(), "{input}");
    }
    let newer = table(vectors, "rfc2253.json");
    for row in newer["rows"].as_array().unwrap() {
        let [input, common, text] = [0, 1, 2].map(|column| row[column].as_str().unwrap());
        let name = DistinguishedName::parse(input).unwrap();
        assert_eq!(name.common_name(), Some(common), "{input}");
        assert_eq!(name.to_string(), text, "{input}");
    }
    for row in newer["extra"].as_array().unwrap() {
        let [input, oid, value] = [0, 1, 2].map(|column| row[column].as_str().unwrap());
        assert_eq!(
            DistinguishedName::parse(input).unwrap(),
            DistinguishedName::parse(&format!("{oid}={value}")).unwrap(),
            "{input}"
        );
    }
}
