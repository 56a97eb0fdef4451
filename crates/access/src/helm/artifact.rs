use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Digest, MemoryBlob, once, read_to_end};
use ocm_oci::{Descriptor, Error, ImageManifest, Manifest, MemoryRegistry, Registry as _, Repository, media_type};
use serde_json::Map;

use super::Chart;
use super::chart::LARGEST_METADATA;
use crate::{Content, Result};

/// Media type of a chart's configuration (Helm, *OCI support*).
pub const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// Media type of a packed chart.
pub const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The one that very old versions used for it.
pub const CHART_OLD: &str = "application/tar+gzip";
/// Media type of a chart's provenance file.
pub const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// Largest packed chart that is fetched, in bytes. Releases live in objects of the cluster with a limit of 1 MiB, so real
/// charts are far smaller; this much is held in memory, because its configuration has to be known before its manifest.
pub const LARGEST_CHART: u64 = 32 << 20;

/// Manifests that have layers.
const MANIFEST_KINDS: [&str; 2] = [media_type::MANIFEST, media_type::DOCKER_MANIFEST];

/// The digest of the layer with the chart; `None` if the artifact is none with a chart.
///
/// # Errors
/// The manifest cannot be read.
pub async fn chart_layer(source: &Arc<dyn Repository>, root: &Descriptor) -> Result<Option<Digest>> {
    if !MANIFEST_KINDS.contains(&root.media_type.as_str()) {
        return Ok(None);
    }
    let manifest = source.manifest(&root.digest.clone().into()).await?;
    let document = manifest.document()?;
    let blobs = document.blobs();
    let Some((config, layers)) = blobs.split_first() else { return Ok(None) };
    // Without this, a descriptor that records the digest of any layer would let an image with other layers pass.
    if config.media_type != CONFIG {
        return Ok(None);
    }
    let mut charts = layers.iter().filter(|layer| [CHART, CHART_OLD].contains(&layer.media_type.as_str()));
    let first = charts.next().map(|layer| layer.digest.clone());
    Ok(if charts.next().is_none() { first } else { None })
}

/// The chart of an artifact, by its configuration; `None` if the artifact is none with a chart.
///
/// # Errors
/// Manifest or configuration cannot be read.
pub async fn chart_of(source: &Arc<dyn Repository>, root: &Descriptor) -> Result<Option<Chart>> {
    if chart_layer(source, root).await?.is_none() {
        return Ok(None);
    }
    let manifest = source.manifest(&root.digest.clone().into()).await?;
    let document = manifest.document()?;
    let Some(config) = document.blobs().first().map(|config| config.digest.clone()) else { return Ok(None) };
    let subject = format!("{}@{config}", source.address());
    let text = read_to_end(source.blob(&config, 0).await?, LARGEST_METADATA, "chart configuration").await;
    let text = text.map_err(Error::blob(&subject))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| Error::invalid(subject, error))
}

/// The OCI artifact of a packed chart and its provenance file, in memory.
pub(super) async fn artifact(subject: &str, packed: Bytes, provenance: Option<Bytes>) -> Result<Content> {
    let invalid = |error: ocm_blob::Error| Error::invalid(subject, error);
    let chart = Chart::of_archive("chart", once(packed.clone())).await.map_err(invalid)?;
    let source = MemoryRegistry::new().repository(chart.name());
    let push = async |media_type: &str, content: Bytes| {
        let (stored, _) = source.push_blob(&MemoryBlob::new(content)).await?;
        Ok::<_, Error>(Descriptor { media_type: media_type.to_owned(), ..stored })
    };
    let config = push(CONFIG, chart.config().map_err(invalid)?.into()).await?;
    let mut layers = vec![push(CHART, packed).await?];
    if let Some(provenance) = provenance {
        layers.push(push(PROVENANCE, provenance).await?);
    }
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::MANIFEST.to_owned()),
        artifact_type: None,
        config,
        layers,
        subject: None,
        annotations: Some(chart.annotations()),
        other: Map::new(),
    };
    let manifest = Manifest::write(&manifest, media_type::MANIFEST)?;
    source.push_manifest(&manifest, None).await?;
    Ok(Content::Image { source, root: manifest.descriptor() })
}
