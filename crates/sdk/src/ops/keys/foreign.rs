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
        Ok((!specification.kind.is_empty() && !Specification::is_built_in(&specification.kind))
            .then_some(specification))
    }
}
