use ocm_access::Sources as _;
use ocm_http::{Client, Identity, Secret, Settings, Url};
use ocm_signing::{Algorithm, Certificate, CommandSigner, Known, PublicKey, ServiceSigner, Signer, Subject};

use crate::ops::keys::{Keys, part};
use crate::{Context, Error, Result};

/// Type of the consumer whose credentials are the client certificate for a signing server.
const CONSUMER: &str = "Signingserver.gardener.cloud";

impl Keys {
    /// Whoever signs by asking a signing server. What the connection shows of itself is in the credentials of the configuration:
    /// `clientCert`, `privateKey` and `caCerts` of a consumer of type `Signingserver.gardener.cloud`.
    ///
    /// # Errors
    /// The address or the credentials cannot be used.
    pub async fn service(
        &self,
        context: &Context,
        name: &str,
        address: &str,
        algorithm: Algorithm,
    ) -> Result<Box<dyn Signer>> {
        let mut settings = context.http().map(|client| client.settings().clone()).unwrap_or_default();
        self.authenticate(&mut settings, address).await?;
        let known = self.known(name)?;
        Ok(Box::new(ServiceSigner::new(Client::new(settings), address, algorithm, known)?))
    }

    /// Whoever signs by starting a program: its path, and its arguments.
    ///
    /// # Errors
    /// A public key or root cannot be read.
    pub fn command(&self, name: &str, words: &[String], algorithm: Algorithm) -> Result<Box<dyn Signer>> {
        let [program, arguments @ ..] = words else {
            return Err(Error::usage("the program that signs is missing").hint("name it, and its arguments behind it"));
        };
        let (program, arguments, known) = (program.into(), arguments.to_vec(), self.known(name)?);
        Ok(Box::new(CommandSigner { program, arguments, algorithm, known }))
    }

    /// What is known of whoever keeps the key of a signature.
    fn known(&self, name: &str) -> Result<Known> {
        let mut known = Known { roots: self.roots(name)?, ..Known::default() };
        for pem in self.public_for(name) {
            let about = |error| Error::from(error).during(format!("public key for signature {name:?}"));
            known.keys.extend(PublicKey::read_all(pem).map_err(about)?);
            if let Some(leaf) = Certificate::read_all(pem).map_err(about)?.first() {
                known.keys.push(leaf.trusted_key().map_err(about)?);
            }
        }
        known.subject = self.issuer_for(name).map(Subject::parse).transpose()?;
        Ok(known)
    }

    async fn authenticate(&self, settings: &mut Settings, address: &str) -> Result<()> {
        let url = Url::parse(address).map_err(|error| Error::usage(format!("signing server {address:?}: {error}")))?;
        let port = url.port_or_known_default().map(|port| port.to_string()).unwrap_or_default();
        let attributes = [
            ("type", CONSUMER),
            ("scheme", url.scheme()),
            ("hostname", url.host_str().unwrap_or_default()),
            ("port", &port),
            ("path", url.path().trim_matches('/')),
        ];
        let attributes: Vec<_> = attributes.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let Some(found) = self.credentials_of(&attributes).await? else { return Ok(()) };
        let content = |name: &str| Ok::<_, Error>(part(&found, &[name])?.map(|content| content.reveal().to_vec()));
        let (certificate, key) = (content("clientCert")?, content("privateKey")?);
        settings.certificate_authorities.extend(content("caCerts")?);
        match (certificate, key) {
            (Some(certificate), Some(key)) => settings.identity = Some(Identity { certificate, key: Secret::new(key) }),
            (None, None) => {}
            _ => {
                return Err(Error::usage(format!(
                    "{}: the credentials for signing server {address} are not complete",
                    found.origin
                ))
                .hint(format!("a consumer of type {CONSUMER} has clientCert and privateKey, and caCerts if needed")));
            }
        }
        Ok(())
    }
}
