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

/// What the client shows of itself to servers that ask for a certificate (mutual TLS).
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate in PEM form, and behind it those that lead to its authority.
    pub certificate: Vec<u8>,
    /// Its key in PEM form, not encrypted.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Whom a connection believes, and what it shows of itself.
pub(crate) struct Trust<'a> {
    /// PEM bundles of authorities that are trusted beside those of the system.
    pub(crate) authorities: Vec<&'a [u8]>,
    pub(crate) identity: Option<&'a Identity>,
    /// Whether everybody is believed.
    pub(crate) insecure: bool,
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
            Arc::new(Anybody(provider.signature_verification_algorithms))
        } else {
            let added = self.added()?;
            let system = Verifier::new_with_extra_roots(added.clone(), provider.clone()).map_err(failed)?;
            Arc::new(WithServers { system, added })
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
            let before = added.len();
            for certificate in CertificateDer::pem_slice_iter(bundle) {
                let invalid = |error| format!("a bundle of certificate authorities cannot be read: {error}");
                added.push(certificate.map_err(invalid)?.into_owned());
            }
            if added.len() == before {
                return Err("a bundle of certificate authorities holds no certificate in PEM form".into());
            }
        }
        Ok(added)
    }
}

impl Identity {
    fn parse(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|error| format!("the client certificate cannot be read: {error}"))?;
        if chain.is_empty() {
            return Err("the client certificate holds no certificate in PEM form".into());
        }
        // What the reader of keys says may quote them.
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            "the key of the client certificate is no private key in PEM form, or is encrypted".to_owned()
        })?;
        Ok((chain, key))
    }
}

/// Believes every server, as a configuration may ask for.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
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
