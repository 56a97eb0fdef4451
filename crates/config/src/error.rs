use std::fmt;

use crate::Place;

/// Configuration that cannot be used, printed as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Error {
    place: Place,
    message: String,
}

/// Result of reading configuration.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(place: &Place, message: impl fmt::Display) -> Self {
        Self { place: place.clone(), message: message.to_string() }
    }

    /// Where it is wrong.
    pub fn place(&self) -> &Place {
        &self.place
    }
}
