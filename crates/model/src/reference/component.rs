use std::fmt;
use std::str::FromStr;

use super::kind::{Class, class};
use super::repository::split_type;
use super::{COMPONENT_DESCRIPTORS, FileFormat, RepositoryReference, guess, inline};
use crate::{ComponentName, Error, Result, Version};

/// A component or one of its versions in a repository: `[<type>::]<repository>//<component>[:<version>][@<digest>]`.
///
/// Instead of `//` there may be `/component-descriptors/`, or nothing: then the reference is interpreted, see
/// [`ComponentReference::interpretations`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ComponentReference {
    /// Where the component is.
    pub repository: RepositoryReference,
    /// Whether `component-descriptors` was written between repository and component.
    pub prefix_given: bool,
    /// Name of the component.
    pub component: ComponentName,
    /// Version as written, when one was.
    pub version: Option<String>,
    /// Digest of the version's manifest, when one was written: `sha256:…`.
    pub digest: Option<String>,
    /// Whether nothing separated repository and component, so that where one ends was concluded from the spelling.
    pub interpreted: bool,
}

impl ComponentReference {
    /// Reads a reference.
    ///
    /// # Errors
    ///
    /// An unknown repository type, no component, an illegal component name, version or digest.
    pub fn parse(text: &str) -> Result<Self> {
        Self::first(text, false)
    }

    /// Reads a reference whose version may be any text, as listings accept it.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`], but for the version.
    pub fn parse_any_version(text: &str) -> Result<Self> {
        Self::first(text, true)
    }

    /// All readings of a reference without `//`, the preferred one first; a single one for all other references.
    ///
    /// `host/acme.org/tools.io/x` can be the component `acme.org/tools.io/x` in `host`, and `tools.io/x` in
    /// `host/acme.org`. Callers that find both must not choose in silence.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn interpretations(text: &str) -> Result<Vec<Self>> {
        readings(text, false).map_err(|reason| fault(text, reason))
    }

    fn first(text: &str, any_version: bool) -> Result<Self> {
        let readings = readings(text, any_version).map_err(|reason| fault(text, reason))?;
        readings.into_iter().next().ok_or_else(|| fault(text, NO_COMPONENT))
    }

    /// The version read as such, `None` when none was written or it is no version.
    pub fn semantic_version(&self) -> Option<Version> {
        Version::parse(self.version.as_deref()?).ok()
    }
}

const NO_COMPONENT: &str = "no valid descriptor prefix found: write <repository>//<component>[:<version>], such as ghcr.io/acme//acme.org/product:1.0.0";

fn fault(text: &str, reason: impl fmt::Display) -> Error {
    Error::new(format_args!("component reference {:?}", super::address::shown(text)), reason)
}

/// What stands behind the repository.
struct Target {
    version: Option<String>,
    digest: Option<String>,
}

fn readings(text: &str, any_version: bool) -> Result<Vec<ComponentReference>, String> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.starts_with('{') {
        let (spec, rest) = inline::split(text)?;
        let (rest, target) = cut_target(rest, any_version)?;
        let repository = RepositoryReference::from_value(spec)?;
        let (component, prefix_given) = match rest.strip_prefix(&format!("/{COMPONENT_DESCRIPTORS}/")) {
            Some(component) => (component, true),
            None => (rest.strip_prefix("//").ok_or(NO_COMPONENT)?, false),
        };
        return Ok(vec![target.at(repository, component, prefix_given, false)?]);
    }
    let (kind, rest) = split_type(text);
    let slashed;
    let rest = if guess::is_windows_path(rest) {
        slashed = rest.replace('\\', "/");
        &slashed
    } else {
        rest
    };
    let (rest, target) = cut_target(rest, any_version)?;
    // The `//` of a scheme separates nothing; the path of an archive has no scheme but `file`.
    let start = match guess::scheme(rest) {
        _ if guess::is_windows_path(rest) => 0,
        Some(scheme) if is_archive(kind) && !scheme.eq_ignore_ascii_case("file") => 0,
        Some(scheme) if rest[scheme.len()..].starts_with("://") => scheme.len() + 3,
        _ => 0,
    };
    let prefix = format!("/{COMPONENT_DESCRIPTORS}/");
    let separator = match rest[start..].rfind(&prefix) {
        Some(found) => Some((found, prefix.len(), true)),
        None => rest[start..].rfind("//").map(|found| (found, 2, false)),
    };
    if let Some((found, length, prefix_given)) = separator {
        let (repository, component) = (&rest[..start + found], &rest[start + found + length..]);
        if repository.is_empty() || found == 0 && start > 0 {
            return Err("has no repository in front of the component".into());
        }
        return Ok(vec![target.at(RepositoryReference::of(kind, repository)?, component, prefix_given, false)?]);
    }
    let mut readings: Vec<ComponentReference> = rest[start..]
        .match_indices('/')
        .map(|(slash, _)| (&rest[..start + slash], &rest[start + slash + 1..]))
        .filter(|(repository, component)| {
            !repository.is_empty() && !repository.ends_with('/') && ComponentName::parse(component).is_ok()
        })
        .map(|(repository, component)| target.at(RepositoryReference::of(kind, repository)?, component, false, true))
        .collect::<Result<_, String>>()?;
    // `./product.ctf/acme.org/x`: the file name is a legal domain, and yet hardly one.
    readings.sort_by_key(|reading| is_archive_name(reading.component.as_str()));
    if readings.is_empty() { Err(NO_COMPONENT.into()) } else { Ok(readings) }
}

impl Target {
    fn at(
        &self,
        repository: RepositoryReference,
        component: &str,
        prefix_given: bool,
        interpreted: bool,
    ) -> Result<ComponentReference, String> {
        let component = ComponentName::parse(component).map_err(|error| error.to_string())?;
        let (version, digest) = (self.version.clone(), self.digest.clone());
        Ok(ComponentReference { repository, prefix_given, component, version, digest, interpreted })
    }
}

/// Whether the type written in front of `::` is one of an archive.
fn is_archive(kind: Option<&str>) -> bool {
    let Some(kind) = kind else { return false };
    let name = kind.split_once('+').map_or(kind, |(name, _)| name);
    FileFormat::parse(name).is_some() || class(name) == Some(Class::Ctf)
}

/// Whether the first part of the name ends like the name of an archive.
fn is_archive_name(component: &str) -> bool {
    let domain = component.split('/').next().unwrap_or_default();
    [".ctf", ".tar", ".tgz", ".tar.gz"].iter().any(|ending| domain.ends_with(ending))
}

/// Takes `:<version>` and `@<digest>` off the end; both only behind the last slash.
fn cut_target(text: &str, any_version: bool) -> Result<(&str, Target), String> {
    let cut = |text: &'_ str, mark: char| text.rfind(mark).filter(|found| !text[*found..].contains('/'));
    let (text, digest) = match cut(text, '@') {
        None => (text, None),
        Some(found) if is_digest(&text[found + 1..]) => (&text[..found], Some(text[found + 1..].to_owned())),
        Some(found) => {
            return Err(format!("{:?} is no digest: write sha256: and 64 hexadecimal digits", &text[found + 1..]));
        }
    };
    let (text, version) = match cut(text, ':') {
        None => (text, None),
        Some(found) => {
            let version = &text[found + 1..];
            if version.is_empty() {
                return Err("has a colon at its end and no version behind it".into());
            }
            if !any_version {
                Version::parse(version).map_err(|error| format!("invalid version format: {error}"))?;
            }
            (&text[..found], Some(version.to_owned()))
        }
    };
    Ok((text, Target { version, digest }))
}

/// `algorithm:hex` with at least 32 digits; parts of the algorithm are separated by `-`, `_`, `+` or `.`.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, digits)) = text.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let expected = match algorithm {
        "sha256" => 64..=64,
        "sha512" => 128..=128,
        _ => 32..=usize::MAX,
    };
    algorithm.split(['-', '_', '+', '.']).all(is_part)
        && expected.contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl fmt::Display for ComponentReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.prefix_given { COMPONENT_DESCRIPTORS } else { "" };
        write!(f, "{}/{prefix}/{}", self.repository, self.component)?;
        if let Some(version) = &self.version {
            write!(f, ":{version}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ComponentReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
