use crate::aliases::Aliases;
use crate::{
    Credentials, Document, Entry, Filesystem, Http, Keys, Notice, Older, Place, Plugins, Resolvers, Result, Signing,
    Transfer, duration, older,
};

/// Entries of component repositories by name patterns.
pub(crate) const PATTERNS: [&str; 2] = ["resolvers.config.ocm.software", "resolvers.config.ocm.software/v1alpha1"];

/// Entries of component repositories by prefixes; deprecated, and all the older program has.
pub(crate) const PREFIXES: [&str; 2] = ["ocm.config.ocm.software", "ocm.config.ocm.software/v1"];

/// Entries of defaults for transfers.
pub(crate) const TRANSFER: [&str; 6] = [
    "transfer.config.ocm.software",
    "transfer.config.ocm.software/v1alpha1",
    "transport.ocm.config.ocm.software",
    "transport.ocm.config.ocm.software/v1",
    "OCIImageReferenceOverride",
    "OCIImageReferenceOverride/v1alpha1",
];

/// Entries of credentials.
pub(crate) const CREDENTIALS: [&str; 2] = ["credentials.config.ocm.software", "credentials.config.ocm.software/v1"];

/// Entries of how to sign and verify.
pub(crate) const SIGNING: [&str; 2] = ["signing.config.ocm.software", "signing.config.ocm.software/v1alpha1"];

/// Entries of settings of connections.
pub(crate) const HTTP: [&str; 2] = ["http.config.ocm.software", "http.config.ocm.software/v1alpha1"];

/// Entries of plugins.
const PLUGINS: [&str; 2] = ["plugin.config.ocm.software", "plugin.config.ocm.software/v2alpha1"];

/// Entries of folders.
const FILESYSTEM: [&str; 2] = ["filesystem.config.ocm.software", "filesystem.config.ocm.software/v1alpha1"];

/// Entries of keys and root certificates, which only the older program has.
const KEYS: [&str; 4] = [
    "keys.config.ocm.software",
    "keys.config.ocm.software/v1",
    "rootcerts.config.ocm.software",
    "rootcerts.config.ocm.software/v1",
];

/// Entries of short names of repositories, beside those of [`PREFIXES`]; only the older program has them.
const ALIASES: [&str; 6] = [
    "oci.config.ocm.software",
    "oci.config.ocm.software/v1",
    "ocm.cmd.config.ocm.software",
    "ocm.cmd.config.ocm.software/v1",
    "cli.ocm.config.ocm.software",
    "cli.ocm.config.ocm.software/v1",
];

/// Entries about looking for newer versions of the program. This one never does, so that what they ask for is so.
const VERSION_CHECK: [&str; 2] =
    ["versioncheck.cli.config.ocm.software", "versioncheck.cli.config.ocm.software/v1alpha1"];

/// Members of entries that mean something to the older program and nothing here, and why.
const WITHOUT_EFFECT: [(&str, &str, &str); 3] = [
    (
        "transport.ocm.config.ocm.software",
        "keepGlobalAccess",
        "--global-access auto gives content an address of the target",
    ),
    ("transport.ocm.config.ocm.software", "stopOnExistingVersion", "what the target has is skipped"),
    ("keys.config.ocm.software", "tsaURL", "--timestamp names a timestamp service"),
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
    /// A wrong pattern, constraint or repository.
    pub fn resolvers(&self) -> Result<Resolvers> {
        let aliases = Aliases::read(&self.of(&[&PREFIXES[..], &ALIASES].concat()))?;
        Resolvers::read(&self.of(&PATTERNS), &self.of(&PREFIXES), aliases)
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

    /// Where plugins are.
    ///
    /// # Errors
    /// An entry that is not understood.
    pub fn plugins(&self) -> Result<Plugins> {
        let mut plugins = Plugins::read(&self.of(&PLUGINS))?;
        plugins.locations.extend(self.older()?.plugins);
        Ok(plugins)
    }

    /// Folders of the program.
    ///
    /// # Errors
    /// An entry that is not understood.
    pub fn filesystem(&self) -> Result<Filesystem> {
        let own = Filesystem::read(&self.of(&FILESYSTEM))?;
        let temp_folder = own.temp_folder.or(self.older()?.temp_folder);
        Ok(Filesystem { temp_folder, ..own })
    }

    /// Keys and root certificates in the form of the older program.
    ///
    /// # Errors
    /// An entry that is not understood.
    pub fn keys(&self) -> Result<Keys> {
        Keys::read(&self.of(&KEYS))
    }

    /// What entries of the older program ask for, as far as this one has it, too.
    ///
    /// # Errors
    /// A value that means nothing.
    pub fn older(&self) -> Result<Older> {
        Older::read(&self.of(&[older::LOGGING, older::HASHER, older::ATTRIBUTES].concat()))
    }

    /// All entries in the order of their priority, the highest last.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.documents.iter().flat_map(Document::entries)
    }

    /// Everything that has no effect here.
    pub fn notices(&self) -> Vec<Notice> {
        self.documents.iter().flat_map(notices).collect()
    }

    pub(crate) fn of(&self, kinds: &[&str]) -> Vec<&Entry> {
        self.documents.iter().flat_map(Document::entries).filter(|entry| kinds.contains(&entry.kind.as_str())).collect()
    }
}

/// The types of all entries that mean something here.
pub fn entry_types() -> Vec<&'static str> {
    [own_types(), [older::LOGGING, older::HASHER, older::ATTRIBUTES, older::UPLOADER].concat()].concat()
}

fn own_types() -> Vec<&'static str> {
    [
        &PATTERNS[..],
        &PREFIXES,
        &TRANSFER,
        &CREDENTIALS,
        &SIGNING,
        &HTTP,
        &FILESYSTEM,
        &KEYS,
        &ALIASES,
        &PLUGINS,
        &VERSION_CHECK,
    ]
    .concat()
}

fn notices(document: &Document) -> Vec<Notice> {
    let used = own_types();
    let mut notices: Vec<Notice> = Vec::new();
    for entry in document.entries() {
        let kind = entry.kind.as_str();
        if HTTP.contains(&kind) || PLUGINS.contains(&kind) {
            notices.extend(duration::doubtful(entry));
        }
        let told = notices.iter().any(|notice| match notice {
            Notice::Unknown { kind, .. } | Notice::Unused { kind, .. } => *kind == entry.kind,
            Notice::UnusedPart { .. } | Notice::Doubtful { .. } => false,
        });
        if told {
        } else if used.contains(&kind) {
            for (_, part, reason) in WITHOUT_EFFECT.iter().filter(|(known, ..)| kind.starts_with(known)) {
                if entry.members.contains_key(*part) {
                    let place = entry.place_of(&format!("/{part}")).clone();
                    notices.push(Notice::UnusedPart { place, part: (*part).to_owned(), reason });
                }
            }
        } else if let Some(unused) = older::notices(entry) {
            notices.extend(unused);
        } else {
            notices.push(Notice::Unknown { place: entry.place.clone(), kind: entry.kind.clone() });
        }
    }
    if document.has_sets {
        let reason = "put the entries of a set into a file of their own, and name it with --config";
        let place = Place::file_as_a_whole(&document.file);
        notices.push(Notice::UnusedPart { place, part: "sets".to_owned(), reason });
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
- {type: scripts.ocm.config.ocm.software}
- {type: nosuch.config.ocm.software}
- {type: transfer.config.ocm.software/v9}
- {type: credentials.config.ocm.software/v1}
- {type: transport.ocm.config.ocm.software, keepGlobalAccess: true}
- {type: http.config.ocm.software, timeout: 5, tcpKeepAlive: 15000000000, hosts: {h: {retry: {minWait: 1}}}}
- {type: transfer.config.ocm.software}
";
        let configuration = Configuration::new([Document::read("c.yaml", text).unwrap()]);
        let notices: Vec<_> = configuration.notices().iter().map(ToString::to_string).collect();
        assert_eq!(
            notices,
            [
                "c.yaml:5:3: ignored an entry of the unknown type \"nosuch.config.ocm.software\"",
                "c.yaml:6:3: entries of type scripts.ocm.config.ocm.software have no effect: transfers are planned with --dry-run and carried out with --transfer-spec",
                "c.yaml:8:3: ignored an entry of the unknown type \"transfer.config.ocm.software/v9\"",
                "c.yaml:10:63: keepGlobalAccess has no effect: --global-access auto gives content an address of the target",
                "c.yaml:11:45: timeout: 5 is 5 ns: a number without a unit is nanoseconds; write 5s for seconds",
                "c.yaml:11:104: minWait: 1 is 1 ns: a number without a unit is nanoseconds; write 1s for seconds",
                "c.yaml: sets has no effect: put the entries of a set into a file of their own, and name it with --config",
            ]
        );
        assert_eq!(configuration.transfer().unwrap(), Transfer::default());
    }
}
