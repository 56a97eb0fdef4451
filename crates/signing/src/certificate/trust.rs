use std::time::{SystemTime, UNIX_EPOCH};

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::Certificate;
use crate::Result;
use crate::error::untrusted;

/// `id-kp-codeSigning`, encoded.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// `id-kp-timeStamping`, encoded.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// What the certificates of a chain have to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing component versions.
    Code,
    /// Saying when.
    Timestamps,
}

/// Roots that are trusted, and certificates that may stand between them and a signer.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    anchors: Vec<Certificate>,
    intermediates: Vec<Certificate>,
}

impl TrustStore {
    /// Takes certificates that are trusted, whatever they are.
    pub fn add_anchors(&mut self, certificates: impl IntoIterator<Item = Certificate>) {
        self.anchors.extend(certificates);
    }

    /// Sorts certificates: those that vouch for themselves are trusted, the others may stand in between.
    pub fn add_bundle(&mut self, certificates: impl IntoIterator<Item = Certificate>) {
        for certificate in certificates {
            if certificate.is_self_signed() {
                self.anchors.push(certificate);
            } else {
                self.intermediates.push(certificate);
            }
        }
    }

    /// Takes certificates that may stand between a root and a signer, and are not trusted themselves.
    pub fn add_intermediates(&mut self, certificates: impl IntoIterator<Item = Certificate>) {
        self.intermediates.extend(certificates.into_iter().filter(|certificate| !certificate.is_self_signed()));
    }

    /// All certificates that are known.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors.iter().chain(&self.intermediates)
    }

    /// Whether there is no root.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Finds the way from a leaf to a root that is valid at a time and for signing code. What vouches for itself among the
    /// certificates that came with the signature is left out: it proves nothing, and is no reason to refuse either.
    ///
    /// # Errors
    /// There is no such way.
    pub fn verify(&self, leaf: &Certificate, embedded: &[Certificate], at: SystemTime) -> Result<&Certificate> {
        self.verify_for(Purpose::Code, leaf, embedded, at)
    }

    pub(crate) fn verify_for(
        &self,
        purpose: Purpose,
        leaf: &Certificate,
        embedded: &[Certificate],
        at: SystemTime,
    ) -> Result<&Certificate> {
        leaf.check_time(at)?;
        // A certificate that signs itself and was handed over as a root is its own way.
        if let Some(anchor) = self.anchors.iter().find(|anchor| anchor.der() == leaf.der()) {
            return Ok(anchor);
        }
        let valid: Vec<&Certificate> = self.anchors.iter().filter(|anchor| anchor.check_time(at).is_ok()).collect();
        let ders: Vec<CertificateDer<'_>> = valid.iter().map(|anchor| CertificateDer::from(anchor.der())).collect();
        let roots = ders.iter().map(anchor_from_trusted_cert).collect::<Result<Vec<_>, _>>();
        let roots = roots.map_err(|error| untrusted(format!("a root certificate cannot be used: {error}")))?;
        let between: Vec<CertificateDer<'_>> = embedded
            .iter()
            .filter(|certificate| !certificate.is_self_signed())
            .chain(&self.intermediates)
            .map(|certificate| CertificateDer::from(certificate.der()))
            .collect();
        let der = CertificateDer::from(leaf.der());
        let time = UnixTime::since_unix_epoch(at.duration_since(UNIX_EPOCH).unwrap_or_default());
        let failed = |error: webpki::Error| untrusted(self.reason(leaf, &error));
        if let (true, Some(anchor)) = (leaf.is_bare(), leaf.issued_by_one_of(&valid)) {
            return Ok(anchor);
        }
        let entity = EndEntityCert::try_from(&der).map_err(failed)?;
        let usage = KeyUsage::required_if_present(match purpose {
            Purpose::Code => CODE_SIGNING,
            Purpose::Timestamps => TIME_STAMPING,
        });
        let path = entity
            .verify_for_usage(ALL_VERIFICATION_ALGS, &roots, &between, time, usage, None, None)
            .map_err(failed)?;
        let name = path.anchor().subject_public_key_info.as_ref();
        valid
            .into_iter()
            // The anchor holds the content of the key without its outermost tag and length.
            .find(|anchor| anchor.spki().ends_with(name))
            .ok_or_else(|| untrusted(format!("the root of {} is not known", leaf.subject())))
    }

    fn reason(&self, leaf: &Certificate, error: &webpki::Error) -> String {
        let subject = leaf.subject();
        match error {
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
                let roots: Vec<_> = self.anchors.iter().map(|anchor| anchor.subject().to_string()).collect();
                format!(
                    "the certificate of {subject}, issued by {}, leads to none of the trusted roots ({})",
                    leaf.issuer(),
                    roots.join("; ")
                )
            }
            webpki::Error::RequiredEkuNotFoundContext(_) => {
                format!("the certificate of {subject} is not meant for this purpose")
            }
            webpki::Error::UnsupportedCertVersion => format!(
                "the certificate of {subject} is of X.509 version 1, which is accepted only directly below a root: issue one of version 3"
            ),
            error => format!("the certificate of {subject} is not accepted: {error}"),
        }
    }
}
