//! `OpenPGP`: keys and signatures of `GnuPG`, our own ones, and what must not verify.

#![cfg(feature = "openpgp")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ocm_model::descriptor::SignatureValue;
use ocm_model::digest::HashAlgorithm;
use ocm_model::{Descriptor, DigestSpec};
use ocm_signing::openpgp::{
    ALGORITHM, KeySelection, MEDIA_TYPE, OpenPgpCertificate, OpenPgpHash, OpenPgpSigner, OpenPgpVerifier,
};
use ocm_signing::{Evidence, Kind, PrivateKey, Secret, SignedDigest, Signer as _, Verifier as _};

const PASSPHRASE: &str = "correct horse";
const RSA: &str = "7D340DC53B39BD7930981E4D37A3CE8C01E593A7";
const CURVE: &str = "87D42990B77FB70421F02D81677D2FFB0D524C5E";
const CURVE_SUBKEY: &str = "C5F309A9D045A692A4C4D586D377DFB19802EFC4";

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("../../conformance/openpgp").join(name)).unwrap()
}

fn digest(byte: &str) -> SignedDigest {
    SignedDigest::new(&DigestSpec::new(HashAlgorithm::Sha256, "jsonNormalisation/v4alpha1", byte.repeat(32))).unwrap()
}

fn stored(name: &str) -> SignatureValue {
    SignatureValue {
        algorithm: ALGORITHM.into(),
        media_type: MEDIA_TYPE.into(),
        value: String::from_utf8(read(name)).unwrap(),
        ..SignatureValue::default()
    }
}

fn trusting(names: &[&str]) -> OpenPgpVerifier {
    let certificates = names.iter().flat_map(|name| OpenPgpCertificate::read_all(&read(name)).unwrap()).collect();
    OpenPgpVerifier { certificates, ..OpenPgpVerifier::default() }
}

fn refused(verifier: &OpenPgpVerifier, value: &SignatureValue, at: SystemTime) -> (Kind, String) {
    let error = verifier.verify(&digest("ab"), value, at).unwrap_err();
    (error.kind(), error.to_string())
}

fn signer(name: &str, passphrase: Option<&str>, selection: Option<&str>) -> ocm_signing::Result<OpenPgpSigner> {
    let passphrase = passphrase.map(Secret::new);
    let selection = selection.map(|text| KeySelection::parse(text).unwrap());
    let key = Secret::new(read(name));
    OpenPgpSigner::new(&key, passphrase.as_ref(), selection.as_ref(), OpenPgpHash::Sha512, SystemTime::now())
}

/// 2024-07-01.
fn in_2024() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(477_720)
}

#[test]
fn signatures_of_gnupg() {
    let now = SystemTime::now();
    for (name, primary, key) in [("rsa", RSA, RSA), ("curve", CURVE, CURVE_SUBKEY)] {
        let value = stored(&format!("{name}.sig"));
        // Other certificates are not in the way.
        let verifier = trusting(&["revoked.pub", "expired.pub", &format!("{name}.pub")]);
        let verified = verifier.verify(&digest("ab"), &value, now).unwrap();
        let Evidence::OpenPgp { fingerprint, key: by, .. } = verified.evidence() else { panic!("{verified:?}") };
        assert_eq!((fingerprint.as_str(), by.as_str()), (primary, key));
        assert_eq!(verifier.verify(&digest("ac"), &value, now).unwrap_err().kind(), Kind::Rejected);
        assert_eq!(refused(&trusting(&["expired.pub"]), &value, now).0, Kind::Rejected);
        assert_eq!(refused(&trusting(&[]), &value, now).0, Kind::MissingKey);
        // Before it was made.
        let earlier = UNIX_EPOCH + Duration::from_hours(475_000);
        assert_eq!(refused(&verifier, &value, earlier).0, Kind::Untrusted, "{name}");
    }
    // Private keys have their public half with them.
    assert!(trusting(&["rsa.priv"]).verify(&digest("ab"), &stored("rsa.sig"), now).is_ok());
}

#[test]
fn keys_that_are_selected() {
    let now = SystemTime::now();
    let selecting = |text: &str| OpenPgpVerifier {
        selection: Some(KeySelection::parse(text).unwrap()),
        ..trusting(&["rsa.pub", "curve.pub"])
    };
    for right in [CURVE, CURVE_SUBKEY, &CURVE[24..], &CURVE_SUBKEY[24..]] {
        assert!(selecting(right).verify(&digest("ab"), &stored("curve.sig"), now).is_ok(), "{right}");
    }
    for wrong in [RSA, &RSA[24..], &"0".repeat(40)] {
        assert!(selecting(wrong).verify(&digest("ab"), &stored("curve.sig"), now).is_err(), "{wrong}");
    }
}

#[test]
fn keys_and_signatures_that_do_not_count() {
    let now = SystemTime::now();
    let (kind, reason) = refused(&trusting(&["expired.pub"]), &stored("expired.sig"), now);
    assert!(kind == Kind::Untrusted && reason.contains("expired") && reason.contains("--at"), "{reason}");
    assert!(trusting(&["expired.pub"]).verify(&digest("ab"), &stored("expired.sig"), in_2024()).is_ok());
    for at in [now, in_2024()] {
        let (kind, reason) = refused(&trusting(&["revoked.pub"]), &stored("revoked.sig"), at);
        assert!(kind == Kind::Untrusted && reason.contains("revoked"), "{reason}");
    }
    // Without its revocation the key would do.
    assert!(trusting(&["revoked.priv"]).verify(&digest("ab"), &stored("revoked.sig"), now).is_ok());
    assert_eq!(refused(&trusting(&["rsa.pub"]), &stored("text.sig"), now).0, Kind::Rejected);
    assert_eq!(refused(&trusting(&["rsa.pub"]), &stored("weak.sig"), now).0, Kind::Unsupported);
    let larger = OpenPgpVerifier { minimum_bits: 3072, ..trusting(&["rsa.pub"]) };
    assert_eq!(refused(&larger, &stored("rsa.sig"), now).0, Kind::Untrusted);
    let value = stored("rsa.sig");
    for (what, text) in [
        ("nothing", String::new()),
        ("cut", value.value[..200].to_owned()),
        ("a key", String::from_utf8(read("rsa.pub")).unwrap()),
        ("large", value.value.repeat(500)),
    ] {
        let broken = SignatureValue { value: text, ..value.clone() };
        assert!(trusting(&["rsa.pub"]).verify(&digest("ab"), &broken, now).is_err(), "{what}");
    }
    let mut other = value.clone();
    other.media_type = "application/vnd.ocm.signature.rsa".into();
    assert!(!trusting(&["rsa.pub"]).accepts(&other));
}

#[tokio::test]
async fn what_is_signed_here_verifies_here_and_with_gnupg() {
    for (name, passphrase, selection) in [
        ("rsa", None, None),
        ("rsa", None, Some(RSA)),
        ("curve", Some(PASSPHRASE), None),
        ("curve", Some("correct horse\n"), Some(CURVE)),
        ("curve", Some(PASSPHRASE), Some(CURVE_SUBKEY)),
    ] {
        let value = signer(&format!("{name}.priv"), passphrase, selection).unwrap().sign(&digest("ab")).await.unwrap();
        assert_eq!((value.algorithm.as_str(), value.media_type.as_str()), (ALGORITHM, MEDIA_TYPE));
        assert!(value.value.starts_with("-----BEGIN PGP SIGNATURE-----\n"), "{}", value.value);
        let verifier = trusting(&[&format!("{name}.pub")]);
        verifier.verify(&digest("ab"), &value, SystemTime::now()).unwrap();
        assert_eq!(verifier.verify(&digest("ac"), &value, SystemTime::now()).unwrap_err().kind(), Kind::Rejected);
        gnupg_verifies(&format!("{name}.pub"), &value);
    }
}

fn gnupg_verifies(public: &str, value: &SignatureValue) {
    let folder = tempfile::tempdir().unwrap();
    let gpg = |arguments: &[&str]| {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(folder.path()).args(["--batch", "--quiet", "--no-autostart"]).args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).current_dir(folder.path()).status()
    };
    std::fs::write(folder.path().join("key"), read(public)).unwrap();
    std::fs::write(folder.path().join("digest"), [0xab; 32]).unwrap();
    std::fs::write(folder.path().join("signature"), &value.value).unwrap();
    let Ok(imported) = gpg(&["--import", "key"]) else {
        eprintln!("skipped: gpg is not here");
        return;
    };
    assert!(imported.success());
    assert!(gpg(&["--verify", "signature", "digest"]).unwrap().success());
    std::fs::write(folder.path().join("digest"), [0xac; 32]).unwrap();
    assert!(!gpg(&["--verify", "signature", "digest"]).unwrap().success());
}

#[test]
fn keys_that_do_not_sign() {
    let reason = |name: &str, passphrase: Option<&str>, selection: Option<&str>| {
        signer(name, passphrase, selection).unwrap_err().to_string()
    };
    assert!(reason("curve.priv", None, None).contains("passphrase"));
    assert!(reason("curve.priv", Some("wrong"), None).contains("passphrase is another one"));
    assert!(reason("expired.priv", None, None).contains("expired"));
    assert!(reason("rsa.pub", None, None).contains("no private"));
    assert!(reason("rsa.priv", None, Some(CURVE)).contains("not among"));
    assert!(OpenPgpHash::parse("SHA512").is_err());
}

#[tokio::test]
async fn signatures_of_the_newer_program() {
    let folder = Path::new("../../../shared/vectors/generated-v2/gpg");
    let Ok(content) = std::fs::read(folder.join("component-descriptor-signed.yaml")) else {
        eprintln!("skipped: {} is not here", folder.display());
        return;
    };
    let descriptor = Descriptor::read(&content).unwrap();
    let key = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let certificates = OpenPgpCertificate::read_all(&key("public.asc")).unwrap();
    let verifier = OpenPgpVerifier { certificates, ..OpenPgpVerifier::default() };
    assert!(!descriptor.signatures.is_empty());
    for signature in &descriptor.signatures {
        let digest = SignedDigest::new(&signature.digest).unwrap();
        verifier.verify(&digest, &signature.signature, SystemTime::now()).unwrap();
        let private = Secret::new(key("private.asc"));
        let signer = OpenPgpSigner::new(&private, None, None, OpenPgpHash::Sha256, SystemTime::now()).unwrap();
        verifier.verify(&digest, &signer.sign(&digest).await.unwrap(), SystemTime::now()).unwrap();
    }
}

/// `sha256` over `hello`, which the provenance file of `conformance/openpgp` names.
const CHART: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[test]
fn signed_texts_count_for_what_was_signed_alone() {
    let message = String::from_utf8(read("provenance.prov")).unwrap();
    let verify = |message: &str, names: &[&str]| {
        trusting(names).verify_message(message.as_bytes(), SystemTime::now()).map_err(|error| error.kind())
    };
    let text = verify(&message, &["curve.pub", "rsa.pub"]).unwrap();
    assert!(text.contains(CHART) && text.contains("\n- dashed") && !text.contains("BEGIN PGP"), "{text}");
    assert_eq!(verify(&message, &["curve.pub"]), Err(Kind::Rejected), "somebody else's key");
    assert_eq!(verify(&message, &[]), Err(Kind::MissingKey));
    for changed in [
        message.replace("2cf24dba", "2cf24dbb"),
        message.replace("name: app", "name: apq"),
        message.replace("Hash: SHA512\n", "Hash: SHA512\n\nevil: yes\n"),
        message.split("-----BEGIN PGP SIGNATURE").next().unwrap().to_owned(),
        message.replace("-----BEGIN PGP SIGNED MESSAGE-----", ""),
        String::new(),
    ] {
        assert_ne!(changed, message);
        assert!(verify(&changed, &["rsa.pub"]).is_err(), "{changed}");
    }
    // What stands around it was not signed, and is not given.
    for around in [format!("{message}\nfiles: evil\n"), format!("files: evil\n{message}")] {
        assert!(
            verify(&around, &["rsa.pub"]).is_ok_and(|text| !text.contains("evil"))
                || verify(&around, &["rsa.pub"]).is_err()
        );
    }
    let strict = OpenPgpVerifier { minimum_bits: 8192, ..trusting(&["rsa.pub"]) };
    assert_eq!(strict.verify_message(message.as_bytes(), SystemTime::now()).unwrap_err().kind(), Kind::Untrusted);
}

#[test]
fn broken_packets_are_errors() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % limit.max(1) as u64).unwrap()
    };
    let mut change = |content: &[u8]| {
        let mut content = content.to_vec();
        let at = below(content.len());
        match below(3) {
            0 => drop(content.drain(at..(at + below(60)).min(content.len()))),
            1 => content[at] ^= 1 << below(8),
            _ => content.truncate(at),
        }
        content
    };
    let verifier = trusting(&["rsa.pub", "curve.pub"]);
    for (key, signature) in [("rsa.pub", "rsa.sig"), ("curve.pub", "curve.sig")] {
        let (key, value) = (read(key), stored(signature));
        for _ in 0..300 {
            if let Ok(certificates) = OpenPgpCertificate::read_all(&change(&key)) {
                let changed = OpenPgpVerifier { certificates, ..OpenPgpVerifier::default() };
                let _ = changed.verify(&digest("ab"), &value, SystemTime::now());
                assert!(changed.verify(&digest("cd"), &value, SystemTime::now()).is_err());
            }
            let text = String::from_utf8_lossy(&change(value.value.as_bytes())).into_owned();
            let changed = SignatureValue { value: text, ..value.clone() };
            assert!(verifier.verify(&digest("cd"), &changed, SystemTime::now()).is_err());
        }
    }
    for text in ["-----BEGIN PGP SIGNATURE-----\n".repeat(50_000), "A".repeat(4 << 20), String::new()] {
        let changed = SignatureValue { value: text.clone(), ..stored("rsa.sig") };
        assert!(verifier.verify(&digest("ab"), &changed, SystemTime::now()).is_err());
        assert!(OpenPgpCertificate::read_all(text.as_bytes()).map_or(0, |all| all.len()) == 0);
    }
}

#[test]
fn what_cannot_be_read_is_not_quoted() {
    let key = PrivateKey::generate(2048).unwrap().to_pem().unwrap();
    let short = |text: String| assert!(text.len() < 200 && !text.contains('['), "{text}");
    short(OpenPgpCertificate::read_all(key.reveal()).err().unwrap().to_string());
    let signer = OpenPgpSigner::new(&key, None, None, OpenPgpHash::Sha256, SystemTime::now());
    short(signer.err().unwrap().to_string());
    let text = String::from_utf8(key.reveal().to_vec()).unwrap();
    let changed = SignatureValue { value: text.clone(), ..stored("rsa.sig") };
    short(trusting(&["rsa.pub"]).verify(&digest("ab"), &changed, SystemTime::now()).unwrap_err().to_string());
    short(trusting(&["rsa.pub"]).verify_message(text.as_bytes(), SystemTime::now()).unwrap_err().to_string());
}
