//! A small time-stamping authority.

use std::time::SystemTime;

use jiff::{Timestamp as Moment, tz::TimeZone};
use ocm_blob::Digest;

use crate::certificate::Certificate;
use crate::testing::{CODE_SIGNING, TIME_STAMPING, YEAR, extended_key_usage, issue, name};
use crate::{PemBlock, PrivateKey, SignedDigest, create_certificate, der};
use ocm_blob::hex;

use super::token::LABEL;

const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// A root and an authority below it.
pub(crate) struct Authority {
    pub(crate) root: Certificate,
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
    /// The time that it states.
    pub(crate) time: SystemTime,
}

/// What the certificate of an authority says of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    Right,
    NotCritical,
    Other,
}

impl Authority {
    pub(crate) fn new(usage: Usage) -> Self {
        let (root_key, key) = (PrivateKey::generate(2048).unwrap(), PrivateKey::generate(2048).unwrap());
        let from = SystemTime::now() - 3 * YEAR;
        let root = create_certificate(&root_key, &name("time root"), None, true, from, 20 * YEAR).unwrap();
        let purpose = if usage == Usage::Other { CODE_SIGNING } else { TIME_STAMPING };
        let purpose = extended_key_usage(purpose, usage != Usage::NotCritical);
        let certificate = issue(&key, "time", (&root, &root_key), from, &[purpose]);
        Self { root, key, certificate, time: SystemTime::now() - YEAR }
    }

    /// The PEM block with a timestamp of a digest.
    pub(crate) fn pem(&self, digest: &SignedDigest, nonce: Option<&[u8]>) -> String {
        PemBlock::new(LABEL, self.token(digest, nonce, |content| content)).write()
    }

    /// `SignedData`; `change` makes another content of what is signed.
    pub(crate) fn token(&self, digest: &SignedDigest, nonce: Option<&[u8]>, change: fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
        let time = Moment::try_from(self.time).unwrap().to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%SZ").to_string();
        let sha = der::sequence(&[&der::oid(SHA_256), &der::NULL]);
        let nonce = nonce.map(der::unsigned).unwrap_or_default();
        let content = der::sequence(&[
            &der::unsigned(&[1]),
            &der::oid(&[0x2a, 0x03, 0x04]),
            &der::sequence(&[&sha, &der::octets(digest.bytes())]),
            &der::unsigned(&[7]),
            &der::element(0x18, time.as_bytes()),
            &nonce,
        ]);
        let attribute = |last: &[u8], value: &[u8]| {
            let oid = [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09], last].concat();
            der::sequence(&[&der::oid(&oid), &der::set(&[value])])
        };
        let hash = |bytes: &[u8]| der::octets(&hex::decode(&Digest::of(bytes).hex()).unwrap());
        let claimed = der::sequence(&[&der::sequence(&[&der::sequence(&[&hash(self.certificate.der())])])]);
        let attributes = [
            attribute(&[0x03], &der::oid(TST_INFO)),
            attribute(&[0x04], &hash(&content)),
            attribute(&[0x10, 0x02, 0x2f], &claimed),
        ]
        .concat();
        let signature = self.key.sign_message(&der::element(0x31, &attributes)).unwrap();
        let signer = der::sequence(&[
            &der::unsigned(&[1]),
            &der::element(0x80, b"not looked at"),
            &sha,
            &der::element(0xa0, &attributes),
            &der::rsa_encryption(),
            &der::octets(&signature),
        ]);
        der::sequence(&[
            &der::unsigned(&[3]),
            &der::set(&[&sha]),
            &der::sequence(&[&der::oid(TST_INFO), &der::element(0xa0, &der::octets(&change(content)))]),
            &der::element(0xa0, self.certificate.der()),
            &der::set(&[&signer]),
        ])
    }
}
