/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The target has something else under the same name.
    Conflict,
    /// Content is not what its digest says.
    Verification,
    /// A transformation document makes no sense.
    Document,
    /// A name for an image makes no sense.
    Naming,
    /// Not everything that was asked for could be done.
    Incomplete,
    /// A place failed; its own kind says how.
    Place(ocm_oci::Kind),
}

/// A transfer that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The target has other content under the same component version.
    #[error("{component}:{version} exists in {target} with other content: {difference}")]
    Exists {
        /// Component name.
        component: String,
        /// Version.
        version: String,
        /// Address of the target.
        target: String,
        /// What differs.
        difference: String,
    },
    /// Two images would get the same name in the target.
    #[error("two different images would both be stored as {name}: {first} and {second}")]
    SameName {
        /// The name in the target.
        name: String,
        /// Where one of them is now.
        first: String,
        /// Where the other one is now.
        second: String,
    },
    /// A referenced component version is not the one that was referred to.
    #[error(
        "{component}:{version} has digest {actual} ({algorithm}), but {referrer} refers to it with digest {expected}"
    )]
    ReferenceDigest {
        /// Component name of the referenced version.
        component: String,
        /// Its version.
        version: String,
        /// Who refers to it, `component:version`.
        referrer: String,
        /// Normalisation algorithm.
        algorithm: String,
        /// Digest in the reference.
        expected: String,
        /// Digest of what was found.
        actual: String,
    },
    /// One element could not be handled.
    #[error("{element} of {version}: {source}")]
    Element {
        /// The element.
        element: String,
        /// Its component version.
        version: String,
        /// Why.
        source: ocm_oci::Error,
    },
    /// A transformation document, or one of its nodes, makes no sense.
    #[error("{0}")]
    Document(String),
    /// Content does not have its recorded digest.
    #[error("{element}{origin} has digest {actual}, but {expected} is recorded for it")]
    Content {
        /// The element.
        element: String,
        /// Where it was found, in brackets behind a blank; may be empty.
        origin: String,
        /// Recorded digest.
        expected: String,
        /// Digest of the content.
        actual: String,
    },
    /// Content is to move that nothing covers, for somebody who asked for what was signed.
    #[error(
        "{element} of {version}: has content, but no digest is recorded that says what it has to be, so that no signature covers it"
    )]
    Uncovered {
        /// The element.
        element: String,
        /// Its component version.
        version: String,
    },
    /// What was signed with content comes without, for somebody who asked for what was signed.
    #[error("{element} of {version}: a digest of its content is recorded, but its access says that there is none")]
    Emptied {
        /// The element.
        element: String,
        /// Its component version.
        version: String,
    },
    /// Bytes stand in the place of an image.
    #[error(
        "{element} is a blob of type {media_type} and no image, but a digest of an image ({algorithm}) is recorded for it"
    )]
    NoImage {
        /// The element.
        element: String,
        /// What it is said to be.
        media_type: String,
        /// Normalisation that is recorded.
        algorithm: String,
    },
    /// A node of a transformation document could not be carried out.
    #[error("{at}transformation {id} [{node}]: {source}")]
    Node {
        /// Where it stands, `file:line:column: `; empty where that is not known.
        at: String,
        /// Its name.
        id: String,
        /// Its type.
        node: String,
        /// Why.
        source: Box<Error>,
    },
    /// A name for an image, or the way to make one, is none.
    #[error("{0}")]
    Naming(String),
    /// An index with fewer platforms has another digest, which something relies on.
    #[error(
        "{element} of {version}: the target takes no index that lacks platforms, and an index of the chosen ones would \
         break {what}; transfer all platforms, or into an archive"
    )]
    Derived {
        /// The element.
        element: String,
        /// Its component version.
        version: String,
        /// What relies on its digest.
        what: String,
    },
    /// Content that was asked for would stay where it is.
    #[error("{} would be left by reference: {}", count(elements), elements.join("; "))]
    Left {
        /// What, and why.
        elements: Vec<String>,
    },
    /// One of several targets did not get what was asked for.
    #[error("{reason}")]
    Target {
        /// Why.
        reason: String,
        /// What to do next.
        hints: Vec<String>,
    },
    /// Some of several targets did not get what was asked for.
    #[error("{} of {of} targets did not get everything: {}", failed.len(), failed.join("; "))]
    Targets {
        /// Which, and why.
        failed: Vec<String>,
        /// How many there are.
        of: usize,
        /// What to do next, for all of them.
        hints: Vec<String>,
    },
    /// A component version could not be read or written.
    #[error("{0}")]
    Place(#[from] ocm_oci::Error),
}

impl Error {
    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Exists { .. } | Self::SameName { .. } | Self::Derived { .. } => Kind::Conflict,
            Self::ReferenceDigest { .. }
            | Self::Content { .. }
            | Self::Uncovered { .. }
            | Self::Emptied { .. }
            | Self::NoImage { .. } => Kind::Verification,
            Self::Document(_) => Kind::Document,
            Self::Naming(_) => Kind::Naming,
            Self::Left { .. } | Self::Target { .. } | Self::Targets { .. } => Kind::Incomplete,
            Self::Node { source, .. } => source.kind(),
            Self::Element { source, .. } | Self::Place(source) => Kind::Place(source.kind()),
        }
    }

    /// Whether the message says in which file, and where in it.
    pub fn is_placed(&self) -> bool {
        matches!(self, Self::Node { at, .. } if !at.is_empty())
    }

    /// What to do next, one sentence each.
    pub fn hints(&self) -> Vec<String> {
        let replaces = || vec!["--overwrite replaces what the target has".to_owned()];
        match self {
            Self::Exists { .. } => replaces(),
            // An image that has the name of one that is to be stored.
            Self::Element { source, .. } if source.kind() == ocm_oci::Kind::Conflict => {
                let keeps = "another name keeps both: --upload-name, --also-tag, or the imageReference of a document"
                    .to_owned();
                replaces().into_iter().chain([keeps]).collect()
            }
            Self::SameName { .. } => vec![
                "--upload-name gives them other names, --on-collision suffix-host puts the host of each behind its own"
                    .to_owned(),
            ],
            Self::Left { .. } => vec![
                "without --strict it stays where it is, and a warning says so".to_owned(),
                "words of the older program (-V, transfer ctf) are strict without the flag: --compat v2 ends that, and \
                 -N TYPE does for one type"
                    .to_owned(),
            ],
            Self::Element { source, .. } | Self::Place(source) => {
                source.advice().map(str::to_owned).into_iter().collect()
            }
            Self::Uncovered { .. } => vec!["without --verify it is moved as it is".to_owned()],
            Self::Content { origin, .. } if !origin.is_empty() => vec![
                "what is there was changed since it was recorded, by a moved tag for instance: bring back what was \
                 recorded, or make a component version of what is there now"
                    .to_owned(),
            ],
            Self::Node { source, .. } => source.hints(),
            Self::Target { hints, .. } | Self::Targets { hints, .. } => hints.clone(),
            _ => Vec::new(),
        }
    }
}

fn count(elements: &[String]) -> String {
    match elements.len() {
        1 => "1 element".to_owned(),
        number => format!("{number} elements"),
    }
}
