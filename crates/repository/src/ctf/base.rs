//! Differential archives: content that is left out because the place an archive goes to has it.

use std::collections::{BTreeMap, BTreeSet};

use ocm_blob::Digest;
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_oci::Descriptor;
use serde::{Deserialize, Serialize};

/// Name of the file in an archive that lists what was left out of it.
pub(crate) const BASE_FILE: &str = "archive-base.json";

/// Content that lies elsewhere: in the base of a differential archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// What a person calls the places that have it.
    pub names: BTreeSet<String>,
    /// The content, by digest.
    pub content: BTreeMap<Digest, Known>,
}

/// What is known of content that lies elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// Its size in bytes.
    pub size: u64,
    /// Its media type if it is a manifest; absent for a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The components whose repositories have it.
    pub components: BTreeSet<String>,
}

/// The file: what is in it, and nothing more.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    schema_version: u64,
    names: BTreeSet<String>,
    content: BTreeMap<String, Known>,
}

impl Base {
    /// Reads the file of an archive. The error is a reason without a subject.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: File = serde_json::from_slice(bytes).map_err(|error| format!("is not valid: {error}"))?;
        if file.schema_version != 1 {
            return Err(format!("has schema version {}, only 1 is known", file.schema_version));
        }
        let content = file.content.into_iter().map(|(digest, known)| match digest.parse() {
            Ok(digest) => Ok((digest, known)),
            Err(error) => Err(format!("is not valid: {error}")),
        });
        Ok(Self { names: file.names, content: content.collect::<Result<_, _>>()? })
    }

    /// The bytes of the file; `None` if nothing was left out.
    pub(crate) fn write(&self) -> Result<Option<Vec<u8>>, serde_json::Error> {
        if self.content.is_empty() {
            return Ok(None);
        }
        let content = self.content.iter().map(|(digest, known)| (digest.to_string(), known.clone())).collect();
        serde_json::to_vec(&File { schema_version: 1, names: self.names.clone(), content }).map(Some)
    }

    /// A manifest that the same repository has elsewhere. A repository of another name would not find it.
    pub(crate) fn manifest(&self, repository: &str, digest: &Digest) -> Option<Descriptor> {
        let known = self.content.get(digest)?;
        let component = component_of(repository)?;
        let media_type = known.media_type.as_ref().filter(|_| known.components.contains(component))?;
        Some(Descriptor::new(media_type.clone(), digest.clone(), known.size))
    }

    /// Takes over what another one knows of some content.
    pub(crate) fn add(&mut self, other: &Self, digest: &Digest) -> bool {
        let Some(known) = other.content.get(digest) else { return false };
        self.names.extend(other.names.iter().cloned());
        self.content.insert(digest.clone(), known.clone());
        true
    }

    /// Its names as a person reads them.
    pub fn shown(&self) -> String {
        self.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

fn component_of(repository: &str) -> Option<&str> {
    let (path, component) = repository.split_once(COMPONENT_DESCRIPTORS)?;
    let component = component.strip_prefix('/')?;
    (path.is_empty() || path.ends_with('/')).then_some(component)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_is_no_file() {
        assert_eq!(Base::default().write().unwrap(), None);
        let known = Known {
            size: 3,
            media_type: Some("application/vnd.oci.image.manifest.v1+json".into()),
            components: BTreeSet::from(["acme.org/a".to_owned()]),
        };
        let (digest, other) = (Digest::of("x"), Digest::of("y"));
        let base = Base {
            names: BTreeSet::from(["base.tar".to_owned()]),
            content: BTreeMap::from([(digest.clone(), known), (other.clone(), Known::default())]),
        };
        assert_eq!(Base::parse(&base.write().unwrap().unwrap()).unwrap(), base);
        assert_eq!(base.manifest("component-descriptors/acme.org/a", &digest).unwrap().size, 3);
        assert!(base.manifest("component-descriptors/acme.org/b", &digest).is_none());
        assert!(base.manifest("component-descriptors/acme.org/a", &other).is_none());
        assert!(Base::parse(br#"{"schemaVersion":1,"names":[],"content":{"x":{"size":1,"components":[]}}}"#).is_err());
    }
}
