use std::fmt;

use crate::Place;

/// Something in a configuration that has no effect, or another one than it looks, and that its author should know about.
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
    /// Entries of a type that is known but that this version does nothing with; once per file and type.
    Unused {
        /// The first such entry.
        place: Place,
        /// Its type.
        kind: String,
        /// Why, and what to do in its place.
        reason: &'static str,
    },
    /// A part of an entry that this version does nothing with.
    UnusedPart {
        /// The part, the entry, or the file.
        place: Place,
        /// What it is: `sets`, `the attribute compat`.
        part: String,
        /// Why, and what to do in its place; empty where there is nothing to say.
        reason: &'static str,
    },
    /// A value that is understood, and that nobody is likely to have meant.
    Doubtful {
        /// The value.
        place: Place,
        /// What it means, and how to write what was meant.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { place, kind } => write!(f, "{place}: ignored an entry of the unknown type {kind:?}"),
            Self::Unused { place, kind, reason } => {
                write!(f, "{place}: entries of type {kind} have no effect: {reason}")
            }
            Self::Doubtful { place, reason } => write!(f, "{place}: {reason}"),
            Self::UnusedPart { place, part, reason: "" } => write!(f, "{place}: {part} has no effect"),
            Self::UnusedPart { place, part, reason } => write!(f, "{place}: {part} has no effect: {reason}"),
        }
    }
}
