//! Just enough of DER (X.690) to read what time-stamping authorities sign. Strict: every length in its shortest form.

use crate::Result;
use crate::error::malformed;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(crate) const CONTEXT_1: u8 = 0xa1;

/// One element: its tag, its content, and all of it.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// What is inside.
    pub(crate) fn open(&self) -> Reader<'a> {
        Reader(self.content)
    }
}

/// Reads one element after the other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Result<Element<'a>> {
        let broken = || malformed("the DER encoding is broken");
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>().ok_or_else(broken)?;
        let length = match first {
            0..=0x7f => usize::from(first),
            // Up to 4 GiB; the indefinite form is none of DER.
            0x81..=0x84 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or_else(broken)?;
                rest = after;
                let length = bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
                if length < 0x80 || bytes.first() == Some(&0) {
                    return Err(broken());
                }
                length
            }
            _ => return Err(broken()),
        };
        let (content, after) = rest.split_at_checked(length).ok_or_else(broken)?;
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Ok(Element { tag, content, whole })
    }

    /// The next element, which has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>> {
        let element = self.any()?;
        if element.tag != tag {
            return Err(malformed(format!("the DER encoding has a tag {:#04x} in place of {tag:#04x}", element.tag)));
        }
        Ok(element)
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>> {
        if self.0.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// There is nothing more.
    pub(crate) fn end(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(malformed("the DER encoding has something behind its end")) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::der;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let written = [der::octets(&vec![7; length]), der::NULL.to_vec()].concat();
            let mut reader = Reader::new(&written);
            let element = reader.expect(OCTETS).unwrap();
            assert_eq!((element.content.len(), element.whole.len()), (length, written.len() - 2));
            assert!(reader.optional(INTEGER).unwrap().is_none());
            assert_eq!(reader.any().unwrap().tag, 5);
            reader.end().unwrap();
        }
    }

    #[test]
    fn broken_lengths_are_refused() {
        let broken: [&[u8]; 7] = [
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 200],
            &[4, 0x81],
            &[4, 0x85, 1, 0, 0, 0, 0],
        ];
        for bytes in broken {
            assert!(Reader::new(bytes).any().is_err(), "{bytes:?}");
        }
    }
}
