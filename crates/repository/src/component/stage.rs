use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_blob::{Digest, MemoryBlob};
use ocm_model::Descriptor;
use ocm_oci::{Error, ImageIndex, ImageManifest, Kind, Manifest, Repository};
use serde_json::{Map, json};

use crate::Result;
use crate::component::form::{annotations, media_type};
use crate::component::layers::{Annotated, LocalArtifact, local_artifacts};
use crate::component::version::RawDescriptor;

/// Local contents that are looked up in the target at the same time.
const LOOK_UPS: usize = 8;

/// A component version that is to be stored. Its local content must be in the target already.
#[derive(Clone, Debug, Default)]
pub struct NewVersion {
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The bytes of the descriptor where it came unchanged from elsewhere; they are stored as they are.
    pub raw: Option<RawDescriptor>,
    /// What is known of local content by its digest. Everything else is looked up in the target.
    pub content: BTreeMap<Digest, ocm_oci::Descriptor>,
    /// Annotations of its root beside those that every component version has.
    pub annotations: BTreeMap<String, String>,
}

/// A component version that is stored but for its root, which comes with its tag.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Name of the component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// What the tag will point to.
    pub root: Manifest,
    pub(crate) tag: String,
}

/// A component version in the form in which it is stored.
struct Form {
    descriptor: Bytes,
    config: Bytes,
    manifest: Manifest,
    /// The root, if local manifests belong to the version.
    index: Option<Manifest>,
}

/// Stores everything of a component version but its root: what that is stored under is its tag, and to store it under its
/// digest before would be one more request for nothing.
pub(crate) async fn stage(content: &Arc<dyn Repository>, new: &NewVersion) -> Result<Staged> {
    let (component, version) = (new.descriptor.component.name.as_str(), new.descriptor.component.version.as_str());
    // An archive would take any name, and pass it on to places where parts of it lead elsewhere.
    if !ocm_oci::reference::is_repository(component) {
        let rule = "lower-case letters and digits, with `.`, `_`, `__`, `-` between them, in parts between `/`";
        return Err(Error::new(Kind::Malformed, subject(new), format!("the name of a component has {rule}")));
    }
    let artifacts = artifacts(new)?;
    let (layers, rows) = local_content(content, new, &artifacts).await?;
    let Form { descriptor, config, manifest, index } = form(new, layers, rows)?;
    let (descriptor, config) = (MemoryBlob::new(descriptor), MemoryBlob::new(config));
    let (stored, configured) = join(content.push_blob(&descriptor), content.push_blob(&config)).await;
    stored?;
    configured?;
    let root = match index {
        None => manifest,
        Some(index) => {
            content.push_manifest(&manifest, None).await?;
            index
        }
    };
    let tag = ocm_model::version::to_tag(version);
    Ok(Staged { component: component.to_owned(), version: version.to_owned(), root, tag })
}

/// The digest of the root that a component version will have, if all of its local content is described in
/// [`NewVersion::content`]; `None` if it is not. Nothing is asked for.
pub fn root_of(new: &NewVersion) -> Option<Digest> {
    let (mut layers, mut rows) = (Annotated::default(), Annotated::default());
    for artifact in &artifacts(new).ok()? {
        for digest in &artifact.digests {
            let known = new.content.get(digest)?;
            let is_manifest = ocm_oci::media_type::is_manifest(&known.media_type);
            let told = artifact.media_type.filter(|_| !is_manifest).unwrap_or(&known.media_type);
            sort_in(artifact, ocm_oci::Descriptor::new(told, digest.clone(), known.size), &mut layers, &mut rows);
        }
    }
    let form = form(new, layers, rows).ok()?;
    Some(form.index.unwrap_or(form.manifest).digest().clone())
}

fn subject(new: &NewVersion) -> String {
    format!("{}:{}", new.descriptor.component.name, new.descriptor.component.version)
}

fn artifacts(new: &NewVersion) -> Result<Vec<LocalArtifact<'_>>> {
    local_artifacts(&new.descriptor).map_err(|reason| Error::invalid(subject(new), reason))
}

fn form(new: &NewVersion, layers: Annotated, rows: Annotated) -> Result<Form> {
    let (component, version) = (new.descriptor.component.name.as_str(), new.descriptor.component.version.as_str());
    let (descriptor_type, descriptor) = match &new.raw {
        Some(raw) => (raw.media_type.clone(), raw.bytes.clone()),
        None => (media_type::DESCRIPTOR_JSON.to_owned(), Bytes::from(new.descriptor.write_json())),
    };
    let layer = described(descriptor_type, &descriptor);
    let config = serde_json::to_vec(&json!({"componentDescriptorLayer": layer}))
        .map_err(|error| Error::invalid(subject(new), error))?;
    let config = Bytes::from(config);

    let mut manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(ocm_oci::media_type::MANIFEST.to_owned()),
        artifact_type: Some(media_type::COMPONENT.to_owned()),
        config: described(media_type::CONFIG.to_owned(), &config),
        layers: std::iter::once(layer).chain(layers.finish()).collect(),
        subject: None,
        annotations: Some(annotations(component, version, false)),
        other: Map::new(),
    };
    let mut rows = rows.finish().peekable();
    if rows.peek().is_none() {
        manifest.annotations.get_or_insert_default().extend(new.annotations.clone());
        let manifest = Manifest::write(&manifest, ocm_oci::media_type::MANIFEST)?;
        return Ok(Form { descriptor, config, manifest, index: None });
    }
    let written = Manifest::write(&manifest, ocm_oci::media_type::MANIFEST)?;
    // Without an artifact type: older versions of skopeo drop it when they copy the index, and so change its digest.
    let mut row = written.descriptor();
    row.annotations = manifest.annotations;
    let index = ImageIndex {
        schema_version: 2,
        media_type: Some(ocm_oci::media_type::INDEX.to_owned()),
        artifact_type: None,
        manifests: std::iter::once(row).chain(rows).collect(),
        subject: None,
        annotations: Some(annotations(component, version, true).into_iter().chain(new.annotations.clone()).collect()),
        other: Map::new(),
    };
    let index = Manifest::write(&index, ocm_oci::media_type::INDEX)?;
    Ok(Form { descriptor, config, manifest: written, index: Some(index) })
}

fn described(media_type: String, bytes: &Bytes) -> ocm_oci::Descriptor {
    ocm_oci::Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64)
}

/// Local manifests become rows of the index, everything else layers.
fn sort_in(
    artifact: &LocalArtifact<'_>,
    mut content: ocm_oci::Descriptor,
    layers: &mut Annotated,
    rows: &mut Annotated,
) {
    if ocm_oci::media_type::is_manifest(&content.media_type) {
        content.platform.clone_from(&artifact.platform);
        rows.add(content, artifact);
    } else {
        layers.add(content, artifact);
    }
}

/// Makes sure that all local content is in the target, and sorts it into layers and rows of the index.
async fn local_content(
    content: &Arc<dyn Repository>,
    new: &NewVersion,
    artifacts: &[LocalArtifact<'_>],
) -> Result<(Annotated, Annotated)> {
    let wanted: Vec<(&LocalArtifact<'_>, &Digest)> =
        artifacts.iter().flat_map(|artifact| artifact.digests.iter().map(move |digest| (artifact, digest))).collect();
    let look_ups = stream::iter(0..wanted.len()).map(|position| {
        let (artifact, digest) = wanted[position];
        find(content.clone(), digest.clone(), new.content.get(digest).cloned(), artifact)
    });
    let mut look_ups = pin!(look_ups.buffered(LOOK_UPS));
    let missing = |error: Error| match error.kind() {
        Kind::NotFound => Error::new(Kind::NotFound, subject(new), error.reason()),
        _ => error,
    };
    let (mut layers, mut rows) = (Annotated::default(), Annotated::default());
    while let Some((artifact, content)) = look_ups.try_next().await.map_err(missing)? {
        sort_in(artifact, content, &mut layers, &mut rows);
    }
    Ok((layers, rows))
}

/// Finds local content in the target: as a manifest if it is one by all that is known, else as a blob.
async fn find<'a>(
    content: Arc<dyn Repository>,
    digest: Digest,
    known: Option<ocm_oci::Descriptor>,
    artifact: &'a LocalArtifact<'a>,
) -> Result<(&'a LocalArtifact<'a>, ocm_oci::Descriptor)> {
    let told = known.as_ref().map(|known| known.media_type.as_str()).or(artifact.media_type);
    if told.is_none_or(ocm_oci::media_type::is_manifest)
        && let Some(manifest) = content.resolve(&digest.clone().into()).await?
    {
        return Ok((artifact, manifest));
    }
    if !told.is_some_and(ocm_oci::media_type::is_manifest)
        && let Some(size) = content.blob_size(&digest).await?
    {
        let media_type = artifact.media_type.or(told).unwrap_or(ocm_oci::media_type::OCTETS);
        return Ok((artifact, ocm_oci::Descriptor::new(media_type, digest, size)));
    }
    let reason = format!("local content {digest} is not in {}", content.address());
    Err(Error::new(Kind::NotFound, &digest, reason))
}
