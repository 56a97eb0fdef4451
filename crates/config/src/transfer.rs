use serde_json::Value;

use crate::{Entry, Error, Place, Result};

/// Type of entries in which the older program names single images, without its version.
const OVERRIDE: &str = "OCIImageReferenceOverride";

/// Type of entries with defaults for transfers in the words of the older program, without its version.
const OLDER: &str = "transport.ocm.config.ocm.software";

/// Defaults for transfers (`transfer.config.ocm.software`, `transport.ocm.config.ocm.software`). What was not said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Whether referenced component versions move along.
    pub recursive: Option<bool>,
    /// Which content moves along.
    pub copy_mode: Option<CopyMode>,
    /// How images are stored in a registry.
    pub upload_type: Option<UploadType>,
    /// Whether the content of sources moves along.
    pub sources: Option<bool>,
    /// Whether component versions that are there and differ are replaced.
    pub overwrite: Option<bool>,
    /// Types of access whose content stays where it is.
    pub omit_access_types: Option<Vec<String>>,
    /// Rules for the names of single images, in order of precedence; a later entry comes first.
    pub uploads: Vec<Placed>,
    /// The same as the older program says it (`OCIImageReferenceOverride`).
    pub image_references: Vec<Placed>,
}

/// A part of a configuration that others read, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// For errors.
    pub place: Place,
    /// What it says.
    pub value: Value,
}

/// Which content moves along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyMode {
    /// What the repository itself holds.
    LocalBlob,
    /// That of resources whose relation is `local`.
    LocalResources,
    /// That of all resources.
    AllResources,
}

/// How images are stored in a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadType {
    /// Inside of the component version.
    LocalBlob,
    /// As artifacts of their own.
    OciArtifact,
}

impl Transfer {
    /// Reads entries in order; what a later one says wins over what an earlier one said, member by member.
    ///
    /// # Errors
    /// A value that means nothing. An unknown member too: whoever wrote it expects something of it.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut transfer = Self::default();
        for entry in entries {
            if entry.kind.starts_with(OVERRIDE) {
                transfer.read_overrides(entry)?;
                continue;
            }
            if entry.kind.starts_with(OLDER) {
                transfer.read_older(entry)?;
                continue;
            }
            for (key, value) in &entry.members {
                let wrong = |expected: &str| {
                    Error::new(
                        &entry.place,
                        format_args!("{} {key}: {value} means nothing here: use {expected}", entry.kind),
                    )
                };
                match (key.as_str(), value) {
                    (_, Value::Null) => {}
                    ("recursive", value) => transfer.recursive = Some(recursive(entry, value)?),
                    ("copyMode", Value::String(text)) => {
                        transfer.copy_mode = match text.as_str() {
                            "" => transfer.copy_mode,
                            "localBlob" => Some(CopyMode::LocalBlob),
                            "allResources" => Some(CopyMode::AllResources),
                            _ => return Err(wrong("localBlob or allResources")),
                        }
                    }
                    ("uploadType", Value::String(text)) => {
                        transfer.upload_type = match text.as_str() {
                            "" => transfer.upload_type,
                            "localBlob" => Some(UploadType::LocalBlob),
                            "ociArtifact" => Some(UploadType::OciArtifact),
                            _ => return Err(wrong("localBlob or ociArtifact")),
                        }
                    }
                    ("uploads", Value::Array(rules)) => {
                        let place = || entry.place.clone();
                        let rules = rules.iter().map(|value| Placed { place: place(), value: value.clone() });
                        transfer.uploads.splice(0..0, rules);
                    }
                    ("uploads", _) => return Err(wrong("a list of rules")),
                    ("copyMode" | "uploadType", _) => return Err(wrong("a text")),
                    _ => {
                        let message = format!(
                            "{} has the unknown member {key:?}; it takes recursive, copyMode, uploadType and uploads",
                            entry.kind
                        );
                        return Err(Error::new(&entry.place, message));
                    }
                }
            }
        }
        Ok(transfer)
    }

    fn read_older(&mut self, entry: &Entry) -> Result<()> {
        let (mut all, mut local) = (None, None);
        for (key, value) in entry.members.iter().filter(|(_, value)| !value.is_null()) {
            let wrong = |reason: &str| {
                Error::new(entry.place_of(&format!("/{key}")), format_args!("{}: {key} {reason}", entry.kind))
            };
            let switch = || value.as_bool().ok_or_else(|| wrong("is true or false"));
            match key.as_str() {
                "recursive" => self.recursive = Some(switch()?),
                "resourcesByValue" => all = Some(switch()?),
                "localResourcesByValue" => local = Some(switch()?),
                "sourcesByValue" => self.sources = Some(switch()?),
                "overwrite" => self.overwrite = Some(switch()?),
                "omitAccessTypes" => {
                    let list = value.as_array().ok_or_else(|| wrong("is a list of types"))?;
                    let kinds = list.iter().map(|kind| kind.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                    self.omit_access_types = Some(kinds.ok_or_else(|| wrong("is a list of types"))?);
                }
                // Known, and said to be without effect elsewhere.
                "keepGlobalAccess" | "stopOnExistingVersion" | "retries" | "enforceTransport" | "skipUpdate" => {}
                _ => return Err(wrong("is unknown")),
            }
        }
        self.copy_mode = match (all, local) {
            (Some(true), _) => Some(CopyMode::AllResources),
            (_, Some(true)) => Some(CopyMode::LocalResources),
            (None, None) => self.copy_mode,
            _ => Some(CopyMode::LocalBlob),
        };
        Ok(())
    }

    fn read_overrides(&mut self, entry: &Entry) -> Result<()> {
        for (key, value) in &entry.members {
            let ("spec", Value::Array(overrides)) = (key.as_str(), value) else {
                let message = format!("{} takes spec, a list of overrides; {key} means nothing here", entry.kind);
                return Err(Error::new(&entry.place, message));
            };
            let place = || entry.place.clone();
            self.image_references.extend(overrides.iter().map(|value| Placed { place: place(), value: value.clone() }));
        }
        Ok(())
    }
}

/// A depth: 0 for none, -1 for all. The Go program refuses every other number, too.
fn recursive(entry: &Entry, value: &Value) -> Result<bool> {
    match value.as_i64() {
        Some(0) => Ok(false),
        Some(-1) => Ok(true),
        _ => Err(Error::new(
            &entry.place,
            format_args!(
                "{} recursive: the depth {value} is not supported: use -1 for everything or 0 for nothing",
                entry.kind
            ),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Configuration, Document};

    fn read(entries: &[&str]) -> Result<Transfer> {
        let text: Vec<_> = entries
            .iter()
            .map(|entry| format!("- {{type: transfer.config.ocm.software/v1alpha1, {entry}}}\n"))
            .collect();
        let document = Document::read("t.yaml", &format!("configurations:\n{}", text.concat())).unwrap();
        Configuration::new([document]).transfer()
    }

    #[test]
    fn later_entries_win_member_by_member() {
        assert_eq!(
            read(&["recursive: -1, copyMode: allResources", "copyMode: localBlob, uploadType: ociArtifact"]).unwrap(),
            Transfer {
                recursive: Some(true),
                copy_mode: Some(CopyMode::LocalBlob),
                upload_type: Some(UploadType::OciArtifact),
                ..Transfer::default()
            }
        );
        assert_eq!(read(&["recursive: -1", "recursive: 0"]).unwrap().recursive, Some(false));
        assert_eq!(read(&["copyMode: ''"]).unwrap(), Transfer::default());
    }

    #[test]
    fn the_words_of_the_older_program_mean_the_same() {
        let read = |entry: &str| {
            let text = format!("type: transport.ocm.config.ocm.software\n{entry}\n");
            Configuration::new([Document::read("t.yaml", &text).unwrap()]).transfer()
        };
        let all = read("recursive: true\nresourcesByValue: true\noverwrite: true\nomitAccessTypes: [S3]").unwrap();
        assert_eq!(
            (all.recursive, all.copy_mode, all.overwrite),
            (Some(true), Some(CopyMode::AllResources), Some(true))
        );
        assert_eq!(all.omit_access_types.unwrap(), ["S3"]);
        assert_eq!(read("localResourcesByValue: true").unwrap().copy_mode, Some(CopyMode::LocalResources));
        assert!(read("recursive: 1").unwrap_err().to_string().contains("t.yaml:2:12"), "{:?}", read("recursive: 1"));
        assert!(read("recursion: true").unwrap_err().to_string().contains("recursion is unknown"));
    }

    #[test]
    fn values_without_a_meaning_are_refused() {
        for (entry, reason) in [
            (
                "recursive: 2",
                "t.yaml:2:3: transfer.config.ocm.software/v1alpha1 recursive: the depth 2 is not supported",
            ),
            ("recursive: all", "the depth \"all\""),
            ("copyMode: foo", "copyMode: \"foo\" means nothing here: use localBlob or allResources"),
            ("uploadType: [x]", "use a text"),
            ("copymode: localBlob", "unknown member \"copymode\""),
        ] {
            let problem = read(&[entry]).unwrap_err().to_string();
            assert!(problem.contains(reason), "{entry}: {problem}");
        }
    }
}
