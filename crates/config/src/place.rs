use std::fmt;
use std::sync::Arc;

use serde_saphyr::Location;

/// Where in a configuration file something stands, printed as `file:line:column`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    file: Arc<str>,
    /// Line and column, counted from 1; `None` means the file as a whole.
    position: Option<(u64, u64)>,
}

impl Place {
    /// The file as a whole.
    pub(crate) fn file_as_a_whole(file: &Arc<str>) -> Self {
        Self { file: file.clone(), position: None }
    }

    pub(crate) fn new(file: &Arc<str>, location: Location) -> Self {
        let position = (location != Location::UNKNOWN).then(|| (location.line(), location.column()));
        Self { file: file.clone(), position }
    }

    /// Name of the file as the caller gave it.
    pub fn file(&self) -> &str {
        &self.file
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.position.map_or(Ok(()), |(line, column)| write!(f, ":{line}:{column}"))
    }
}
