//! What a repository is when nobody says so. The file system is never asked, so that a reference means the same everywhere.

use super::kind::Class;

/// `C:\…` or `C:/…`
pub(super) fn is_windows_path(text: &str) -> bool {
    matches!(text.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}

/// The scheme in front of a colon, if the text begins with one; `localhost:5000/x` looks like one too.
pub(super) fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let legal = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    legal.then_some(scheme)
}

/// The first rule that applies decides (the order is the one of the Go programs).
pub(super) fn class(text: &str) -> Class {
    if is_windows_path(text) {
        return Class::Ctf;
    }
    if let Some(scheme) = scheme(text) {
        return if scheme.eq_ignore_ascii_case("file") { Class::Ctf } else { Class::Oci };
    }
    if text.starts_with('/') || leaves_its_directory(text) || text.starts_with("./") {
        return Class::Ctf;
    }
    if text.contains(':') || text == "localhost" {
        return Class::Oci;
    }
    // A part of an archive, `NAME.tar.001`; the last label of a host is never a number.
    let whole =
        text.rsplit_once('.').filter(|(_, number)| number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()));
    let name = whole.map_or(text, |(name, _)| name);
    if [".tar.gz", ".tgz", ".tar"].iter().any(|ending| name.ends_with(ending)) {
        return Class::Ctf;
    }
    if looks_like_domain(text) { Class::Oci } else { Class::Ctf }
}

/// Whether the path, cleaned, begins with `..`.
fn leaves_its_directory(text: &str) -> bool {
    let mut depth = 0_u32;
    for segment in text.split('/') {
        match segment {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// A dot, and a letter in one of the parts between dots: `10.0.0.1` is none.
fn looks_like_domain(text: &str) -> bool {
    text.contains('.') && text.split('.').any(|part| part.chars().any(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule() {
        for text in [
            "C:\\x",
            "d:/x",
            "file://x",
            "file:///x",
            "/x",
            "..",
            "../x",
            "a/../../x",
            "./x",
            "./x.y",
            "a.tar",
            "b.tgz",
            "c.tar.gz",
            "a.tar.001",
            "b.tgz.999",
            "10.0.0.1",
            "1.0",
            "LOCALHOST/x",
            "transport-archive",
            "my-product",
            ".",
            "a/b",
        ] {
            assert_eq!(class(text), Class::Ctf, "{text}");
        }
        for text in [
            "http://x",
            "https://x/y",
            "oci://x",
            "localhost:5000/x",
            "1.2.3.4:5000/x",
            "[::1]:5000/x",
            "localhost",
            "ghcr.io",
            "ghcr.io/team..name",
            "localhost:5000/a..b",
            "foo/bar.ctf",
            "product-1.0",
            "v1.2",
            "a.tar.0001",
        ] {
            assert_eq!(class(text), Class::Oci, "{text}");
        }
    }
}
