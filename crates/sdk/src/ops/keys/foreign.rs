use ocm_model::TypedObject;

use super::Keys;
use super::specification::Specification;
use crate::Result;

impl Keys {
    /// The specification of the verifier for a signature, when its type is none of those built in: a plugin may have it.
    ///
    /// # Errors
    /// The configuration cannot be understood.
    pub(crate) fn foreign_verifier(&self, name: &str) -> Result<Option<TypedObject>> {
        let configured = self.configuration.signing(name)?.verifier;
        let Some(members) = self.verifier.clone().or(configured) else { return Ok(None) };
        let specification: TypedObject = serde_json::from_value(members.into())
            .map_err(|error| crate::Error::usage(format!("the verifier specification: {error}")))?;
        if specification.kind.is_empty() || Specification::is_built_in(&specification.kind) {
            return Ok(None);
        }
        let named = [
            ("--public-key", self.public_for(name).next().is_some()),
            ("--ca-cert", !self.authorities.is_empty()),
            ("--issuer", self.issuer_for(name).is_some()),
            (self.sigstore.expectation().unwrap_or_default(), self.sigstore.expectation().is_some()),
            ("--keyless", self.sigstore.only),
        ];
        if let Some((flag, _)) = named.iter().find(|(_, is_named)| *is_named) {
            let kind = &specification.kind;
            let reason =
                format!("{flag} means nothing to the plugin that judges signature {name:?} (its verifier is {kind})");
            return Err(crate::Error::usage(reason).hint("leave it out, or name another verifier with --verifier-spec"));
        }
        Ok(Some(specification))
    }
}
