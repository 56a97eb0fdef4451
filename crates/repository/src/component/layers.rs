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

/// The row of an index that has the content of an artifact: a `resource` or `source` with this identity.
pub fn row_of<'a>(
    index: &'a ocm_oci::ImageIndex,
    kind: &str,
    identity: &BTreeMap<String, String>,
) -> Option<&'a ocm_oci::Descriptor> {
    let wanted = json!({"identity": identity, "kind": kind});
    index.manifests.iter().find(|row| {
        let listed =
            row.annotation(annotation::ARTIFACT).and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
        listed.is_some_and(|listed| listed.contains(&wanted))
    })
}

/// Layers or rows in the order in which they are first needed, each with every artifact whose content it is.
#[derive(Default)]
pub(crate) struct Annotated {
    list: Vec<(ocm_oci::Descriptor, Vec<Value>)>,
    positions: HashMap<Digest, usize>,
    /// The artifacts that are listed, each with the position of its content.
    listed: HashSet<(usize, &'static str, Identity)>,
}

impl Annotated {
    /// Adds an artifact, and its content if it is new.
    pub(crate) fn add(&mut self, content: ocm_oci::Descriptor, artifact: &LocalArtifact<'_>) {
        let position = *self.positions.entry(content.digest.clone()).or_insert_with(|| {
            self.list.push((content, Vec::new()));
            self.list.len() - 1
        });
        if let Some((_, artifacts)) = self.list.get_mut(position)
            && self.listed.insert((position, artifact.kind, artifact.identity.clone()))
        {
            artifacts.push(json!({"identity": artifact.identity, "kind": artifact.kind}));
        }
    }

    /// The descriptors with their annotations.
    pub(crate) fn finish(self) -> impl Iterator<Item = ocm_oci::Descriptor> {
        self.list.into_iter().map(|(content, artifacts)| {
            content.with_annotation(annotation::ARTIFACT, Value::Array(artifacts).to_string())
        })
    }
}
