//! Which servers are believed: the system's authorities and the ones the settings add.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// A TLS configuration that trusts the certificates in some PEM bundles beside what the system trusts.
pub(crate) fn with_authorities(bundles: &[Vec<u8>]) -> Result<ClientConfig, String> {
    let mut added = Vec::new();
    for bundle in bundles {
        let before = added.len();
        for certificate in CertificateDer::pem_slice_iter(bundle) {
            let invalid = |error| format!("a bundle of certificate authorities cannot be read: {error}");
            added.push(certificate.map_err(invalid)?.into_owned());
        }
        if added.len() == before {
            return Err("a bundle of certificate authorities holds no certificate in PEM form".into());
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let failed = |error: Error| format!("the trusted certificate authorities cannot be used: {error}");
    let system = Verifier::new_with_extra_roots(added.clone(), provider.clone()).map_err(failed)?;
    let verifier = Arc::new(WithServers { system, added });
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
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
