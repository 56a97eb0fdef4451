use async_trait::async_trait;
use aws_lc_rs::digest as hashing;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_blob::Digest;
use ocm_http::Client;
use ocm_model::descriptor::SignatureValue;
use ocm_model::digest::HashAlgorithm;
use sigstore_verify::types::bundle::{
    CertificateContent, MediaType, MessageDigest, MessageSignature, Rfc3161Timestamp, TimestampVerificationData,
    VerificationMaterial, VerificationMaterialContent,
};
use sigstore_verify::types::{
    Bundle, DerCertificate, DigestBytes, HashAlgorithm as BundleHash, KindVersion, SignatureBytes, SignatureContent,
    TimestampToken, TransparencyLogEntry,
};

use super::services::Log;
use super::verifier::SigstoreVerifier;
use super::{
    ExpectedSigner, IdentityToken, Match, Services, SigstoreKey, TrustedRoot, algorithm, exchange, media_type,
};
use crate::error::{malformed, rejected, unsupported};
use crate::pem::Block;
use crate::{Result, SignedDigest, Signer, Verifier as _};

/// How a Sigstore signature is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A bundle, which all Sigstore clients read.
    #[default]
    Bundle,
    /// The log entry with the certificate, as the v1 program stores it (`sigstore-v2`).
    CertificateEntry,
}

impl Form {
    /// The form that an algorithm asks for.
    ///
    /// # Errors
    /// The algorithm is the one whose log entries have nothing but a key, which proves nothing about anybody.
    pub fn of_algorithm(name: &str) -> Result<Option<Self>> {
        match name {
            algorithm::BUNDLE => Ok(Some(Self::Bundle)),
            algorithm::CERTIFICATE_ENTRY => Ok(Some(Self::CertificateEntry)),
            algorithm::KEY_ENTRY => Err(unsupported(format!(
                "signatures of the algorithm {name} do not say who made them, and are verified but not made: use {} or {}",
                algorithm::BUNDLE,
                algorithm::CERTIFICATE_ENTRY
            ))),
            _ => Ok(None),
        }
    }
}

/// Signs with a key that is made for one signature, and a certificate for whoever the token names.
///
/// Every signature is public from the moment it is made: the authority and the log publish who signed what, and when.
#[derive(Clone, Debug)]
pub struct SigstoreSigner {
    /// Opens the connections.
    pub client: Client,
    /// Where to sign.
    pub services: Services,
    /// Who signs.
    pub token: IdentityToken,
    /// What the finished signature is judged with before it is given out.
    pub trusted_root: TrustedRoot,
    /// How the signature is stored.
    pub form: Form,
}

struct Key(EcdsaKeyPair);

impl Key {
    fn generate() -> Result<Self> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Self).map_err(|_| malformed("a key cannot be made"))
    }

    fn spki(&self) -> Result<Vec<u8>> {
        let der: PublicKeyX509Der<'_> =
            self.0.public_key().as_der().map_err(|_| malformed("the key cannot be exported"))?;
        Ok(der.as_ref().to_vec())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| malformed("the key cannot sign"))?;
        Ok(signature.as_ref().to_vec())
    }

    /// Signs something whose SHA-256 digest this is.
    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| malformed("the key cannot sign this digest");
        let digest = hashing::Digest::import_less_safe(digest, &hashing::SHA256).map_err(failed)?;
        Ok(self.0.sign_digest(&digest).map_err(failed)?.as_ref().to_vec())
    }
}

/// The SHA-256 digest of some bytes.
fn sha256(bytes: &[u8]) -> Result<Vec<u8>> {
    ocm_blob::hex::decode(&Digest::of(bytes).hex()).ok_or_else(|| malformed("the bytes have no digest"))
}

#[async_trait]
impl Signer for SigstoreSigner {
    async fn sign(&self, digest: &SignedDigest) -> Result<SignatureValue> {
        let key = Key::generate()?;
        let spki = key.spki()?;
        let (hash, signature) = match self.form {
            Form::Bundle => (sha256(digest.bytes())?, key.sign(digest.bytes())?),
            Form::CertificateEntry if digest.hash() == HashAlgorithm::Sha256 => {
                (digest.bytes().to_vec(), key.sign_digest(digest.bytes())?)
            }
            Form::CertificateEntry => return Err(unsupported("signatures of this form are over SHA-256 digests only")),
        };
        let public_key = Block::new("PUBLIC KEY", spki.clone()).write();
        let proof = key.sign(self.token.identity().as_bytes())?;
        let certificate =
            exchange::certificate(&self.client, &self.services.authority, &self.token, &public_key, &proof).await?;
        let issued = crate::certificate::Certificate::from_der(certificate.as_bytes().to_vec())?;
        if issued.spki() != spki {
            return Err(rejected("the Sigstore certificate authority answered with a certificate for another key"));
        }
        let value = match self.form {
            Form::Bundle => self.bundle(&hash, &signature, &certificate).await?,
            Form::CertificateEntry => self.entry(&hash, &signature, &certificate).await?,
        };
        self.judge(digest, &value)?;
        Ok(value)
    }
}

impl SigstoreSigner {
    async fn bundle(&self, hash: &[u8], signature: &[u8], certificate: &DerCertificate) -> Result<SignatureValue> {
        let entry: Option<TransparencyLogEntry> = match &self.services.log {
            None => None,
            Some(Log::V1(log)) => {
                let hash = ocm_blob::hex::encode(hash);
                let (_, entry) = exchange::log_v1(&self.client, log, &hash, signature, &certificate.to_pem()).await?;
                let entry = entry.to_bundle_entry(KindVersion::HashedRekordV001);
                Some(entry.map_err(|error| rejected(format!("{log}: the log entry cannot be used: {error}")))?)
            }
            Some(Log::V2(log)) => Some(exchange::log_v2(&self.client, log, hash, signature, certificate).await?),
        };
        let mut timestamps = Vec::new();
        if let Some(authority) = &self.services.timestamps {
            let answer = exchange::timestamp(&self.client, authority, &sha256(signature)?).await?;
            timestamps.push(Rfc3161Timestamp::new(TimestampToken::new(answer.to_vec())));
        }
        let material = VerificationMaterial::new(VerificationMaterialContent::Certificate(CertificateContent::new(
            certificate.clone(),
        )))
        .with_tlog_entries(entry.into_iter().collect())
        .with_timestamp_verification_data(TimestampVerificationData::new(timestamps));
        let message = MessageSignature::new(SignatureBytes::from_bytes(signature))
            .with_message_digest(MessageDigest::new(BundleHash::Sha2256, DigestBytes::new(hash.to_vec())));
        let bundle = Bundle::new(MediaType::Bundle0_3, material, SignatureContent::MessageSignature(message));
        let json = bundle.to_json().map_err(|error| malformed(format!("the bundle cannot be written: {error}")))?;
        Ok(value(algorithm::BUNDLE, media_type::BUNDLE, json.as_bytes()))
    }

    async fn entry(&self, hash: &[u8], signature: &[u8], certificate: &DerCertificate) -> Result<SignatureValue> {
        let Some(Log::V1(log)) = &self.services.log else {
            return Err(unsupported("signatures of this form need a Rekor v1 log"));
        };
        let hash = ocm_blob::hex::encode(hash);
        let (answer, _) = exchange::log_v1(&self.client, log, &hash, signature, &certificate.to_pem()).await?;
        Ok(value(algorithm::CERTIFICATE_ENTRY, media_type::LOG_ENTRY, &answer))
    }

    /// A signature that would not verify is not given out: services answer wrongly, and a trusted root may be another one's.
    fn judge(&self, digest: &SignedDigest, value: &SignatureValue) -> Result<()> {
        let anybody = || Match::new("anybody", None, Some("(?s).+"));
        let verifier = SigstoreVerifier {
            trusted_root: self.trusted_root.clone(),
            expected: Some(ExpectedSigner { identity: anybody()?, issuer: anybody()? }),
            keys: Vec::<SigstoreKey>::new(),
            private_infrastructure: self.services.log.is_none(),
            minimum_bits: 0,
        };
        let judged = verifier.verify(digest, value, std::time::SystemTime::now());
        judged.map(drop).map_err(|error| error.about("what the Sigstore services answered does not verify here"))
    }
}

fn value(algorithm: &str, media_type: &str, content: &[u8]) -> SignatureValue {
    SignatureValue {
        algorithm: algorithm.to_owned(),
        media_type: media_type.to_owned(),
        value: STANDARD.encode(content),
        ..SignatureValue::default()
    }
}

/// Says what would be signed, and publishes nothing: the value stays empty, because a Sigstore signature cannot be made in
/// secret.
#[derive(Clone, Copy, Debug)]
pub struct Unpublished(pub Form);

#[async_trait]
impl Signer for Unpublished {
    async fn sign(&self, _: &SignedDigest) -> Result<SignatureValue> {
        Ok(match self.0 {
            Form::Bundle => value(algorithm::BUNDLE, media_type::BUNDLE, &[]),
            Form::CertificateEntry => value(algorithm::CERTIFICATE_ENTRY, media_type::LOG_ENTRY, &[]),
        })
    }
}
