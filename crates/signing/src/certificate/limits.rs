use x509_cert::TbsCertificate;
use x509_cert::der::Error;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::{Certificate, Purpose};
use crate::Result;
use crate::error::untrusted;

/// What a certificate says of its own use (RFC 5280, 4.2.1). The builder of chains leaves some of it to whoever calls it: usages
/// of keys, and all that roots say.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    usage: Option<KeyUsage>,
    constraints: Option<BasicConstraints>,
    purposes: Option<Vec<String>>,
}

/// `anyExtendedKeyUsage`.
const ANY_PURPOSE: &str = "2.5.29.37.0";

impl Limits {
    pub(super) fn of(body: &TbsCertificate) -> Result<Self, Error> {
        let purposes = body.get_extension::<ExtendedKeyUsage>()?.map(|(_, purposes)| purposes.0);
        Ok(Self {
            usage: body.get_extension::<KeyUsage>()?.map(|(_, usage)| usage),
            constraints: body.get_extension::<BasicConstraints>()?.map(|(_, constraints)| constraints),
            purposes: purposes.map(|purposes| purposes.iter().map(ToString::to_string).collect()),
        })
    }

    /// The key may sign content: a key for encryption or for certificates alone may not (RFC 5280, 4.2.1.3).
    pub(super) fn signs_content(&self) -> bool {
        self.usage.is_none_or(|usage| usage.digital_signature() || usage.non_repudiation())
    }

    fn allows(&self, purpose: Purpose) -> bool {
        let wanted = purpose.identifier();
        self.purposes.as_ref().is_none_or(|all| all.iter().any(|one| one == wanted || one == ANY_PURPOSE))
    }
}

impl Certificate {
    /// The certificate may be the one of a signer.
    pub(super) fn check_signer(&self, purpose: Purpose) -> Result<()> {
        if !self.limits().signs_content() {
            return Err(untrusted(format!("the key of {} is not meant for signatures (keyUsage)", self.subject())));
        }
        if !self.limits().allows(purpose) {
            return Err(untrusted(format!("the certificate of {} is not meant for this purpose", self.subject())));
        }
        Ok(())
    }

    /// The certificate may have issued others; `below` authorities stand between it and the signer.
    pub(super) fn check_authority(&self, purpose: Purpose, below: usize) -> Result<()> {
        let refuse = |reason: &str| Err(untrusted(format!("the certificate of {} {reason}", self.subject())));
        let Limits { usage, constraints, .. } = self.limits();
        if usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return refuse("may not issue certificates (keyUsage)");
        }
        if !self.is_bare() && !constraints.as_ref().is_some_and(|constraints| constraints.ca) {
            return refuse("is not one of an authority (basicConstraints), and cannot vouch for others");
        }
        let longest = constraints.as_ref().and_then(|constraints| constraints.path_len_constraint);
        if longest.is_some_and(|longest| below > usize::from(longest)) {
            return refuse("allows fewer authorities below it (pathLenConstraint)");
        }
        // The builder of chains has judged everybody but the root. One that was named for timestamps was named for them alone, and
        // may be one of those that `create rsakeypair` makes.
        if purpose != Purpose::Timestamps && !self.limits().allows(purpose) {
            return refuse("is not meant for this purpose");
        }
        Ok(())
    }

    /// An RSA key that everything below it rests on is as large as it has to be; keys of curves are none of RSA.
    pub(super) fn check_size(&self, minimum: usize) -> Result<()> {
        match self.public_key() {
            Ok(key) => check_bits(key.bits(), minimum)
                .map_err(|error| error.about(format!("the certificate of {}", self.subject()))),
            Err(_) => Ok(()),
        }
    }
}

/// Smallest RSA key in bits that counts, whatever is asked for.
pub(crate) const SMALLEST_KEY: usize = 2048;

/// An RSA key of this size counts. This is the only place where sizes are judged.
pub(crate) fn check_bits(bits: usize, minimum: usize) -> Result<()> {
    let minimum = minimum.max(SMALLEST_KEY);
    if bits < minimum {
        return Err(untrusted(format!("the key has {bits} bits, fewer than the {minimum} that are asked for")));
    }
    Ok(())
}
