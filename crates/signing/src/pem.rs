//! PEM blocks (RFC 1421 with headers, as Go's `encoding/pem` reads and writes them): the stored form of signatures needs the
//! headers, which readers of RFC 7468 refuse.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Result;
use crate::error::malformed;

/// Characters of base64 per line.
const LINE: usize = 64;

/// One block: `-----BEGIN label-----`, headers, content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it is: `CERTIFICATE`, `PUBLIC KEY`.
    pub label: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub bytes: Vec<u8>,
}

impl Block {
    /// A block without headers.
    pub fn new(label: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { label: label.to_owned(), headers: Vec::new(), bytes: bytes.into() }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads all blocks of a text; what stands between them is skipped.
    ///
    /// # Errors
    /// A block that does not end, or whose content is no base64.
    pub fn read_all(text: &str) -> Result<Vec<Self>> {
        let mut blocks = Vec::new();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(label) = boundary(line, "BEGIN") else { continue };
            let mut body = Vec::new();
            loop {
                let line = lines.next().ok_or_else(|| malformed(format!("the PEM block {label} has no end")))?;
                match boundary(line, "END") {
                    Some(end) if end == label => break,
                    Some(end) => return Err(malformed(format!("the PEM block {label} ends as {end}"))),
                    None => body.push(line),
                }
            }
            blocks.push(Self::read(label, &body)?);
        }
        Ok(blocks)
    }

    fn read(label: &str, body: &[&str]) -> Result<Self> {
        let headers: Vec<_> = body.iter().map_while(|line| line.split_once(':')).collect();
        let content: String = body[headers.len()..].concat();
        let bytes = STANDARD
            .decode(content.as_bytes())
            .map_err(|error| malformed(format!("the PEM block {label} is no base64: {error}")))?;
        let headers =
            headers.into_iter().map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect();
        Ok(Self { label: label.to_owned(), headers, bytes })
    }

    /// The block as text, with a line feed at its end.
    pub fn write(&self) -> String {
        let mut text = format!("-----BEGIN {}-----\n", self.label);
        for (key, value) in &self.headers {
            let _ = writeln!(text, "{key}: {value}");
        }
        if !self.headers.is_empty() {
            text.push('\n');
        }
        let content = STANDARD.encode(&self.bytes);
        for line in content.as_bytes().chunks(LINE) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        let _ = writeln!(text, "-----END {}-----", self.label);
        text
    }
}

/// The label of a line `-----BEGIN label-----`.
fn boundary<'a>(line: &'a str, which: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?.strip_prefix(which)?.strip_prefix(' ')?.strip_suffix("-----")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_long_contents_come_back() {
        let mut block = Block::new("SIGNATURE", vec![7; 100]);
        block.headers.push(("Signature Algorithm".into(), "RSASSA-PSS".into()));
        let text = block.write();
        assert!(text.starts_with("-----BEGIN SIGNATURE-----\nSignature Algorithm: RSASSA-PSS\n\nBwcH"), "{text}");
        let plain = Block::new("X", Vec::new());
        let both = format!("before\r\n{}between\n{}", text.replace('\n', "\r\n"), plain.write());
        assert_eq!(Block::read_all(&both).unwrap(), [block, plain]);
    }

    #[test]
    fn broken_blocks_are_refused() {
        for text in [
            "-----BEGIN A-----\nAAAA\n",
            "-----BEGIN A-----\nAAAA\n-----END B-----\n",
            "-----BEGIN A-----\n!\n-----END A-----\n",
            "-----BEGIN A-----\nAAAA=AAA\n-----END A-----\n",
        ] {
            assert!(Block::read_all(text).is_err(), "{text}");
        }
    }
}
