//! Image references: what people write to name an image or artifact in a registry.

use std::fmt;
use std::str::FromStr;

use ocm_blob::Digest;

use crate::registry::{DOCKER_HUB, Endpoint, Scheme, is_docker_hub};
use crate::{Error, Kind, Result, Selector};

/// The part of Docker Hub that holds images with a name of one segment.
const DOCKER_LIBRARY: &str = "library";

/// Longest repository name with its host, in bytes.
const NAME_LIMIT: usize = 255;

/// `[scheme://][host[:port]/]repository[:tag][@digest]`.
///
/// The first segment is a host if it has a dot or a colon or is `localhost`, or if a scheme stands in front; without a
/// host the image is Docker Hub's, with `library/` for a name of one segment. The author's spelling is kept: it is what
/// [`fmt::Display`] gives back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference {
    scheme: Option<WrittenScheme>,
    host: Option<String>,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A scheme that may stand in front of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum WrittenScheme {
    Oci,
    Http,
    Https,
}

impl WrittenScheme {
    const ALL: [(Self, &'static str); 3] = [(Self::Oci, "oci"), (Self::Http, "http"), (Self::Https, "https")];

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(scheme, _)| *scheme == self).map_or("", |(_, name)| name)
    }
}

impl ImageReference {
    /// The registry's host as it is to be understood: `docker.io` where none, or one of its other names, is written.
    pub fn host(&self) -> &str {
        match self.host.as_deref() {
            None => DOCKER_HUB,
            Some(host) if is_docker_hub(host) => DOCKER_HUB,
            Some(host) => host,
        }
    }

    /// The host as written.
    pub fn written_host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Name of the repository in the registry, with `library/` where Docker Hub wants it.
    pub fn repository(&self) -> String {
        if self.host() == DOCKER_HUB && !self.path.contains('/') {
            format!("{DOCKER_LIBRARY}/{}", self.path)
        } else {
            self.path.clone()
        }
    }

    /// The tag, if one is written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What to ask the repository for: the digest, else the tag, else the tag `latest`.
    pub fn selector(&self) -> Selector {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Selector::Digest(digest.clone()),
            (None, Some(tag)) => Selector::Tag(tag.clone()),
            (None, None) => Selector::Tag("latest".to_owned()),
        }
    }

    /// The registry to ask. `http://` in front forces plain HTTP, `https://` forces TLS.
    pub fn endpoint(&self) -> Result<Endpoint> {
        let scheme = match self.scheme {
            Some(WrittenScheme::Http) => Some(Scheme::Http),
            Some(WrittenScheme::Https) => Some(Scheme::Https),
            Some(WrittenScheme::Oci) | None => None,
        };
        Endpoint::new(scheme, self.host())
    }

    /// The same reference at another digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// Everything spelt out, without a scheme: `docker.io/library/traefik:v3`.
    pub fn canonical(&self) -> String {
        let mut text = format!("{}/{}", self.host(), self.repository());
        self.write_version(&mut text).unwrap_or_default();
        text
    }

    /// Path and tag without the host, for naming a local copy; see [`reference_name`].
    pub fn reference_name(&self) -> String {
        reference_name(&self.to_string())
    }

    fn write_version(&self, f: &mut impl fmt::Write) -> fmt::Result {
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// A reference without a host, taken apart as it is written: what relative references and the names of local copies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relative<'a> {
    /// Name of the repository, without slashes in front.
    pub repository: &'a str,
    /// The tag, if one is written; it may be empty.
    pub tag: Option<&'a str>,
    /// The digest, if one is written.
    pub digest: Option<&'a str>,
}

impl<'a> Relative<'a> {
    /// Reads `repository[:tag][@digest]`. Every text is one; whether a registry would take its parts is for others to ask.
    pub fn read(text: &'a str) -> Self {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let (repository, tag) = split_tag(name.trim_start_matches('/'));
        Self { repository, tag, digest }
    }
}

/// `path[:tag]`: only behind the last slash can a colon begin a tag.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    let last = name.rfind('/').map_or(0, |position| position + 1);
    match name[last..].split_once(':') {
        None => (name, None),
        Some((segment, tag)) => (&name[..last + segment.len()], Some(tag)),
    }
}

/// `path[:tag]` of a reference: what a local copy of an image records as the name it had.
///
/// This follows the rule of the older programs, whose results stand in signed descriptors, not the one of
/// [`ImageReference`]: the first of several segments counts as the host whatever it looks like, and nothing is added.
pub fn reference_name(reference: &str) -> String {
    let (_, rest) = split_scheme(reference);
    let (name, _) = rest.split_once('@').unwrap_or((rest, ""));
    let (_, path) = name.split_once('/').unwrap_or(("", name));
    path.trim_end_matches(':').to_owned()
}

/// Whether a text is a tag (distribution specification, *Pulling manifests*).
pub fn is_tag(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with(['.', '-'])
}

/// The tag under which a place without an interface for referrers lists what refers to a manifest (distribution
/// specification, *Referrers Tag Schema*): the hash is cut to 64 digits, so that the tag of a SHA-512 digest stays legal.
pub fn referrers_tag(subject: &Digest) -> String {
    let mut hex = subject.hex();
    hex.truncate(64);
    format!("{}-{hex}", subject.algorithm().name())
}

/// Whether a text is a repository name (distribution specification, *Pulling manifests*).
pub fn is_repository(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_LIMIT && text.split('/').all(is_segment)
}

/// Lower-case letters and digits with one of `.`, `_`, `__` or any number of `-` between them.
fn is_segment(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(plain).filter(|separator| !separator.is_empty());
    text.starts_with(plain)
        && text.ends_with(plain)
        && separators.into_iter().all(|text| [".", "_", "__"].contains(&text) || text.chars().all(|c| c == '-'))
}

fn split_scheme(text: &str) -> (Option<&str>, &str) {
    text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest))
}

fn looks_like_host(segment: &str) -> bool {
    segment == "localhost" || segment.contains(['.', ':'])
}

impl FromStr for ImageReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::new(Kind::Malformed, format!("image reference {text:?}"), reason);
        let (scheme, rest) = split_scheme(text);
        let scheme = match scheme {
            None => None,
            Some(name) => {
                let known = WrittenScheme::ALL.into_iter().find(|(_, known)| *known == name).map(|(scheme, _)| scheme);
                Some(known.ok_or_else(|| invalid("the scheme must be oci, http or https"))?)
            }
        };
        let (name, digest) = match rest.split_once('@') {
            None => (rest, None),
            Some((name, digest)) => (name, Some(digest.parse().map_err(|error| invalid(&format!("{error}")))?)),
        };
        let (host, rest) = match name.split_once('/') {
            Some((first, rest)) if scheme.is_some() || looks_like_host(first) => (Some(first.to_owned()), rest),
            _ => (None, name),
        };
        if let Some(host) = &host {
            Endpoint::new(None, host).map_err(|error| invalid(&format!("{:?} is {}", host, error.reason())))?;
        }
        let (path, tag) = split_tag(rest);
        // `name:@digest` is in use and means no tag.
        let tag = tag.filter(|tag| !(tag.is_empty() && digest.is_some()));
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            let rule = "up to 128 letters, digits, `_`, `.` and `-`";
            return Err(invalid(&format!("{tag:?} is not a tag ({rule})")));
        }
        if path.is_empty() {
            return Err(invalid("names no repository"));
        }
        if path.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(invalid("the repository has upper-case letters; registries take lower-case ones only"));
        }
        if !is_repository(path) || host.as_ref().map_or(0, String::len) + path.len() >= NAME_LIMIT {
            return Err(invalid(
                "a repository is made of lower-case letters and digits, with `.`, `_`, `__` or `-` between them, in parts \
                 between `/`, and not longer than 255 bytes",
            ));
        }
        Ok(Self { scheme, host, path: path.to_owned(), tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{}://", scheme.name())?;
        }
        if let Some(host) = &self.host {
            write!(f, "{host}/")?;
        }
        f.write_str(&self.path)?;
        self.write_version(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

    #[test]
    fn every_form_and_what_it_means() {
        for (text, canonical) in [
            ("traefik:v3", "docker.io/library/traefik:v3"),
            ("openfga/openfga:v1", "docker.io/openfga/openfga:v1"),
            ("docker.io/traefik:v3", "docker.io/library/traefik:v3"),
            ("index.docker.io/library/bash", "docker.io/library/bash"),
            ("registry-1.docker.io/bash", "docker.io/library/bash"),
            ("docker.io/library/busybox:1.37", "docker.io/library/busybox:1.37"),
            ("localhost/hello-world:v1", "localhost/hello-world:v1"),
            ("localhost:5000/x", "localhost:5000/x"),
            ("http://localhost:5000/a/b:v1", "localhost:5000/a/b:v1"),
            ("https://registry/a", "registry/a"),
            ("oci://[::1]:5000/a/b", "[::1]:5000/a/b"),
            ("ghcr.io/a/b__c/d--e.f_g:V1", "ghcr.io/a/b__c/d--e.f_g:V1"),
            ("component-descriptors/ocm.software/x:v1", "docker.io/component-descriptors/ocm.software/x:v1"),
        ] {
            for (text, canonical) in
                [(text.to_owned(), canonical.to_owned()), (format!("{text}@{DIGEST}"), format!("{canonical}@{DIGEST}"))]
            {
                let reference: ImageReference = text.parse().unwrap();
                assert_eq!((reference.to_string(), reference.canonical()), (text, canonical));
            }
        }
        let reference: ImageReference = format!("hello-world:@{DIGEST}").parse().unwrap();
        assert_eq!(reference.to_string(), format!("hello-world@{DIGEST}"));
    }

    #[test]
    fn what_is_no_reference() {
        for text in [
            "",
            "oci://",
            "upsie://localhost:v1",
            "localhost:v1/hello-world",
            "registry.example.com/foobar@sha256:abcd",
            "myrepo:sha256:abc",
            "a:",
            "/a",
            "a/",
            "a//b",
            "ghcr.io/a..b",
            "ghcr.io/-a",
            "ghcr.io/a___b",
            "a@",
            "a b",
            "ghcr.io/../etc",
            "ghcr.io:70000/a",
            "user@host.example/a",
            "ghcr.io/a:%2e%2e",
            "http:///a",
        ] {
            assert!(text.parse::<ImageReference>().is_err(), "{text}");
        }
        let error = "localhost/UPPERCASE/test".parse::<ImageReference>().unwrap_err();
        assert!(error.to_string().contains("upper-case"), "{error}");
    }

    #[test]
    fn the_name_of_a_local_copy() {
        for (text, name) in [
            ("oci://registry.io/path/to/image:tag", "path/to/image:tag"),
            ("https://registry.io/path/to/image", "path/to/image"),
            ("/path/to/image", "path/to/image"),
            ("oci://registry.io:5000/path/to/image", "path/to/image"),
            ("image:tag", "image:tag"),
            ("docker.io/library/nginx:1", "library/nginx:1"),
            ("library/image:tag", "image:tag"),
            (&format!("nginx@{DIGEST}"), "nginx"),
            (&format!("ghcr.io/a/b:v1@{DIGEST}"), "a/b:v1"),
        ] {
            assert_eq!(reference_name(text), name, "{text}");
        }
    }

    #[test]
    fn a_reference_without_a_host_is_taken_apart() {
        let read = |text| {
            let Relative { repository, tag, digest } = Relative::read(text);
            (repository, tag, digest)
        };
        assert_eq!(read("a/b:v1"), ("a/b", Some("v1"), None));
        assert_eq!(read("/a:b/c"), ("a:b/c", None, None));
        assert_eq!(read("a@sha256:1"), ("a", None, Some("sha256:1")));
        assert_eq!(read("//a/b:v1@sha256:1"), ("a/b", Some("v1"), Some("sha256:1")));
        assert_eq!(read("a:"), ("a", Some(""), None));
        assert_eq!(read(""), ("", None, None));
    }

    #[test]
    fn the_scheme_decides_how_the_registry_is_spoken_to() {
        for (text, endpoint) in [
            ("http://ghcr.io/a", "http://ghcr.io"),
            ("oci://ghcr.io/a", "https://ghcr.io"),
            ("localhost:5000/a", "https://localhost:5000"),
            ("https://localhost:5000/a", "https://localhost:5000"),
            ("alpine", "https://docker.io"),
        ] {
            assert_eq!(text.parse::<ImageReference>().unwrap().endpoint().unwrap().to_string(), endpoint);
        }
    }

    #[test]
    fn a_digest_wins_over_a_tag_and_no_tag_is_the_latest() {
        let selector = |text: &str| text.parse::<ImageReference>().unwrap().selector().to_string();
        assert_eq!(selector(&format!("a:v1@{DIGEST}")), DIGEST);
        assert_eq!((selector("a:v1").as_str(), selector("a").as_str()), ("v1", "latest"));
    }

    #[test]
    fn names_and_tags_follow_their_grammar() {
        for good in ["a", "a/b", "a.b_c__d---e/0", "component-descriptors/acme.org/x"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "A", "a..b", "a___b", "-a", "a-", "a/../b", "a._b", "ä", "a//b", "a%2fb"] {
            assert!(!is_repository(bad), "{bad}");
        }
        assert!(!is_repository(&"a".repeat(256)));
        assert!(is_tag("v1.0-x_") && is_tag(&"a".repeat(128)));
        for bad in ["", ".a", "-a", "a+b", "a:b", "a/b", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn the_tag_of_a_list_of_referrers_is_a_tag() {
        let subject: Digest = format!("sha512:{}", "ab".repeat(64)).parse().unwrap();
        assert_eq!(referrers_tag(&subject), format!("sha512-{}", "ab".repeat(32)));
        assert!(is_tag(&referrers_tag(&subject)));
    }
}
