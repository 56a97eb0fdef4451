//! The envelope of a timestamp: `SignedData` of the Cryptographic Message Syntax (RFC 5652) with one signer.

use aws_lc_rs::digest;
use ocm_model::digest::HashAlgorithm;
use rustls_pki_types::CertificateDer;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert};

use crate::certificate::Certificate;
use crate::der;
use crate::der_reader::{CONTEXT_0, CONTEXT_1, Element, INTEGER, OCTETS, OID, Reader, SEQUENCE, SET};
use crate::error::{malformed, rejected, unsupported};
use crate::{PemBlock, Result};

use super::content::Content;

/// Label of the PEM block that holds a timestamp in a descriptor.
pub(crate) const LABEL: &str = "TIMESTAMP INFO";

/// `id-signedData`.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `id-ct-TSTInfo`.
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// The signed attribute `contentType`.
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// The signed attribute `messageDigest`.
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// The signed attribute `signingCertificate`, which names the certificate by its SHA-1.
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x0c];
/// The signed attribute `signingCertificateV2` (RFC 5035), SHA-256 unless it says otherwise.
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
/// `rsaEncryption`, which leaves the hash to another field.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The hash functions that authorities work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What the hash functions are called, encoded, without their last number: `2.16.840.1.101.3.4.2`.
const SHA_2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

impl From<HashAlgorithm> for Hash {
    fn from(hash: HashAlgorithm) -> Self {
        match hash {
            HashAlgorithm::Sha256 => Self::Sha256,
            HashAlgorithm::Sha512 => Self::Sha512,
        }
    }
}

impl Hash {
    fn number(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
        }
    }

    /// Last number of `shaNNNWithRSAEncryption`.
    fn with_rsa(self) -> u8 {
        match self {
            Self::Sha256 => 11,
            Self::Sha384 => 12,
            Self::Sha512 => 13,
        }
    }

    pub(crate) fn oid(self) -> Vec<u8> {
        [SHA_2, &[self.number()]].concat()
    }

    fn of(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

/// The hash function that an `AlgorithmIdentifier` names.
pub(crate) fn hash_of(identifier: &Element<'_>) -> Result<Hash> {
    let oid = identifier.open().expect(OID)?.content;
    [Hash::Sha256, Hash::Sha384, Hash::Sha512]
        .into_iter()
        .find(|hash| hash.oid() == oid)
        .ok_or_else(|| unsupported("the timestamp has a hash that is not known here: SHA-256, SHA-384 and SHA-512 are"))
}

/// A timestamp out of its envelope; nothing about it is proven yet.
pub(crate) struct Token {
    /// The envelope without `ContentInfo` around it, as descriptors hold it.
    pub(crate) der: Vec<u8>,
    pub(crate) content: Content,
    pub(crate) certificates: Vec<Certificate>,
    /// The certificate that the signer says is its own, by a hash of it.
    claimed: Claimed,
    /// What the signature is over: the signed attributes.
    attributes: Vec<u8>,
    /// The content of the `AlgorithmIdentifier` of the signature.
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

enum Claimed {
    Sha1(Vec<u8>),
    Sha2(Hash, Vec<u8>),
}

impl Token {
    /// Reads the form in which descriptors hold a timestamp.
    pub(crate) fn from_pem(text: &str) -> Result<Self> {
        let blocks = PemBlock::read_all(text)?;
        match blocks.as_slice() {
            [block] if block.label == LABEL => Self::read(&block.bytes),
            _ => Err(malformed(format!("the timestamp is not one PEM block {LABEL}"))),
        }
    }

    pub(crate) fn to_pem(&self) -> String {
        PemBlock::new(LABEL, self.der.as_slice()).write()
    }

    /// Reads a token, with `ContentInfo` around it or without.
    pub(crate) fn read(der: &[u8]) -> Result<Self> {
        let mut outer = Reader::new(der);
        let whole = outer.expect(SEQUENCE)?;
        outer.end()?;
        let mut data = whole.open();
        if let Some(kind) = data.optional(OID)? {
            if kind.content != SIGNED_DATA {
                return Err(malformed("the timestamp is no signed data"));
            }
            let mut inner = data.expect(CONTEXT_0)?.open();
            data.end()?;
            let signed = inner.expect(SEQUENCE)?.whole;
            inner.end()?;
            return Self::read(signed);
        }
        data.expect(INTEGER)?;
        data.expect(SET)?;
        let mut enclosed = data.expect(SEQUENCE)?.open();
        if enclosed.expect(OID)?.content != TST_INFO {
            return Err(malformed("what was signed is no timestamp"));
        }
        let content = enclosed.expect(CONTEXT_0)?.open().expect(OCTETS)?.content;
        let mut certificates = Vec::new();
        if let Some(set) = data.optional(CONTEXT_0)? {
            let mut list = set.open();
            while !list.is_empty() {
                // There are older kinds of certificates, with other tags, which nobody uses.
                if let one @ Element { tag: SEQUENCE, .. } = list.any()? {
                    certificates.push(Certificate::from_der(one.whole.to_vec())?);
                }
            }
        }
        data.optional(CONTEXT_1)?;
        let mut signers = data.expect(SET)?.open();
        data.end()?;
        let signer = signers.expect(SEQUENCE)?;
        signers.end().map_err(|_| malformed("the timestamp has several signers"))?;
        Self::signed_by(&signer, whole.whole, content, certificates)
    }

    fn signed_by(signer: &Element<'_>, der: &[u8], content: &[u8], certificates: Vec<Certificate>) -> Result<Self> {
        let mut signer = signer.open();
        signer.expect(INTEGER)?;
        // Which certificate it is says an attribute, which is signed; this field is not.
        signer.any()?;
        let hash = hash_of(&signer.expect(SEQUENCE)?)?;
        let signed = signer.expect(CONTEXT_0)?;
        let algorithm = signature_algorithm(&signer.expect(SEQUENCE)?, hash)?;
        let signature = signer.expect(OCTETS)?.content.to_vec();
        let (mut kind, mut message, mut claimed) = (None, None, None);
        let mut attributes = signed.open();
        while !attributes.is_empty() {
            let mut attribute = attributes.expect(SEQUENCE)?.open();
            let name = attribute.expect(OID)?.content;
            let mut values = attribute.expect(SET)?.open();
            let value = values.any()?;
            let before = match name {
                CONTENT_TYPE => kind.replace(value.content).is_some(),
                MESSAGE_DIGEST => message.replace(value.content).is_some(),
                SIGNING_CERTIFICATE => claimed.is_none() && claimed.replace(claim(&value, None)?).is_some(),
                SIGNING_CERTIFICATE_V2 => {
                    claimed = Some(claim(&value, Some(Hash::Sha256))?);
                    false
                }
                _ => continue,
            };
            if before || !values.is_empty() {
                return Err(malformed("the timestamp has a signed attribute twice"));
            }
        }
        if kind != Some(TST_INFO) || message != Some(hash.of(content).as_ref()) {
            return Err(rejected("the timestamp is not the one that was signed"));
        }
        let claimed = claimed.ok_or_else(|| malformed("the timestamp does not say whose certificate signed it"))?;
        // What is signed is the set by its own name (RFC 5652, 5.4).
        let mut attributes = signed.whole.to_vec();
        attributes[0] = SET;
        Ok(Self {
            der: der.to_vec(),
            content: Content::read(content)?,
            certificates,
            claimed,
            attributes,
            algorithm,
            signature,
        })
    }

    /// The certificate of the signer, among those that came along and others, once the signature was shown to be by its key.
    /// Whether the certificate is to be trusted is another question.
    pub(crate) fn signer<'a>(&'a self, others: impl Iterator<Item = &'a Certificate>) -> Result<&'a Certificate> {
        let is_it = |certificate: &&Certificate| match &self.claimed {
            Claimed::Sha1(hash) => {
                digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate.der()).as_ref() == hash.as_slice()
            }
            Claimed::Sha2(function, hash) => function.of(certificate.der()).as_ref() == hash.as_slice(),
        };
        let signer = self.certificates.iter().chain(others).find(is_it);
        let signer = signer.ok_or_else(|| rejected("the certificate of the timestamp's signer did not come along"))?;
        let der = CertificateDer::from(signer.der());
        let entity = EndEntityCert::try_from(&der)
            .map_err(|error| rejected(format!("the certificate of {} cannot be used: {error}", signer.subject())))?;
        let fits = ALL_VERIFICATION_ALGS
            .iter()
            .filter(|algorithm| algorithm.signature_alg_id().as_ref() == self.algorithm)
            .any(|algorithm| entity.verify_signature(*algorithm, &self.attributes, &self.signature).is_ok());
        if fits {
            return Ok(signer);
        }
        Err(rejected(format!("the timestamp was not signed with the key of {}", signer.subject())))
    }
}

/// The content of the identifier of a signature algorithm, with its hash.
fn signature_algorithm(identifier: &Element<'_>, hash: Hash) -> Result<Vec<u8>> {
    if identifier.open().expect(OID)?.content != RSA {
        return Ok(identifier.content.to_vec());
    }
    let oid = [&RSA[..RSA.len() - 1], &[hash.with_rsa()]].concat();
    Ok([der::oid(&oid), der::NULL.to_vec()].concat())
}

/// The first certificate of `SigningCertificate` or `SigningCertificateV2`.
fn claim(value: &Element<'_>, default: Option<Hash>) -> Result<Claimed> {
    let mut one = value.open().expect(SEQUENCE)?.open().expect(SEQUENCE)?.open();
    let Some(default) = default else { return Ok(Claimed::Sha1(one.expect(OCTETS)?.content.to_vec())) };
    let hash = one.optional(SEQUENCE)?.map(|identifier| hash_of(&identifier)).transpose()?.unwrap_or(default);
    Ok(Claimed::Sha2(hash, one.expect(OCTETS)?.content.to_vec()))
}
