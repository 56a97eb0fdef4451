//! RSA keys of OpenPGP sign with the cryptography of everything else here: the one that the format's library brings answers
//! in a time that tells something about the key (RUSTSEC-2023-0071).

use std::fmt;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaSignatureEncoding};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::errors::{Error as FormatError, Result as FormatResult};
use pgp::ser::Serialize as _;
use pgp::types::{
    Fingerprint, KeyDetails, KeyId, KeyVersion, Mpi, Password, PlainSecretParams, PublicParams, SignatureBytes,
    SigningKey, Timestamp,
};
use zeroize::Zeroizing;

use crate::error::malformed;
use crate::{Result, der};

/// An RSA key of OpenPGP.
pub(super) struct RsaKey {
    pair: KeyPair,
    version: KeyVersion,
    id: KeyId,
    fingerprint: Fingerprint,
    algorithm: PublicKeyAlgorithm,
    created: Timestamp,
    public: PublicParams,
}

impl RsaKey {
    /// The key in decrypted parameters; `None` if it is of another kind.
    pub(super) fn read(
        key: &impl KeyDetails,
        public: &PublicParams,
        secret: &PlainSecretParams,
    ) -> Option<Result<Self>> {
        let PlainSecretParams::RSA(secret) = secret else { return None };
        let (d, p, q, inverse) = secret.to_bytes();
        let [d, p, q, inverse] = [d, p, q, inverse].map(Zeroizing::new);
        Some(pair(public, &d, &p, &q, &inverse).map(|pair| Self {
            pair,
            version: key.version(),
            id: key.legacy_key_id(),
            fingerprint: key.fingerprint(),
            algorithm: key.algorithm(),
            created: key.created_at(),
            public: public.clone(),
        }))
    }
}

/// The key as PKCS#1 has it. OpenPGP keeps the inverse of the first prime, PKCS#1 that of the second: they change places.
fn pair(public: &PublicParams, d: &[u8], p: &[u8], q: &[u8], inverse: &[u8]) -> Result<KeyPair> {
    let bytes = public.to_bytes().map_err(|error| malformed(format!("the OpenPGP key: {error}")))?;
    let cut = || malformed("the OpenPGP key has no modulus and exponent");
    let (modulus, rest) = number(&bytes).ok_or_else(cut)?;
    let (exponent, _) = number(rest).ok_or_else(cut)?;
    let pkcs1 = Zeroizing::new(der::sequence(&[
        &der::unsigned(&[0]),
        &der::unsigned(modulus),
        &der::unsigned(exponent),
        &der::unsigned(d),
        &der::unsigned(q),
        &der::unsigned(p),
        &der::unsigned(&remainder(d, &minus_one(q))),
        &der::unsigned(&remainder(d, &minus_one(p))),
        &der::unsigned(inverse),
    ]));
    KeyPair::from_der(&pkcs1)
        .map_err(|reason| malformed(format!("the OpenPGP key is no RSA key of 2048 bits or more: {reason}")))
}

/// A number of OpenPGP: its length in bits, then its bytes.
fn number(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (bits, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*bits)).div_ceil(8))
}

/// An odd number less one.
fn minus_one(number: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut number = Zeroizing::new(number.to_vec());
    if let Some(last) = number.last_mut() {
        *last &= 0xfe;
    }
    number
}

/// The remainder of a division, bit by bit: it is done once per key.
fn remainder(number: &[u8], divisor: &[u8]) -> Zeroizing<Vec<u8>> {
    // One byte more than the divisor, for the bit that is shifted out of it.
    let divisor = Zeroizing::new([&[0], divisor].concat());
    let mut rest = Zeroizing::new(vec![0_u8; divisor.len()]);
    for bit in number.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1)) {
        let mut carry = bit;
        for byte in rest.iter_mut().rev() {
            (*byte, carry) = (*byte << 1 | carry, *byte >> 7);
        }
        let mut less = Zeroizing::new(rest.to_vec());
        let mut borrow = 0_u8;
        for (byte, other) in less.iter_mut().zip(divisor.iter()).rev() {
            let (value, first) = byte.overflowing_sub(*other);
            let (value, second) = value.overflowing_sub(borrow);
            (*byte, borrow) = (value, u8::from(first || second));
        }
        if borrow == 0 {
            rest = less;
        }
    }
    rest
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({:x})", self.fingerprint)
    }
}

impl KeyDetails for RsaKey {
    fn version(&self) -> KeyVersion {
        self.version
    }

    fn legacy_key_id(&self) -> KeyId {
        self.id
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }

    fn algorithm(&self) -> PublicKeyAlgorithm {
        self.algorithm
    }

    fn created_at(&self) -> Timestamp {
        self.created
    }

    fn legacy_v3_expiration_days(&self) -> Option<u16> {
        None
    }

    fn public_params(&self) -> &PublicParams {
        &self.public
    }
}

impl SigningKey for RsaKey {
    /// `data` is the hash already.
    fn sign(&self, _: &Password, hash: HashAlgorithm, data: &[u8]) -> FormatResult<SignatureBytes> {
        let failed = |reason: &str| FormatError::from(std::io::Error::other(reason.to_owned()));
        let (algorithm, encoding): (_, &RsaSignatureEncoding) = match hash {
            HashAlgorithm::Sha256 => (&digest::SHA256, &RSA_PKCS1_SHA256),
            HashAlgorithm::Sha384 => (&digest::SHA384, &RSA_PKCS1_SHA384),
            HashAlgorithm::Sha512 => (&digest::SHA512, &RSA_PKCS1_SHA512),
            _ => return Err(failed("SHA-256, SHA-384 and SHA-512 can be signed")),
        };
        let digest = Digest::import_less_safe(data, algorithm).map_err(|_| failed("this is no hash"))?;
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign_digest(encoding, &digest, &mut signature).map_err(|_| failed("the key cannot sign"))?;
        Ok(SignatureBytes::Mpis(vec![Mpi::from_slice(&signature)]))
    }

    fn hash_alg(&self) -> HashAlgorithm {
        HashAlgorithm::Sha256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders() {
        assert_eq!(*remainder(&[1, 0], &[7]), [0, 4]);
        assert_eq!(*remainder(&[0xff, 0xff, 0xff], &[0x80, 0x01]), [0, 0x7e, 0]);
        assert_eq!(*remainder(&[3], &[0xff, 0xff]), [0, 0, 3]);
        assert_eq!(*minus_one(&[1, 3]), [1, 2]);
    }
}
