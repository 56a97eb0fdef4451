//! The form of the v1 program: the answer of a Rekor log to the entry that it made.

use std::collections::BTreeMap;

use ocm_model::descriptor::SignatureValue;
use ocm_model::digest::HashAlgorithm;
use serde::Deserialize;
use sigstore_verify::rekor::LogEntry;
use sigstore_verify::types::bundle::{
    CertificateContent, MediaType, MessageSignature, PublicKeyIdentifier, VerificationMaterial,
    VerificationMaterialContent,
};
use sigstore_verify::types::{Bundle, DerCertificate, KindVersion, SignatureBytes, SignatureContent};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bundle::{decoded, unique};
use crate::error::{rejected, unsupported};
use crate::pem::Block;
use crate::{Error, Result, SignedDigest};

/// The parts of a `hashedrekord` that say what was signed, and by whom.
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    data: Data,
    signature: Signature,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct Signature {
    content: String,
    #[serde(rename = "publicKey")]
    public_key: Key,
}

#[derive(Deserialize)]
struct Key {
    content: String,
}

fn wrong(error: impl std::fmt::Display) -> Error {
    rejected(format!("the entry of the Sigstore log cannot be read: {error}"))
}

/// The entry as a bundle, which is then judged like every other one. The digest is what was signed, not something that is
/// hashed once more.
pub(super) fn of_value(value: &SignatureValue, digest: &SignedDigest) -> Result<Bundle> {
    if digest.hash() != HashAlgorithm::Sha256 {
        return Err(unsupported("signatures of this form are over SHA-256 digests only"));
    }
    let json = decoded(value)?;
    let text = unique(&json).map_err(wrong)?;
    let mut entries: BTreeMap<String, LogEntry> = serde_json::from_str(text).map_err(wrong)?;
    let (Some((_, entry)), true) = (entries.pop_first(), entries.is_empty()) else {
        return Err(wrong("one entry is expected"));
    };
    let text = unique(entry.body.as_bytes()).map_err(wrong)?;
    let body: Body = serde_json::from_str(text).map_err(wrong)?;
    if (body.kind.as_str(), body.api_version.as_str()) != ("hashedrekord", "0.0.1") {
        return Err(unsupported(format!("an entry of kind {} {} is no signature", body.kind, body.api_version)));
    }
    let hash = &body.spec.data.hash;
    if hash.algorithm != "sha256" || ocm_blob::hex::decode(&hash.value).as_deref() != Some(digest.bytes()) {
        return Err(rejected(format!(
            "the entry of the Sigstore log is over another digest ({}:{})",
            hash.algorithm, hash.value
        )));
    }
    let signature = STANDARD.decode(&body.spec.signature.content).map_err(wrong)?;
    let pem = STANDARD.decode(&body.spec.signature.public_key.content).map_err(wrong)?;
    let blocks = Block::read_all(std::str::from_utf8(&pem).map_err(wrong)?)?;
    let material = match blocks.as_slice() {
        [block] if block.label == "CERTIFICATE" => {
            let certificate = DerCertificate::from_bytes(&block.bytes);
            VerificationMaterialContent::Certificate(CertificateContent::new(certificate))
        }
        [block] if block.label == "PUBLIC KEY" => {
            VerificationMaterialContent::PublicKey(PublicKeyIdentifier::new(String::new()))
        }
        _ => return Err(wrong("one certificate or public key is expected")),
    };
    let entry = entry.to_bundle_entry(KindVersion::HashedRekordV001).map_err(wrong)?;
    Ok(Bundle::new(
        MediaType::Bundle0_3,
        VerificationMaterial::new(material).with_tlog_entries(vec![entry]),
        SignatureContent::MessageSignature(MessageSignature::new(SignatureBytes::new(signature))),
    ))
}
