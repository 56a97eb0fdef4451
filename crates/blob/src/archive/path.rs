use std::fmt;
use std::sync::Arc;

/// Longest path of an entry in bytes; what the common systems can open.
const LONGEST: usize = 4095;

/// Where an entry lies inside its archive: a relative path that stays inside.
///
/// Components are separated by `/`; there is no leading `./`, no empty, `.` or `..` component, no backslash, no NUL. The
/// root of the archive is the empty path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(Arc<str>);

impl EntryPath {
    /// Resolves the name of an entry as it stands in the archive; the error is the reason why it is refused.
    pub fn parse(name: &[u8]) -> Result<Self, &'static str> {
        let Ok(name) = std::str::from_utf8(name) else {
            return Err("its name is not UTF-8");
        };
        if name.is_empty() {
            return Err("it has no name");
        }
        if name.len() > LONGEST {
            return Err("its name is longer than 4095 bytes");
        }
        if name.contains('\0') {
            return Err("its name contains a NUL character");
        }
        // Separator on one system, part of a name on the others: two programs would see two different files.
        if name.contains('\\') {
            return Err("its name contains a backslash");
        }
        if name.starts_with('/') {
            return Err("its name is an absolute path");
        }
        if cfg!(windows) && name.contains(':') {
            return Err("its name contains a colon");
        }
        let mut resolved = String::with_capacity(name.len());
        for component in name.split('/').filter(|component| !component.is_empty() && *component != ".") {
            if component == ".." {
                return Err("its name leads out of the archive");
            }
            if !resolved.is_empty() {
                resolved.push('/');
            }
            resolved.push_str(component);
        }
        Ok(Self(resolved.into()))
    }

    /// The path; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root of the archive.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components from the top down; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// The path of the folder around this entry, and the last component; `None` for the root.
    pub fn split(&self) -> Option<(&str, &str)> {
        if self.is_root() { None } else { Some(self.0.rsplit_once('/').unwrap_or(("", &self.0))) }
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn resolves_what_stays_inside() {
        for (name, path) in
            [("./", ""), (".", ""), ("a", "a"), ("./a/b/", "a/b"), ("a//b", "a/b"), ("a/./b", "a/b"), ("..a", "..a")]
        {
            assert_eq!(EntryPath::parse(name.as_bytes()).unwrap().as_str(), path, "{name}");
        }
    }

    #[test]
    fn refuses_what_leads_out() {
        for name in ["", "/", "/etc/passwd", "..", "../a", "a/../../b", "a/..", "a\\..\\b", "a\0b", &"a".repeat(5000)] {
            assert!(EntryPath::parse(name.as_bytes()).is_err(), "{name}");
        }
        assert!(EntryPath::parse(b"\xff").is_err());
    }
}
