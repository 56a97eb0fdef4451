//! Header blocks as Go's `archive/tar` writes them: ustar, and pax only for what does not fit.
//!
//! The digest of a packed directory is the digest of these bytes, so every choice below is the one of that writer.

use std::fmt::Write as _;

use crate::archive::BLOCK;

/// Two blocks of zeros; no further padding.
pub(crate) const TRAILER: usize = 2 * BLOCK;

const NAME: usize = 100;
const PREFIX: usize = 155;

/// What a header says about an entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// Name; a directory's ends in a slash.
    pub(crate) name: String,
    pub(crate) directory: bool,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) user: String,
    pub(crate) group: String,
}

/// The bytes in front of the content, a multiple of the block size.
pub(crate) fn encode(fields: &Fields) -> Vec<u8> {
    let split = split_name(&fields.name);
    let mut records = Vec::new();
    if (!fields.name.is_ascii() || fields.name.len() > NAME) && split.is_none() {
        records.push(("path", fields.name.clone()));
    }
    for (keyword, value, digits) in
        [("size", fields.size, 11), ("uid", fields.uid.into(), 7), ("gid", fields.gid.into(), 7)]
    {
        if value >= 1 << (3 * digits) {
            records.push((keyword, value.to_string()));
        }
    }
    if fields.modified < 0 || fields.modified >= 1 << 33 {
        records.push(("mtime", fields.modified.to_string()));
    }
    for (keyword, value) in [("uname", &fields.user), ("gname", &fields.group)] {
        if !value.is_ascii() || value.len() > 32 {
            records.push((keyword, value.clone()));
        }
    }
    if records.is_empty() {
        let (prefix, name) = split.unwrap_or(("", &fields.name));
        return block(fields, name, prefix).to_vec();
    }
    records.sort_unstable();
    let mut bytes = extended(&fields.name, &records);
    bytes.extend_from_slice(&block(fields, &ascii(&fields.name), ""));
    bytes
}

/// Zero bytes after content of `size` bytes.
pub(crate) fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

fn block(fields: &Fields, name: &str, prefix: &str) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put(&mut block[..NAME], name);
    // Cut in the middle of a path, the name of a file must not look like that of a directory.
    if name.len() > NAME && block[NAME - 1] == b'/' {
        let kept = name[..NAME].trim_end_matches('/').len();
        block[kept] = 0;
    }
    octal(&mut block[100..108], fields.mode.into());
    octal(&mut block[108..116], fields.uid.into());
    octal(&mut block[116..124], fields.gid.into());
    octal(&mut block[124..136], fields.size);
    octal(&mut block[136..148], u64::try_from(fields.modified).unwrap_or(0));
    block[156] = if fields.directory { b'5' } else { b'0' };
    block[257..265].copy_from_slice(b"ustar\x0000");
    put(&mut block[265..297], &ascii(&fields.user));
    put(&mut block[297..329], &ascii(&fields.group));
    octal(&mut block[329..337], 0);
    octal(&mut block[337..345], 0);
    put(&mut block[345..500], prefix);
    seal(&mut block);
    block
}

/// The extended header: an entry of its own in front of the one it describes.
fn extended(name: &str, records: &[(&str, String)]) -> Vec<u8> {
    let mut content = String::new();
    for (keyword, value) in records {
        // The length counts its own digits.
        let body = keyword.len() + value.len() + 3;
        let mut length = body + body.to_string().len();
        length = body + length.to_string().len();
        let _ = writeln!(content, "{length} {keyword}={value}");
    }
    let path = name.trim_end_matches('/');
    let (folder, file) = match name.rsplit_once('/') {
        Some((_, "")) => (path, ""),
        Some((folder, file)) => (folder, file),
        None => ("", name),
    };
    let own: Vec<&str> = [folder, "PaxHeaders.0", file].into_iter().filter(|part| !part.is_empty()).collect();
    let own = ascii(&own.join("/"));
    let mut block = [0; BLOCK];
    put(&mut block[..NAME], own[..own.len().min(NAME)].trim_end_matches('/'));
    octal(&mut block[100..108], 0);
    octal(&mut block[108..116], 0);
    octal(&mut block[116..124], 0);
    octal(&mut block[124..136], content.len() as u64);
    octal(&mut block[136..148], 0);
    block[156] = b'x';
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    let mut bytes = block.to_vec();
    bytes.extend_from_slice(content.as_bytes());
    bytes.resize(bytes.len() + padding(content.len() as u64), 0);
    bytes
}

/// Splits a long name into prefix and name where ustar can hold it so.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME || !name.is_ascii() {
        return None;
    }
    let length = if name.len() > PREFIX + 1 { PREFIX + 1 } else { name.len() - usize::from(name.ends_with('/')) };
    let at = name[..length].rfind('/')?;
    let rest = &name[at + 1..];
    (at > 0 && at <= PREFIX && !rest.is_empty() && rest.len() <= NAME).then_some((&name[..at], rest))
}

fn ascii(text: &str) -> String {
    text.chars().filter(|character| character.is_ascii() && *character != '\0').collect()
}

fn put(field: &mut [u8], text: &str) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}

/// Octal digits with leading zeros and a NUL; zero if the number does not fit, an extended header holds it then.
fn octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let value = if value >= 1 << (3 * digits) { 0 } else { value };
    for (at, digit) in field[..digits].iter_mut().enumerate() {
        *digit = b'0' + (value >> (3 * (digits - 1 - at)) & 7) as u8;
    }
    field[digits] = 0;
}

fn seal(block: &mut [u8; BLOCK]) {
    block[148..156].copy_from_slice(b"        ");
    let sum = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block[148..155], sum);
    block[155] = b' ';
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(name: &str) -> Fields {
        Fields { name: name.into(), mode: 0o644, ..Fields::default() }
    }

    #[test]
    fn short_names_take_one_block() {
        let bytes = encode(&Fields { size: 6, ..fields("a.txt") });
        assert_eq!(bytes.len(), BLOCK);
        assert_eq!(&bytes[..6], b"a.txt\0");
        assert_eq!(&bytes[100..157], b"0000644\x000000000\x000000000\x0000000000006\x0000000000000\x00010162\0 0");
    }

    #[test]
    fn long_ascii_names_are_split() {
        let name = format!("{}/{}", "d".repeat(80), "f".repeat(90));
        let bytes = encode(&fields(&name));
        assert_eq!(
            (bytes.len(), &bytes[..90], &bytes[345..425]),
            (BLOCK, &name.as_bytes()[81..], &name.as_bytes()[..80])
        );
    }

    #[test]
    fn what_does_not_fit_goes_into_an_extended_header() {
        let name = "ü".repeat(60);
        let bytes = encode(&fields(&name));
        assert_eq!(bytes.len(), 3 * BLOCK);
        assert!(bytes[512..].starts_with(format!("130 path={name}\n").as_bytes()));
        let bytes = encode(&Fields { size: 8 << 30, ..fields("big") });
        assert!(bytes[512..].starts_with(b"19 size=8589934592\n"));
        assert_eq!(&bytes[..20], b"PaxHeaders.0/big\0\0\0\0");
    }
}
