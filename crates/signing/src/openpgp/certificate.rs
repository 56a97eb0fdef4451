use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PublicKey, PublicSubkey, Signature, SignatureType, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, PublicParams, Tag};

use super::selection::written;
use super::{KeySelection, LARGEST};
use crate::Result;
use crate::error::{malformed, untrusted};

/// An OpenPGP certificate: a key with the names, subkeys and limits that it gave itself.
#[derive(Clone, Debug)]
pub struct OpenPgpCertificate(pub(super) SignedPublicKey);

/// A key that may sign.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Primary(&'a PublicKey),
    Subkey(&'a PublicSubkey),
}

impl Part<'_> {
    pub(super) fn fingerprint(&self) -> pgp::types::Fingerprint {
        match self {
            Self::Primary(key) => key.fingerprint(),
            Self::Subkey(key) => key.fingerprint(),
        }
    }

    fn fits(&self, selection: &KeySelection) -> bool {
        match self {
            Self::Primary(key) => selection.fits(key),
            Self::Subkey(key) => selection.fits(key),
        }
    }

    /// Size of an RSA key in bits; `None` for other kinds.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        let params = match self {
            Self::Primary(key) => key.public_params(),
            Self::Subkey(key) => key.public_params(),
        };
        match params {
            // A number is preceded by its length in bits.
            PublicParams::RSA(_) => {
                let bytes = params.to_bytes().unwrap_or_default();
                Some(bytes.first_chunk::<2>().map_or(0, |bits| usize::from(u16::from_be_bytes(*bits))))
            }
            _ => None,
        }
    }

    pub(super) fn created(&self) -> SystemTime {
        let created = match self {
            Self::Primary(key) => key.created_at(),
            Self::Subkey(key) => key.created_at(),
        };
        time(created.as_secs())
    }

    pub(super) fn verify(&self, signature: &Signature, content: &[u8]) -> bool {
        match self {
            Self::Primary(key) => signature.verify(*key, content),
            Self::Subkey(key) => signature.verify(*key, content),
        }
        .is_ok()
    }
}

pub(super) fn time(seconds: u32) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::from(seconds))
}

fn shown(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "another time".to_owned(), |time| time.to_string())
}

impl OpenPgpCertificate {
    /// Reads all keys of a file, armoured or not. Of private keys the public half is taken.
    ///
    /// # Errors
    /// There is none, or one cannot be read.
    pub fn read_all(content: &[u8]) -> Result<Vec<Self>> {
        let keys = read(content)?.into_iter().map(|key| match key {
            PublicOrSecret::Public(key) => key,
            PublicOrSecret::Secret(key) => key.to_public_key(),
        });
        Ok(keys.map(Self).collect())
    }

    /// The fingerprint of the primary key.
    pub fn fingerprint(&self) -> String {
        written(&self.0.primary_key.fingerprint())
    }

    /// The key that all others belong to.
    pub(super) fn primary(&self) -> Part<'_> {
        Part::Primary(&self.0.primary_key)
    }

    /// The name that it gave itself first.
    pub(super) fn user(&self) -> Option<String> {
        self.0.details.users.first().map(|user| String::from_utf8_lossy(user.id.id()).into_owned())
    }

    /// Whether the certificate has a key of this name.
    pub(super) fn has(&self, selection: &KeySelection) -> bool {
        selection.fits(&self.0.primary_key) || self.0.public_subkeys.iter().any(|subkey| selection.fits(&subkey.key))
    }

    /// The keys that may sign at a time, subkeys first, the newest of them first. With a selection that is no primary key, this
    /// key alone.
    ///
    /// # Errors
    /// The certificate was revoked, has expired, or has no such key.
    pub(super) fn signing_keys(&self, selection: Option<&KeySelection>, at: SystemTime) -> Result<Vec<Part<'_>>> {
        let name = self.fingerprint();
        let primary = &self.0.primary_key;
        if self.0.details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok()) {
            return Err(untrusted(format!("the OpenPGP key {name} was revoked")));
        }
        let own = self.own_signature(at).ok_or_else(|| {
            untrusted(format!("the OpenPGP key {name} has no signature by itself that counts (SHA-256 or better)"))
        })?;
        let begin = time(primary.created_at().as_secs());
        check_lifetime(&name, begin, own, at)?;
        let mut parts: Vec<Part<'_>> = Vec::new();
        let mut failure = None;
        for subkey in &self.0.public_subkeys {
            match self.subkey(subkey, at) {
                Ok(Some(key)) => parts.push(Part::Subkey(key)),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        parts.sort_by_key(|part| std::cmp::Reverse(part.created()));
        if has_flags(own).unwrap_or(true) {
            parts.push(Part::Primary(primary));
        }
        if let Some(selection) = selection.filter(|selection| !selection.fits(primary)) {
            parts.retain(|part| part.fits(selection));
        }
        if parts.is_empty() {
            return Err(failure.unwrap_or_else(|| untrusted(format!("the OpenPGP key {name} is not one that signs"))));
        }
        Ok(parts)
    }

    /// The latest of the signatures by which the certificate says what it is.
    fn own_signature(&self, at: SystemTime) -> Option<&Signature> {
        let primary = &self.0.primary_key;
        let details = &self.0.details;
        let direct = details.direct_signatures.iter();
        let direct = direct.filter(|signature| {
            signature.typ() == Some(SignatureType::Key)
                && counts(signature, at)
                && signature.verify_key(primary).is_ok()
        });
        let named = details.users.iter().filter_map(|user| {
            let by_itself =
                |signature: &&Signature| signature.verify_certification(primary, Tag::UserId, &user.id).is_ok();
            let is_revocation = |signature: &Signature| signature.typ() == Some(SignatureType::CertRevocation);
            let latest = |revocations: bool| {
                let wanted = user.signatures.iter().filter(move |signature| is_revocation(signature) == revocations);
                wanted.filter(|signature| counts(signature, at)).filter(by_itself).max_by_key(|one| one.created())
            };
            let (name, revocation) = (latest(false)?, latest(true));
            revocation.is_none_or(|revocation| revocation.created() < name.created()).then_some(name)
        });
        direct.chain(named).max_by_key(|signature| signature.created())
    }

    /// The subkey, if it may sign.
    fn subkey<'a>(&self, subkey: &'a SignedPublicSubKey, at: SystemTime) -> Result<Option<&'a PublicSubkey>> {
        let primary = &self.0.primary_key;
        let name = written(&subkey.key.fingerprint());
        let by_primary = |signature: &&Signature| signature.verify_subkey_binding(primary, &subkey.key).is_ok();
        let of_kind = |kind| subkey.signatures.iter().filter(move |signature| signature.typ() == Some(kind));
        let bindings = of_kind(SignatureType::SubkeyBinding).filter(|signature| counts(signature, at));
        let Some(binding) = bindings.filter(by_primary).max_by_key(|signature| signature.created()) else {
            return Ok(None);
        };
        if !has_flags(binding).unwrap_or(false) {
            return Ok(None);
        }
        if of_kind(SignatureType::SubkeyRevocation).any(|signature| by_primary(&signature)) {
            return Err(untrusted(format!("the OpenPGP key {name} was revoked")));
        }
        check_lifetime(&name, time(subkey.key.created_at().as_secs()), binding, at)?;
        // The subkey says that it belongs to the primary key, too: else anybody could claim the signatures of others.
        let back = binding.embedded_signature().filter(|signature| is_strong(signature));
        let is_mutual = back.is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
        Ok(is_mutual.then_some(&subkey.key))
    }
}

/// Reads all keys of a file.
pub(super) fn read(content: &[u8]) -> Result<Vec<PublicOrSecret>> {
    // What the format's own errors say quotes the bytes that could not be read: of a private key.
    fn unread(_: pgp::errors::Error) -> crate::Error {
        malformed("the OpenPGP key cannot be read: packets of OpenPGP are expected, binary or in ASCII armour")
    }
    if content.len() > LARGEST {
        return Err(malformed(format!("the OpenPGP key is larger than the limit of {LARGEST} bytes")));
    }
    let mut keys = Vec::new();
    match std::str::from_utf8(content) {
        Ok(text) if text.contains("-----BEGIN ") => {
            for block in text.split("-----BEGIN ").skip(1) {
                let block = format!("-----BEGIN {block}");
                let (found, _) = PublicOrSecret::from_armor_many(block.as_bytes()).map_err(unread)?;
                for key in found {
                    keys.push(key.map_err(unread)?);
                }
            }
        }
        _ => {
            for key in PublicOrSecret::from_bytes_many(content).map_err(unread)? {
                keys.push(key.map_err(unread)?);
            }
        }
    }
    if keys.is_empty() { Err(malformed("no OpenPGP key is there")) } else { Ok(keys) }
}

/// Whether flags of a signature let its key sign; `None` if it has none.
fn has_flags(signature: &Signature) -> Option<bool> {
    let packets = signature.config()?.hashed_subpackets();
    packets.into_iter().find_map(|packet| match &packet.data {
        SubpacketData::KeyFlags(flags) => Some(flags.sign()),
        _ => None,
    })
}

fn check_lifetime(name: &str, begin: SystemTime, signature: &Signature, at: SystemTime) -> Result<()> {
    if at < begin {
        return Err(untrusted(format!("the OpenPGP key {name} begins at {}", shown(begin))));
    }
    let lifetime = signature.key_expiration_time().map(pgp::types::Duration::as_secs).filter(|seconds| *seconds > 0);
    let end = lifetime.map(|seconds| begin + Duration::from_secs(u64::from(seconds)));
    match end.filter(|end| *end <= at) {
        Some(end) => Err(untrusted(format!(
            "the OpenPGP key {name} expired at {}: --at TIME judges signatures of an earlier time",
            shown(end)
        ))),
        None => Ok(()),
    }
}

/// Whether a signature was made by then, has not ended, and says nothing that is not understood here and must be.
pub(super) fn counts(signature: &Signature, at: SystemTime) -> bool {
    let Some(created) = signature.created().map(|created| time(created.as_secs())) else { return false };
    let lifetime = signature.signature_expiration_time().map(pgp::types::Duration::as_secs);
    let has_ended = lifetime
        .filter(|seconds| *seconds > 0)
        .is_some_and(|seconds| created + Duration::from_secs(u64::from(seconds)) <= at);
    created <= at && !has_ended && is_strong(signature) && is_understood(signature)
}

/// Collisions were found for the hashes that are left out.
pub(super) fn is_strong(signature: &Signature) -> bool {
    matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    )
}

/// No part that is marked as critical is one that is not known (RFC 9580, 5.2.3.7); notations are not.
fn is_understood(signature: &Signature) -> bool {
    let Some(config) = signature.config() else { return false };
    config.hashed_subpackets().all(|packet| {
        !packet.is_critical
            || !matches!(
                packet.data,
                SubpacketData::Notation(_)
                    | SubpacketData::Experimental(..)
                    | SubpacketData::Other(..)
                    | SubpacketData::RegularExpression(_)
            )
    })
}
