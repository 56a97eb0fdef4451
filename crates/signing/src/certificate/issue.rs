use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use jiff::{Timestamp, tz::TimeZone};
use ocm_blob::Digest;

use super::Certificate;
use crate::error::malformed;
use crate::key::{PrivateKey, PublicKey};
use crate::{Result, der};
use ocm_blob::hex;

/// Attributes of a subject, in the order in which they are encoded.
const ATTRIBUTES: [(&str, u8, &[&str]); 8] = [
    ("C", 6, &["country"]),
    ("O", 10, &["organization", "org"]),
    ("OU", 11, &["organizational-unit", "org-unit"]),
    ("L", 7, &["locality"]),
    ("ST", 8, &["province", "s"]),
    ("STREET", 9, &[]),
    ("POSTALCODE", 17, &["postal-code"]),
    ("CN", 3, &["common-name", "issuer"]),
];

/// Makes a certificate for signing component versions.
///
/// `subject` are attributes in the names of the v1 program (`CN`, `common-name`, `O`, …), a common name among them. With
/// `authority`, that certificate and its key sign; without, the key signs itself. `is_authority` makes one that may sign others.
///
/// # Errors
/// An unknown attribute, no common name or two, or an authority that is not the one of its key.
pub fn create_certificate(
    key: &PrivateKey,
    subject: &[(String, String)],
    authority: Option<(&Certificate, &PrivateKey)>,
    is_authority: bool,
    from: SystemTime,
    validity: Duration,
) -> Result<Certificate> {
    let public = key.public_key();
    let (issuer_name, issuer_key) = match authority {
        None => (subject_name(subject)?, key),
        Some((certificate, issuer_key)) => {
            if certificate.public_key()?.fingerprint() != issuer_key.public_key().fingerprint() {
                return Err(malformed(format!("the certificate of {} is not one of its key", certificate.subject())));
            }
            (certificate.raw_subject().to_vec(), issuer_key)
        }
    };
    let until = from.checked_add(validity).ok_or_else(|| malformed("the validity is too long"))?;
    let mut serial = [0; 16];
    rand::fill(&mut serial).map_err(|_| malformed("the system gives no randomness"))?;
    serial[0] = serial[0] & 0x7f | 1;
    let body = der::sequence(&[
        // Version 3.
        &der::element(0xa0, &der::unsigned(&[2])),
        &der::unsigned(&serial),
        &der::sha256_with_rsa(),
        &issuer_name,
        &der::sequence(&[&moment(from)?, &moment(until)?]),
        &subject_name(subject)?,
        public.spki(),
        &der::element(0xa3, &extensions(&public, &issuer_key.public_key(), is_authority)?),
    ]);
    let signature = issuer_key.sign_message(&body)?;
    Certificate::from_der(der::sequence(&[&body, &der::sha256_with_rsa(), &der::bit_string(&signature)]))
}

fn subject_name(attributes: &[(String, String)]) -> Result<Vec<u8>> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for (key, value) in attributes {
        let is_it = |(short, _, others): &(&str, u8, &[&str])| {
            short.eq_ignore_ascii_case(key) || others.iter().any(|other| other.eq_ignore_ascii_case(key))
        };
        let position = ATTRIBUTES.iter().position(is_it).ok_or_else(|| {
            let known: Vec<_> = ATTRIBUTES.iter().map(|(short, ..)| *short).collect();
            malformed(format!("unknown subject attribute {key:?}: there are {}", known.join(", ")))
        })?;
        if value.is_empty() {
            return Err(malformed(format!("the subject attribute {key} has no value")));
        }
        found.push((position, value));
    }
    found.sort_by_key(|(position, _)| *position);
    match found.iter().filter(|(position, _)| *position == ATTRIBUTES.len() - 1).count() {
        0 => return Err(malformed("at least the common name of a subject must be given: CN=…")),
        1 => {}
        _ => return Err(malformed("a subject has one common name")),
    }
    let mut parts = Vec::new();
    for (position, value) in found {
        let (name, number, _) = ATTRIBUTES[position];
        // A country is two letters in a string of its own kind, whoever writes something longer means its name.
        let is_code = name == "C" && value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic());
        let text = if is_code { der::element(0x13, value.as_bytes()) } else { der::utf8(value) };
        parts.push(der::set(&[&der::sequence(&[&der::oid(&[0x55, 0x04, number]), &text])]));
    }
    Ok(der::sequence(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// A time up to 2049 has two digits for its year, a later one four (RFC 5280, 4.1.2.5).
fn moment(time: SystemTime) -> Result<Vec<u8>> {
    let time = Timestamp::try_from(time).map_err(|_| malformed("the validity ends too late"))?;
    let time = time.to_zoned(TimeZone::UTC);
    let whole = time.strftime("%Y%m%d%H%M%SZ").to_string();
    Ok(if time.year() < 2050 {
        der::element(0x17, &whole.as_bytes()[2..])
    } else {
        der::element(0x18, whole.as_bytes())
    })
}

fn extensions(subject: &PublicKey, issuer: &PublicKey, is_authority: bool) -> Result<Vec<u8>> {
    let critical =
        |number: u8, value: &[u8]| der::sequence(&[&der::oid(&[0x55, 0x1d, number]), &der::TRUE, &der::octets(value)]);
    let plain = |number: u8, value: &[u8]| der::sequence(&[&der::oid(&[0x55, 0x1d, number]), &der::octets(value)]);
    // digitalSignature, with keyCertSign for an authority.
    let usage = if is_authority { [0x03, 0x02, 0x02, 0x84] } else { [0x03, 0x02, 0x07, 0x80] };
    let constraints = if is_authority { der::sequence(&[&der::TRUE]) } else { der::sequence(&[]) };
    let purpose = der::sequence(&[&der::oid(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03])]);
    let identifier = |key: &PublicKey| -> Result<Vec<u8>> {
        let hash = hex::decode(&Digest::of(key.spki()).hex()).unwrap_or_default();
        hash.get(..20).map(<[u8]>::to_vec).ok_or_else(|| malformed("the key has no digest"))
    };
    Ok(der::sequence(&[
        &critical(15, &usage),
        &plain(37, &purpose),
        &critical(19, &constraints),
        &plain(14, &der::octets(&identifier(subject)?)),
        &plain(35, &der::sequence(&[&der::element(0x80, &identifier(issuer)?)])),
    ]))
}
