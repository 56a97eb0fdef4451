//! Which servers are believed (the system's authorities and the ones the settings add), and what is shown to them.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::Secret;
use crate::shown::Shown;

/// What the client shows of itself to servers that ask for a certificate (mutual TLS).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The certificate in PEM form, and behind it those that lead to its authority.
    pub certificate: Vec<u8>,
    /// Its key in PEM form, not encrypted.
    pub key: Secret<Vec<u8>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// What a single request brings into the TLS handshake, beside the settings of its host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Handshake {
    /// PEM bundles of authorities that are trusted beside those of the system and of the settings.
    pub certificate_authorities: Vec<Vec<u8>>,
    /// What is shown to a server that asks for a certificate, in place of what the settings say.
    pub identity: Option<Identity>,
}

/// Whom a connection believes, and what it shows of itself.
pub(crate) struct Trust<'a> {
    /// PEM bundles of authorities that are trusted beside those of the system.
    pub(crate) authorities: Vec<&'a [u8]>,
    pub(crate) identity: Option<&'a Identity>,
    /// Whether everybody is believed.
    pub(crate) insecure: bool,
    /// Where the certificates are remembered that servers show.
    pub(crate) shown: Shown,
}

impl Trust<'_> {
    /// The same for rustls.
    ///
    /// # Errors
    /// Certificates or a key that cannot be read.
    pub(crate) fn configuration(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let failed = |error: Error| format!("the trusted certificate authorities cannot be used: {error}");
        let verifier: Arc<dyn ServerCertVerifier> = if self.insecure {
            let algorithms = provider.signature_verification_algorithms;
            Arc::new(Anybody { algorithms, shown: self.shown.clone() })
        } else {
            let added = self.added()?;
            let system = Verifier::new_with_extra_roots(added.clone(), provider.clone()).map_err(failed)?;
            Arc::new(WithServers { system, added, shown: self.shown.clone() })
        };
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.parse()?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| format!("the client certificate cannot be used with its key: {error}"))?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn added(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let mut added = Vec::new();
        for bundle in &self.authorities {
            added.extend(authorities(bundle)?);
        }
        Ok(added)
    }
}

/// Says what is wrong with a PEM bundle of authorities before a connection needs it: only here it is known who named it.
///
/// # Errors
/// There is no certificate in it, or one that cannot be read.
pub fn check_authorities(bundle: &[u8]) -> Result<(), String> {
    authorities(bundle).map(drop)
}

fn authorities(bundle: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let invalid = |error| format!("a bundle of certificate authorities cannot be read: {error}");
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bundle).collect();
    match all.map_err(invalid)? {
        all if all.is_empty() => Err("a bundle of certificate authorities holds no certificate in PEM form".into()),
        all => Ok(all),
    }
}

impl Identity {
    /// Says what is wrong with it before a connection needs it.
    ///
    /// # Errors
    /// A part that cannot be read, or a key of another certificate.
    pub fn check(&self) -> Result<(), String> {
        // Whom to believe is another question, and costs the reading of all authorities of the system.
        let alone = Trust { authorities: Vec::new(), identity: Some(self), insecure: true, shown: Shown::default() };
        alone.configuration().map(drop)
    }

    fn parse(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|error| format!("the client certificate cannot be read: {error}"))?;
        if chain.is_empty() {
            return Err("the client certificate holds no certificate in PEM form".into());
        }
        // What the reader of keys says may quote them.
        let key = PrivateKeyDer::from_pem_slice(self.key.reveal()).map_err(|_| {
            "the key of the client certificate is no private key in PEM form, or is encrypted".to_owned()
        })?;
        Ok((chain, key))
    }
}

/// Believes every server, as a configuration may ask for.
#[derive(Debug)]
struct Anybody {
    algorithms: WebPkiSupportedAlgorithms,
    shown: Shown,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.shown.remember(server_name, end_entity, intermediates);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The system's verifier, which also takes a server that shows one of the added certificates itself.
///
/// The guides to private registries have people make a certificate that signs itself and is marked as an authority, and
/// hand it to server and clients. Strictly read, an authority may not be a server; whoever added this very certificate
/// meant it.
#[derive(Debug)]
struct WithServers {
    system: Verifier,
    added: Vec<CertificateDer<'static>>,
    shown: Shown,
}

impl ServerCertVerifier for WithServers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.shown.remember(server_name, end_entity, intermediates);
        let judged = self.system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match judged {
            Err(Error::InvalidCertificate(reason))
                if format!("{reason:?}").contains("CaUsedAsEndEntity")
                    && self.added.iter().any(|own| own == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const CLIENT: &str = include_str!("../../testkit/certificates/client.pem");
    const RSA: &str = include_str!("../../testkit/certificates/rsa.pem");

    fn configured(certificate: &str, key: &str) -> Result<(), String> {
        Identity { certificate: certificate.into(), key: Secret::new(key) }.check()
    }

    #[test]
    fn a_key_has_any_of_the_usual_forms() {
        for (certificate, key) in [
            (CLIENT, include_str!("../../testkit/certificates/client.key")),
            (CLIENT, include_str!("../../testkit/certificates/client-sec1.key")),
            (RSA, include_str!("../../testkit/certificates/rsa-pkcs1.key")),
            (RSA, include_str!("../../testkit/certificates/rsa-pkcs8.key")),
        ] {
            let form = key.lines().next().unwrap();
            configured(certificate, key).unwrap_or_else(|error| panic!("{form}: {error}"));
            // One file may hold both, in either order.
            configured(&format!("{key}{certificate}"), &format!("{certificate}{key}")).unwrap();
        }
        let encrypted = include_str!("../../testkit/certificates/rsa-encrypted.key");
        assert!(configured(RSA, encrypted).unwrap_err().contains("or is encrypted"));
        let other = include_str!("../../testkit/certificates/rsa-pkcs1.key");
        assert!(configured(CLIENT, other).unwrap_err().contains("cannot be used with its key"));
    }
}
