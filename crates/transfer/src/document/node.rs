use std::fmt;

use super::field::Field;

/// The version of all types.
const VERSION: &str = "v1alpha1";

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Reads a component descriptor.
    GetComponentVersion(Place),
    /// Stores a component version.
    AddComponentVersion(Place),
    /// Finds a resource that is stored with its component version.
    GetLocalResource(Place),
    /// Stores a resource with its component version.
    AddLocalResource(Place),
    /// Finds a source that is stored with its component version. The older program has no such type.
    GetLocalSource(Place),
    /// Stores a source with its component version. The older program has no such type.
    AddLocalSource(Place),
    /// Finds an image, or a layer of one.
    GetOciArtifact,
    /// Stores an image under a name of its own.
    AddOciArtifact,
    /// Both at once.
    TransferOciArtifact,
    /// Removes temporary files. There are none here.
    FileCleanup,
    /// Finds a chart of a Helm repository, as a file.
    GetHelmChart,
    /// Makes the artifact of such a chart that Helm itself would push.
    ConvertHelmToOci,
    /// Finds content behind an address.
    GetRemote(Remote),
}

/// Where component versions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// In a registry.
    Registry,
    /// In an archive.
    Archive,
}

/// What kind of address that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Remote {
    /// One of the web.
    Wget,
    /// A commit on GitHub.
    GitHub,
    /// Another one, as its access says. The older program has no such type.
    Other,
}

impl Kind {
    const ALL: [(Self, &'static str); 21] = [
        (Self::GetComponentVersion(Place::Registry), "OCIGetComponentVersion"),
        (Self::GetComponentVersion(Place::Archive), "CTFGetComponentVersion"),
        (Self::AddComponentVersion(Place::Registry), "OCIAddComponentVersion"),
        (Self::AddComponentVersion(Place::Archive), "CTFAddComponentVersion"),
        (Self::GetLocalResource(Place::Registry), "OCIGetLocalResource"),
        (Self::GetLocalResource(Place::Archive), "CTFGetLocalResource"),
        (Self::AddLocalResource(Place::Registry), "OCIAddLocalResource"),
        (Self::AddLocalResource(Place::Archive), "CTFAddLocalResource"),
        (Self::GetLocalSource(Place::Registry), "OCIGetLocalSource"),
        (Self::GetLocalSource(Place::Archive), "CTFGetLocalSource"),
        (Self::AddLocalSource(Place::Registry), "OCIAddLocalSource"),
        (Self::AddLocalSource(Place::Archive), "CTFAddLocalSource"),
        (Self::GetOciArtifact, "GetOCIArtifact"),
        (Self::AddOciArtifact, "AddOCIArtifact"),
        (Self::TransferOciArtifact, "TransferOCIArtifact"),
        (Self::FileCleanup, "FileCleanup"),
        (Self::GetHelmChart, "GetHelmChart"),
        (Self::ConvertHelmToOci, "ConvertHelmToOCI"),
        (Self::GetRemote(Remote::Wget), "DownloadWgetResource"),
        (Self::GetRemote(Remote::GitHub), "GetGitHubCommit"),
        (Self::GetRemote(Remote::Other), "GetRemoteResource"),
    ];

    /// Reads a type; its version may be missing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.split_once('/').unwrap_or((text, VERSION));
        let known = Self::ALL.into_iter().find(|(_, known)| *known == name)?;
        (version == VERSION).then_some(known.0)
    }

    /// The type without its version.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The members of its specification.
    pub(super) fn fields(self) -> &'static [Field] {
        use Field::{Optional as Maybe, Required as Must};
        match self {
            Self::GetComponentVersion(_) => &[Must("repository"), Must("component"), Must("version")],
            Self::AddComponentVersion(_) => &[Must("repository"), Must("descriptor")],
            Self::GetLocalResource(_) => {
                &[Must("repository"), Must("component"), Must("version"), Must("resourceIdentity"), Maybe("outputPath")]
            }
            Self::GetLocalSource(_) => {
                &[Must("repository"), Must("component"), Must("version"), Must("sourceIdentity"), Maybe("outputPath")]
            }
            Self::AddLocalResource(_) => &[
                Must("repository"),
                Must("component"),
                Must("version"),
                Must("resource"),
                Must("file"),
                Maybe("globalAccessPolicy"),
            ],
            Self::AddLocalSource(_) => &[
                Must("repository"),
                Must("component"),
                Must("version"),
                Must("source"),
                Must("file"),
                Maybe("globalAccessPolicy"),
            ],
            Self::AddOciArtifact => &[Must("resource"), Must("file"), Maybe("accessStyle")],
            Self::TransferOciArtifact => &[
                Must("resource"),
                Must("targetResource"),
                Maybe("accessStyle"),
                Maybe("repository"),
                Maybe("component"),
                Maybe("version"),
            ],
            Self::GetOciArtifact => {
                &[Must("resource"), Maybe("outputPath"), Maybe("repository"), Maybe("component"), Maybe("version")]
            }
            Self::FileCleanup => &[Must("files")],
            Self::ConvertHelmToOci => &[Must("resource"), Must("chartFile"), Maybe("provFile"), Maybe("outputPath")],
            Self::GetHelmChart | Self::GetRemote(_) => &[Must("resource"), Maybe("outputPath")],
        }
    }

    /// The members of its output.
    pub(super) fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::GetComponentVersion(_) => &["descriptor"],
            Self::AddComponentVersion(_) => &[],
            Self::GetLocalSource(_) => &["file", "source"],
            Self::AddLocalResource(_) | Self::AddOciArtifact | Self::TransferOciArtifact => &["resource"],
            Self::AddLocalSource(_) => &["source"],
            Self::FileCleanup => &["cleanedFiles"],
            Self::GetHelmChart => &["chartFile", "provFile", "resource"],
            Self::GetLocalResource(_) | Self::GetOciArtifact | Self::ConvertHelmToOci | Self::GetRemote(_) => {
                &["file", "resource"]
            }
        }
    }

    /// The kind of place that its repository must be.
    pub(super) fn place(self) -> Option<Place> {
        match self {
            Self::GetComponentVersion(place)
            | Self::AddComponentVersion(place)
            | Self::GetLocalResource(place)
            | Self::AddLocalResource(place)
            | Self::GetLocalSource(place)
            | Self::AddLocalSource(place) => Some(place),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{VERSION}", self.name())
    }
}
