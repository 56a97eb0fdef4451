//! Signatures.

use ocm_model::descriptor::{Signature, SignatureValue};
use ocm_model::{DigestSpec, Identity, TypedObject};
use serde::Deserialize;
use serde_json::json;

use super::Credentials;
use crate::plugin::{Ask, Header, Plugin, QUICK, SLOW};
use crate::{Kind, Result};

#[derive(Deserialize)]
struct Signed {
    signature: Option<SignatureValue>,
}

#[derive(Deserialize)]
struct Identified {
    identity: Option<Identity>,
}

impl Plugin {
    /// Whose credentials sign under a name.
    pub async fn signer_identity(
        &self,
        name: &str,
        digest: &DigestSpec,
        configuration: &TypedObject,
    ) -> Result<Option<Identity>> {
        self.fits(configuration)?;
        let payload = Some(json!({"digest": digest, "config": configuration, "name": name}));
        let ask = Ask { path: "/sign/identity", payload, credentials: Header::None, patience: QUICK };
        let answer: Option<Identified> = self.ask_identity(ask).await?;
        Ok(answer.and_then(|answer| answer.identity).filter(|identity| !identity.0.is_empty()))
    }

    /// A signature over a digest.
    ///
    /// # Errors
    /// The configuration does not fit its schema, or the plugin does not sign.
    pub async fn sign(
        &self,
        digest: &DigestSpec,
        configuration: &TypedObject,
        credentials: Option<&Credentials>,
    ) -> Result<SignatureValue> {
        self.fits(configuration)?;
        let payload = Some(json!({"digest": digest, "config": configuration}));
        let credentials = Header::Always(credentials);
        let answer: Signed = self.ask(Ask { path: "/sign", payload, credentials, patience: SLOW }).await?;
        let signature = answer.signature.filter(|signature| !signature.value.is_empty());
        signature.ok_or_else(|| self.fail(Kind::Misbehaves, "answers /sign without a signature"))
    }

    /// Whose credentials verify a signature.
    pub async fn verifier_identity(
        &self,
        signature: &Signature,
        configuration: &TypedObject,
    ) -> Result<Option<Identity>> {
        self.fits(configuration)?;
        let payload = Some(json!({"signature": signature, "config": configuration}));
        let ask = Ask { path: "/verify/identity", payload, credentials: Header::None, patience: QUICK };
        let answer: Option<Identified> = self.ask_identity(ask).await?;
        Ok(answer.and_then(|answer| answer.identity).filter(|identity| !identity.0.is_empty()))
    }

    /// Judges a signature. The plugin is given the digest that the signature says it is over; that the component version has this
    /// digest is for the caller to know.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the plugin rejects it; every other kind means that it was not judged.
    pub async fn verify(
        &self,
        signature: &Signature,
        configuration: &TypedObject,
        credentials: Option<&Credentials>,
    ) -> Result<()> {
        self.fits(configuration)?;
        let payload = Some(json!({"signature": signature, "config": configuration}));
        let credentials = Header::Always(credentials);
        self.tell(Ask { path: "/verify", payload, credentials, patience: SLOW }).await
    }
}
