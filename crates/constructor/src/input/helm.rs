use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocm_access::Sources;
use ocm_access::helm::{CHART, CONFIG, Chart, LARGEST_METADATA, PROVENANCE, Remote, chart_of};
use ocm_blob::{Blob, Error, FileBlob, Gzipped, Pattern, Result, TarOf};

use super::{Artifact, Content, Part, path};
use crate::file::{Dialect, Fields, Reader};

/// A Helm chart, in a directory or packed: `path`, and `repository` for the name under which it is to be uploaded later.
///
/// Or one of a Helm repository or registry: `helmRepository` with everything in one address, or, as the older program writes
/// it, with the name of the chart in `path`, its `version`, and `caCert` or `caCertFile`.
#[derive(Clone, Debug)]
pub struct Helm {
    place: Place,
    repository: Option<String>,
    version: Option<String>,
}

#[derive(Clone, Debug)]
enum Place {
    /// Below the folder.
    Path(String),
    /// On the network.
    Remote { remote: Remote, authority_file: Option<String> },
}

impl Helm {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let address = fields.text(reader, "helmRepository").filter(|address| !address.is_empty());
        let path = match address {
            None => fields.required_text(reader, "path"),
            Some(_) => fields.text(reader, "path").filter(|path| !path.is_empty()),
        };
        let repository = fields.text(reader, "repository");
        let version = fields.text(reader, "version").filter(|version| !version.is_empty());
        let authority = fields.text(reader, "caCert").filter(|text| !text.trim().is_empty());
        let authority_file = fields.text(reader, "caCertFile").filter(|file| !file.is_empty());
        let Some(address) = address else {
            return Some(Self { place: Place::Path(path?), repository, version });
        };
        let mut remote = match path {
            Some(chart) => Remote { repository: address, chart, version: version.clone(), ..Remote::default() },
            None => Remote::at(&address),
        };
        if !Remote::is_address(&remote.repository) || remote.chart.is_empty() {
            let message = format!(
                "{}: \"helmRepository\" must be the address of a packed chart, https://host/path/chart:version, or oci://host/path/chart:tag (oci+http:// without TLS)",
                fields.what
            );
            reader.problem(fields.place("helmRepository"), message);
            return None;
        }
        remote.version = remote.version.or_else(|| version.clone());
        remote.authority = authority;
        Some(Self { place: Place::Remote { remote, authority_file }, repository, version })
    }

    pub(super) async fn open(&self, folder: &Path, dialect: Dialect, sources: &dyn Sources) -> Result<Content> {
        match &self.place {
            Place::Path(path) => self.open_path(path, folder, dialect).await,
            Place::Remote { remote, authority_file } => {
                let mut remote = remote.clone();
                if let Some(file) = authority_file {
                    let file = path::resolve(folder, file, dialect)?;
                    remote.authority = Some(read_small(&file)?);
                }
                self.open_remote(&remote, dialect, sources).await
            }
        }
    }

    async fn open_remote(&self, remote: &Remote, dialect: Dialect, sources: &dyn Sources) -> Result<Content> {
        let content = remote.open(sources).await.map_err(Error::source)?;
        let no_chart = || Error::Archive(format!("{}: has no chart", remote.chart));
        let ocm_access::Content::Image { source, root } = content else { return Err(no_chart()) };
        let chart = chart_of(&source, &root).await.map_err(Error::source)?.ok_or_else(no_chart)?;
        let reference_name = self.reference_name(&remote.chart, &chart, dialect)?;
        Ok(Content::Image { source, root: Box::new(root), reference_name })
    }

    async fn open_path(&self, chart: &str, folder: &Path, dialect: Dialect) -> Result<Content> {
        let path = path::resolve(folder, chart, dialect)?;
        let (metadata, packed): (_, Arc<dyn Blob>) = if path.is_dir() {
            let file = path.join("Chart.yaml");
            let metadata = Chart::read(&file.display().to_string(), &read_inside(&path, &file)?)?;
            let name = metadata.name().to_owned();
            let packed =
                tokio::task::spawn_blocking(move || pack(&path, &name)).await.map_err(std::io::Error::other)??;
            (metadata, Arc::new(Gzipped::new(Arc::new(packed))))
        } else {
            let packed = FileBlob::whole(&path)?;
            (Chart::of_archive(&path.display().to_string(), packed.open().await?).await?, Arc::new(packed))
        };
        let mut layers = vec![Part { media_type: CHART.to_owned(), content: packed }];
        layers.extend(provenance(folder, chart, dialect)?);
        let reference_name = self.reference_name(chart, &metadata, dialect)?;
        Ok(Content::Artifact(Artifact {
            config: (CONFIG.to_owned(), metadata.config()?.into()),
            layers,
            annotations: metadata.annotations(),
            reference_name,
        }))
    }

    /// The name for later uploads. Its tag, if it has one, is the version of the chart.
    fn reference_name(&self, name: &str, chart: &Chart, dialect: Dialect) -> Result<Option<String>> {
        let fail = |reason: String| Err(Error::Archive(format!("chart {name}: {reason}")));
        let (tag, own) = (chart.tag(), chart.version());
        // Of a chart on the network the version may be a condition, and was used to find it.
        let is_here = matches!(self.place, Place::Path(_));
        if let Some(version) = self.version.as_ref().filter(|version| is_here && *version != own) {
            return fail(format!("the version {version} is given, but the chart has {own}"));
        }
        let Some(repository) = &self.repository else {
            return Ok((dialect == Dialect::V1).then(|| format!("{}:{tag}", chart.name())));
        };
        let last = repository.rsplit('/').next().unwrap_or_default();
        match last.split_once(':') {
            None => Ok(Some(format!("{repository}:{tag}"))),
            Some((_, given)) if given == own || given == tag => Ok(Some(repository.clone())),
            Some((_, given)) => {
                fail(format!("the repository {repository} names the version {given}, but the chart has {own}"))
            }
        }
    }
}

/// Reads a small file of a chart; not a pipe, and nothing that a link brings in from elsewhere.
fn read_inside(chart: &Path, path: &Path) -> Result<String> {
    let real = path.canonicalize().map_err(Error::at(path))?;
    if !real.starts_with(chart.canonicalize().map_err(Error::at(chart))?) {
        return Err(Error::at(path)(std::io::Error::other("is a symbolic link that leads out of the chart")));
    }
    read_small(&real)
}

/// Reads a small file; not a pipe.
fn read_small(path: &Path) -> Result<String> {
    let size = FileBlob::whole(path)?.size().unwrap_or_default();
    if size > LARGEST_METADATA {
        return Err(Error::TooLarge { what: path.display().to_string(), limit: LARGEST_METADATA });
    }
    std::fs::read_to_string(path).map_err(Error::at(path))
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
        let text = if path.symlink_metadata().is_ok() { read_inside(folder, &path)? } else { String::new() };
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
