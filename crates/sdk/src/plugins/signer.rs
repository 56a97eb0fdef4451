//! Signatures of types that are not built in.

use async_trait::async_trait;
use ocm_model::descriptor::{Signature, SignatureValue};
use ocm_model::{DigestSpec, TypedObject};
use ocm_plugin::Capability;
use ocm_signing::{Error, Kind, SignedDigest, Signer, Verified};

use crate::Context;

/// Lets a plugin sign; which one is looked up when there is something to sign.
pub(crate) struct PluginSigner {
    pub(crate) context: Context,
    /// Name of the signature.
    pub(crate) name: String,
    /// How to sign, with its type.
    pub(crate) specification: TypedObject,
}

#[async_trait]
impl Signer for PluginSigner {
    async fn sign(&self, digest: &SignedDigest) -> ocm_signing::Result<SignatureValue> {
        let Self { context, name, specification } = self;
        let failed = |error: ocm_plugin::Error| Error::new(Kind::Unavailable, error.to_string());
        let kind = &specification.kind;
        let left_out = context.plugins().left_out().await;
        let plugin = context.plugins().offering(Capability::SigningHandler, kind).await.ok_or_else(|| {
            Error::new(
                Kind::Malformed,
                format!(
                    "the signer specification has the type {kind:?}, which is not built in and which no plugin offers{left_out}"
                ),
            )
        })?;
        let value = digest.bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let hash_algorithm = digest.hash().name().to_owned();
        let digest = DigestSpec { hash_algorithm, value, ..DigestSpec::default() };
        let identity = plugin.signer_identity(name, &digest, specification).await.map_err(failed)?;
        let credentials = super::credentials_for(context, identity).await;
        let credentials = credentials.map_err(|error| Error::new(Kind::Unavailable, error.to_string()))?;
        plugin.sign(&digest, specification, credentials.as_ref()).await.map_err(failed)
    }
}

/// Lets a plugin judge a signature. That the component version has the digest of the signature is for the caller to know.
///
/// # Errors
/// No plugin has the type; the plugin rejects the signature ([`crate::Kind::Verification`]) or does not judge it.
pub(crate) async fn verify(
    context: &Context,
    signature: &Signature,
    specification: &TypedObject,
) -> crate::Result<Verified> {
    let kind = &specification.kind;
    let left_out = context.plugins().left_out().await;
    let plugin = context.plugins().offering(Capability::SigningHandler, kind).await.ok_or_else(|| {
        let reason = format!(
            "the verifier specification has the type {kind:?}, which is not built in and which no plugin offers{left_out}"
        );
        crate::Error::usage(reason)
    })?;
    let identity = plugin.verifier_identity(signature, specification).await?;
    let credentials = super::credentials_for(context, identity).await?;
    let judged = plugin.verify(signature, specification, credentials.as_ref()).await;
    judged.map_err(|error| match error.kind() {
        ocm_plugin::Kind::Refused => crate::Error::new(crate::Kind::Verification, error.to_string()),
        _ => error.into(),
    })?;
    Ok(Verified::by_plugin(plugin.program().path.display().to_string(), kind))
}
