use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::der_reader::{BOOLEAN, CONTEXT_0, CONTEXT_1, GENERALIZED_TIME, INTEGER, OCTETS, OID, Reader, SEQUENCE};
use crate::error::{malformed, rejected, unsupported};
use crate::{Result, SignedDigest};

use super::token::{Hash, hash_of};

/// What an authority says (`TSTInfo`).
pub(crate) struct Content {
    hash: Hash,
    hashed: Vec<u8>,
    pub(crate) time: SystemTime,
    pub(crate) nonce: Option<Vec<u8>>,
}

impl Content {
    pub(crate) fn read(der: &[u8]) -> Result<Self> {
        let mut outer = Reader::new(der);
        let mut info = outer.expect(SEQUENCE)?.open();
        outer.end()?;
        if info.expect(INTEGER)?.content != [1] {
            return Err(unsupported("the timestamp is of another version than 1"));
        }
        info.expect(OID)?;
        let mut imprint = info.expect(SEQUENCE)?.open();
        let hash = hash_of(&imprint.expect(SEQUENCE)?)?;
        let hashed = imprint.expect(OCTETS)?.content.to_vec();
        imprint.end()?;
        info.expect(INTEGER)?;
        let time = moment(info.expect(GENERALIZED_TIME)?.content)?;
        info.optional(SEQUENCE)?;
        info.optional(BOOLEAN)?;
        let nonce = info.optional(INTEGER)?.map(|nonce| nonce.content.to_vec());
        info.optional(CONTEXT_0)?;
        info.optional(CONTEXT_1)?;
        info.end()?;
        Ok(Self { hash, hashed, time, nonce })
    }

    /// The timestamp is one of this digest: the digest itself takes the place of the hashed message.
    pub(crate) fn check(&self, digest: &SignedDigest) -> Result<()> {
        if self.hash != Hash::from(digest.hash()) || self.hashed != digest.bytes() {
            return Err(rejected("the timestamp is one of another digest"));
        }
        Ok(())
    }
}

/// A `GeneralizedTime` of RFC 3161: `YYYYMMDDhhmmss[.s…]Z`.
fn moment(text: &[u8]) -> Result<SystemTime> {
    let wrong = || malformed("the time of the timestamp cannot be read");
    let text = std::str::from_utf8(text).ok().and_then(|text| text.strip_suffix('Z')).ok_or_else(wrong)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    let time = DateTime::strptime("%Y%m%d%H%M%S", whole).map_err(|_| wrong())?;
    let nanoseconds = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    let zoned = time.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    Ok(SystemTime::from(zoned.timestamp()) + Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let at = |text: &str| moment(text.as_bytes()).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        assert_eq!(at("19700101000001Z").unwrap(), Duration::from_secs(1));
        assert_eq!(at("20261121051500.25Z").unwrap().subsec_millis(), 250);
        for wrong in
            ["", "Z", "20261121051500", "202611210515Z", "20261321051500Z", "20261121051500.Z+", "20261121051500+0100"]
        {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
