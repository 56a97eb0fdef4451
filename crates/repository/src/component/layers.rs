use std::collections::{BTreeMap, HashMap, HashSet};

use ocm_blob::Digest;
use ocm_model::{Descriptor, Identity, TypedObject};
use ocm_oci::Platform;
use serde_json::{Value, json};

use crate::component::form::annotation;
use crate::component::version::{digests, is_local, local_reference};

/// An artifact of a descriptor whose content lies with it.
pub(crate) struct LocalArtifact<'a> {
    kind: &'static str,
    identity: Identity,
    /// The media type that the access tells.
    pub(crate) media_type: Option<&'a str>,
    /// Its content: one digest, or several in order.
    pub(crate) digests: Vec<Digest>,
    /// Where it runs, as far as its extra identity tells.
    pub(crate) platform: Option<Platform>,
}

/// The artifacts with local content: resources, then sources. The error is a reason without a subject.
pub(crate) fn local_artifacts(descriptor: &Descriptor) -> Result<Vec<LocalArtifact<'_>>, String> {
    let local = descriptor.component.artifacts().filter(|artifact| is_local(artifact.access));
    local.map(|artifact| local_artifact(artifact.kind.noun(), artifact.identity(), artifact.access)).collect()
}

fn local_artifact<'a>(
    kind: &'static str,
    identity: Identity,
    access: &'a TypedObject,
) -> Result<LocalArtifact<'a>, String> {
    let reference =
        local_reference(access).ok_or_else(|| format!("{kind} {identity}: the access has no local reference"))?;
    Ok(LocalArtifact {
        kind,
        media_type: access.text("mediaType").filter(|media_type| !media_type.is_empty()),
        digests: digests(reference).map_err(|reason| format!("{kind} {identity}: {reason}"))?,
        platform: platform(&identity),
        identity,
    })
}

fn platform(identity: &Identity) -> Option<Platform> {
    let text = |key: &str| identity.get(key).map(str::to_owned);
    let (architecture, os) = (text("architecture"), text("os"));
    if architecture.is_none() && os.is_none() {
        return None;
    }
    Some(Platform {
        architecture: architecture.unwrap_or_default(),
        os: os.unwrap_or_default(),
        os_version: text("os.version"),
        os_features: text("os.features").map(|features| features.split(',').map(str::to_owned).collect()),
        variant: text("variant"),
        other: serde_json::Map::new(),
    })
}

/// The rows of an index by the artifacts whose content they are. Each row may list thousands, and each is read once.
pub struct Rows<'a>(HashMap<String, &'a ocm_oci::Descriptor>);

impl<'a> Rows<'a> {
    /// Reads what the rows say of themselves.
    pub fn new(index: &'a ocm_oci::ImageIndex) -> Self {
        let mut rows = HashMap::new();
        for row in &index.manifests {
            let listed = row.annotation(annotation::ARTIFACT);
            let listed = listed.and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
            for artifact in listed.into_iter().flatten() {
                rows.entry(ocm_model::json::to_string(&artifact)).or_insert(row);
            }
        }
        Self(rows)
    }

    /// The first row that has the content of an artifact: a `resource` or `source` with this identity.
    pub fn of(&self, kind: &str, identity: &BTreeMap<String, String>) -> Option<&'a ocm_oci::Descriptor> {
        let wanted = json!({"identity": identity, "kind": kind});
        self.0.get(&ocm_model::json::to_string(&wanted)).copied()
    }
}

/// Layers or rows in the order in which they are first needed, each with every artifact whose content it is.
#[derive(Default)]
pub(crate) struct Annotated {
    /// Each with its artifacts as JSON, with commas between them.
    list: Vec<(ocm_oci::Descriptor, String)>,
    positions: HashMap<Digest, usize>,
    /// The artifacts that are listed, each with the position of its content.
    listed: HashSet<(usize, String)>,
}

impl Annotated {
    /// Adds an artifact, and its content if it is new.
    pub(crate) fn add(&mut self, content: ocm_oci::Descriptor, artifact: &LocalArtifact<'_>) {
        let position = *self.positions.entry(content.digest.clone()).or_insert_with(|| {
            self.list.push((content, String::new()));
            self.list.len() - 1
        });
        let Some((_, artifacts)) = self.list.get_mut(position) else { return };
        let entry = json!({"identity": artifact.identity, "kind": artifact.kind}).to_string();
        if self.listed.contains(&(position, entry.clone())) {
            return;
        }
        if !artifacts.is_empty() {
            artifacts.push(',');
        }
        artifacts.push_str(&entry);
        self.listed.insert((position, entry));
    }

    /// The descriptors with their annotations.
    pub(crate) fn finish(self) -> impl Iterator<Item = ocm_oci::Descriptor> {
        self.list
            .into_iter()
            .map(|(content, artifacts)| content.with_annotation(annotation::ARTIFACT, format!("[{artifacts}]")))
    }
}
