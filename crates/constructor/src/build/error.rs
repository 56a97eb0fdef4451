use crate::problem::{Position, Problems};

/// Why component versions could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the files ask for cannot be done.
    #[error("{0}")]
    File(Problems),
    /// Component versions are in the target already.
    #[error("{} already in {target}: choose another version, or a policy that keeps or replaces what is there", are(.versions))]
    Exists {
        /// The component versions.
        versions: Vec<String>,
        /// Where they are.
        target: String,
    },
    /// Component versions are in the target already, with other content.
    #[error("{} already in {target} with other content: choose another version, or replace what is there", are(.versions))]
    Differs {
        /// The component versions.
        versions: Vec<String>,
        /// Where they are.
        target: String,
    },
    /// The content of an element could not be stored or looked up.
    #[error("{file}:{position}: {element}: {source}")]
    Content {
        /// Constructor file.
        file: String,
        /// Where in it.
        position: Position,
        /// `resource "image" of acme.org/x:1.0.0`.
        element: String,
        /// What failed.
        source: Box<ocm_oci::Error>,
    },
    /// A repository failed.
    #[error(transparent)]
    Repository(#[from] ocm_oci::Error),
}

fn are(versions: &[String]) -> String {
    /// Names in one message; the number tells the rest.
    const NAMED: usize = 5;
    let more = versions.len().saturating_sub(NAMED);
    let names = versions.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let verb = if versions.len() == 1 { "component version" } else { "component versions" };
    format!("{verb} {names}{more} {}", if versions.len() == 1 { "is" } else { "are" })
}
