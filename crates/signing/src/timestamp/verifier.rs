use std::time::{Duration, SystemTime};

use jiff::Timestamp as Moment;
use ocm_model::descriptor::Timestamp;
use serde::Serialize;

use crate::certificate::{Certificate, Purpose, TrustStore};
use crate::error::untrusted;
use crate::{Result, SignedDigest};

use super::token::Token;

/// How far the clock of an authority may be ahead.
const AHEAD: Duration = Duration::from_mins(5);

/// Judges timestamps by authorities that its owner trusts.
#[derive(Clone, Debug, Default)]
pub struct TimestampVerifier {
    /// Roots, and what may stand between them and an authority.
    pub trust: TrustStore,
    /// Smallest RSA key in bits, of all certificates; 2048 at least.
    pub minimum_bits: usize,
}

/// A timestamp that was verified.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timestamped {
    /// When the digest was there, at the latest.
    #[serde(serialize_with = "as_text")]
    pub time: SystemTime,
    /// Who says so: the subject of the authority's certificate.
    pub authority: String,
    /// The root it leads to.
    pub root: String,
}

fn as_text<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Moment::try_from(*time).map_err(serde::ser::Error::custom)?)
}

impl TimestampVerifier {
    /// Verifies a timestamp: it is one of this digest, and was signed by an authority whose certificate is meant for nothing else
    /// and leads to a root.
    ///
    /// # Errors
    /// Any of this does not hold.
    pub fn verify(&self, digest: &SignedDigest, timestamp: &Timestamp) -> Result<Timestamped> {
        let token = Token::from_pem(&timestamp.value)?;
        token.content.check(digest)?;
        self.judge(&token)
    }

    /// Only whether a timestamp is whole and one of this digest; by whom it is, and whether the time is right, stays open.
    ///
    /// # Errors
    /// It cannot be read, was changed, or is one of another digest.
    pub fn check_unjudged(digest: &SignedDigest, timestamp: &Timestamp) -> Result<()> {
        Token::from_pem(&timestamp.value)?.content.check(digest)
    }

    pub(crate) fn judge(&self, token: &Token) -> Result<Timestamped> {
        let time = token.content.time;
        let signer = token.signer(self.trust.certificates())?;
        if !signer.is_for_timestamps_only() {
            return Err(untrusted(format!(
                "the certificate of {} is not meant for timestamps alone",
                signer.subject()
            )));
        }
        let root = self.root(signer, &token.certificates, time)?;
        if time > SystemTime::now() + AHEAD {
            return Err(untrusted(format!("the timestamp of {} is from the future", signer.subject())));
        }
        Ok(Timestamped { time, authority: signer.subject().to_string(), root: root.subject().to_string() })
    }

    fn root(&self, signer: &Certificate, embedded: &[Certificate], time: SystemTime) -> Result<&Certificate> {
        if self.trust.is_empty() {
            return Err(untrusted(format!("no root is known for the timestamp of {}", signer.subject())));
        }
        self.trust.verify_for(Purpose::Timestamps, signer, embedded, time, self.minimum_bits)
    }
}
