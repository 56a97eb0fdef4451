use std::time::SystemTime;

use ocm_access::Sources as _;
use ocm_model::descriptor::{Signature, Timestamp};
use ocm_signing::{SignedDigest, TimestampAuthority, TimestampVerifier, Timestamped};

use crate::ops::keys::{Keys, trusted};
use crate::{Context, Error, Kind, Result};

/// Where timestamps come from, and whom they have to come from.
#[derive(Clone, Debug)]
pub struct Timestamping {
    /// Address of the authority.
    pub authority: String,
    /// Its roots.
    pub verifier: TimestampVerifier,
}

impl Timestamping {
    pub(crate) async fn stamp(&self, context: &Context, digest: &SignedDigest) -> Result<Timestamp> {
        let client = context.http().ok_or_else(|| Error::new(Kind::Other, "there are no connections"))?;
        Ok(TimestampAuthority::new(client, &self.authority)?.stamp(digest, &self.verifier).await?)
    }
}

/// What the timestamp of a signature says.
#[derive(Default)]
pub(crate) struct Word {
    /// It counts.
    pub(crate) stamped: Option<Timestamped>,
    /// There is one, and this is why it says nothing.
    pub(crate) unjudged: Option<String>,
}

impl Word {
    /// The time as of which certificates are judged, if nobody says another one.
    pub(crate) fn time(&self) -> SystemTime {
        self.stamped.as_ref().map_or_else(SystemTime::now, |stamped| stamped.time)
    }
}

impl Keys {
    /// The roots of authorities for timestamps of the signature of a name. No key counts that is smaller than this many bits.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn timestamps(&self, name: &str, minimum_bits: usize) -> Result<TimestampVerifier> {
        let own = self.time_authorities.as_slice();
        let roots = if own.is_empty() { self.authorities_for(name) } else { own };
        Ok(TimestampVerifier { trust: trusted(roots)?, minimum_bits })
    }

    /// Judges the timestamp of a signature. One that is broken, or of another digest, or by nobody below the roots that were named
    /// for timestamps, is a failure. One that leads nowhere where no roots were named for timestamps says nothing.
    pub(crate) fn when(&self, digest: &SignedDigest, signature: &Signature, minimum_bits: usize) -> Result<Word> {
        let Some(timestamp) = &signature.timestamp else { return Ok(Word::default()) };
        let about = |error: ocm_signing::Error| Error::new(Kind::Verification, error.about("timestamp"));
        TimestampVerifier::check_unjudged(digest, timestamp).map_err(about)?;
        match self.timestamps(&signature.name, minimum_bits)?.verify(digest, timestamp) {
            Ok(stamped) => Ok(Word { stamped: Some(stamped), unjudged: None }),
            Err(error) if self.time_authorities.is_empty() && error.kind() == ocm_signing::Kind::Untrusted => {
                Ok(Word { stamped: None, unjudged: Some(error.to_string()) })
            }
            Err(error) => Err(about(error)),
        }
    }
}
