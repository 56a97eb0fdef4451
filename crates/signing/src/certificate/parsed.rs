use std::time::SystemTime;

use jiff::Timestamp;
use x509_cert::Version;
use x509_cert::der::{Decode as _, Encode as _};

use super::{DistinguishedName, Limits, Subject};
use crate::error::{malformed, untrusted};
use crate::key::PublicKey;
use crate::pem::Block;
use crate::{Result, der};

/// A certificate: its bytes, and what they say.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    /// Names as they are encoded, for finding out who issued whom.
    raw_subject: Vec<u8>,
    is_self_issued: bool,
    spki: Vec<u8>,
    not_before: SystemTime,
    not_after: SystemTime,
    /// Of X.509 version 1: it says nothing of what it is for.
    is_bare: bool,
    is_for_timestamps_only: bool,
    limits: Limits,
}

/// `id-ce-extKeyUsage`.
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// `id-kp-timeStamping`, encoded.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

impl Certificate {
    /// Reads a certificate in DER form.
    ///
    /// # Errors
    /// It is none.
    pub fn from_der(der: Vec<u8>) -> Result<Self> {
        let wrong = |error: x509_cert::der::Error| malformed(format!("a certificate cannot be read: {error}"));
        let parsed = x509_cert::Certificate::from_der(&der).map_err(wrong)?;
        let body = parsed.tbs_certificate();
        let raw_subject = body.subject().to_der().map_err(wrong)?;
        // Critical, and that purpose alone (RFC 3161, 2.3).
        let only = der::sequence(&[&der::oid(TIME_STAMPING)]);
        let is_for_timestamps_only = body.extensions().into_iter().flatten().any(|extension| {
            let is_usage = extension.extn_id.to_string() == EXTENDED_KEY_USAGE;
            is_usage && extension.critical && extension.extn_value.as_bytes() == only
        });
        Ok(Self {
            is_bare: body.version() == Version::V1,
            is_for_timestamps_only,
            limits: Limits::of(body).map_err(wrong)?,
            subject: DistinguishedName::of(body.subject()),
            issuer: DistinguishedName::of(body.issuer()),
            is_self_issued: raw_subject == body.issuer().to_der().map_err(wrong)?,
            raw_subject,
            spki: body.subject_public_key_info().to_der().map_err(wrong)?,
            not_before: body.validity().not_before.to_system_time(),
            not_after: body.validity().not_after.to_system_time(),
            der,
        })
    }

    /// Reads all certificates of a PEM text, in order.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn read_all(pem: &[u8]) -> Result<Vec<Self>> {
        let text = std::str::from_utf8(pem).map_err(|_| malformed("certificates in PEM form are expected"))?;
        let blocks = Block::read_all(text)?.into_iter();
        blocks.filter(|block| block.label == "CERTIFICATE").map(|block| Self::from_der(block.bytes)).collect()
    }

    /// The certificate in DER form.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as a PEM block.
    pub fn to_pem(&self) -> String {
        Block::new("CERTIFICATE", self.der.as_slice()).write()
    }

    /// Whose it is.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Who issued it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    pub(crate) fn raw_subject(&self) -> &[u8] {
        &self.raw_subject
    }

    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.is_bare
    }

    pub(crate) fn is_for_timestamps_only(&self) -> bool {
        self.is_for_timestamps_only
    }

    /// What it may be used for, and for how much.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether subject and issuer are the same: a root, or somebody who vouches for himself.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued
    }

    /// Its key.
    ///
    /// # Errors
    /// It is no RSA key.
    pub fn public_key(&self) -> Result<PublicKey> {
        PublicKey::of_spki(&self.spki)
    }

    /// The key of this certificate as one that is trusted because its owner handed over the certificate.
    ///
    /// # Errors
    /// It is no RSA key.
    pub fn trusted_key(&self) -> Result<PublicKey> {
        Ok(self.public_key()?.with_certificate(self.clone()))
    }

    /// From when and until when it counts.
    pub fn validity(&self) -> (SystemTime, SystemTime) {
        (self.not_before, self.not_after)
    }

    /// The certificate counts at a time.
    ///
    /// # Errors
    /// It had not begun, or was over.
    pub fn check_time(&self, at: SystemTime) -> Result<()> {
        if at < self.not_before {
            return Err(untrusted(format!(
                "the certificate of {} is valid only from {}",
                self.subject,
                moment(self.not_before)
            )));
        }
        if at > self.not_after {
            return Err(untrusted(format!(
                "the certificate of {} expired at {}, and no timestamp says that the signature is older: \
                 --at TIME judges it as of then",
                self.subject,
                moment(self.not_after)
            )));
        }
        Ok(())
    }

    /// The certificate is one of whom is expected.
    ///
    /// # Errors
    /// It is one of somebody else.
    pub fn check_subject(&self, expected: &Subject) -> Result<()> {
        if expected.matches(&self.subject) {
            return Ok(());
        }
        let found = &self.subject;
        Err(untrusted(format!("the signer is {found}, but {expected} is expected: --issuer SUBJECT says who is")))
    }

    /// What a signature says of its issuer fits the certificate: one of the older programs writes the subject there, the other
    /// reads the issuer.
    pub(crate) fn check_issuer(&self, issuer: &str) -> Result<()> {
        let name = DistinguishedName::parse(issuer)?;
        let is_common_name = !issuer.contains('=');
        let fits =
            |other: &DistinguishedName| *other == name || is_common_name && other.common_name() == name.common_name();
        if fits(&self.subject) || fits(&self.issuer) {
            return Ok(());
        }
        Err(untrusted(format!(
            "the signature names {issuer} as its issuer, but its certificate is the one of {}, issued by {}",
            self.subject, self.issuer
        )))
    }
}

fn moment(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "an unknown time".to_owned(), |time| format!("{time:.0}"))
}
