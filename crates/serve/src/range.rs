//! Parts of content: what a `Range` header asks for, and what a `Content-Range` header of a chunk announces.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};

use crate::Failure;

/// A part of a blob that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything.
    Whole,
    /// The bytes from the first to the last, both included.
    Part(u64, u64),
    /// A part outside the content.
    Unsatisfiable,
}

/// Reads the `Range` header of a request for content of `size` bytes (RFC 9110, section 14).
///
/// A header in another unit, with a mistake, or asking for several parts at once is ignored, as the RFC allows.
pub(crate) fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else { return Wanted::Whole };
    if headers.get(IF_RANGE).is_some_and(|known| known.as_bytes() != etag.as_bytes()) {
        return Wanted::Whole;
    }
    range.trim().strip_prefix("bytes=").and_then(|range| part(range.trim(), size)).unwrap_or(Wanted::Whole)
}

fn part(range: &str, size: u64) -> Option<Wanted> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = if first.is_empty() {
        let count = number(last)?;
        if count == 0 {
            return Some(Wanted::Unsatisfiable);
        }
        (size.saturating_sub(count), size.checked_sub(1))
    } else {
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        (first, size.checked_sub(1).map(|end| end.min(last)))
    };
    Some(last.filter(|last| first <= *last).map_or(Wanted::Unsatisfiable, |last| Wanted::Part(first, last)))
}

/// The bytes that a chunk of an upload announces to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Position of its first byte; `None` if it does not tell.
    pub(crate) start: Option<u64>,
    /// Number of bytes; `None` if it does not tell.
    pub(crate) length: Option<u64>,
}

impl Chunk {
    /// Reads `Content-Range` (`<first>-<last>`, both included) and `Content-Length`, which must agree.
    pub(crate) fn announced(headers: &HeaderMap) -> Result<Self, Failure> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim());
        let length = match text(CONTENT_LENGTH) {
            Some(length) => {
                Some(number(length).ok_or_else(|| Failure::invalid("SIZE_INVALID", "Content-Length is no number"))?)
            }
            None => None,
        };
        let Some(range) = text(CONTENT_RANGE) else { return Ok(Self { start: None, length }) };
        // The specification has no unit in front; some clients write the header of RFC 9110 all the same.
        let bare = range.strip_prefix("bytes ").unwrap_or(range).split('/').next().unwrap_or_default();
        let bounds = bare.split_once('-').and_then(|(first, last)| Some((number(first)?, number(last)?)));
        let Some((first, last)) = bounds.filter(|(first, last)| first <= last && *last < u64::MAX) else {
            // An empty last chunk cannot be told in a range whose ends are both included: `5-4`, or `0-0` of nothing.
            if length == Some(0) {
                return Ok(Self { start: None, length });
            }
            let message = format!("Content-Range {range:?} is not <first>-<last>");
            return Err(Failure::invalid("BLOB_UPLOAD_INVALID", message));
        };
        let count = last - first + 1;
        match length {
            Some(0) => Ok(Self { start: None, length }),
            Some(length) if length != count => {
                let message = format!("Content-Range {range} is {count} bytes, but Content-Length is {length}");
                Err(Failure::invalid("SIZE_INVALID", message))
            }
            _ => Ok(Self { start: Some(first), length: Some(count) }),
        }
    }
}

/// A number of digits only; `u64::from_str` would take a sign too.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The `ETag` of content with a digest.
pub(crate) fn etag(digest: &ocm_blob::Digest) -> String {
    format!("\"{digest}\"")
}

/// Whether the client has the content already (`If-None-Match`).
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(http::header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

/// The header that carries [`etag`].
pub(crate) const ETAG_HEADER: http::HeaderName = ETAG;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn want(range: &str, size: u64) -> Wanted {
        let headers = [(RANGE, range.parse().unwrap())].into_iter().collect();
        wanted(&headers, "\"tag\"", size)
    }

    #[test]
    fn a_range_is_cut_to_the_content() {
        assert_eq!(want("bytes=2-4", 10), Wanted::Part(2, 4));
        assert_eq!(want("bytes=2-", 10), Wanted::Part(2, 9));
        assert_eq!(want("bytes=2-99", 10), Wanted::Part(2, 9));
        assert_eq!(want("bytes=-3", 10), Wanted::Part(7, 9));
        assert_eq!(want("bytes=-30", 10), Wanted::Part(0, 9));
        for outside in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=4-2"] {
            assert_eq!(want(outside, 10), Wanted::Unsatisfiable, "{outside}");
        }
        assert_eq!(want("bytes=0-", 0), Wanted::Unsatisfiable);
        for ignored in
            ["items=0-1", "bytes=a-b", "bytes=0-1,3-4", "bytes=+1-2", "bytes=99999999999999999999-", "bytes=-"]
        {
            assert_eq!(want(ignored, 10), Wanted::Whole, "{ignored}");
        }
    }

    #[test]
    fn a_changed_content_is_sent_whole() {
        let headers =
            [(RANGE, "bytes=2-4".parse().unwrap()), (IF_RANGE, "\"other\"".parse().unwrap())].into_iter().collect();
        assert_eq!(wanted(&headers, "\"tag\"", 10), Wanted::Whole);
    }

    #[test]
    fn range_and_length_of_a_chunk_agree() {
        let read = |range: &str, length: &str| {
            let headers = [(CONTENT_RANGE, range.parse().unwrap()), (CONTENT_LENGTH, length.parse().unwrap())];
            Chunk::announced(&headers.into_iter().collect())
        };
        assert_eq!(read("3-5", "3").unwrap(), Chunk { start: Some(3), length: Some(3) });
        assert_eq!(read("bytes 3-5/*", "3").unwrap(), Chunk { start: Some(3), length: Some(3) });
        assert_eq!(read("0-0", "0").unwrap(), Chunk { start: None, length: Some(0) });
        for (range, length) in [("3-5", "4"), ("5-3", "3"), ("x", "1"), ("0-18446744073709551615", "1")] {
            assert!(read(range, length).is_err(), "{range} {length}");
        }
    }
}
