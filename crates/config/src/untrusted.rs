//! What a file may say that somebody else may have put where it was found.

use crate::{Document, Entry};

/// Types of entries without their versions, and the members of each that can do no harm: more is copied than was meant,
/// at worst. Everything else decides which content somebody gets, whom the program believes, what it shows of itself, or
/// which programs it starts.
const HARMLESS: [(&str, &[&str]); 3] = [
    ("transfer.config.ocm.software", &["recursive", "copyMode", "uploadType"]),
    (
        "transport.ocm.config.ocm.software",
        &["recursive", "localResourcesByValue", "resourcesByValue", "sourcesByValue"],
    ),
    ("versioncheck.cli.config.ocm.software", &["policy"]),
];

impl Document {
    /// The file without everything that only a file that is trusted may say, and what that was: types of entries, with the
    /// member where only a part of an entry was left out.
    pub fn untrusted(self) -> (Self, Vec<String>) {
        let mut ignored = Vec::new();
        let mut leave = |what: String| {
            if !ignored.contains(&what) {
                ignored.push(what);
            }
        };
        let mut entries = Vec::new();
        for Entry { kind, mut members, place, places } in self.entries {
            let name = kind.split_once('/').map_or(kind.as_str(), |(name, _)| name);
            let Some((_, harmless)) = HARMLESS.iter().find(|(known, _)| *known == name) else {
                leave(kind);
                continue;
            };
            members.retain(|member, _| {
                let stays = harmless.contains(&member.as_str());
                if !stays {
                    leave(format!("{member} of {kind}"));
                }
                stays
            });
            entries.push(Entry { place, kind, members, places });
        }
        (Self { file: self.file, entries, has_sets: self.has_sets }, ignored)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Configuration, CopyMode, Document};

    #[test]
    fn only_defaults_of_transfers_are_harmless() {
        let text = "\
configurations:
- {type: transfer.config.ocm.software/v1alpha1, recursive: -1, copyMode: allResources, uploads: [{}]}
- {type: credentials.config.ocm.software/v1, repositories: [{repository: {type: DockerConfig/v1}}]}
- {type: http.config.ocm.software, insecureSkipVerify: true}
- {type: resolvers.config.ocm.software, resolvers: [{repository: {type: ctf, filePath: x}}]}
- {type: transport.ocm.config.ocm.software, overwrite: true, sourcesByValue: true}
";
        let (document, ignored) = Document::read("c.yaml", text).unwrap().untrusted();
        assert_eq!(
            ignored,
            [
                "uploads of transfer.config.ocm.software/v1alpha1",
                "credentials.config.ocm.software/v1",
                "http.config.ocm.software",
                "resolvers.config.ocm.software",
                "overwrite of transport.ocm.config.ocm.software",
            ]
        );
        let configuration = Configuration::new([document]);
        let transfer = configuration.transfer().unwrap();
        assert_eq!((transfer.recursive, transfer.copy_mode), (Some(true), Some(CopyMode::AllResources)));
        assert!(transfer.uploads.is_empty() && transfer.overwrite.is_none());
        assert_eq!(transfer.sources, Some(true));
        assert_eq!(configuration.http().unwrap(), crate::Http::default());
    }
}
