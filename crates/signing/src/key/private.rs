use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use pkcs8::EncryptedPrivateKeyInfoRef;

use crate::error::malformed;
use crate::key::{EncryptionKey, PublicKey, Secret};
use crate::pem::Block;
use crate::{Result, der};

/// An RSA private key. It is never printed.
pub struct PrivateKey(KeyPair);

impl PrivateKey {
    /// A new key of 2048, 3072, 4096 or 8192 bits.
    ///
    /// # Errors
    /// Another size.
    pub fn generate(bits: usize) -> Result<Self> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(malformed(format!("keys have 2048, 3072, 4096 or 8192 bits, not {bits}"))),
        };
        KeyPair::generate(size).map(Self).map_err(|_| malformed("a key cannot be made"))
    }

    /// Reads the first private key of a PEM text: PKCS#1, PKCS#8, or either encrypted with `secret` (a passphrase for
    /// PKCS#8, an encryption key for the form of the v1 program).
    ///
    /// # Errors
    /// No such key, one that is not RSA, smaller than 2048 bits, or encrypted without or with another secret.
    pub fn read(pem: &[u8], secret: Option<&Secret>) -> Result<Self> {
        let text = std::str::from_utf8(pem).map_err(|_| malformed("a private key in PEM form is expected"))?;
        // Its armour ends with a checksum, so that it is no PEM.
        if text.contains("-----BEGIN PGP ") {
            return Err(malformed("this is an OpenPGP key: --algorithm GPG signs with it"));
        }
        let mut other = None;
        for block in Block::read_all(text)? {
            if block.header("DEK-Info").is_some() {
                return Err(malformed(
                    "the private key is encrypted in the traditional form (DEK-Info), which is not read here because it guards the \
                     key badly: convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY.pem -out NEW.pem`, and use NEW.pem",
                ));
            }
            let needed = || {
                secret.ok_or_else(|| malformed("the private key is encrypted: --passphrase-file FILE says with what"))
            };
            let pair = match block.label.as_str() {
                "RSA PRIVATE KEY" => KeyPair::from_der(&block.bytes),
                "PRIVATE KEY" => KeyPair::from_pkcs8(&block.bytes),
                "ENCRYPTED PRIVATE KEY" => {
                    let wrong = |_| {
                        malformed(
                            "the private key cannot be decrypted: the passphrase is another one, or its cipher is not known here",
                        )
                    };
                    let info = EncryptedPrivateKeyInfoRef::try_from(block.bytes.as_slice())
                        .map_err(|error| malformed(format!("the encrypted private key cannot be read: {error}")))?;
                    KeyPair::from_pkcs8(info.decrypt(needed()?.trimmed()).map_err(wrong)?.as_bytes())
                }
                _ if EncryptionKey::is_encrypted(&block) => {
                    KeyPair::from_der(EncryptionKey::read(needed()?.reveal())?.decrypt(&block)?.reveal())
                }
                label => {
                    other = other.or_else(|| label.ends_with("PRIVATE KEY").then(|| label.to_owned()));
                    continue;
                }
            };
            return pair
                .map(Self)
                .map_err(|reason| malformed(format!("no RSA private key of 2048 bits or more: {reason}")));
        }
        if let Some(label) = other {
            return Err(malformed(format!("{label} is no RSA private key, and no other kind of key signs here")));
        }
        Err(malformed("no private key in PEM form: RSA PRIVATE KEY or PRIVATE KEY is expected"))
    }

    /// The key as PKCS#1 in a PEM block, the form that all older programs read.
    ///
    /// # Errors
    /// The key cannot be exported.
    pub fn to_pem(&self) -> Result<Secret> {
        Ok(Secret::new(Block::new("RSA PRIVATE KEY", self.pkcs1()?.reveal()).write()))
    }

    /// The key encrypted with an encryption key, in the form of the v1 program.
    ///
    /// # Errors
    /// The key cannot be exported.
    pub fn to_encrypted_pem(&self, key: &EncryptionKey) -> Result<String> {
        key.encrypt(self.pkcs1()?.reveal())
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of_pkcs1(self.0.public_key().as_ref())
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    /// `PrivateKeyInfo` is a version, an algorithm of known length, and the key in an octet string.
    fn pkcs1(&self) -> Result<Secret> {
        let failed = || malformed("the private key cannot be exported");
        let pkcs8: Pkcs8V1Der<'_> = self.0.as_der().map_err(|_| failed())?;
        let info = pkcs8::PrivateKeyInfoRef::try_from(pkcs8.as_ref()).map_err(|_| failed())?;
        Ok(Secret::new(info.private_key.as_bytes()))
    }

    /// Signs a message, hashing it with SHA-256: for certificates.
    pub(crate) fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        self.0
            .sign(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &random, message, &mut signature)
            .map_err(|_| malformed("the key cannot sign"))?;
        Ok(signature)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public_key().fingerprint())
    }
}

/// `SubjectPublicKeyInfo` around a PKCS#1 key.
pub(super) fn wrapped(pkcs1: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::rsa_encryption(), &der::bit_string(pkcs1)])
}
