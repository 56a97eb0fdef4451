use crate::resolvers::has_aliases;
use crate::{Credentials, Document, Entry, Http, Notice, Place, Resolvers, Result, Signing, Transfer};

/// Entries of component repositories by name patterns.
const PATTERNS: [&str; 2] = ["resolvers.config.ocm.software", "resolvers.config.ocm.software/v1alpha1"];

/// Entries of component repositories by prefixes; deprecated, and all the older program has.
const PREFIXES: [&str; 2] = ["ocm.config.ocm.software", "ocm.config.ocm.software/v1"];

/// Entries of defaults for transfers.
const TRANSFER: [&str; 4] = [
    "transfer.config.ocm.software",
    "transfer.config.ocm.software/v1alpha1",
    "OCIImageReferenceOverride",
    "OCIImageReferenceOverride/v1alpha1",
];

/// Entries of credentials.
const CREDENTIALS: [&str; 2] = ["credentials.config.ocm.software", "credentials.config.ocm.software/v1"];

/// Entries of how to sign and verify.
const SIGNING: [&str; 2] = ["signing.config.ocm.software", "signing.config.ocm.software/v1alpha1"];

/// Entries of settings of connections.
const HTTP: [&str; 2] = ["http.config.ocm.software", "http.config.ocm.software/v1alpha1"];

/// Types of both older programs, without their versions, that mean something there and nothing here yet.
const UNUSED: [&str; 21] = [
    "filesystem.config.ocm.software",
    "http.config.ocm.software",
    "plugin.config.ocm.software",
    "versioncheck.cli.config.ocm.software",
    "extract.oci.artifact.ocm.software",
    "attributes.config.ocm.software",
    "oci.config.ocm.software",
    "oci.uploader.config.ocm.software",
    "blobLimits.ocireg.ocm.config.ocm.software",
    "transport.ocm.config.ocm.software",
    "cli.ocm.config.ocm.software",
    "ocm.cmd.config.ocm.software",
    "downloader.ocm.config.ocm.software",
    "uploader.ocm.config.ocm.software",
    "scripts.ocm.config.ocm.software",
    "keys.config.ocm.software",
    "hasher.config.ocm.software",
    "rootcerts.config.ocm.software",
    "logging.config.ocm.software",
    "merge.config.ocm.software",
    "memory.credentials.config.ocm.software",
];

/// What several configuration files say together.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    documents: Vec<Document>,
}

impl Configuration {
    /// Puts files together, the highest priority last. Nothing in them is checked yet but their form.
    pub fn new(documents: impl IntoIterator<Item = Document>) -> Self {
        Self { documents: documents.into_iter().collect() }
    }

    /// Where component versions that others refer to are found.
    ///
    /// # Errors
    /// A wrong pattern, constraint or repository, or resolvers of both types.
    pub fn resolvers(&self) -> Result<Resolvers> {
        Resolvers::read(&self.of(&PATTERNS), &self.of(&PREFIXES))
    }

    /// Defaults for transfers.
    ///
    /// # Errors
    /// A value that means nothing.
    pub fn transfer(&self) -> Result<Transfer> {
        Transfer::read(&self.of(&TRANSFER))
    }

    /// Who the program is to others.
    ///
    /// # Errors
    /// An entry that is not understood.
    pub fn credentials(&self) -> Result<Credentials> {
        Credentials::read(&self.of(&CREDENTIALS))
    }

    /// How to make and verify a signature of a name.
    ///
    /// # Errors
    /// An entry that is not understood.
    pub fn signing(&self, signature: &str) -> Result<Signing> {
        Signing::read(&self.of(&SIGNING), signature)
    }

    /// How connections are made.
    ///
    /// # Errors
    /// An entry that is not understood.
    pub fn http(&self) -> Result<Http> {
        Http::read(&self.of(&HTTP))
    }

    /// Everything that has no effect here.
    pub fn notices(&self) -> Vec<Notice> {
        self.documents.iter().flat_map(notices).collect()
    }

    fn of(&self, kinds: &[&str]) -> Vec<&Entry> {
        self.documents.iter().flat_map(Document::entries).filter(|entry| kinds.contains(&entry.kind.as_str())).collect()
    }
}

fn notices(document: &Document) -> Vec<Notice> {
    let mut unused: Vec<String> = Vec::new();
    let mut notices: Vec<Notice> = Vec::new();
    for entry in document.entries() {
        let kind = entry.kind.as_str();
        let name = kind.split_once('/').map_or(kind, |(name, _)| name);
        let is_used = [&PATTERNS[..], &PREFIXES, &TRANSFER, &CREDENTIALS, &SIGNING].concat().contains(&kind);
        let told = |notice: &Notice| matches!(notice, Notice::Unknown { kind, .. } if *kind == entry.kind);
        if is_used {
            if PREFIXES.contains(&kind) && has_aliases(&entry.members) {
                notices.push(Notice::UnusedPart { place: entry.place.clone(), part: "aliases" });
            }
        } else if UNUSED.contains(&name) {
            if !unused.contains(&entry.kind) {
                unused.push(entry.kind.clone());
            }
        } else if !notices.iter().any(told) {
            notices.push(Notice::Unknown { place: entry.place.clone(), kind: entry.kind.clone() });
        }
    }
    if document.has_sets {
        notices.push(Notice::UnusedPart { place: Place::file_as_a_whole(&document.file), part: "sets" });
    }
    if !unused.is_empty() {
        notices.push(Notice::Unused { file: document.file().to_owned(), kinds: unused });
    }
    notices
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ignored_silently() {
        let text = "\
type: generic.config.ocm.software/v1
sets: {}
configurations:
- {type: credentials.config.ocm.software/v1}
- {type: nosuch.config.ocm.software}
- {type: filesystem.config.ocm.software}
- {type: nosuch.config.ocm.software}
- {type: transfer.config.ocm.software/v9}
- {type: credentials.config.ocm.software/v1}
- {type: ocm.config.ocm.software, aliases: {a: {type: ctf}}}
- {type: transfer.config.ocm.software}
";
        let configuration = Configuration::new([Document::read("c.yaml", text).unwrap()]);
        let notices: Vec<_> = configuration.notices().iter().map(ToString::to_string).collect();
        assert_eq!(
            notices,
            [
                "c.yaml:5:3: ignored an entry of the unknown type \"nosuch.config.ocm.software\"",
                "c.yaml:8:3: ignored an entry of the unknown type \"transfer.config.ocm.software/v9\"",
                "c.yaml:10:3: this version does not use aliases",
                "c.yaml: this version does not use sets",
                "c.yaml: this version does not use entries of type filesystem.config.ocm.software",
            ]
        );
        assert_eq!(configuration.transfer().unwrap(), Transfer::default());
    }
}
