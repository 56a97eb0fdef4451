//! What entries of the older program ask for, as far as this one has it, too; and why the others have no effect.

use serde_json::Value;

use crate::{Entry, Error, Notice, Place, Result};

/// Entries of logging.
pub(crate) const LOGGING: [&str; 2] = ["logging.config.ocm.software", "logging.config.ocm.software/v1"];

/// Entries of the hash of digests.
pub(crate) const HASHER: [&str; 2] = ["hasher.config.ocm.software", "hasher.config.ocm.software/v1"];

/// Entries of attributes, which hold settings of all kinds by name.
pub(crate) const ATTRIBUTES: [&str; 2] = ["attributes.config.ocm.software", "attributes.config.ocm.software/v1"];

/// Entries of uploads of images.
pub(crate) const UPLOADER: [&str; 2] = ["oci.uploader.config.ocm.software", "oci.uploader.config.ocm.software/v1"];

/// Types of both older programs, without their versions, that mean something there and nothing here, and why.
const WITHOUT_EFFECT: [(&str, &str); 7] = [
    ("extract.oci.artifact.ocm.software", "artifacts are downloaded as a whole, or as the chart that they are"),
    ("blobLimits.ocireg.ocm.config.ocm.software", "large blobs are sent in chunks, and stored whole"),
    (
        "downloader.ocm.config.ocm.software",
        "charts are downloaded with --download-handlers, other content as it is stored",
    ),
    ("uploader.ocm.config.ocm.software", "the uploads of transfer.config.ocm.software say where images go"),
    ("scripts.ocm.config.ocm.software", "transfers are planned with --dry-run and carried out with --transfer-spec"),
    ("merge.config.ocm.software", "an existing component version is kept or replaced, and never merged"),
    ("memory.credentials.config.ocm.software", "credentials stand in credentials.config.ocm.software"),
];

/// Prefixes of the long names of attributes.
const PREFIXES: [&str; 6] = [
    "github.com/mandelsoft/ocm/",
    "github.com/mandelsoft/oci/",
    "github.com/mandelsoft/",
    "ocm.software/ocm/oci/",
    "ocm.software/ocm/",
    "ocm.software/",
];

/// Attributes with these values ask for what happens anyway.
const ANYWAY: [(&str, bool); 5] = [
    ("keeplocalblob", true),
    ("preferrelativeaccess", true),
    ("oci/preferrelativeaccess", true),
    ("compat", false),
    ("oci/distribution", true),
];

/// Attributes that have no effect, and what does the same.
const OTHERWISE: [(&str, &str); 12] = [
    ("preferrelativeaccess", "addresses are kept relative to the registry; --access-style chooses another one"),
    ("keeplocalblob", "ocm transfer --upload-as ociArtifact stores images under their own names"),
    ("compat", "the older forms of descriptors are read and not written"),
    ("mapocirepo", "--upload-name says how repositories of images are named"),
    ("ociuploadrepo", "the uploads of transfer.config.ocm.software say where images go"),
    ("maxworkers", "--max-concurrency limits how much is done at once"),
    ("cache", "content is passed on without a cache"),
    ("hasher", "hasher.config.ocm.software, or --hash"),
    ("rootcerts", "rootcerts.config.ocm.software names certificate authorities"),
    ("signing", "keys.config.ocm.software names keys"),
    ("logging", "logging.config.ocm.software, or --loglevel"),
    ("rsa-pss", "--algorithm RSASSA-PSS"),
];

/// Settings of the older program that count here; what was not said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Older {
    /// How much to say while working: `debug`, `info`, `warn` or `error`.
    pub log_level: Option<&'static str>,
    /// The hash of digests that are signed: `SHA-256` or `SHA-512`.
    pub hash: Option<&'static str>,
    /// Folder for temporary files.
    pub temp_folder: Option<String>,
    /// Folders of plugins, with the place that names each.
    pub plugins: Vec<(Place, String)>,
}

impl Older {
    /// Reads entries in order; what a later one says wins.
    ///
    /// # Errors
    /// A value that means nothing.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut older = Self::default();
        for entry in entries {
            let kind = entry.kind.as_str();
            if LOGGING.contains(&kind) {
                let at = |key: &str| entry.members.get("settings").and_then(|settings| settings.get(key));
                if let Some(level) = at("defaultLevel").filter(|level| !level.is_null()) {
                    older.log_level = Some(level_of(level).ok_or_else(|| {
                        let place = entry.place_of("/settings/defaultLevel");
                        let reason = "defaultLevel is one of trace, debug, info, warn and error";
                        Error::new(place, format_args!("{kind}: {reason}, not {level}"))
                    })?);
                }
            } else if HASHER.contains(&kind) {
                if let Some(hash) = entry.members.get("hashAlgorithm").filter(|hash| !hash.is_null()) {
                    older.hash = Some(hash_of(hash).ok_or_else(|| {
                        let place = entry.place_of("/hashAlgorithm");
                        Error::new(place, format_args!("{kind}: hashAlgorithm is SHA-256 or SHA-512, not {hash}"))
                    })?);
                }
            } else {
                for (name, value) in attributes(entry) {
                    let path = value.as_str().or_else(|| value.get("path").and_then(Value::as_str));
                    match (short(name), path) {
                        ("tempblobcache", Some(path)) => older.temp_folder = Some(path.to_owned()),
                        ("plugindir", Some(path)) => {
                            older.plugins.push((entry.place_of(&pointer(name)).clone(), path.to_owned()));
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(older)
    }
}

/// What has no effect in an entry of a type that is known; `None` if the type is not known.
pub(crate) fn notices(entry: &Entry) -> Option<Vec<Notice>> {
    let kind = entry.kind.as_str();
    let name = kind.split_once('/').map_or(kind, |(name, _)| name);
    if let Some((_, reason)) = WITHOUT_EFFECT.iter().find(|(known, _)| *known == name) {
        return Some(vec![Notice::Unused { place: entry.place.clone(), kind: entry.kind.clone(), reason }]);
    }
    let part = |pointer: &str, part: &str, reason| Notice::UnusedPart {
        place: entry.place_of(pointer).clone(),
        part: part.to_owned(),
        reason,
    };
    if LOGGING.contains(&kind) {
        let rules = entry.members.get("settings").and_then(|settings| settings.get("rules"));
        let has_rules = rules.and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
        let reason = "there is one level for everything";
        return Some(has_rules.then(|| part("/settings/rules", "rules", reason)).into_iter().collect());
    }
    if UPLOADER.contains(&kind) {
        let is_absolute = entry.members.get("preferRelativeAccess") == Some(&Value::Bool(false));
        let reason = "addresses are kept relative to the registry; --access-style chooses another one";
        let absolute = is_absolute.then(|| part("/preferRelativeAccess", "preferRelativeAccess: false", reason));
        return Some(absolute.into_iter().collect());
    }
    if HASHER.contains(&kind) {
        return Some(Vec::new());
    }
    ATTRIBUTES.contains(&kind).then(|| {
        let unused = attributes(entry).filter_map(|(name, value)| {
            let short = short(name);
            let is_anyway = ANYWAY.iter().any(|(known, wanted)| *known == short && value == &Value::Bool(*wanted));
            if is_anyway || matches!(short, "tempblobcache" | "plugindir") {
                return None;
            }
            let last = short.rsplit_once('/').map_or(short, |(_, last)| last);
            let otherwise = OTHERWISE.iter().find(|(known, _)| *known == last).map(|(_, reason)| *reason);
            Some(part(&pointer(name), &format!("the attribute {name}"), otherwise.unwrap_or_default()))
        });
        unused.collect()
    })
}

fn attributes(entry: &Entry) -> impl Iterator<Item = (&str, &Value)> {
    let all = entry.members.get("attributes").and_then(Value::as_object);
    all.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn pointer(name: &str) -> String {
    format!("/attributes/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The name of an attribute without what says whose it is.
fn short(name: &str) -> &str {
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

fn level_of(level: &Value) -> Option<&'static str> {
    Some(match level.as_str()?.to_ascii_lowercase().as_str() {
        "trace" | "debug" => "debug",
        "info" => "info",
        "warn" | "warning" => "warn",
        "error" | "off" => "error",
        _ => return None,
    })
}

fn hash_of(hash: &Value) -> Option<&'static str> {
    Some(match hash.as_str()?.to_ascii_lowercase().replace('-', "").as_str() {
        "sha256" => "SHA-256",
        "sha512" => "SHA-512",
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Configuration, Document};

    fn configuration(entries: &str) -> Configuration {
        Configuration::new([Document::read("c.yaml", &format!("configurations:\n{entries}")).unwrap()])
    }

    #[test]
    fn what_this_program_has_too_counts() {
        let configuration = configuration(
            "- {type: logging.config.ocm.software, settings: {defaultLevel: Debug}}\n\
             - {type: hasher.config.ocm.software/v1, hashAlgorithm: sha512}\n\
             - type: attributes.config.ocm.software\n  attributes: {github.com/mandelsoft/tempblobcache: /t, plugindir: p, keeplocalblob: true, compat: false}\n\
             - {type: oci.uploader.config.ocm.software, preferRelativeAccess: true}\n\
             - {type: logging.config.ocm.software, settings: {defaultLevel: Warn}}\n",
        );
        let older = configuration.older().unwrap();
        assert_eq!(
            (older.log_level, older.hash, older.temp_folder.as_deref()),
            (Some("warn"), Some("SHA-512"), Some("/t"))
        );
        assert_eq!((older.plugins[0].0.to_string().as_str(), older.plugins[0].1.as_str()), ("c.yaml:5:68", "p"));
        assert!(configuration.notices().is_empty(), "{:?}", configuration.notices());
        assert_eq!(configuration.filesystem().unwrap().temp_folder.as_deref(), Some("/t"));
        assert_eq!(configuration.plugins().unwrap().locations.len(), 1);
    }

    #[test]
    fn a_folder_of_its_own_entry_goes_before_an_attribute() {
        let configuration = configuration(
            "- {type: filesystem.config.ocm.software, tempFolder: own}\n\
             - {type: attributes.config.ocm.software, attributes: {tempblobcache: other}}\n",
        );
        assert_eq!(configuration.filesystem().unwrap().temp_folder.as_deref(), Some("own"));
    }

    #[test]
    fn the_others_are_told_once_each_with_place_and_reason() {
        let configuration = configuration(
            "- type: attributes.config.ocm.software/v1\n  attributes: {compat: true, ocm.software/x: {canary: canary}}\n\
             - {type: merge.config.ocm.software/v1}\n\
             - {type: merge.config.ocm.software/v1}\n\
             - {type: logging.config.ocm.software, settings: {rules: [{level: Debug}]}}\n\
             - {type: oci.uploader.config.ocm.software/v1, preferRelativeAccess: false}\n",
        );
        let notices: Vec<_> = configuration.notices().iter().map(ToString::to_string).collect();
        assert_eq!(
            notices,
            [
                "c.yaml:3:24: the attribute compat has no effect: the older forms of descriptors are read and not written",
                "c.yaml:3:46: the attribute ocm.software/x has no effect",
                "c.yaml:4:3: entries of type merge.config.ocm.software/v1 have no effect: an existing component version is kept or replaced, and never merged",
                "c.yaml:6:57: rules has no effect: there is one level for everything",
                "c.yaml:7:69: preferRelativeAccess: false has no effect: addresses are kept relative to the registry; --access-style chooses another one",
            ]
        );
    }

    #[test]
    fn values_that_mean_nothing_are_named() {
        for (entry, expected) in [
            (
                "{type: logging.config.ocm.software, settings: {defaultLevel: loud}}",
                "c.yaml:2:64: logging.config.ocm.software: defaultLevel is one of",
            ),
            (
                "{type: hasher.config.ocm.software, hashAlgorithm: md5}",
                "hashAlgorithm is SHA-256 or SHA-512, not \"md5\"",
            ),
        ] {
            let problem = configuration(&format!("- {entry}\n")).older().unwrap_err().to_string();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
