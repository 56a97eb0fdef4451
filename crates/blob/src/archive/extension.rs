//! Extended header records (POSIX.1-2001 pax interchange format, *pax Extended Header*).

/// The records of an extended header that change how its entry is read.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
}

/// Reads `length keyword=value newline` records.
///
/// Anything malformed is an error: a reader that skips what it does not understand sees other entries than the next
/// one (CVE-2025-62518). For the same reason a record must not come twice, be empty, or describe a sparse file.
pub(crate) fn parse(mut content: &[u8]) -> Result<Records, String> {
    let mut records = Records::default();
    while !content.is_empty() {
        let (keyword, value, rest) = next(content).ok_or("a malformed extended header")?;
        content = rest;
        let taken = match keyword {
            b"path" => replace(&mut records.path, text(value)?),
            b"linkpath" => replace(&mut records.link, text(value)?),
            b"size" => replace(&mut records.size, decimal(value).ok_or("an extended header with an invalid size")?),
            keyword if keyword.starts_with(b"GNU.sparse.") => {
                return Err("a sparse file, which is not supported".into());
            }
            _ => true,
        };
        if !taken {
            return Err(format!("an extended header with two records {:?}", String::from_utf8_lossy(keyword)));
        }
    }
    Ok(records)
}

fn next(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let digits = content.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&content[..digits])?).ok()?;
    if length <= digits + 1 || length > content.len() {
        return None;
    }
    let (record, rest) = content.split_at(length);
    let record = record[digits + 1..].strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    if equals == 0 {
        return None;
    }
    Some((&record[..equals], &record[equals + 1..], rest))
}

fn text(value: &[u8]) -> Result<Vec<u8>, String> {
    if value.is_empty() || value.contains(&0) {
        return Err("an extended header with an invalid name".into());
    }
    Ok(value.to_vec())
}

/// Decimal digits without sign or leading zeros, below 2^63.
fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.len() <= 19 && digits.iter().all(u8::is_ascii_digit);
    if !plain || digits.len() > 1 && digits[0] == b'0' {
        return None;
    }
    let value = digits.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    i64::try_from(value).is_ok().then_some(value)
}

fn replace<T>(slot: &mut Option<T>, value: T) -> bool {
    slot.replace(value).is_none()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_records() {
        let records = parse(b"12 path=a/b\n10 size=7\n18 mtime=1.5\0xxxx\n").unwrap();
        assert_eq!((records.path.unwrap(), records.size), (b"a/b".to_vec(), Some(7)));
    }

    #[test]
    fn anything_else_is_an_error() {
        for bad in [
            &b"11 path=a/b\n"[..],
            b"13 path=a/b\n",
            b"012 path=a/b\n",
            b"path=a/b\n",
            b"12 path=a/b",
            b"8 path=\n",
            b"7 =a/b\n",
            b"12 path=a\0b\n",
            b"12 path=a/b\n12 path=a/c\n",
            b"11 size=-1\n",
            b"11 size=0x1\n",
            b"22 GNU.sparse.major=1\n",
            b"12 path=a/b\n\0\0",
        ] {
            assert!(parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
