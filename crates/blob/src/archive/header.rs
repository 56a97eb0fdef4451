//! One 512-byte header block of a tar archive (POSIX.1-2001 pax interchange format, ustar header block).

/// Size of everything in a tar archive: headers and the steps in which content is padded.
pub(crate) const BLOCK: usize = 512;

/// The fields of a header block that mean something here, before extensions are applied.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) type_flag: u8,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) link: Vec<u8>,
}

/// Reads a block; `None` if it is all zero.
pub(crate) fn parse(block: &[u8; BLOCK]) -> Result<Option<Header>, String> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let announced = octal(&block[148..156]).ok_or("a header without a checksum")?;
    let spaces = u64::from(b' ') * 8;
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    if sum(&block[..148]) + spaces + sum(&block[156..]) != announced {
        return Err("a header with a wrong checksum".into());
    }
    let mut name = text(&block[..100]).to_vec();
    match (&block[257..263], &block[263..265]) {
        (b"ustar\0", b"00") => {
            let prefix = text(&block[345..500]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        // GNU: the bytes of the prefix hold times and sparse maps. All zero: the format of Unix V7, without a prefix.
        (b"ustar ", b" \0") | (b"\0\0\0\0\0\0", b"\0\0") => {}
        _ => return Err("a header of an unknown format".into()),
    }
    let size = number(&block[124..136]).ok_or("a header with an invalid size")?;
    let mode = number(&block[100..108]).ok_or("a header with an invalid mode")?;
    let link = text(&block[157..257]).to_vec();
    Ok(Some(Header { name, type_flag: block[156], size, mode: (mode & 0o7777) as u32, link }))
}

/// Everything before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}

/// A number in octal digits or, as GNU writes what does not fit, in base 256. Negative and absurd ones are `None`.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    // 0x80 marks a positive number, 0xff a negative one.
    if field[0] != 0x80 {
        return None;
    }
    let (high, low) = field[1..].split_at(field.len().saturating_sub(9));
    if high.iter().any(|byte| *byte != 0) {
        return None;
    }
    let value = low.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    i64::try_from(value).is_ok().then_some(value)
}

/// Octal digits between optional spaces, ended by NUL or space; an empty field is zero.
fn octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().take_while(|byte| **byte == b' ').count();
    let digits = field[start..].iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let (digits, rest) = field[start..].split_at(digits);
    if rest.iter().any(|byte| !matches!(byte, 0 | b' ')) || digits.len() > 20 {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value << 3 | u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(8 << 30));
        for bad in [
            &b"0000x44\0"[..],
            b"06 44\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\0\0\0\xff\0\0\0\0\0\0\0",
            b"-000644\0",
        ] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }
}
