use std::fmt;

use crate::Place;

/// Something in a configuration that has no effect and that its author should know about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// An entry of a type nobody here knows; once per file and type.
    Unknown {
        /// The first such entry.
        place: Place,
        /// Its type.
        kind: String,
    },
    /// Entries of types that are known but that this version does nothing with; once per file.
    Unused {
        /// The file.
        file: String,
        /// Their types, each once.
        kinds: Vec<String>,
    },
    /// A part of an entry that this version does nothing with.
    UnusedPart {
        /// The entry, or the file.
        place: Place,
        /// What it is: `aliases`.
        part: &'static str,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { place, kind } => write!(f, "{place}: ignored an entry of the unknown type {kind:?}"),
            Self::Unused { file, kinds } => {
                write!(f, "{file}: this version does not use entries of type {}", kinds.join(", "))
            }
            Self::UnusedPart { place, part } => write!(f, "{place}: this version does not use {part}"),
        }
    }
}
