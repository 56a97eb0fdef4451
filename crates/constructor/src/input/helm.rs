use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocm_blob::{Archive, Blob, Error, FileBlob, Gzipped, Pattern, Result, TarOf, read_to_end};
use serde_json::{Map, Value};

use super::{Artifact, Content, Part, path};
use crate::file::{Dialect, Fields, Kind, Reader, parse};

/// Media types of the artifact that Helm keeps a chart in.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// Largest `Chart.yaml` in bytes; Helm itself takes a manifest of 1 MiB at most.
const LARGEST_METADATA: u64 = 1 << 20;

/// Members of `Chart.yaml` that Helm reads, in the order in which it writes them.
const MEMBERS: [&str; 18] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
    "engine",
];

/// A Helm chart, in a directory or packed: `path`, and `repository` for the name under which it is to be uploaded later.
#[derive(Clone, Debug)]
pub struct Helm {
    path: String,
    repository: Option<String>,
    version: Option<String>,
}

impl Helm {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        if fields.get(reader, "helmRepository").is_some() {
            let message = format!(
                "{}: charts from a Helm repository are not read here: fetch it with \"helm pull\" and give its path",
                fields.what
            );
            reader.problem(fields.place("helmRepository"), message);
            fields.get(reader, "path");
            return None;
        }
        let path = fields.required_text(reader, "path");
        let repository = fields.text(reader, "repository");
        let version = fields.text(reader, "version");
        Some(Self { path: path?, repository, version })
    }

    pub(super) async fn open(&self, folder: &Path, dialect: Dialect) -> Result<Content> {
        let path = path::resolve(folder, &self.path, dialect)?;
        let (metadata, chart): (_, Arc<dyn Blob>) = if path.is_dir() {
            let metadata = Metadata::of_directory(&path)?;
            let name = metadata.name.clone();
            let packed =
                tokio::task::spawn_blocking(move || pack(&path, &name)).await.map_err(std::io::Error::other)??;
            (metadata, Arc::new(Gzipped::new(Arc::new(packed))))
        } else {
            let packed = FileBlob::whole(&path)?;
            (Metadata::of_archive(&path).await?, Arc::new(packed))
        };
        let mut layers = vec![Part { media_type: CHART.to_owned(), content: chart }];
        layers.extend(provenance(folder, &self.path, dialect)?);
        let reference_name = self.reference_name(&metadata, dialect)?;
        let config = serde_json::to_vec(&metadata.config).map_err(Error::source)?;
        let annotations = BTreeMap::from([
            ("org.opencontainers.image.title".to_owned(), metadata.name),
            ("org.opencontainers.image.version".to_owned(), metadata.version),
        ]);
        Ok(Content::Artifact(Artifact {
            config: (CONFIG.to_owned(), config.into()),
            layers,
            annotations,
            reference_name,
        }))
    }

    /// The name for later uploads. Its tag, if it has one, is the version of the chart.
    fn reference_name(&self, metadata: &Metadata, dialect: Dialect) -> Result<Option<String>> {
        let fail = |reason: String| Err(Error::Archive(format!("chart {}: {reason}", self.path)));
        // Tags have no `+`; Helm writes `_` in its place.
        let tag = metadata.version.replace('+', "_");
        if let Some(version) = self.version.as_ref().filter(|version| **version != metadata.version) {
            return fail(format!("the version {version} is given, but the chart has {}", metadata.version));
        }
        let Some(repository) = &self.repository else {
            return Ok((dialect == Dialect::V1).then(|| format!("{}:{tag}", metadata.name)));
        };
        let last = repository.rsplit('/').next().unwrap_or_default();
        match last.split_once(':') {
            None => Ok(Some(format!("{repository}:{tag}"))),
            Some((_, given)) if given == metadata.version || given == tag => Ok(Some(repository.clone())),
            Some((_, given)) => fail(format!(
                "the repository {repository} names the version {given}, but the chart has {}",
                metadata.version
            )),
        }
    }
}

/// What `Chart.yaml` says.
struct Metadata {
    name: String,
    version: String,
    config: Value,
}

impl Metadata {
    fn of_directory(folder: &Path) -> Result<Self> {
        let path = folder.join("Chart.yaml");
        let text = read_small(folder, &path)?;
        Self::read(&path.display().to_string(), &text)
    }

    async fn of_archive(path: &Path) -> Result<Self> {
        let archive = Archive::open(path).await?;
        let entries = archive.entries().iter().map(|entry| entry.path().as_str());
        let inside = entries.filter(|name| name.split_once('/').is_some_and(|(_, file)| file == "Chart.yaml")).min();
        let no_chart =
            || Error::Archive(format!("{}: is no packed chart: it has no Chart.yaml in a folder", path.display()));
        let inside = inside.ok_or_else(no_chart)?.to_owned();
        let blob = archive.blob(&inside)?.ok_or_else(no_chart)?;
        let name = format!("{}: {inside}", path.display());
        let text = read_to_end(blob.open().await?, LARGEST_METADATA, &name).await?;
        let text = std::str::from_utf8(&text).map_err(|_| Error::Archive(format!("{name}: is not UTF-8")))?;
        Self::read(&name, text)
    }

    fn read(file: &str, text: &str) -> Result<Self> {
        let mut documents = parse(file, text).map_err(|problems| Error::Archive(problems.to_string()))?;
        let Some(Kind::Mapping(entries)) = documents.pop().map(|document| document.kind) else {
            return Err(Error::Archive(format!("{file}: is not a mapping")));
        };
        let mut config = Map::new();
        for member in MEMBERS {
            let Some((_, node)) = entries.iter().find(|(key, _)| key.text == member) else { continue };
            let value = match (&node.kind, member) {
                (Kind::Scalar(scalar), "deprecated") => scalar.value(),
                // Everything else that is one value is a text to Helm: `appVersion: 1.10` is not 1.1.
                (Kind::Scalar(scalar), _) if !scalar.is_null() => Value::String(scalar.text.clone()),
                _ => node.to_json(),
            };
            if !value.is_null() {
                config.insert(member.to_owned(), value);
            }
        }
        let text = |key: &str| {
            let text = config.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| Error::Archive(format!("{file}: the key {key:?} is missing")))
        };
        let (name, version) = (text("name")?, text("version")?);
        // The name becomes the folder inside of the package.
        if name.contains(['/', '\\', ':', '\0']) || name.starts_with('.') {
            return Err(Error::Archive(format!("{file}: the name {name:?} is not a legal name of a chart")));
        }
        Ok(Self { name, version, config: Value::Object(config) })
    }
}

/// Reads a small file of a chart; not a pipe, and nothing that a link brings in from elsewhere.
fn read_small(chart: &Path, path: &Path) -> Result<String> {
    let real = path.canonicalize().map_err(Error::at(path))?;
    if !real.starts_with(chart.canonicalize().map_err(Error::at(chart))?) {
        return Err(Error::at(path)(std::io::Error::other("is a symbolic link that leads out of the chart")));
    }
    let size = FileBlob::whole(&real)?.size().unwrap_or_default();
    if size > LARGEST_METADATA {
        return Err(Error::TooLarge { what: path.display().to_string(), limit: LARGEST_METADATA });
    }
    std::fs::read_to_string(&real).map_err(Error::at(path))
}

/// The file that proves where a packed chart came from, next to it.
fn provenance(folder: &Path, chart: &str, dialect: Dialect) -> Result<Option<Part>> {
    let beside = format!("{}.prov", chart.trim_end_matches('/'));
    let exists = folder.join(&beside).symlink_metadata().is_ok();
    if !exists {
        return Ok(None);
    }
    let path = path::resolve(folder, &beside, dialect)?;
    Ok(Some(Part { media_type: PROVENANCE.to_owned(), content: Arc::new(FileBlob::whole(path)?) }))
}

/// Packs a chart like `helm package`, but without times and owners: the same directory always gives the same archive.
fn pack(folder: &Path, name: &str) -> Result<TarOf> {
    let mut files = Vec::new();
    let ignored = Ignored::read(folder)?;
    collect(folder, folder, "", &ignored, &mut files)?;
    // Readers look for the metadata first.
    files.sort_by(|(left, _), (right, _)| (left != "Chart.yaml", left).cmp(&(right != "Chart.yaml", right)));
    let entries = files.into_iter().map(|(path, file)| {
        let blob: Arc<dyn Blob> = Arc::new(FileBlob::whole(file)?);
        Ok((format!("{name}/{path}"), blob))
    });
    TarOf::new(entries.collect::<Result<Vec<_>>>()?)
}

fn collect(
    root: &Path,
    folder: &Path,
    prefix: &str,
    ignored: &Ignored,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::at(folder))? {
        let path = entry.map_err(Error::at(folder))?.path();
        let fail = |reason: &str| Error::at(&path)(std::io::Error::other(reason.to_owned()));
        let Some(own) = path.file_name().and_then(|own| own.to_str()) else {
            return Err(fail("its name is not UTF-8"));
        };
        let name = format!("{prefix}{own}");
        let real = path.canonicalize().map_err(Error::at(&path))?;
        if ignored.matches(&name, own, real.is_dir()) {
            continue;
        }
        if !real.starts_with(root.canonicalize().map_err(Error::at(root))?) {
            return Err(fail("is a symbolic link that leads out of the chart"));
        }
        if real.is_dir() {
            if path.is_symlink() {
                return Err(fail("is a symbolic link to a directory: put its files into the chart"));
            }
            collect(root, &path, &format!("{name}/"), ignored, files)?;
        } else if real.is_file() {
            files.push((name, real));
        } else {
            return Err(fail("is neither a file nor a directory"));
        }
    }
    Ok(())
}

/// Rules of `.helmignore`: shell patterns, `!` in front of what stays, `/` behind what is a directory only.
struct Ignored(Vec<Rule>);

struct Rule {
    pattern: Pattern,
    whole_path: bool,
    directories_only: bool,
    stays: bool,
}

impl Ignored {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(".helmignore");
        let text = if path.symlink_metadata().is_ok() { read_small(folder, &path)? } else { String::new() };
        let mut rules = Vec::new();
        for line in std::iter::once("templates/.?*")
            .chain(text.lines())
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (stays, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
            let (directories_only, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
            let whole_path = line.contains('/');
            let pattern = Pattern::parse(line.strip_prefix('/').unwrap_or(line));
            let pattern = pattern.map_err(|error| Error::at(&path)(std::io::Error::other(error.to_string())))?;
            rules.push(Rule { pattern, whole_path, directories_only, stays });
        }
        Ok(Self(rules))
    }

    fn matches(&self, path: &str, own: &str, directory: bool) -> bool {
        let matching = |rule: &&Rule| {
            (directory || !rule.directories_only) && rule.pattern.matches(if rule.whole_path { path } else { own })
        };
        self.0.iter().rev().find(matching).is_some_and(|rule| !rule.stays)
    }
}
