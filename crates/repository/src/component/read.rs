use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ocm_blob::{file_in_tar, read_to_end, verified};
use ocm_model::Descriptor;
use ocm_oci::{Document, Error, ImageIndex, ImageManifest, Kind, Manifest, Repository, Selector};
use serde::Deserialize;

use crate::Result;
use crate::component::form::{annotation, media_type};
use crate::component::version::{ComponentVersion, RawDescriptor};

/// Largest descriptor that is read, in bytes.
pub(crate) const DESCRIPTOR_LIMIT: u64 = 16 << 20;

/// Largest configuration that is read, in bytes; real ones have about 200.
pub(crate) const CONFIG_LIMIT: u64 = 1 << 20;

/// The file in a packed descriptor, and the one that makes a folder a component archive.
pub(crate) const DESCRIPTOR_FILE: &str = "component-descriptor.yaml";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    component_descriptor_layer: Option<ocm_oci::Descriptor>,
}

/// A repository that may be asked, in place of the one that a component version is in, for what has a digest.
pub struct Holder<'a> {
    /// The repository, which has the same root.
    pub content: Arc<dyn Repository>,
    /// Whether it failed to hand something out. It is not asked again then: every version would wait for it anew.
    pub has_failed: &'a AtomicBool,
}

/// Reads the component version whose root is given. `subject` names it in errors. `holder` has the same root, if it is given, and
/// is asked for the one manifest below it: the content then answers two requests, as for a version without an index.
pub(crate) async fn component_version(
    content: Arc<dyn Repository>,
    holder: Option<Holder<'_>>,
    root: Manifest,
    subject: &str,
) -> Result<ComponentVersion> {
    let (manifest, image, rows) = match root.document()? {
        Document::Image(image) => (root.clone(), image, Vec::new()),
        Document::Index(index) => {
            let (manifest, image) = component_manifest(&content, holder.as_ref(), &index, subject).await?;
            let rows = index.manifests.into_iter().filter(|row| row.digest != *manifest.digest()).collect();
            (manifest, image, rows)
        }
    };
    if !media_type::is_config(&image.config.media_type) {
        let reason = format!("is not a component version: its configuration is {}", image.config.media_type);
        return Err(Error::invalid(subject, reason));
    }
    let layer = descriptor_layer(&content, &image, subject).await?;
    let bytes = read_blob(&content, &layer, DESCRIPTOR_LIMIT, "component descriptor").await?;
    let (media_type, text) = (layer.media_type.clone(), bytes.clone());
    // Understanding a descriptor is work for a processor, and whoever reads a tree reads very many at the same time.
    let reading = tokio::task::spawn_blocking(move || read_descriptor(&media_type, &text));
    let descriptor = reading
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
        .map_err(|reason| Error::invalid(subject, reason))?;
    let raw = RawDescriptor { media_type: layer.media_type, bytes };
    Ok(ComponentVersion { descriptor, raw, root, manifest, rows, image, content })
}

/// Whether a root is the one of a component version, and not of an image that somebody pushed beside them. An index that marks its
/// component is believed.
pub(crate) async fn is_component_version(content: &Arc<dyn Repository>, root: &Manifest) -> Result<bool> {
    // A document of another kind, the withdrawn manifest of artifacts for instance, has nothing of a component version.
    if root.media_type() == ocm_oci::media_type::ARTIFACT || !ocm_oci::media_type::is_manifest(root.media_type()) {
        return Ok(false);
    }
    let index = match root.document()? {
        Document::Image(image) => return Ok(media_type::is_config(&image.config.media_type)),
        Document::Index(index) => index,
    };
    let is_marked = |row: &ocm_oci::Descriptor| {
        row.annotation(annotation::DESCRIPTOR) == Some("true")
            || row.artifact_type.as_deref() == Some(media_type::COMPONENT)
    };
    if index.manifests.iter().any(is_marked) {
        return Ok(true);
    }
    match component_manifest(content, None, &index, "index").await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == Kind::Invalid => Ok(false),
        Err(error) => Err(error),
    }
}

/// The row of an index that is the component itself: the marked one, else the one of its artifact type, else the first
/// that has a configuration of a component.
async fn component_manifest(
    content: &Arc<dyn Repository>,
    holder: Option<&Holder<'_>>,
    index: &ImageIndex,
    subject: &str,
) -> Result<(Manifest, ImageManifest)> {
    let read = async |row: &ocm_oci::Descriptor| {
        let selector = Selector::Digest(row.digest.clone());
        if let Some(holder) = holder.filter(|holder| !holder.has_failed.load(Ordering::Relaxed)) {
            match holder.content.manifest(&selector).await {
                // The digest vouches for the bytes alone. What they are taken for goes along with them to every place, and is
                // for the index to say; a holder that says something else has no say in whether the version can be read.
                Ok(manifest) if manifest.media_type() == row.media_type => return Ok(manifest),
                Err(error) if error.kind() != Kind::NotFound => holder.has_failed.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
        content.manifest(&selector).await
    };
    let only = |rows: Vec<&ocm_oci::Descriptor>, what: &str| match rows.as_slice() {
        [] => Ok(None),
        [row] => Ok(Some((*row).clone())),
        _ => Err(Error::invalid(subject, format!("the index has several manifests {what}"))),
    };
    let marked = index.manifests.iter().filter(|row| row.annotation(annotation::DESCRIPTOR) == Some("true")).collect();
    let typed = index.manifests.iter().find(|row| row.artifact_type.as_deref() == Some(media_type::COMPONENT));
    if let Some(row) = only(marked, "that are marked as component descriptor")?.or_else(|| typed.cloned()) {
        let manifest = read(&row).await?;
        return match manifest.document()? {
            Document::Image(image) => Ok((manifest, image)),
            Document::Index(_) => Err(Error::invalid(subject, "the manifest of the component descriptor is an index")),
        };
    }
    for row in &index.manifests {
        if ocm_oci::media_type::is_index(&row.media_type) {
            continue;
        }
        let manifest = read(row).await?;
        if let Document::Image(image) = manifest.document()?
            && media_type::is_config(&image.config.media_type)
        {
            return Ok((manifest, image));
        }
    }
    Err(Error::invalid(subject, "is not a component version: no manifest of the index has a component descriptor"))
}

/// The layer that the configuration names, else the first one that is a descriptor by its media type. Where only one layer
/// is, a configuration could not name another one that is read, so it is not asked: that is a round trip for every version.
pub(crate) async fn descriptor_layer(
    content: &Arc<dyn Repository>,
    image: &ImageManifest,
    subject: &str,
) -> Result<ocm_oci::Descriptor> {
    let mut descriptors = image.layers.iter().filter(|layer| media_type::packing(&layer.media_type).is_some());
    if let (Some(only), None) = (descriptors.next(), descriptors.next()) {
        return Ok(only.clone());
    }
    let config = read_blob(content, &image.config, CONFIG_LIMIT, "configuration of the component version").await?;
    // The oldest writers stored a configuration of another form, or none; the media type of the layer tells then.
    let named = serde_json::from_slice::<Config>(&config).ok().and_then(|config| config.component_descriptor_layer);
    let layer = match named {
        Some(named) => image.layers.iter().find(|layer| layer.digest == named.digest),
        None => image.layers.iter().find(|layer| media_type::packing(&layer.media_type).is_some()),
    };
    layer.cloned().ok_or_else(|| Error::invalid(subject, "the manifest has no layer with the component descriptor"))
}

pub(crate) async fn read_blob(
    content: &Arc<dyn Repository>,
    blob: &ocm_oci::Descriptor,
    limit: u64,
    what: &str,
) -> Result<Bytes> {
    let subject = format!("{}@{}", content.address(), blob.digest);
    if blob.size > limit {
        return Err(Error::invalid(subject, format!("{what} has {} bytes, more than the limit of {limit}", blob.size)));
    }
    let stream = content.blob(&blob.digest, 0).await.map_err(|error| match error.kind() {
        // The component version is there, and its manifest names this: the place is damaged, and no other one is asked.
        Kind::NotFound => Error::invalid(&subject, format!("{what} is missing")).caused_by(error),
        _ => error,
    })?;
    let stream = verified(stream, Some(blob.size), Some(blob.digest.clone()));
    read_to_end(stream, limit, what).await.map_err(Error::blob(subject))
}

/// Reads a descriptor in the form that its media type says. The error is a reason without a subject.
pub(crate) fn read_descriptor(media_type: &str, bytes: &[u8]) -> Result<Descriptor, String> {
    let text = match media_type::packing(media_type) {
        Some(media_type::Packing::Plain) => return Descriptor::read(bytes).map_err(|error| error.to_string()),
        Some(media_type::Packing::Tar) => unpack(bytes)?,
        None => return Err(format!("{media_type} is not a known form of a component descriptor")),
    };
    Descriptor::read(&text).map_err(|error| error.to_string())
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let found = file_in_tar(bytes, DESCRIPTOR_FILE)
        .map_err(|error| format!("the packed component descriptor cannot be read: {error}"))?;
    found.ok_or_else(|| format!("the packed component descriptor has no file {DESCRIPTOR_FILE}"))
}
