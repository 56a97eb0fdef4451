use std::time::SystemTime;

use aws_lc_rs::signature::RsaParameters;
use ocm_blob::Digest;
use x509_cert::der::Decode as _;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::private::wrapped;
use crate::Result;
use crate::certificate::Certificate;
use crate::error::{malformed, unsupported};
use crate::pem::Block;

/// `rsaEncryption`.
const RSA: &str = "1.2.840.113549.1.1.1";

/// An RSA public key, perhaps out of a certificate, which then limits when it counts.
#[derive(Clone, Debug)]
pub struct PublicKey {
    spki: Vec<u8>,
    bits: usize,
    certificate: Option<Box<Certificate>>,
}

impl PublicKey {
    /// Reads all public keys of a PEM text: `PUBLIC KEY`, `RSA PUBLIC KEY` (with either content, as the v1 program does).
    /// Certificates are left out.
    ///
    /// # Errors
    /// A block that is no RSA public key.
    pub fn read_all(pem: &[u8]) -> Result<Vec<Self>> {
        let text = std::str::from_utf8(pem).map_err(|_| malformed("a public key in PEM form is expected"))?;
        let blocks = Block::read_all(text)?;
        let keys = blocks.iter().filter(|block| ["PUBLIC KEY", "RSA PUBLIC KEY"].contains(&block.label.as_str()));
        keys.map(|block| {
            Self::of_spki(&block.bytes).or_else(|error| {
                let is_pkcs1 = RsaParameters::public_modulus_len(&block.bytes).is_ok();
                if is_pkcs1 { Ok(Self::of_pkcs1(&block.bytes)) } else { Err(error) }
            })
        })
        .collect()
    }

    /// A key in the form `SubjectPublicKeyInfo`.
    pub(crate) fn of_spki(spki: &[u8]) -> Result<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(spki)
            .map_err(|error| malformed(format!("the public key cannot be read: {error}")))?;
        if info.algorithm.oid.to_string() != RSA {
            return Err(unsupported(format!("the public key is no RSA key (its algorithm is {})", info.algorithm.oid)));
        }
        let bits = RsaParameters::public_modulus_len(info.subject_public_key.raw_bytes())
            .map_err(|_| malformed("the public key is no RSA key"))?;
        Ok(Self { spki: spki.to_vec(), bits: bits as usize, certificate: None })
    }

    pub(super) fn of_pkcs1(pkcs1: &[u8]) -> Self {
        let bits = RsaParameters::public_modulus_len(pkcs1).unwrap_or_default();
        Self { spki: wrapped(pkcs1), bits: bits as usize, certificate: None }
    }

    /// The key of a certificate that is trusted itself.
    pub(crate) fn with_certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(Box::new(certificate));
        self
    }

    /// The key in the form `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The size in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// SHA-256 over [`PublicKey::spki`], in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        Digest::of(&self.spki).hex()
    }

    /// The key as PKCS#1 in a PEM block, the form of the older programs.
    ///
    /// # Errors
    /// The key cannot be read back, which does not happen.
    pub fn to_pem(&self) -> Result<String> {
        let info = SubjectPublicKeyInfoRef::from_der(&self.spki).map_err(|error| malformed(error.to_string()))?;
        Ok(Block::new("RSA PUBLIC KEY", info.subject_public_key.raw_bytes()).write())
    }

    /// The certificate that it came in, if its owner handed it over with one.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// Whether it came in a certificate, which says whose it is.
    pub fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// A certificate counts while it is valid, also one that was handed over in place of a key.
    pub(crate) fn check_time(&self, at: SystemTime) -> Result<()> {
        self.certificate.as_ref().map_or(Ok(()), |certificate| certificate.check_time(at))
    }

    /// A signature that names somebody else than the certificate does is not accepted.
    pub(crate) fn check_issuer(&self, issuer: Option<&str>) -> Result<()> {
        match (&self.certificate, issuer.filter(|issuer| !issuer.is_empty())) {
            (Some(certificate), Some(issuer)) => certificate.check_issuer(issuer),
            _ => Ok(()),
        }
    }
}
