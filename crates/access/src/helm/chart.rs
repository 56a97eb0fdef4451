use std::collections::BTreeMap;

use ocm_blob::{ByteStream, Error, Limits, Result, find_in_tar_gzip};
use ocm_model::yaml;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest `Chart.yaml` in bytes; Helm itself takes a manifest of 1 MiB at most.
pub const LARGEST_METADATA: u64 = 1 << 20;

/// Most bytes a chart may unpack to; Helm refuses what is larger (its `MaxDecompressedChartSize`).
const LARGEST_CONTENT: u64 = 100 << 20;

/// What `Chart.yaml` says, in the order in which Helm writes it into the configuration of an artifact.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Chart {
    /// Name of the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<String>>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keywords: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maintainers: Option<Vec<BTreeMap<String, Option<String>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, Option<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kube_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependencies: Option<Vec<Dependency>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
}

/// A chart that another one needs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Dependency {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    repository: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(rename = "import-values", skip_serializing_if = "Option::is_none")]
    import_values: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
}

impl Chart {
    /// Reads a `Chart.yaml`; `file` names it in errors.
    ///
    /// # Errors
    /// It is no YAML mapping, or lacks a legal name or a version.
    pub fn read(file: &str, text: &str) -> Result<Self> {
        let fail = |reason: String| Error::Archive(format!("{file}: {reason}"));
        let chart: Self = yaml::read(text).map_err(|error| fail(error.to_string()))?;
        for (key, part) in [("name", &chart.name), ("version", &chart.version)] {
            if part.as_deref().is_none_or(str::is_empty) {
                return Err(fail(format!("the key {key:?} is missing")));
            }
        }
        let name = chart.name();
        // The name becomes the folder inside of the package.
        if name.contains(['/', '\\', ':', '\0']) || name.starts_with('.') {
            return Err(fail(format!("the name {name:?} is not a legal name of a chart")));
        }
        Ok(chart)
    }

    /// Reads the `Chart.yaml` of a packed chart, which is not held in memory.
    ///
    /// # Errors
    /// It is no packed chart, or unpacks to more than Helm takes.
    pub async fn of_archive(file: &str, packed: ByteStream) -> Result<Self> {
        let is_it = |name: &str| name.split_once('/').is_some_and(|(_, file)| file == "Chart.yaml");
        let limits = Limits { expanded: LARGEST_CONTENT, ..Limits::default() };
        let found = find_in_tar_gzip(packed, limits, LARGEST_METADATA, is_it).await.map_err(|error| match error {
            Error::Archive(reason) => Error::Archive(format!("{file}: is no packed chart: {reason}")),
            error => error,
        })?;
        let no_chart = || Error::Archive(format!("{file}: is no packed chart: it has no Chart.yaml in a folder"));
        let (inside, text) = found.ok_or_else(no_chart)?;
        let name = format!("{file}: {inside}");
        let text = String::from_utf8(text).map_err(|_| Error::Archive(format!("{name}: is not UTF-8")))?;
        Self::read(&name, &text)
    }

    /// Name of the chart.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Its version.
    pub fn version(&self) -> &str {
        self.version.as_deref().unwrap_or_default()
    }

    /// The version as a tag: tags have no `+`, Helm writes `_` in its place.
    pub fn tag(&self) -> String {
        self.version().replace('+', "_")
    }

    /// The configuration of the artifact.
    ///
    /// # Errors
    /// None in practice: all of it is text.
    pub fn config(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::source)
    }

    /// The annotations of the artifact.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("org.opencontainers.image.title".to_owned(), self.name().to_owned()),
            ("org.opencontainers.image.version".to_owned(), self.version().to_owned()),
        ])
    }
}
