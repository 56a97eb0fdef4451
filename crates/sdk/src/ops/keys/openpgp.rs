use std::time::SystemTime;

use ocm_signing::openpgp::{KeySelection, OpenPgpCertificate, OpenPgpHash, OpenPgpSigner, OpenPgpVerifier};
use ocm_signing::{Secret, Signer};

use super::specification::{Specification, Way};
use super::{Keys, about, part};
use crate::{Error, Kind, Result};

/// Type of the consumer whose credentials are OpenPGP keys.
const CONSUMER: &str = "GPG/v1alpha1";

/// Parts of credentials with keys.
const PRIVATE: &str = "privateKeyPGP";
const PUBLIC: &str = "publicKeyPGP";
const PASSPHRASE: &str = "passphrase";

impl Keys {
    /// Whoever judges OpenPGP signatures of a name; `None` if no key is known.
    pub(super) async fn openpgp_verifier(
        &self,
        name: &str,
        specification: Option<&Specification>,
        minimum_bits: usize,
    ) -> Result<Option<OpenPgpVerifier>> {
        let unreadable = |error| about(error, format!("public key for signature {name:?}"));
        let mut certificates = Vec::new();
        for content in self.public_for(name) {
            certificates.extend(OpenPgpCertificate::read_all(content).map_err(unreadable)?);
        }
        if certificates.is_empty() {
            let found = self.credentials_of(&[("type", CONSUMER), ("signature", name)]).await?;
            let content = found.map(|found| part(&found, &[PUBLIC, PRIVATE])).transpose()?.flatten();
            if let Some(content) = content {
                certificates.extend(OpenPgpCertificate::read_all(content.reveal()).map_err(unreadable)?);
            }
        }
        let selection = selection(specification)?;
        Ok((!certificates.is_empty()).then_some(OpenPgpVerifier { certificates, selection, minimum_bits }))
    }

    pub(super) async fn openpgp_signer(
        &self,
        name: &str,
        specification: Option<&Specification>,
    ) -> Result<Box<dyn Signer>> {
        let ours = specification.filter(|one| one.way == Way::OpenPgp);
        let hash = OpenPgpHash::parse(ours.and_then(|one| one.text("hashAlgorithm")).unwrap_or_default())?;
        let selection = selection(specification)?;
        let named = self.private.iter().find(|(of, _)| of.as_deref().is_none_or(|of| of == name));
        let (mut key, mut passphrase): (Option<Secret>, _) = (named.map(|(_, key)| key.clone()), self.secret.clone());
        let found = match self.credentials_of(&[("type", CONSUMER), ("signature", name)]).await {
            Err(error) if key.is_some() => {
                tracing::warn!("the configured keys of signature {name:?} are left out: {error}");
                None
            }
            found => found?,
        };
        if let Some(found) = &found {
            key = key.map_or_else(|| part(found, &[PRIVATE]), |key| Ok(Some(key)))?;
            passphrase = passphrase.map_or_else(|| part(found, &[PASSPHRASE]), |text| Ok(Some(text)))?;
        }
        let key = key.ok_or_else(|| {
            Error::new(Kind::Usage, format!("private key for signature {name:?} not found")).hint(format!(
                "name it with --private-key FILE, or configure it: a consumer of type {CONSUMER} with signature {name}"
            ))
        })?;
        let signer = OpenPgpSigner::new(&key, passphrase.as_ref(), selection.as_ref(), hash, SystemTime::now());
        Ok(Box::new(signer.map_err(|error| about(error, format!("private key for signature {name:?}")))?))
    }
}

fn selection(specification: Option<&Specification>) -> Result<Option<KeySelection>> {
    let text = specification.filter(|one| one.way == Way::OpenPgp).and_then(|one| one.text("keyFingerprint"));
    Ok(text.map(KeySelection::parse).transpose()?)
}
