use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::der::{bits, element, extension, octets, sequence};
use super::{Fault, now};

/// `ecdsa-with-SHA256`.
pub(super) const ECDSA: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// The extension with the issuer of the token (1.3.6.1.4.1.57264.1.8).
const ISSUER: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x08];
/// The extension with signed timestamps of certificate logs (RFC 6962, 3.3).
const TIMESTAMPS: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];

pub(super) struct Key(EcdsaKeyPair);

impl Key {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(super) fn spki(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    }

    /// SHA-256 over the public key, by which logs are known.
    pub(super) fn id(&self) -> Vec<u8> {
        sha256(&self.spki())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }
}

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// Who issues certificates, and the log that it puts them into.
pub(super) struct Authority {
    pub(super) key: Key,
    pub(super) root: Vec<u8>,
    pub(super) certificates: Key,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = Key::new();
        let extensions = [
            extension(&[0x55, 0x1d, 0x0f], true, &[0x03, 0x02, 0x01, 0x06]),
            extension(&[0x55, 0x1d, 0x13], true, &sequence(&[&[1, 1, 0xff]])),
        ];
        let body = body(&name("here"), "200101000000Z", "491231235959Z", &key.spki(), &extensions.concat());
        let root = signed(&key, &body);
        Self { key, root, certificates: Key::new() }
    }

    /// The answer to a request for a certificate; `None` for a token that is not believed, or a key that is not the asker's.
    pub(super) fn issue(&self, request: &Value, fault: Fault) -> Option<Value> {
        let token = request["credentials"]["oidcIdentityToken"].as_str()?;
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let (email, issuer) = (claims["email"].as_str()?, claims["iss"].as_str()?);
        let pem = request["publicKeyRequest"]["publicKey"]["content"].as_str()?;
        let spki: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let mut spki = STANDARD.decode(spki).ok()?;
        let proof = STANDARD.decode(request["publicKeyRequest"]["proofOfPossession"].as_str()?).ok()?;
        let shown = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &spki).ok()?;
        shown.verify_sig(email.as_bytes(), &proof).ok()?;
        match fault {
            Fault::Refusal => return None,
            Fault::OtherKey => spki = Key::new().spki(),
            _ => {}
        }
        let (begin, end) = (moment(now() - 60), moment(now() + 540));
        let extensions = [
            extension(&[0x55, 0x1d, 0x0f], true, &[0x03, 0x02, 0x07, 0x80]),
            extension(
                &[0x55, 0x1d, 0x25],
                false,
                &sequence(&[&element(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03])]),
            ),
            extension(&[0x55, 0x1d, 0x11], true, &sequence(&[&element(0x81, email.as_bytes())])),
            extension(&ISSUER, false, &element(0x0c, issuer.as_bytes())),
        ]
        .concat();
        let plain = body(&[0x30, 0x00], &begin, &end, &spki, &extensions);
        let mut all = extensions;
        if fault != Fault::Unlogged {
            all.extend(extension(&TIMESTAMPS, false, &octets(&self.timestamps(&plain))));
        }
        let leaf = signed(&self.key, &body(&[0x30, 0x00], &begin, &end, &spki, &all));
        let chain = [leaf, self.root.clone()].map(|certificate| pem_of(&certificate));
        Some(json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}))
    }

    /// A list with one signed timestamp (RFC 6962, 3.2 and 3.3).
    fn timestamps(&self, certificate: &[u8]) -> Vec<u8> {
        let time = (now() * 1000).to_be_bytes();
        let length = (certificate.len() as u32).to_be_bytes();
        let issuer = self.key.id();
        let message = [&[0, 0], &time[..], &[0, 1], &issuer, &length[1..], certificate, &[0, 0]].concat();
        let signature = self.certificates.sign(&message);
        let size = (signature.len() as u16).to_be_bytes();
        let one = [&[0], self.certificates.id().as_slice(), &time, &[0, 0, 4, 3], &size, &signature].concat();
        let outer = (one.len() as u16 + 2).to_be_bytes();
        [&outer[..], &(one.len() as u16).to_be_bytes(), &one].concat()
    }
}

pub(super) fn name(common: &str) -> Vec<u8> {
    let attribute = sequence(&[&element(0x06, &[0x55, 0x04, 0x03]), &element(0x0c, common.as_bytes())]);
    sequence(&[&element(0x31, &attribute)])
}

/// What is signed of a certificate.
pub(super) fn body(subject: &[u8], begin: &str, end: &str, spki: &[u8], extensions: &[u8]) -> Vec<u8> {
    sequence(&[
        &element(0xa0, &[2, 1, 2]),
        &element(0x02, &[0x01, 0x23, 0x45]),
        &ECDSA,
        &name("here"),
        &sequence(&[&element(0x17, begin.as_bytes()), &element(0x17, end.as_bytes())]),
        subject,
        spki,
        &element(0xa3, &sequence(&[extensions])),
    ])
}

pub(super) fn signed(key: &Key, body: &[u8]) -> Vec<u8> {
    sequence(&[body, &ECDSA, &bits(&key.sign(body))])
}

fn pem_of(certificate: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
}

/// A time as certificates have it.
pub(super) fn moment(seconds: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    // `Sat, 21 Nov 2026 05:00:00 GMT`
    let text = httpdate::fmt_http_date(time);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == &text[8..11]).unwrap() + 1;
    format!("{}{month:02}{}{}{}{}Z", &text[14..16], &text[5..7], &text[17..19], &text[20..22], &text[23..25])
}
