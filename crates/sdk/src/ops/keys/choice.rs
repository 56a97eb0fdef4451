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
    ) -> Result<Option<(Way, Box<dyn Signer>)>> {
        let specification = self.specification(name, Role::Signer)?;
        let specification = specification.as_ref();
        let asked = match algorithm {
            Some(openpgp::ALGORITHM) => Some(Way::OpenPgp),
            Some(name) => Form::of_algorithm(name)?.map(|_| Way::SigstoreSigning),
            None if self.sigstore.only => Some(Way::SigstoreSigning),
            None => specification.map(|one| one.way),
        };
        match asked {
            Some(Way::OpenPgp) => Ok(Some((Way::OpenPgp, self.openpgp_signer(name, specification).await?))),
            Some(Way::SigstoreSigning) => {
                let form = algorithm.map_or(Ok(None), Form::of_algorithm)?.unwrap_or_default();
                let signer = self.sigstore_signer(context, name, form, specification, dry_run).await?;
                Ok(Some((Way::SigstoreSigning, signer)))
            }
            Some(Way::SigstoreVerification) => {
                Err(Error::usage("a specification of type SigstoreVerificationConfiguration does not sign")
                    .hint("use SigstoreSigningConfiguration/v1alpha1"))
            }
            Some(Way::Rsa | Way::Service | Way::Command) | None => Ok(None),
        }
    }

    /// Whoever judges a signature that is not RSA; `None` leaves it to RSA.
    pub(super) async fn other_verifiers(
        &self,
        signature: &Signature,
        minimum_bits: usize,
    ) -> Result<Option<Vec<Box<dyn Verifier>>>> {
        let name = signature.name.as_str();
        let specification = self.specification(name, Role::Verifier)?;
        let specification = specification.as_ref();
        let media_type = signature.signature.media_type.as_str();
        let is_sigstore = sigstore::is_sigstore(media_type);
        // Whoever says who has to have signed does not mean whoever else the configuration knows.
        if let (false, Some(flag), false) = (is_sigstore, self.sigstore.expectation(), self.names_key(name)) {
            let reason = format!("{flag} is about signatures of Sigstore, and it is none");
            return Err(Error::new(Kind::Verification, reason)
                .hint("name its key with --public-key, or choose among several signatures with --signature NAME"));
        }
        if let (true, Some(subject)) = (is_sigstore || media_type == openpgp::MEDIA_TYPE, self.issuer_for(name)) {
            let reason =
                format!("--issuer {subject} is about certificates of RSA keys, and this is no signature of one");
            return Err(Error::usage(reason).hint(
                "--certificate-identity says who has to have signed with Sigstore; NAME=SUBJECT is about one signature alone",
            ));
        }
        // The media type decides: algorithm names mean different things to different programs.
        if is_sigstore {
            return Ok(Some(vec![Box::new(self.sigstore_verifier(name, specification, minimum_bits).await?)]));
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
            let verifier = self.openpgp_verifier(name, specification, minimum_bits).await?;
            return Ok(Some(verifier.into_iter().map(|verifier| Box::new(verifier) as Box<dyn Verifier>).collect()));
        }
        Ok(None)
    }

    /// Whether flags name what a signature that is not one of Sigstore is judged by.
    fn names_key(&self, name: &str) -> bool {
        !self.authorities.is_empty() || self.public_for(name).next().is_some()
    }

    fn specification(&self, name: &str, role: Role) -> Result<Option<Specification>> {
        let configured = self.configuration.signing(name)?;
        let (members, what) = match role {
            Role::Signer => (self.signer.clone().or(configured.signer), "signer"),
            Role::Verifier => (self.verifier.clone().or(configured.verifier), "verifier"),
        };
        members.map(|members| Specification::read(&members, what)).transpose()
    }
}

#[derive(Clone, Copy)]
enum Role {
    Signer,
    Verifier,
}
