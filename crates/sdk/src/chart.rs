//! Charts of OCI artifacts as the files that `helm` understands.

use std::path::Path;
use std::sync::Arc;

use ocm_access::helm::{CHART, CHART_OLD, PROVENANCE};
use ocm_blob::{Existing, read_to_end, write_file};
use ocm_oci::{Descriptor, Repository};
use serde_json::Value;

use crate::Result;
use crate::deliver::file_error;
use crate::folders::Folders;

/// Largest chart configuration that is read, in bytes.
const CONFIG_LIMIT: u64 = 1 << 20;

/// An artifact with a chart.
pub(crate) struct Chart {
    config: Descriptor,
    chart: Descriptor,
    provenance: Option<Descriptor>,
}

impl Chart {
    /// The chart of an artifact, `None` if it has none.
    pub(crate) async fn find(source: &Arc<dyn Repository>, root: &Descriptor) -> Result<Option<Self>> {
        let document = source.manifest(&root.digest.clone().into()).await?.document()?;
        let blobs = document.blobs();
        let Some((config, layers)) = blobs.split_first() else { return Ok(None) };
        let find = |wanted: &[&str]| layers.iter().find(|layer| wanted.contains(&layer.media_type.as_str()));
        let chart = find(&[CHART, CHART_OLD]).map(|chart| Self {
            config: (*config).clone(),
            chart: (*chart).clone(),
            provenance: find(&[PROVENANCE]).map(|layer| (*layer).clone()),
        });
        Ok(chart)
    }

    /// `<name>-<version>.tgz`, or a name made of the digest where the configuration does not tell.
    pub(crate) async fn file_name(&self, source: &Arc<dyn Repository>) -> Result<String> {
        let stream = source.blob(&self.config.digest, 0).await?;
        let text = read_to_end(stream, CONFIG_LIMIT, "chart configuration").await.map_err(file_error)?;
        let about: Value = serde_json::from_slice(&text).unwrap_or_default();
        let part = |key: &str| about.get(key).and_then(Value::as_str).filter(|text| is_plain(text));
        Ok(match (part("name"), part("version")) {
            (Some(name), Some(version)) => format!("{name}-{version}.tgz"),
            _ => format!("{}.tgz", self.chart.digest.hex()),
        })
    }

    /// Writes the chart to `path` and its provenance to `path.prov`. Returns how many bytes were written.
    pub(crate) async fn write(&self, source: &Arc<dyn Repository>, path: &Path) -> Result<u64> {
        let folders = Folders::above(path)?;
        let mut proof = path.as_os_str().to_owned();
        proof.push(".prov");
        let files = [(Some(&self.chart), path), (self.provenance.as_ref(), Path::new(&proof))];
        let mut written = 0;
        for (layer, path) in files {
            let Some(layer) = layer else { continue };
            let existing = if path.is_file() { Existing::Replace } else { Existing::Refuse };
            written += write_file(source.blob(&layer.digest, 0).await?, path, existing).await.map_err(file_error)?.1;
        }
        folders.keep();
        Ok(written)
    }
}

/// Whether text from a registry can be part of a file name.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
}
