//! The stored forms of an RSA signature (OCM specification, *Signing*): hexadecimal digits, or PEM with the certificates.

use ocm_model::descriptor::SignatureValue;

use crate::Result;
use crate::certificate::Certificate;
use crate::error::{malformed, rejected, unsupported};
use crate::pem::Block;
use crate::rsa::Algorithm;
use ocm_blob::hex;

/// Media types of signature values.
pub mod media_type {
    /// Hexadecimal digits of an RSASSA-PKCS1-V1_5 signature.
    pub const RSA: &str = "application/vnd.ocm.signature.rsa";
    /// Hexadecimal digits of an RSASSA-PSS signature.
    pub const RSA_PSS: &str = "application/vnd.ocm.signature.rsa.pss";
    /// PEM blocks: the signature, then the certificates of whoever made it.
    pub const PEM: &str = "application/x-pem-file";
}

/// Label of the block with the signature.
const SIGNATURE: &str = "SIGNATURE";
/// Its header with the algorithm.
const ALGORITHM: &str = "Signature Algorithm";

/// How a signature is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits; whoever verifies has the key.
    #[default]
    Plain,
    /// PEM with the certificates, leaf first; whoever verifies has the root.
    Pem,
}

/// An RSA signature out of its stored form.
#[derive(Clone, Debug)]
pub(crate) struct RsaSignature {
    /// What to try, in this order; more than one where algorithm and media type say different things.
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) bytes: Vec<u8>,
    /// Certificates in the form with PEM, leaf first; `None` in the plain form.
    pub(crate) chain: Option<Vec<Certificate>>,
}

/// Whether a media type is one of these forms.
pub(crate) fn is_rsa(media_type: &str) -> bool {
    [media_type::RSA, media_type::RSA_PSS, media_type::PEM].contains(&media_type)
}

/// Reads a stored signature.
pub(crate) fn read(value: &SignatureValue) -> Result<RsaSignature> {
    match value.media_type.as_str() {
        media_type::PEM => read_pem(value),
        media_type::RSA | media_type::RSA_PSS => {
            let by_media_type = match value.media_type.as_str() {
                media_type::RSA_PSS => Algorithm::Pss,
                _ => Algorithm::Pkcs1V15,
            };
            // The algorithm counts. Documents show PSS under the media type of the other one, and one of the programs
            // looks at the media type alone, so the second guess is tried too: both prove possession of the same key.
            let mut algorithms: Vec<Algorithm> = Algorithm::parse(&value.algorithm).into_iter().collect();
            if algorithms.is_empty() && !value.algorithm.is_empty() {
                return Err(unsupported(format!("unknown signature algorithm {:?}", value.algorithm)));
            }
            if !algorithms.contains(&by_media_type) {
                algorithms.push(by_media_type);
            }
            let bytes =
                hex::decode(&value.value).ok_or_else(|| rejected("the signature is not in hexadecimal digits"))?;
            Ok(RsaSignature { algorithms, bytes, chain: None })
        }
        other => Err(unsupported(format!("unsupported media type {other:?} of a signature"))),
    }
}

fn read_pem(value: &SignatureValue) -> Result<RsaSignature> {
    let blocks = Block::read_all(&value.value)?;
    let position = blocks.iter().position(|block| block.label == SIGNATURE);
    let position = position.ok_or_else(|| malformed("the PEM text has no block SIGNATURE"))?;
    let block = &blocks[position];
    let name = block.header(ALGORITHM).unwrap_or(&value.algorithm);
    if !value.algorithm.is_empty() && name != value.algorithm {
        return Err(rejected(format!("the PEM block says {name}, but the signature {}", value.algorithm)));
    }
    let algorithm =
        Algorithm::parse(name).ok_or_else(|| unsupported(format!("unknown signature algorithm {name:?}")))?;
    let mut chain = Vec::new();
    for block in &blocks[position + 1..] {
        match block.label.as_str() {
            "CERTIFICATE" => chain.push(Certificate::from_der(block.bytes.clone())?),
            SIGNATURE => return Err(malformed("the PEM text has several blocks SIGNATURE")),
            _ => {}
        }
    }
    Ok(RsaSignature { algorithms: vec![algorithm], bytes: block.bytes.clone(), chain: Some(chain) })
}

/// The stored form of a signature. The chain is the one of the signer, leaf first; roots in it are left out.
pub(crate) fn write(algorithm: Algorithm, encoding: Encoding, bytes: &[u8], chain: &[Certificate]) -> SignatureValue {
    let (media_type, value) = match encoding {
        Encoding::Plain => (algorithm.media_type(), hex::encode(bytes)),
        Encoding::Pem => {
            let mut block = Block::new(SIGNATURE, bytes);
            block.headers.push((ALGORITHM.into(), algorithm.name().into()));
            let mut text = block.write();
            for (position, certificate) in chain.iter().enumerate() {
                // A root says nothing to anybody who does not have it already, and one of the programs refuses it.
                if position == 0 || !certificate.is_self_signed() {
                    text.push_str(&Block::new("CERTIFICATE", certificate.der()).write());
                }
            }
            (media_type::PEM, text)
        }
    };
    SignatureValue {
        algorithm: algorithm.name().to_owned(),
        media_type: media_type.to_owned(),
        value,
        ..SignatureValue::default()
    }
}
