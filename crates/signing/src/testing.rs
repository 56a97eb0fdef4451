//! Certificates of every kind, for tests.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, tz::TimeZone};

use crate::certificate::Certificate;
use crate::{PrivateKey, der};

pub(crate) const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
pub(crate) const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];
pub(crate) const YEAR: Duration = Duration::from_hours(365 * 24);

pub(crate) fn name(common: &str) -> Vec<(String, String)> {
    vec![("CN".into(), common.into())]
}

pub(crate) fn extended_key_usage(purpose: &[u8], critical: bool) -> Vec<u8> {
    let value = der::octets(&der::sequence(&[&der::oid(purpose)]));
    der::sequence(&[&der::oid(&[0x55, 0x1d, 37]), if critical { &der::TRUE } else { &[] }, &value])
}

/// A certificate with these extensions; without any it is one of X.509 version 1. Valid for twenty years.
pub(crate) fn issue(
    key: &PrivateKey,
    common: &str,
    issuer: (&Certificate, &PrivateKey),
    from: SystemTime,
    extensions: &[Vec<u8>],
) -> Certificate {
    let moment = |time: SystemTime| {
        let time = Timestamp::try_from(time).unwrap().to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%SZ").to_string();
        der::element(0x17, &time.as_bytes()[2..])
    };
    let attribute = der::sequence(&[&der::oid(&[0x55, 0x04, 3]), &der::utf8(common)]);
    let version = der::element(0xa0, &der::unsigned(&[2]));
    let listed = der::element(0xa3, &der::element(0x30, &extensions.concat()));
    let (version, listed) = if extensions.is_empty() { (Vec::new(), Vec::new()) } else { (version, listed) };
    let body = der::sequence(&[
        &version,
        &der::unsigned(&[5]),
        &der::sha256_with_rsa(),
        issuer.0.raw_subject(),
        &der::sequence(&[&moment(from), &moment(from + 20 * YEAR)]),
        &der::sequence(&[&der::set(&[&attribute])]),
        key.public_key().spki(),
        &listed,
    ]);
    let signature = issuer.1.sign_message(&body).unwrap();
    Certificate::from_der(der::sequence(&[&body, &der::sha256_with_rsa(), &der::bit_string(&signature)])).unwrap()
}
