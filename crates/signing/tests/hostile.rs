//! Keys, certificates, signatures and timestamps that somebody broke: none makes a reader panic, and no change of what was
//! signed counts.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use ocm_model::Descriptor;
use ocm_model::descriptor::{SignatureValue, Timestamp};
use ocm_signing::{
    Certificate, PemBlock, PrivateKey, PublicKey, RsaVerifier, SignedDigest, TimestampVerifier, TrustStore,
    Verifier as _, create_certificate,
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

/// An element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let short: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut whole = vec![tag];
    match content.len() {
        0..128 => whole.push(u8::try_from(content.len()).unwrap()),
        _ => whole.extend([&[0x80 | u8::try_from(short.len()).unwrap()], short.as_slice()].concat()),
    }
    [whole, content.to_vec()].concat()
}

/// A public key of RSA with any modulus and exponent, in both forms.
fn public(modulus: &[u8], exponent: &[u8]) -> [String; 2] {
    let pkcs1 = element(0x30, &[element(2, modulus), element(2, exponent)].concat());
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let spki = element(0x30, &[&algorithm[..], &element(3, &[&[0], pkcs1.as_slice()].concat())].concat());
    [PemBlock::new("RSA PUBLIC KEY", pkcs1).write(), PemBlock::new("PUBLIC KEY", spki).write()]
}

#[test]
fn numbers_that_make_no_key_verify_nothing() {
    let digest = Descriptor::read(&read("signatures/component-descriptor.yaml")).unwrap().signatures[0].digest.clone();
    let digest = SignedDigest::new(&digest).unwrap();
    let odd = [&[0, 0x80][..], &[0x55; 255]].concat();
    let even = [&[0, 0x80][..], &[0x54; 255]].concat();
    let usual: &[u8] = &[1, 0, 1];
    // What a signature becomes with the exponent 1: itself. Whoever accepts that accepts what anybody can write.
    let info = [0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let padded = [&[0, 1][..], &[0xff; 256 - 3 - 19 - 32], &[0], &info, digest.bytes()].concat();
    assert_eq!(padded.len(), 256);
    let (zeros, ones, one) = (vec![0; 256], vec![0xff; 256], [vec![0; 255], vec![1]].concat());
    let huge = [&[0, 0x80][..], &vec![0x55; 20_000]].concat();
    for (what, modulus, exponent) in [
        ("the exponent 1", &odd[..], &[1][..]),
        ("the exponent 0", &odd, &[0]),
        ("an even exponent", &odd, &[1, 0, 0]),
        ("a negative exponent", &odd, &[0x81]),
        ("no exponent", &odd, &[]),
        ("an exponent as large as the modulus", &odd, &odd),
        ("an even modulus", &even, usual),
        ("a negative modulus", &odd[1..], usual),
        ("the modulus 0", &[0], usual),
        ("the modulus 1", &[1], usual),
        ("no modulus", &[], usual),
        ("a modulus of 160008 bits", &huge, usual),
        ("a modulus of 1024 bits", &odd[128..], usual),
    ] {
        for pem in public(modulus, exponent) {
            let begun = Instant::now();
            let Ok(keys) = PublicKey::read_all(pem.as_bytes()) else { continue };
            let verifier = RsaVerifier { keys, ..RsaVerifier::default() };
            for bytes in [&padded, &zeros, &ones, &one] {
                let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let value = digits.concat();
                let media_type = ocm_signing::media_type::RSA.to_owned();
                let signature = SignatureValue { media_type, value, ..SignatureValue::default() };
                let judged = verifier.verify(&digest, &signature, SystemTime::now());
                assert!(judged.is_err(), "{what}: {pem}");
            }
            assert!(begun.elapsed() < LONG, "{what}");
        }
    }
}

#[test]
fn keys_of_curves_are_named_as_no_rsa_keys() {
    let curve = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n\
        6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
    let edwards = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
        -----END PUBLIC KEY-----\n";
    for pem in [curve, edwards] {
        let error = PublicKey::read_all(pem.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("is no RSA key (its algorithm is 1."), "{error}");
    }
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";
    let error = PrivateKey::read(private.as_bytes(), None).unwrap_err().to_string();
    assert!(error.contains("no RSA private key"), "{error}");
    let private = PemBlock::new("EC PRIVATE KEY", [0x30, 0]).write();
    let error = PrivateKey::read(private.as_bytes(), None).unwrap_err().to_string();
    assert!(error.starts_with("EC PRIVATE KEY is no RSA private key"), "{error}");
}

#[test]
fn chains_that_go_round_or_never_end_lead_nowhere() {
    let [root_key, one_key, two_key, key, other_key] = [(); 5].map(|()| PrivateKey::generate(2048).unwrap());
    let begin = SystemTime::now() - Duration::from_mins(1);
    let name = |name: &str| vec![("CN".to_owned(), name.to_owned())];
    let make = |key: &PrivateKey, common: &str, by: Option<(&Certificate, &PrivateKey)>, is_authority| {
        create_certificate(key, &name(common), by, is_authority, begin, Duration::from_hours(1)).unwrap()
    };
    let root = make(&root_key, "root", None, true);
    let one = make(&one_key, "one", Some((&root, &root_key)), true);
    let two = make(&two_key, "two", Some((&one, &one_key)), true);
    // Issued by each other: the root is out of sight.
    let round = make(&one_key, "one", Some((&two, &two_key)), true);
    let leaf = make(&key, "leaf", Some((&two, &two_key)), false);
    let stranger = make(&other_key, "root", None, true);
    let verify = |anchor: &Certificate, embedded: &[Certificate]| {
        let begun = Instant::now();
        let mut trust = TrustStore::default();
        trust.add_anchors([anchor.clone()]);
        let judged = trust.verify(&leaf, embedded, SystemTime::now()).map(|_| ()).map_err(|error| error.to_string());
        assert!(begun.elapsed() < LONG);
        judged
    };
    assert_eq!(verify(&root, &[two.clone(), one.clone()]), Ok(()));
    let circle = |length| [two.clone(), round.clone()].into_iter().cycle().take(length).collect::<Vec<_>>();
    assert!(verify(&root, &circle(16)).is_err());
    assert!(verify(&stranger, &[circle(15), vec![one.clone()]].concat()).is_err());
    assert_eq!(verify(&root, &[circle(15), vec![one.clone()]].concat()), Ok(()));
    // Other keys of the same names, each of which looks like the next step.
    let keys: Vec<_> = (0..3).map(|_| PrivateKey::generate(2048).unwrap()).collect();
    let of = |name: &str, by: &Certificate, by_key: &PrivateKey| -> Vec<Certificate> {
        keys.iter().map(|key| make(key, name, Some((by, by_key)), true)).collect()
    };
    let alike = [of("two", &one, &one_key), of("one", &two, &two_key)].concat();
    let maze: Vec<Certificate> = alike.into_iter().cycle().take(16).collect();
    assert!(verify(&stranger, &maze).is_err());
    assert!(verify(&root, &maze).is_err());
    let error = verify(&root, &circle(10_000)).unwrap_err();
    assert!(error.contains("comes with 10000 others, more than the 16"), "{error}");
}
