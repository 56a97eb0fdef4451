use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::Certificate;
use super::limits::SMALLEST_KEY;
use crate::error::untrusted;
use crate::{Error, Result};

/// Certificates that may come along with a signature. A way to a root has six at most between its ends, and looking for one
/// among many that all claim the same name takes time that grows with their number to the power of six.
const MOST_EMBEDDED: usize = 16;

/// `id-kp-codeSigning`, encoded.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// `id-kp-timeStamping`, encoded.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

impl Purpose {
    pub(super) fn identifier(self) -> &'static str {
        match self {
            Self::Code | Self::Issuing => "1.3.6.1.5.5.7.3.3",
            Self::Timestamps => "1.3.6.1.5.5.7.3.8",
        }
    }
}

/// What the certificates of a chain have to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing component versions.
    Code,
    /// Issuing certificates for those who sign component versions.
    Issuing,
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
        self.verify_for(Purpose::Code, leaf, embedded, at, SMALLEST_KEY)
    }

    /// The same for an authority that is about to issue a certificate for a signer.
    ///
    /// # Errors
    /// There is no such way, or it is no authority.
    pub fn verify_authority(
        &self,
        authority: &Certificate,
        above: &[Certificate],
        at: SystemTime,
    ) -> Result<&Certificate> {
        self.verify_for(Purpose::Issuing, authority, above, at, SMALLEST_KEY)
    }

    pub(crate) fn verify_for(
        &self,
        purpose: Purpose,
        leaf: &Certificate,
        embedded: &[Certificate],
        at: SystemTime,
        minimum_bits: usize,
    ) -> Result<&Certificate> {
        leaf.check_time(at)?;
        match purpose {
            Purpose::Issuing => leaf.check_authority(purpose, 0)?,
            Purpose::Code | Purpose::Timestamps => leaf.check_signer(purpose)?,
        }
        leaf.check_size(minimum_bits)?;
        if embedded.len() > MOST_EMBEDDED {
            return Err(untrusted(format!(
                "the certificate of {} comes with {} others, more than the {MOST_EMBEDDED} that are looked at: only those between \
                 it and its root belong there",
                leaf.subject(),
                embedded.len()
            )));
        }
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
            anchor.check_authority(purpose, 0)?;
            anchor.check_size(minimum_bits)?;
            return Ok(anchor);
        }
        let entity = EndEntityCert::try_from(&der).map_err(failed)?;
        let usage = KeyUsage::required_if_present(match purpose {
            Purpose::Code | Purpose::Issuing => CODE_SIGNING,
            Purpose::Timestamps => TIME_STAMPING,
        });
        let refused: Cell<Option<Error>> = Cell::new(None);
        let check = |path: &VerifiedPath<'_>| {
            judge(purpose, path, &valid, minimum_bits).map(|_| ()).map_err(|error| {
                refused.set(Some(error));
                webpki::Error::UnknownIssuer
            })
        };
        let path = entity
            .verify_for_usage(ALL_VERIFICATION_ALGS, &roots, &between, time, usage, None, Some(&check))
            .map_err(|error| refused.take().unwrap_or_else(|| failed(error)))?;
        judge(purpose, &path, &valid, minimum_bits)
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
            // The time of the signer's own was looked at before.
            webpki::Error::CertExpired { .. } => format!(
                "a certificate between {subject} and its root has expired, and no timestamp says that the signature is older: \
                 --at TIME judges it as of then"
            ),
            error => format!("the certificate of {subject} is not accepted: {error}"),
        }
    }
}

/// The root of a way, if everybody on it may do what they did there.
fn judge<'a>(
    purpose: Purpose,
    path: &VerifiedPath<'_>,
    anchors: &[&'a Certificate],
    minimum_bits: usize,
) -> Result<&'a Certificate> {
    // From the issuer of the signer up to the root.
    let mut below = 0;
    for certificate in path.intermediate_certificates() {
        let certificate = Certificate::from_der(certificate.der().to_vec())?;
        certificate.check_authority(purpose, below)?;
        certificate.check_size(minimum_bits)?;
        below += 1;
    }
    // The anchor holds the content of the key without its outermost tag and length, and the one of the subject.
    let (key, subject) = (path.anchor().subject_public_key_info.as_ref(), path.anchor().subject.as_ref());
    let mut why = untrusted("the root of a chain of certificates is not known");
    for anchor in anchors {
        if anchor.spki().ends_with(key) && anchor.raw_subject().ends_with(subject) {
            let judged = anchor.check_authority(purpose, below).and_then(|()| anchor.check_size(minimum_bits));
            match judged {
                Ok(()) => return Ok(anchor),
                Err(error) => why = error,
            }
        }
    }
    Err(why)
}
