use std::time::SystemTime;

use async_trait::async_trait;
use ocm_model::descriptor::SignatureValue;
use pgp::composed::{ArmorOptions, DetachedSignature, PublicOrSecret, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SecretKey, SecretSubkey, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, KeyVersion, Password, SigningKey, Timestamp};

use super::certificate::{self, Part};
use super::rsa::RsaKey;
use super::{ALGORITHM, KeySelection, MEDIA_TYPE, OpenPgpCertificate};
use crate::error::{malformed, unsupported};
use crate::{Result, Secret, SignedDigest, Signer};

/// The hash within the signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenPgpHash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OpenPgpHash {
    /// Reads a name in the only spelling that other programs take.
    ///
    /// # Errors
    /// Another one.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "" | "SHA-256" => Ok(Self::Sha256),
            "SHA-384" => Ok(Self::Sha384),
            "SHA-512" => Ok(Self::Sha512),
            _ => {
                Err(malformed(format!("hash {name:?} of an OpenPGP signature: SHA-256, SHA-384 and SHA-512 are known")))
            }
        }
    }

    fn of_format(self) -> HashAlgorithm {
        match self {
            Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha384 => HashAlgorithm::Sha384,
            Self::Sha512 => HashAlgorithm::Sha512,
        }
    }
}

/// Signs with an OpenPGP key at hand.
#[derive(Debug)]
pub struct OpenPgpSigner {
    key: Key,
    hash: OpenPgpHash,
    password: Password,
}

#[derive(Debug)]
enum Key {
    Rsa(Box<RsaKey>),
    Primary(Box<SecretKey>),
    Subkey(Box<SecretSubkey>),
}

impl OpenPgpSigner {
    /// Takes the key that is selected out of private keys, or the newest one that may sign now, and decrypts it.
    ///
    /// # Errors
    /// There is none, it was revoked, has expired, or the passphrase is another one.
    pub fn new(
        content: &Secret,
        passphrase: Option<&Secret>,
        selection: Option<&KeySelection>,
        hash: OpenPgpHash,
        now: SystemTime,
    ) -> Result<Self> {
        let keys = certificate::read(content.reveal())?;
        let secrets = keys.into_iter().filter_map(|key| match key {
            PublicOrSecret::Secret(key) => Some(key),
            PublicOrSecret::Public(_) => None,
        });
        let mut failure = malformed(match selection {
            Some(_) => "the OpenPGP key that is selected is not among the private keys",
            None => "no private OpenPGP key is there",
        });
        for secret in secrets {
            let certificate = OpenPgpCertificate(secret.to_public_key());
            if selection.is_some_and(|selection| !certificate.has(selection)) {
                continue;
            }
            match certificate.signing_keys(selection, now) {
                Ok(parts) => {
                    // A private key may come without some of its parts, for instance without the primary one.
                    for part in &parts {
                        match Self::with(&secret, part, passphrase, hash) {
                            Ok(signer) => return Ok(signer),
                            Err(error) => failure = error,
                        }
                    }
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn with(secret: &SignedSecretKey, part: &Part<'_>, passphrase: Option<&Secret>, hash: OpenPgpHash) -> Result<Self> {
        let password = Password::from(passphrase.map_or(&[][..], Secret::trimmed));
        let fingerprint = part.fingerprint();
        let locked = |_: pgp::errors::Error| {
            let hint = if passphrase.is_some() { "the passphrase is another one" } else { "it needs a passphrase" };
            malformed(format!("the OpenPGP key cannot be decrypted, perhaps {hint}"))
        };
        if secret.primary_key.fingerprint() == fingerprint {
            let key = &secret.primary_key;
            let rsa = key.unlock(&password, |public, plain| Ok(RsaKey::read(key, public, plain))).map_err(locked)?;
            let key = match rsa.map_err(locked)? {
                Some(rsa) => Key::Rsa(Box::new(rsa?)),
                None => Key::Primary(Box::new(key.clone())),
            };
            return Ok(Self { key, hash, password });
        }
        let subkey = secret.secret_subkeys.iter().find(|subkey| subkey.key.fingerprint() == fingerprint);
        let key = &subkey.ok_or_else(|| malformed("the private half of the OpenPGP key is missing"))?.key;
        let rsa = key.unlock(&password, |public, plain| Ok(RsaKey::read(key, public, plain))).map_err(locked)?;
        let key = match rsa.map_err(locked)? {
            Some(rsa) => Key::Rsa(Box::new(rsa?)),
            None => Key::Subkey(Box::new(key.clone())),
        };
        Ok(Self { key, hash, password })
    }
}

#[async_trait]
impl Signer for OpenPgpSigner {
    async fn sign(&self, digest: &SignedDigest) -> Result<SignatureValue> {
        let content = digest.bytes();
        let value = match &self.key {
            Key::Rsa(key) => detached(key.as_ref(), &self.password, self.hash, content),
            Key::Primary(key) => detached(key.as_ref(), &self.password, self.hash, content),
            Key::Subkey(key) => detached(key.as_ref(), &self.password, self.hash, content),
        }?;
        Ok(SignatureValue {
            algorithm: ALGORITHM.to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
            value,
            ..SignatureValue::default()
        })
    }
}

fn detached(key: &impl SigningKey, password: &Password, hash: OpenPgpHash, content: &[u8]) -> Result<String> {
    let failed = |error: pgp::errors::Error| malformed(format!("the OpenPGP key cannot sign: {error}"));
    let (algorithm, hash) = (key.algorithm(), hash.of_format());
    let mut config = match key.version() {
        KeyVersion::V4 => SignatureConfig::v4(SignatureType::Binary, algorithm, hash),
        KeyVersion::V6 => {
            let mut salt = vec![0; hash.salt_len().unwrap_or(16)];
            aws_lc_rs::rand::fill(&mut salt).map_err(|_| malformed("the system gives no randomness"))?;
            SignatureConfig::v6_with_salt(SignatureType::Binary, algorithm, hash, salt)
        }
        _ => return Err(unsupported("OpenPGP keys of this version cannot sign: 4 and 6 can")),
    };
    config.hashed_subpackets = vec![
        Subpacket::critical(SubpacketData::SignatureCreationTime(Timestamp::now())).map_err(failed)?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).map_err(failed)?,
    ];
    if key.version() == KeyVersion::V4 {
        config.unhashed_subpackets =
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id())).map_err(failed)?];
    }
    let signature = config.sign(key, password, content).map_err(failed)?;
    DetachedSignature::new(signature).to_armored_string(ArmorOptions::default()).map_err(failed)
}
