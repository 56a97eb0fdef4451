use ocm_config::Credential;
use ocm_model::Identity;
use ocm_model::descriptor::Signature;
use ocm_signing::sigstore::{self, Form};
use ocm_signing::{Signer, Verifier, openpgp};

use super::Keys;
use super::specification::{Specification, Way};
use crate::{Context, Error, Kind, Result};

impl Keys {
    /// Whoever signs in another way than with an RSA key, where `algorithm`, else the specification, asks for one: Sigstore or
    /// OpenPGP. `None` leaves it to RSA.
    ///
    /// With `dry_run`, nothing is published.
    ///
    /// # Errors
    /// The specification is not known, or what it needs is missing or cannot be read.
    pub async fn other_signer(
        &self,
        context: &Context,
        name: &str,
        algorithm: Option<&str>,
        dry_run: bool,
    ) -> Result<Option<Box<dyn Signer>>> {
        let specification = self.specification(name, Role::Signer)?;
        let specification = specification.as_ref();
        let asked = match algorithm {
            Some(openpgp::ALGORITHM) => Some(Way::OpenPgp),
            Some(name) => Form::of_algorithm(name)?.map(|_| Way::SigstoreSigning),
            None if self.sigstore.only => Some(Way::SigstoreSigning),
            None => specification.map(|one| one.way),
        };
        match asked {
            Some(Way::OpenPgp) => Ok(Some(self.openpgp_signer(name, specification)?)),
            Some(Way::SigstoreSigning) => {
                let form = algorithm.map_or(Ok(None), Form::of_algorithm)?.unwrap_or_default();
                Ok(Some(self.sigstore_signer(context, name, form, specification, dry_run).await?))
            }
            Some(Way::SigstoreVerification) => {
                Err(Error::usage("a specification of type SigstoreVerificationConfiguration does not sign")
                    .hint("use SigstoreSigningConfiguration/v1alpha1"))
            }
            Some(Way::Rsa | Way::Service | Way::Command) | None => Ok(None),
        }
    }

    /// Whoever judges a signature that is not RSA; `None` leaves it to RSA.
    pub(super) fn other_verifiers(
        &self,
        signature: &Signature,
        minimum_bits: usize,
    ) -> Result<Option<Vec<Box<dyn Verifier>>>> {
        let name = signature.name.as_str();
        let specification = self.specification(name, Role::Verifier)?;
        let specification = specification.as_ref();
        let media_type = signature.signature.media_type.as_str();
        // The media type decides: algorithm names mean different things to different programs.
        if sigstore::is_sigstore(media_type) {
            return Ok(Some(vec![Box::new(self.sigstore_verifier(name, specification, minimum_bits)?)]));
        }
        if self.sigstore.only {
            return Ok(Some(Vec::new()));
        }
        if media_type == openpgp::MEDIA_TYPE {
            // Whoever writes a signature chooses its kind. Whoever verifies says which kind he means: with a specification, or with
            // the key itself; a key that the configuration has for signing is no word about that.
            let is_asked_for = specification.is_some_and(|one| one.way == Way::OpenPgp);
            if !is_asked_for && self.public_for(name).next().is_none() {
                let reason = "is one of OpenPGP, which nothing asks for";
                return Err(Error::new(Kind::Verification, reason).hint(
                    "name its key with --public-key FILE, or give --verifier-spec FILE (or a verifier in the configuration) of the type \
                     GPGSigningConfiguration/v1alpha1",
                ));
            }
            let verifier = self.openpgp_verifier(name, specification, minimum_bits)?;
            return Ok(Some(verifier.into_iter().map(|verifier| Box::new(verifier) as Box<dyn Verifier>).collect()));
        }
        Ok(None)
    }

    fn specification(&self, name: &str, role: Role) -> Result<Option<Specification>> {
        let configured = self.configuration.signing(name)?;
        let (members, what) = match role {
            Role::Signer => (self.signer.clone().or(configured.signer), "signer"),
            Role::Verifier => (self.verifier.clone().or(configured.verifier), "verifier"),
        };
        members.map(|members| Specification::read(&members, what)).transpose()
    }

    /// The credentials of the consumer that fits best.
    pub(super) fn credentials_of(&self, attributes: &[(&str, &str)]) -> &[Credential] {
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.credentials.consumer(&Identity(attributes.collect())).map_or(&[], |consumer| &consumer.credentials)
    }
}

#[derive(Clone, Copy)]
enum Role {
    Signer,
    Verifier,
}
