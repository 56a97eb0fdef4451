use std::path::Path;
use std::time::SystemTime;

use ocm_access::Sources as _;
use ocm_signing::sigstore::{
    ExpectedSigner, Form, IdentityToken, Match, Services, SigstoreKey, SigstoreSigner, SigstoreVerifier, TrustedRoot,
    Unpublished,
};
use ocm_signing::{Secret, Signer};

use super::specification::{Specification, Way};
use super::{Keys, about, part, read};
use crate::{Context, Error, Kind, Result};

/// Type of the consumer whose credentials are trusted roots.
const VERIFIER: &str = "SigstoreVerifier/v1alpha1";
/// Type of the consumer whose credentials are identity tokens.
const SIGNER: &str = "SigstoreSigner/v1alpha1";

/// What is known for Sigstore signatures beside the configuration.
#[derive(Clone, Debug, Default)]
pub struct Sigstore {
    /// The trusted root, in place of the one of the configuration, or else of the public instance.
    pub trusted_root: Option<Vec<u8>>,
    /// Who is expected to have signed.
    pub identity: Option<String>,
    /// A regular expression for it.
    pub identity_pattern: Option<String>,
    /// Who is expected to vouch for the identity.
    pub issuer: Option<String>,
    /// A regular expression for it.
    pub issuer_pattern: Option<String>,
    /// The token to sign with.
    pub token: Option<Secret>,
    /// Where a workflow gets its token when there is no other, and what it shows there.
    pub workflow: Option<(String, Secret)>,
    /// Whether signatures of other kinds do not count.
    pub only: bool,
}

impl Sigstore {
    /// The flag that says who is expected to have signed, if there is one.
    pub(super) fn expectation(&self) -> Option<&'static str> {
        let named = [
            ("--certificate-identity", &self.identity),
            ("--certificate-identity-regexp", &self.identity_pattern),
            ("--certificate-oidc-issuer", &self.issuer),
            ("--certificate-oidc-issuer-regexp", &self.issuer_pattern),
        ];
        named.into_iter().find(|(_, value)| value.is_some()).map(|(flag, _)| flag)
    }
}

impl Keys {
    pub(super) async fn sigstore_verifier(
        &self,
        name: &str,
        specification: Option<&Specification>,
        minimum_bits: usize,
    ) -> Result<SigstoreVerifier> {
        let specification = specification.filter(|one| one.way == Way::SigstoreVerification);
        let private_infrastructure = specification.map_or(Ok(false), |one| one.flag("privateInfrastructure"))?;
        let mut keys = Vec::new();
        for pem in self.public_for(name) {
            let found = SigstoreKey::read_all(pem);
            keys.extend(found.map_err(|error| about(error, format!("public key for signature {name:?}")))?);
        }
        Ok(SigstoreVerifier {
            trusted_root: self.trusted_root(name).await?,
            expected: self.expected(specification)?,
            keys,
            private_infrastructure,
            minimum_bits,
        })
    }

    /// Who is expected: as flags say, else as the specification says, each half for itself.
    fn expected(&self, specification: Option<&Specification>) -> Result<Option<ExpectedSigner>> {
        let own = &self.sigstore;
        let text = |key: &str| specification.and_then(|one| one.text(key)).map(str::to_owned);
        let or = |exact: &Option<String>, pattern: &Option<String>, key: &str| {
            if exact.is_some() || pattern.is_some() {
                (exact.clone(), pattern.clone())
            } else {
                (text(key), text(&format!("{key}Regexp")))
            }
        };
        let identity = or(&own.identity, &own.identity_pattern, "certificateIdentity");
        let issuer = or(&own.issuer, &own.issuer_pattern, "certificateOIDCIssuer");
        if [&identity.0, &identity.1, &issuer.0, &issuer.1].iter().all(|part| part.is_none()) && specification.is_none()
        {
            return Ok(None);
        }
        let read = |what: &str, flag: &str, (exact, pattern): (Option<String>, Option<String>)| {
            Match::new(what, exact.as_deref(), pattern.as_deref()).map_err(|error| {
                Error::from(error)
                    .hint(format!("use one of {flag} and {flag}-regexp, or their members of the specification"))
            })
        };
        Ok(Some(ExpectedSigner {
            identity: read("the expected certificate identity", "--certificate-identity", identity)?,
            issuer: read("the expected issuer of the identity", "--certificate-oidc-issuer", issuer)?,
        }))
    }

    async fn trusted_root(&self, name: &str) -> Result<TrustedRoot> {
        if let Some(json) = &self.sigstore.trusted_root {
            return Ok(TrustedRoot::read(json)?);
        }
        if let Some(found) = self.credentials_of(&[("type", VERIFIER), ("signature", name)]).await?
            && let Some(json) = part(&found, &["trustedRootJSON"])?
        {
            return TrustedRoot::read(json.reveal()).map_err(|error| about(error, &found.origin));
        }
        Ok(TrustedRoot::public()?)
    }

    pub(super) async fn sigstore_signer(
        &self,
        context: &Context,
        name: &str,
        form: Form,
        specification: Option<&Specification>,
        dry_run: bool,
    ) -> Result<Box<dyn Signer>> {
        let specification = specification.filter(|one| one.way == Way::SigstoreSigning);
        let text = |key: &str| specification.and_then(|one| one.text(key));
        let services = match text("signingConfig") {
            Some(path) => Services::read(&read(Path::new(path))?)
                .map_err(|error| about(error, format!("signingConfig {path}")))?,
            None => Services::public()?,
        };
        if dry_run {
            return Ok(Box::new(Unpublished(form)));
        }
        let mut wanted = vec![("type", SIGNER), ("signature", name)];
        wanted.extend(text("issuer").map(|issuer| ("issuer", issuer)));
        wanted.extend(text("clientID").map(|client| ("clientID", client)));
        let mut token = self.sigstore.token.clone();
        if token.is_none() {
            // An entry need not repeat what only the signer specification knows.
            let found = match self.credentials_of(&wanted).await? {
                None => self.credentials_of(&wanted[..2]).await?,
                found => found,
            };
            token = found.map(|found| part(&found, &["token"])).transpose()?.flatten();
        }
        let client = context.http().unwrap_or_default();
        let token = match (token, &self.sigstore.workflow) {
            (Some(token), _) => IdentityToken::read(&token, SystemTime::now())?,
            (None, Some((address, bearer))) => IdentityToken::of_workflow(&client, address, bearer).await?,
            (None, None) => {
                return Err(Error::new(Kind::Usage, "OIDC identity token required to sign with Sigstore").hint(format!(
                    "set SIGSTORE_ID_TOKEN, use --identity-token, or configure it: a consumer of type {SIGNER} with signature \
                     {name} and credentials of type OIDCIdentityToken/v1alpha1"
                )));
            }
        };
        if let Some(issuer) = text("issuer").filter(|issuer| *issuer != token.issuer()) {
            return Err(Error::usage(format!(
                "the identity token is of {}, but {issuer} is configured",
                token.issuer()
            )));
        }
        let trusted_root = self.trusted_root(name).await?;
        Ok(Box::new(SigstoreSigner { client, services, token, trusted_root, form }))
    }
}
