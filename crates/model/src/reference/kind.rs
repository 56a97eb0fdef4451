use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an archive is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// A directory.
    Directory,
    /// A tar file.
    Tar,
    /// A tar file compressed with gzip.
    Tgz,
}

impl FileFormat {
    /// Reads a name of the older program: `directory`, `tar`, `tgz`.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Directory, Self::Tar, Self::Tgz].into_iter().find(|format| format.name() == name)
    }

    /// The name: `directory`, `tar`, `tgz`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Tar => "tar",
            Self::Tgz => "tgz",
        }
    }
}

/// What a repository type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Oci,
    Ctf,
}

/// What a type stands for, in any of its spellings.
pub(super) fn class(kind: &str) -> Option<Class> {
    let name = match kind.split_once('/') {
        Some((name, "v1")) => name,
        Some(_) => return None,
        None => kind,
    };
    match name {
        "OCIRepository" | "OCI" | "oci" | "OCIRegistry" | "ociRegistry" => Some(Class::Oci),
        // An archive with one component version is told apart by what is in it.
        "CommonTransportFormat" | "CTF" | "ctf" | "ComponentArchive" | "ca" => Some(Class::Ctf),
        _ => None,
    }
}
