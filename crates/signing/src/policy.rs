use ocm_model::descriptor::Signature;

use crate::Result;
use crate::error::unsupported;

/// Which signatures count, beside being right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Names of signatures that have to be there and be right.
    pub required: Vec<String>,
    /// Signature algorithms that count; empty means all that are known.
    pub algorithms: Vec<String>,
    /// Normalisations that count; empty means all that are known.
    pub normalisations: Vec<String>,
    /// Smallest key in bits; 2048 at least.
    pub minimum_bits: usize,
}

impl Policy {
    /// Whether the algorithms of a signature are allowed.
    ///
    /// # Errors
    /// One of them is not.
    pub fn check(&self, signature: &Signature) -> Result<()> {
        let normalisation = &signature.digest.normalisation_algorithm;
        for (allowed, used, what) in [
            (&self.algorithms, &signature.signature.algorithm, "algorithm"),
            (&self.normalisations, normalisation, "normalisation"),
        ] {
            if !allowed.is_empty() && !allowed.contains(used) {
                return Err(unsupported(format!("its {what} {used} is not allowed: {} would be", allowed.join(", "))));
            }
        }
        Ok(())
    }
}
