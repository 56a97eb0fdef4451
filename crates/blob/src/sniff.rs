//! Media types of content that nobody named one for.

/// Bytes that are enough for [`media_type`].
pub const SNIFFED: usize = 3072;

/// The media type of content by its first bytes, as the Go program tells that of a file: nothing but what they say, never a
/// file name.
///
/// `beginning` holds the first [`SNIFFED`] bytes, or all of them if there are fewer.
pub fn media_type(beginning: &[u8]) -> &'static str {
    if beginning.is_empty() {
        return "text/plain";
    }
    let magic: [(&[u8], &str); 11] = [
        (b"\x1f\x8b", "application/gzip"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x28\xb5\x2f\xfd", "application/zstd"),
        (b"\xfd7zXZ\0", "application/x-xz"),
        (b"BZh", "application/x-bzip2"),
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"\0asm", "application/wasm"),
    ];
    if let Some((_, media_type)) = magic.iter().find(|(magic, _)| beginning.starts_with(magic)) {
        return media_type;
    }
    if beginning.get(257..262) == Some(b"ustar") {
        return "application/x-tar";
    }
    let utf8 = valid_utf8(beginning);
    if utf8 && is_json(beginning) {
        return "application/json";
    }
    if beginning.iter().any(|byte| is_binary(*byte)) {
        return "application/octet-stream";
    }
    if utf8 { "text/plain; charset=utf-8" } else { "text/plain" }
}

/// An object or array, as far as it can be seen.
fn is_json(beginning: &[u8]) -> bool {
    let first = beginning.iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(first, Some(b'{' | b'[')) {
        return false;
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(beginning) {
        Ok(_) => true,
        Err(error) => error.is_eof() && beginning.len() >= SNIFFED,
    }
}

/// UTF-8; a character may be cut at the end of the sniffed bytes.
fn valid_utf8(beginning: &[u8]) -> bool {
    match std::str::from_utf8(beginning) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && beginning.len() >= SNIFFED,
    }
}

/// Bytes that no text contains (WHATWG MIME Sniffing, *binary data byte*).
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_says_what_it_is() {
        for (content, expected) in [
            (&b""[..], "text/plain"),
            (b"hello", "text/plain; charset=utf-8"),
            (b"a: 1\nb: [x]\n", "text/plain; charset=utf-8"),
            ("grün".as_bytes(), "text/plain; charset=utf-8"),
            (b"{\"a\":1}", "application/json"),
            (b" [1, 2]\n", "application/json"),
            (b"{\"a\":", "text/plain; charset=utf-8"),
            (b"{\"a\":1} x", "text/plain; charset=utf-8"),
            (b"12", "text/plain; charset=utf-8"),
            (b"\x1f\x8b\x08", "application/gzip"),
            (b"\0\x01\x02\x03", "application/octet-stream"),
        ] {
            assert_eq!(media_type(content), expected, "{content:?}");
        }
    }

    #[test]
    fn a_cut_does_not_change_the_answer() {
        let long = format!("{{\"a\":\"{}\"}}", "ü".repeat(4000));
        assert_eq!(media_type(&long.as_bytes()[..SNIFFED]), "application/json");
        let text = format!("x{}", "ü".repeat(4000));
        assert_eq!(media_type(&text.as_bytes()[..SNIFFED]), "text/plain; charset=utf-8");
    }
}
