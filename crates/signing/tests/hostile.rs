//! Keys, certificates, signatures and timestamps that somebody broke: none makes a reader panic, and no change of what was
//! signed counts.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use ocm_model::Descriptor;
use ocm_model::descriptor::{SignatureValue, Timestamp};
use ocm_signing::{
    Certificate, PemBlock, PrivateKey, PublicKey, RsaVerifier, SignedDigest, TimestampVerifier, TrustStore,
    Verifier as _,
};

/// What any text may take on a slow machine.
const LONG: Duration = Duration::from_secs(20);

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance").join(name)).unwrap()
}

/// Changes whose order is the same in every run.
struct Changes(u64);

impl Changes {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }

    fn change(&mut self, content: &[u8]) -> Vec<u8> {
        let words: [&[u8]; 9] = [
            b"-----BEGIN ",
            b"-----END ",
            b"-----",
            b"\n",
            b"=",
            b"\0",
            b"\xff\xff\xff\xff",
            b"\x30\x84\xff\xff\xff\xff",
            b": ",
        ];
        let mut content = content.to_vec();
        for _ in 0..=self.below(2) {
            let at = self.below(content.len());
            match self.below(4) {
                0 => drop(content.drain(at..(at + self.below(80)).min(content.len()))),
                1 if at < content.len() => content[at] ^= 1 << self.below(8),
                2 => drop(content.splice(at..at, words[self.below(words.len())].iter().copied())),
                _ => content.truncate(at),
            }
        }
        content
    }
}

#[test]
fn broken_keys_and_certificates_are_errors() {
    let mut changes = Changes(0x9e37_79b9_7f4a_7c15);
    for name in ["ca.cert", "rsa.pub", "rsa.priv"] {
        let name = format!("signatures/keys/{name}");
        // With the text around it as it is, and with what is in it changed.
        let text = read(&name);
        for _ in 0..500 {
            let changed = changes.change(&text);
            let _ = PublicKey::read_all(&changed);
            let _ = PrivateKey::read(&changed, None);
            if let Ok(certificates) = Certificate::read_all(&changed) {
                let mut trust = TrustStore::default();
                trust.add_bundle(certificates.clone());
                for certificate in &certificates {
                    let _ = certificate.public_key();
                    let _ = trust.verify(certificate, &certificates, SystemTime::now());
                }
            }
        }
        let content = PemBlock::read_all(std::str::from_utf8(&text).unwrap()).unwrap().remove(0).bytes;
        for _ in 0..500 {
            let _ = Certificate::from_der(changes.change(&content));
        }
    }
    for text in [
        "-----BEGIN PUBLIC KEY-----\n".repeat(100_000),
        "-----BEGIN CERTIFICATE-----\n".to_owned() + &"A".repeat(8 << 20),
        "-----BEGIN ".repeat(200_000),
        "x".repeat(8 << 20),
    ] {
        let begun = Instant::now();
        assert!(Certificate::read_all(text.as_bytes()).map_or(0, |all| all.len()) == 0);
        assert!(PublicKey::read_all(text.as_bytes()).map_or(0, |all| all.len()) == 0);
        assert!(PrivateKey::read(text.as_bytes(), None).is_err());
        assert!(begun.elapsed() < LONG);
    }
}

#[test]
fn no_changed_signature_counts() {
    let descriptor = Descriptor::read(&read("signatures/component-descriptor.yaml")).unwrap();
    let mut trust = TrustStore::default();
    trust.add_bundle(Certificate::read_all(&read("signatures/keys/ca.cert")).unwrap());
    let keys = PublicKey::read_all(&read("signatures/keys/rsa.pub")).unwrap();
    let verifier = RsaVerifier { keys, trust, ..RsaVerifier::default() };
    let mut changes = Changes(0x2545_f491_4f6c_dd1d);
    for signature in &descriptor.signatures {
        let digest = SignedDigest::new(&signature.digest).unwrap();
        let mut other = signature.digest.clone();
        other.value = "ab".repeat(other.value.len() / 2);
        let other = SignedDigest::new(&other).unwrap();
        for _ in 0..200 {
            let value = String::from_utf8_lossy(&changes.change(signature.signature.value.as_bytes())).into_owned();
            let changed = SignatureValue { value, ..signature.signature.clone() };
            // Text around a PEM block says nothing, so a changed value may still be the signature of this digest; of another one never.
            let _ = verifier.verify(&digest, &changed, SystemTime::now());
            assert!(verifier.verify(&other, &changed, SystemTime::now()).is_err(), "{}", changed.value);
        }
    }
}

#[test]
fn broken_timestamps_are_errors() {
    let digest = Descriptor::read(&read("signatures/component-descriptor.yaml")).unwrap().signatures[0].digest.clone();
    let digest = SignedDigest::new(&digest).unwrap();
    let mut verifier = TimestampVerifier::default();
    verifier.trust.add_anchors(Certificate::read_all(&read("signatures/keys/ca.cert")).unwrap());
    let mut changes = Changes(0x0dd0_b1a5_e5ba_d5ee);
    // Whatever is in DER will do to begin with; a token that is right is changed beside the code that reads it.
    let certificate =
        String::from_utf8(read("signatures/keys/ca.cert")).unwrap().replace("CERTIFICATE", "TIMESTAMP TOKEN");
    for _ in 0..1000 {
        let value = String::from_utf8_lossy(&changes.change(certificate.as_bytes())).into_owned();
        let timestamp = Timestamp { value, ..Timestamp::default() };
        assert!(verifier.verify(&digest, &timestamp).is_err());
    }
}
