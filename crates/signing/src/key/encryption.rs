use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;

use crate::Result;
use crate::error::malformed;
use crate::key::Secret;
use crate::pem::Block;

/// Label of a key that encrypts keys.
const KEY: &str = "ENCRYPTION KEY";
/// Label of what it encrypted.
const DATA: &str = "ENCRYPTED DATA";
/// Header that names the cipher.
const ALGORITHM: &str = "algorithm";

/// A key that encrypts private keys, as `create rsakeypair --encrypt` makes them: AES in Galois/Counter mode, the nonce in
/// front of the content.
#[derive(Debug)]
pub struct EncryptionKey(Secret);

impl EncryptionKey {
    /// A new key for AES-256.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate() -> Result<Self> {
        let mut bytes = vec![0; 32];
        rand::fill(&mut bytes).map_err(|_| malformed("the system gives no randomness"))?;
        Ok(Self(Secret::new(bytes)))
    }

    /// Reads a key: a PEM block, or nothing but the bytes.
    ///
    /// # Errors
    /// It has not the length of a key for AES.
    pub fn read(content: &[u8]) -> Result<Self> {
        let blocks = std::str::from_utf8(content).ok().and_then(|text| Block::read_all(text).ok()).unwrap_or_default();
        let bytes = blocks.into_iter().find(|block| block.label == KEY).map_or(content.to_vec(), |block| block.bytes);
        let key = Self(Secret::new(bytes));
        key.cipher().map(|_| key)
    }

    /// The key as a PEM block.
    pub fn to_pem(&self) -> String {
        Block::new(KEY, self.0.reveal()).write()
    }

    /// Encrypts, as a PEM block.
    pub(crate) fn encrypt(&self, content: &[u8]) -> Result<String> {
        let failed = || malformed("the key cannot be encrypted");
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| failed())?;
        let mut sealed = content.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| failed())?;
        let mut block = Block::new(DATA, [&nonce, sealed.as_slice()].concat());
        block.headers.push((ALGORITHM.into(), format!("AES-{}", self.0.reveal().len() * 8)));
        Ok(block.write())
    }

    /// Whether a PEM block is something encrypted in this way.
    pub(crate) fn is_encrypted(block: &Block) -> bool {
        block.label == DATA
    }

    /// Decrypts a PEM block.
    pub(crate) fn decrypt(&self, block: &Block) -> Result<Secret> {
        let failed = || malformed("the encrypted key cannot be read with this encryption key");
        let (nonce, sealed) = block.bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let mut content = sealed.to_vec();
        let opened = self
            .cipher()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut content)
            .map_err(|_| failed())?;
        Ok(Secret::new(&*opened))
    }

    fn cipher(&self) -> Result<LessSafeKey> {
        let algorithm = match self.0.reveal().len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            length => return Err(malformed(format!("an encryption key has 16, 24 or 32 bytes, not {length}"))),
        };
        let key =
            UnboundKey::new(algorithm, self.0.reveal()).map_err(|_| malformed("the encryption key cannot be used"))?;
        Ok(LessSafeKey::new(key))
    }
}
