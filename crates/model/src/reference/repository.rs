use std::fmt;
use std::str::FromStr;

use super::kind::{Class, class};
use super::{FileFormat, address, guess, inline};
use crate::{Error, Result, TypedObject};

const OCI: &str = "OCIRepository/v1";
const CTF: &str = "CommonTransportFormat/v1";

/// Where component versions are: a registry, or an archive in the file system.
///
/// Written as `[<type>::]<address or path>` or as an inline JSON specification. A leading `+` (create when missing, of
/// the older program) is accepted and means nothing: targets are created when they are missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RepositoryReference {
    /// A registry.
    Oci {
        /// The type, when one was written.
        type_as_written: Option<String>,
        /// `[scheme://]host[:port]`
        base_url: String,
        /// Path below it, without slashes around it; may be empty.
        sub_path: String,
    },
    /// An archive (common transport format).
    Ctf {
        /// The type, when one was written.
        type_as_written: Option<String>,
        /// Path of the archive, as written. `file:` addresses are paths.
        file_path: String,
        /// How it is stored, when that was written; its content tells otherwise.
        format: Option<FileFormat>,
    },
    /// A place of a type that is not built in; a plugin may have it.
    Other(TypedObject),
}

impl RepositoryReference {
    /// Reads a reference. Nothing is looked up anywhere; without a type the spelling decides.
    ///
    /// # Errors
    ///
    /// An unknown type, an address with a user in it, or an inline specification that is none.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).map_err(|reason| Error::new(format_args!("repository {:?}", address::shown(text)), reason))
    }

    fn read(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('+').unwrap_or(text);
        if text.starts_with('{') {
            let (spec, rest) = inline::split(text)?;
            if !rest.is_empty() {
                return Err(format!("has {rest:?} behind its inline specification"));
            }
            return Self::from_value(spec);
        }
        let (kind, rest) = split_type(text);
        Self::of(kind, rest)
    }

    pub(super) fn from_value(spec: serde_json::Value) -> Result<Self, String> {
        let spec: TypedObject = serde_json::from_value(spec).map_err(|error| error.to_string())?;
        Self::of_spec(&spec)
    }

    /// A repository from its type, if one was written, and the rest.
    pub(super) fn of(kind: Option<&str>, rest: &str) -> Result<Self, String> {
        if rest.is_empty() {
            return Err("is empty: write an address such as ghcr.io/acme or a path such as ./archive".into());
        }
        let type_as_written = kind.map(str::to_owned);
        let (name, format) = match kind {
            None => (None, None),
            Some(kind) => match (FileFormat::parse(kind), kind.split_once('+')) {
                (Some(format), _) => (Some("ctf"), Some(format)),
                (None, None) => (Some(kind), None),
                (None, Some((name, format))) => {
                    let format = FileFormat::parse(format)
                        .ok_or_else(|| format!("has the archive format {format:?}: use directory, tar or tgz"))?;
                    (Some(name), Some(format))
                }
            },
        };
        let class = match name {
            None => guess::class(rest),
            Some(name) => class(name).ok_or_else(|| unsupported(name))?,
        };
        match class {
            Class::Oci if format.is_some() => Err("has an archive format, but is a registry".into()),
            Class::Oci => {
                let address = address::split(rest)?;
                Ok(Self::Oci { type_as_written, base_url: address.base_url, sub_path: address.sub_path })
            }
            Class::Ctf => {
                let file_path = address::file_path(rest).unwrap_or_else(|| Ok(rest.to_owned()))?;
                Ok(Self::Ctf { type_as_written, file_path, format })
            }
        }
    }

    /// A registry by its address.
    ///
    /// # Errors
    ///
    /// The address names a user or contains characters no address may.
    pub fn oci(address: &str) -> Result<Self> {
        Self::of(Some(OCI), address)
            .map_err(|reason| Error::new(format_args!("registry {:?}", address::shown(address)), reason))
    }

    /// An archive by its path, taken as it is.
    pub fn ctf(path: impl Into<String>) -> Self {
        Self::Ctf { type_as_written: None, file_path: path.into(), format: None }
    }

    /// The type: as it was written, or `OCIRepository/v1` or `CommonTransportFormat/v1`.
    pub fn kind(&self) -> &str {
        let (written, default) = match self {
            Self::Oci { type_as_written, .. } => (type_as_written, OCI),
            Self::Ctf { type_as_written, .. } => (type_as_written, CTF),
            Self::Other(spec) => return &spec.kind,
        };
        // `directory::x` and `ctf+tgz::x` name a format; the specification has its own member for that.
        let written = written.as_deref().map(|written| written.split_once('+').map_or(written, |(kind, _)| kind));
        written.filter(|written| class(written).is_some()).unwrap_or(default)
    }

    /// Whether the reference was only guessed to be a registry and could be the path of an archive whose name has a dot
    /// in it, such as `product-1.0`. Callers that can see the file system prefer what is there.
    pub fn guess_might_be_file(&self) -> bool {
        match self {
            Self::Oci { type_as_written: None, base_url, .. } => !base_url.contains(':'),
            _ => false,
        }
    }

    /// The reference read as the path of an archive, where [`Self::guess_might_be_file`].
    pub fn as_file(&self) -> Option<Self> {
        match self {
            Self::Oci { base_url, sub_path, .. } if self.guess_might_be_file() => {
                Some(Self::ctf(join(base_url, sub_path)))
            }
            _ => None,
        }
    }

    /// The specification: `baseUrl` and `subPath`, or `filePath` and, when it was written, `fileFormat`.
    pub fn to_spec(&self) -> TypedObject {
        if let Self::Other(spec) = self {
            return spec.clone();
        }
        let spec = TypedObject::new(self.kind());
        match self {
            Self::Oci { base_url, sub_path, .. } => {
                let spec = spec.with("baseUrl", base_url.as_str());
                if sub_path.is_empty() { spec } else { spec.with("subPath", sub_path.as_str()) }
            }
            Self::Ctf { file_path, format, .. } => {
                let spec = spec.with("filePath", file_path.as_str());
                format.map_or(spec.clone(), |format| spec.with("fileFormat", format.name()))
            }
            Self::Other(spec) => spec.clone(),
        }
    }

    /// Reads a specification. Of a type that is not built in everything is kept.
    ///
    /// # Errors
    ///
    /// No type, a missing address or path, or the mapping of names to digests, which no program writes any more.
    pub fn from_spec(spec: &TypedObject) -> Result<Self> {
        Self::of_spec(spec).map_err(|reason| Error::new(format_args!("repository of type {:?}", spec.kind), reason))
    }

    fn of_spec(spec: &TypedObject) -> Result<Self, String> {
        let text = |key: &str| match spec.member(key) {
            None | Some(serde_json::Value::Null) => Ok(""),
            Some(serde_json::Value::String(text)) => Ok(text.as_str()),
            Some(other) => Err(format!("has the {key} {other}, which is no text")),
        };
        if spec.kind.is_empty() {
            return Err("has no type".into());
        }
        let type_as_written = Some(spec.kind.clone());
        let Some(class) = class(&spec.kind) else { return Ok(Self::Other(spec.clone())) };
        match class {
            Class::Oci => {
                let mapping = text("componentNameMapping")?;
                if !matches!(mapping, "" | "urlPath") {
                    return Err(format!("has the componentNameMapping {mapping:?}; only urlPath is supported"));
                }
                let base_url = text("baseUrl")?;
                if base_url.is_empty() {
                    return Err("has no baseUrl".into());
                }
                let address = address::split(base_url)?;
                let sub_path = join(&address.sub_path, text("subPath")?.trim_matches('/'));
                Ok(Self::Oci { type_as_written, base_url: address.base_url, sub_path })
            }
            Class::Ctf => {
                let path = text("filePath")?;
                if path.is_empty() {
                    return Err("has no filePath".into());
                }
                let file_path = address::file_path(path).unwrap_or_else(|| Ok(path.to_owned()))?;
                let format = match text("fileFormat")? {
                    "" => None,
                    name => {
                        Some(FileFormat::parse(name).ok_or_else(|| format!("has the unknown fileFormat {name:?}"))?)
                    }
                };
                Ok(Self::Ctf { type_as_written, file_path, format })
            }
        }
    }

    fn address(&self) -> String {
        match self {
            // The slash says that there is no host, which is how it was written.
            Self::Oci { base_url, sub_path, .. } if base_url.is_empty() => format!("/{sub_path}"),
            Self::Oci { base_url, sub_path, .. } => join(base_url, sub_path),
            Self::Ctf { file_path, .. } => file_path.clone(),
            Self::Other(spec) => serde_json::to_string(spec).unwrap_or_default(),
        }
    }

    fn prefix(&self) -> Option<String> {
        match self {
            Self::Other(_) => None,
            Self::Oci { type_as_written, .. } | Self::Ctf { type_as_written, format: None, .. } => {
                type_as_written.clone()
            }
            Self::Ctf { type_as_written: None, format: Some(format), .. } => Some(format.name().to_owned()),
            Self::Ctf { type_as_written: Some(kind), format: Some(format), .. } => {
                let is_complete = kind.contains('+') || FileFormat::parse(kind).is_some();
                Some(if is_complete { kind.clone() } else { format!("{kind}+{}", format.name()) })
            }
        }
    }
}

fn unsupported(kind: &str) -> String {
    format!(
        "unsupported repository type {kind:?}: use oci or ctf in front of `::`; a path that contains `::` needs ctf:: in front, \
         and the type of a plugin its members as JSON: {{\"type\":{kind:?},…}}"
    )
}

fn join(base: &str, path: &str) -> String {
    match (base, path) {
        (base, "") => base.to_owned(),
        ("", path) => path.to_owned(),
        (base, path) => format!("{base}/{path}"),
    }
}

/// Splits `<type>::` off. The `::` of an IPv6 address stands in brackets and separates nothing.
pub(super) fn split_type(text: &str) -> (Option<&str>, &str) {
    let mut start = 0;
    while let Some(found) = text[start..].find("::").map(|found| start + found) {
        let bracket = text[start..found].rfind('[').map(|bracket| start + bracket);
        match bracket.and_then(|bracket| text[bracket..].find(']').map(|end| bracket + end)) {
            Some(end) if end > found => start = end,
            _ => return (Some(&text[..found]), &text[found + 2..]),
        }
    }
    (None, text)
}

impl fmt::Display for RepositoryReference {
    /// Prints what reads back as the same repository: with its type when it was written, and when without it the
    /// spelling would be taken for something else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address();
        match self.prefix() {
            Some(kind) => write!(f, "{kind}::{address}"),
            None if Self::read(&address).as_ref() == Ok(self) => f.write_str(&address),
            None => match self {
                Self::Oci { .. } => write!(f, "oci::{address}"),
                Self::Ctf { .. } => write!(f, "ctf::{address}"),
                Self::Other(_) => f.write_str(&address),
            },
        }
    }
}

impl FromStr for RepositoryReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
