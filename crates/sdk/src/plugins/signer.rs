//! Signatures of types that are not built in.

use async_trait::async_trait;
use ocm_model::descriptor::SignatureValue;
use ocm_model::{DigestSpec, TypedObject};
use ocm_plugin::Capability;
use ocm_signing::{Error, Kind, SignedDigest, Signer};

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
        let plugin = context.plugins().offering(Capability::SigningHandler, kind).await.ok_or_else(|| {
            Error::new(
                Kind::Malformed,
                format!(
                    "the signer specification has the type {kind:?}, which is not built in and which no plugin offers"
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
