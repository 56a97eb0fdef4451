use ocm_model::descriptor::Signature;

use crate::Result;
use crate::error::unsupported;
use crate::rsa::Algorithm;
#[cfg(test)]
use crate::value::media_type;

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
        // The name is what the signer wrote; a plain signature is also tried as what its media type says, and that has to be
        // allowed as well, or else a weaker signature would pass under the name of another one.
        let value = &signature.signature;
        if let Some(implied) = Algorithm::of_media_type(&value.media_type)
            && !self.algorithms.is_empty()
            && !self.algorithms.iter().any(|allowed| allowed == implied.name())
        {
            let (implied, allowed) = (implied.name(), self.algorithms.join(", "));
            return Err(unsupported(format!(
                "its media type is the one of {implied}, which is not allowed: {allowed} would be"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_hide_another_algorithm() {
        let mut signature = Signature::default();
        signature.signature.algorithm = "RSASSA-PSS".into();
        let policy = Policy { algorithms: vec!["RSASSA-PSS".into()], ..Policy::default() };
        for (media_type, is_allowed) in [(media_type::RSA_PSS, true), (media_type::RSA, false), (media_type::PEM, true)]
        {
            signature.signature.media_type = media_type.into();
            assert_eq!(policy.check(&signature).is_ok(), is_allowed, "{media_type}");
            assert!(Policy::default().check(&signature).is_ok());
        }
    }
}
